"""Draw the sample styles of data/styles: pictures of our own to train on where there is no painting at hand.

python tools/draw_styles [--out FOLDER] [NAME ...]       # strokes, mosaic, hatching and waves, always the same
"""

import argparse
from pathlib import Path

import numpy as np
from hatching import hatching
from mosaic import mosaic
from strokes import strokes
from waves import waves

FOLDER = Path(__file__).parents[2] / "data" / "styles"
STYLES = {style.__name__: style for style in (strokes, mosaic, hatching, waves)}
SEED = 7
QUALITY = 78


def main() -> None:
    """Draw the styles and write them as JPEG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to draw: {', '.join(STYLES)} (default: all)")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to write (default: data/styles)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in STYLES]
    if unknown:
        parser.error(f"there is no style '{unknown[0]}'; expected {', '.join(STYLES)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or STYLES:
        path = arguments.out / f"{name}.jpg"
        STYLES[name](np.random.default_rng(SEED)).save(path, quality=QUALITY, optimize=True)
        print(f"{path}  ({path.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
