"""Make README's pictures with the shipped model.

    python tools/readme_pictures.py --photos FOLDER [--appended RUN] [--output docs/images]

FOLDER holds photographs of which results may be shown, here five of the validation set. Photograph and result stand
beside each other only for scikit-image's sample photographs. ``--appended`` is a run of ``nstyle add-style`` whose last
style is shown too.
"""

import argparse
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from skimage import data

import nstyle
from nstyle.imaging.folders import list_pictures
from nstyle.imaging.layout import contact_sheet, labelled_table
from nstyle.imaging.pictures import encode, read_picture
from nstyle.inference.stylizer import Stylizer
from nstyle.system.files import write_atomically

PAINTED = (1024, 768)
"""The (width, height) in pixels that photographs are cut to and painted at; the sheets show them reduced."""
PAIRS = {
    "astronaut": "gauguin-three-tahitian-women",
    "coffee": "matisse-woman-with-a-hat",
    "chelsea": "hokusai-great-wave",
    "rocket": "van-gogh-starry-night",
}
"""The style of each of scikit-image's photographs that is shown beside its result."""
WALK = ("van-gogh-starry-night", "hokusai-great-wave")
STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
REGIONS = ("van-gogh-starry-night", "munch-the-scream")
"""The styles of the upper and of the lower part."""
PRINT_SIDE, PRINT_STROKE, PRINT_CROP = 4000, 2.5, 900
"""The long side of the print, the size of its strokes, and the side of the square that is shown of it."""
PRINT_STYLE = "van-gogh-starry-night"


def save(path: Path, sheet: Image.Image) -> None:
    """Write a sheet as JPEG."""
    write_atomically(path, encode(sheet, path.suffix))
    print(path)


def cut(photo: Image.Image) -> Image.Image:
    """Cut and resize a photograph to the size at which it is painted."""
    return ImageOps.fit(photo, PAINTED, Image.Resampling.LANCZOS, centering=(0.5, 0.2))


def sample(name: str) -> Image.Image:
    """Return one of scikit-image's photographs."""
    return Image.fromarray(getattr(data, name)())


def every_style(model: Stylizer, photos: list[Image.Image]) -> list[tuple[str, Image.Image]]:
    """Paint every style, each on the next photograph."""
    subjects = zip(model.styles, cycle(photos), strict=False)
    return [(name, model.stylize(cut(photo), name)) for name, photo in subjects]


def regions(model: Stylizer) -> list[tuple[str, Image.Image]]:
    """Paint the rocket in two styles alone, and with the border between them along the horizon."""
    photo = sample("rocket")
    down = np.linspace(0, 1, photo.height)[:, None]
    sky = np.broadcast_to(np.clip((0.7 - down) * 20 + 0.5, 0, 1), (photo.height, photo.width)).astype(np.float32)
    above, below = REGIONS
    both = model.stylize(photo, below, masks={above: sky})
    return [(above, model.stylize(photo, above)), (f"{above} over {below}", both), (below, model.stylize(photo, below))]


def of_print(model: Stylizer, photo: Image.Image) -> list[tuple[str, Image.Image]]:
    """Cut a square out of a large print with large strokes and with the network's own."""
    squares = []
    for stroke in (1.0, PRINT_STROKE):
        painted = model.stylize(photo, PRINT_STYLE, size=PRINT_SIDE, stroke=stroke)
        left, top = ((side - PRINT_CROP) // 2 for side in painted.size)
        squares.append((f"stroke {stroke:g}", painted.crop((left, top, left + PRINT_CROP, top + PRINT_CROP))))
    return squares


def main() -> None:
    """Paint all sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--appended", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    model = nstyle.load("default")
    photos = [read_picture(path).over_white() for path in list_pictures(arguments.photos)]
    subjects = [*photos[2:], *map(sample, PAIRS), *photos[:2]]
    styles = every_style(model, subjects)
    if arguments.appended is not None:
        grown = nstyle.load(arguments.appended)
        name = grown.styles[-1]
        styles.append((f"appended: {name}", grown.stylize(cut(subjects[0]), name)))
    save(arguments.output / "styles.jpg", contact_sheet(styles))
    befores = [cut(sample(name)) for name in PAIRS]
    afters = [model.stylize(photo, style) for photo, style in zip(befores, PAIRS.values(), strict=True)]
    save(arguments.output / "pairs.jpg", labelled_table(["", ""], list(PAIRS.values()), [befores, afters]))
    astronaut = sample("astronaut")
    walk = [
        (f"{1 - step:g} : {step:g}", model.stylize(astronaut, {WALK[0]: 1 - step, WALK[1]: step})) for step in STEPS
    ]
    save(arguments.output / "blend.jpg", contact_sheet(walk))
    names, painted = zip(*regions(model), strict=True)
    save(arguments.output / "regions.jpg", labelled_table([""], names, [painted]))
    save(arguments.output / "print.jpg", contact_sheet(of_print(model, photos[-1]), cell=PRINT_CROP))


if __name__ == "__main__":
    main()
