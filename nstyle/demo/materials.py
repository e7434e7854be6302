"""The inputs of the demo: scikit-image's sample photographs, drawn styles, and VGG weights that are on the machine."""

import os
from collections.abc import Callable
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import torch
from PIL import Image

from nstyle.encoders.load import load_encoder_weights
from nstyle.encoders.vgg_weights import ENVIRONMENT_VARIABLE, IMAGENET, LITE, default_source
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
            'the photographs of the demo come with scikit-image, which is not installed: pip install "nstyle[demo]"'
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
    """Copy the drawn styles into the folder of the demo, and return the copies by name."""
    copies = {}
    for name, path in sample_styles().items():
        copies[name] = folder / path.name
        if not copies[name].is_file():
            write_atomically(copies[name], path.read_bytes())
    return copies


def choose_vgg(given: str | None, notice: Callable[[str], None]) -> str:
    """Choose the VGG weights. They are not downloaded unless the user asks for it.

    Args:
        given: What the user asked for. None: the file that ``NSTYLE_VGG`` names, else torchvision's weights if they
            were downloaded before, else the small encoder that comes with the package.
        notice: Called with a line of text if that small encoder is taken.

    Returns:
        A source for :func:`nstyle.encoders.load.load_encoder_weights`.

    Raises:
        UsageError: If the named file does not exist or holds no VGG.
    """
    if given == IMAGENET:
        try:
            load_encoder_weights(IMAGENET)
        except NstyleError as error:
            notice(f"{error}; training goes on with our own small encoder, {LITE}")
            return LITE
        return IMAGENET
    if given or os.environ.get(ENVIRONMENT_VARIABLE):
        load_encoder_weights(given)
        return default_source(given or "")
    if imagenet_is_here():
        return IMAGENET
    notice(
        f"no VGG weights are at hand, so our own small encoder, {LITE}, stands in; --vgg {IMAGENET} downloads VGG16 "
        "(528 MB)"
    )
    return LITE


def imagenet_is_here() -> bool:
    """Tell whether torchvision's VGG16 was downloaded into torch's cache before."""
    from torchvision.models import VGG16_Weights

    file_name: str = VGG16_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[1]
    return (Path(torch.hub.get_dir()) / "checkpoints" / file_name).is_file()
