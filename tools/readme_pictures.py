"""Make README's pictures: a photograph in every style, and a walk from one style to another.

    python tools/readme_pictures.py PHOTO [--appended RUN] [--output docs/images]

PHOTO is one that may be shown; the walk is on scikit-image's astronaut. ``--appended`` is a run of ``nstyle add-style``
whose last style is shown too.
"""

import argparse
from pathlib import Path

from PIL import Image

import nstyle
from nstyle.imaging.layout import contact_sheet
from nstyle.imaging.pictures import encode, read_picture
from nstyle.system.files import write_atomically

PAINTED_SIDE = 768
"""The long side in pixels at which pictures are painted; the sheet shows them reduced."""
WALK = ("van-gogh-starry-night", "hokusai-great-wave")
STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
BLENDS = (
    ("hokusai-great-wave", "kandinsky-composition-vii"),
    ("picabia-udnie", "munch-the-scream"),
    ("matisse-woman-with-a-hat", "mondrian-composition-vii"),
    ("gauguin-three-tahitian-women", "monet-impression-sunrise"),
)


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
    for a, b in BLENDS:
        pictures.append((f"{a} + {b}", model.stylize(photo, {a: 0.5, b: 0.5}, size=PAINTED_SIDE)))
    save(arguments.output / "styles.jpg", pictures)

    from skimage import data

    astronaut = Image.fromarray(data.astronaut())
    walk = [
        (f"{1 - step:g} : {step:g}", model.stylize(astronaut, {WALK[0]: 1 - step, WALK[1]: step})) for step in STEPS
    ]
    save(arguments.output / "blend.jpg", walk)


if __name__ == "__main__":
    main()
