"""Measure how close moments from a sample and from a thumbnail come to the exact picture: PSNR and seconds.

    python tools/tiling_quality.py PHOTO... [--megapixels 12] [--model default] [--styles A,B]

Every photograph is resized to the given number of pixels.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

import nstyle
from nstyle.imaging.pictures import read_picture
from nstyle.inference.mix import choose_styles
from nstyle.tiling.paint import Tiling

COMPARED: tuple[Tiling, ...] = ("sampled", "thumbnail")


def psnr(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio of two pictures in dB."""
    errors = [
        np.square(x.astype(np.float64) - y).mean() for x, y in zip(a, b, strict=True)
    ]  # Row by row, to save memory.
    return float(10 * np.log10(255**2 / np.mean(errors)))


def resized(path: Path, megapixels: float) -> npt.NDArray[np.uint8]:
    """Read a photograph (H, W, 3), resized to about a given number of megapixels."""
    photo = read_picture(path).over_white()
    factor = (megapixels * 1e6 / (photo.width * photo.height)) ** 0.5
    size = (round(photo.width * factor), round(photo.height * factor))
    return np.array(photo.resize(size, Image.Resampling.LANCZOS))


def main() -> None:
    """Print a line for each photograph, style and tiling."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--model", default="default")
    parser.add_argument("--styles", help="names with commas between them [all]")
    arguments = parser.parse_args()
    model = nstyle.load(arguments.model)
    styles = choose_styles(arguments.styles.split(","), model.styles) if arguments.styles else model.styles
    for path in arguments.photos:
        photo = resized(path, arguments.megapixels)
        for style in styles:
            started = time.perf_counter()
            exact = model.stylize(photo, style, tiling="exact")
            what = f"{path.name} {photo.shape[1]}x{photo.shape[0]} {style}"
            print(f"{what}: exact {time.perf_counter() - started:.1f} s", flush=True)
            for tiling in COMPARED:
                started = time.perf_counter()
                painted = model.stylize(photo, style, tiling=tiling)
                seconds = time.perf_counter() - started
                print(f"{what}: {tiling} {psnr(painted, exact):.1f} dB, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
