"""Sample pictures that come with the software: scikit-image's photographs and styles that our own code draws."""

from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from nstyle.errors import NstyleError
from nstyle.imaging.pictures import encode
from nstyle.system.files import write_atomically

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket")
CREDITS = (
    "The photographs come with scikit-image: Eileen Collins by NASA and a rocket by SpaceX (public domain), "
    "coffee by Rachel Michetti and the cat Chelsea by Stéfan van der Walt (CC0)."
)


def check_photographs(folder: Path) -> None:
    """Check, before anything is written, that the sample photographs can be had.

    Raises:
        NstyleError: If they are not in the folder and scikit-image is not installed.
    """
    if not all(path.is_file() for path in _paths(folder)) and find_spec("skimage") is None:
        raise NstyleError(
            'the sample photographs come with scikit-image, which is not installed: pip install "nstyle[demo]"'
        )


def write_photographs(folder: Path) -> list[Path]:
    """Write scikit-image's sample photographs as JPEG files, except those that exist."""
    paths = _paths(folder)
    for path in paths:
        if not path.is_file():
            from skimage import data

            write_atomically(path, encode(Image.fromarray(getattr(data, path.stem)()), ".jpg"))
    return paths


def _paths(folder: Path) -> list[Path]:
    return [folder / f"{name}.jpg" for name in PHOTOGRAPHS]


def sample_styles() -> dict[str, Path]:
    """Return the drawn styles that come with the package, by name."""
    try:
        folder = Path(str(resources.files("nstyle.sample_styles")))
    except ModuleNotFoundError:
        folder = Path(__file__).parents[2] / "data" / "styles"  # A checkout that runs without being installed.
    return {path.stem: path for path in sorted(folder.glob("*.jpg"))}


def write_styles(folder: Path) -> dict[str, Path]:
    """Copy the drawn styles into a folder, and return the copies by name."""
    copies = {}
    for name, path in sample_styles().items():
        copies[name] = folder / path.name
        if not copies[name].is_file():
            write_atomically(copies[name], path.read_bytes())
    return copies
