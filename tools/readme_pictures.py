"""Make README's pictures: a photograph in every style, and a walk from one style to another.

    python tools/readme_pictures.py PHOTO [--appended RUN] [--output docs/images]

PHOTO is one that may be shown; the walk is on scikit-image's astronaut. ``--appended`` is a run of ``nstyle add-style``
whose last style is shown too.
"""

import argparse
from pathlib import Path

from PIL import Image

import nstyle
from nstyle.image import encode, read_picture, write_atomically
from nstyle.inference.contact_sheet import contact_sheet

PAINTED_SIDE = 768
"""Long side in pixels at which pictures are painted; the sheet shows them reduced."""
WALK = ("van-gogh-starry-night", "hokusai-great-wave")
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


def save(path: Path, pictures: list[tuple[str, Image.Image]]) -> None:
    """Write a labelled sheet as JPEG."""
    write_atomically(path, encode(contact_sheet(pictures), path.suffix))
    print(path)


def main() -> None:
    """Paint both sheets with the shipped model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--appended", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    model = nstyle.load("default")
    photo = read_picture(arguments.photo).over_white()
    pictures = [(name, model.stylize(photo, name, size=PAINTED_SIDE)) for name in model.styles]
    if arguments.appended is not None:
        grown = nstyle.load(arguments.appended)
        pictures.append((f"appended: {grown.styles[-1]}", grown.stylize(photo, grown.styles[-1], size=PAINTED_SIDE)))
    blend = {model.styles[1]: 0.5, model.styles[2]: 0.5}
    pictures.append((" + ".join(blend), model.stylize(photo, blend, size=PAINTED_SIDE)))
    save(arguments.output / "styles.jpg", pictures)

    from skimage import data

    astronaut = Image.fromarray(data.astronaut())
    walk = [(f"{1 - step:g} : {step:g}", model.stylize(astronaut, {WALK[0]: 1 - step, WALK[1]: step})) for step in STEPS]
    save(arguments.output / "blend.jpg", walk)


if __name__ == "__main__":
    main()
