"""Measure what a model paints in plain areas: whether there are strokes at all, and whether they are a mesh.

    python tools/plain_areas.py MODEL... [--grain LEVELS ...] [--paintings FOLDER]

A black, a grey and a white area of 256 px, each in a picture of 384 px with a band of noise at its top, are painted in
every style, by default with the grain that the model paints with. The first figure is the standard deviation of
luminance in the area: under 1.5 levels of 255 there is no stroke. The second is the regularity: of the energy at
periods under 12 px, the share that the strongest 0.5 % of all frequencies hold. White noise has about 0.04, a mesh up
to 1. With --paintings, it is also given over the painting's own (the median of its squares of 256 px, at a short side
of 512 px), by which 1 would be the painting's.
"""

import argparse
import statistics
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from nstyle.data.styles import find_styles
from nstyle.imaging.pictures import read_picture, resize
from nstyle.inference.stylizer import Stylizer, load
from nstyle.system.memory import keep_freed_memory

AREA, PICTURE = 256, 384
"""The sides of the plain area and of the picture that it is in, in pixels."""
LEVELS = (0, 128, 255)
"""The levels of the areas: black, grey and white."""
NO_STROKE = 1.5
"""Below this deviation in levels there is no stroke."""
LONGEST_PERIOD = 12.0
"""The longest period, in pixels, of what counts as fine."""
STRONGEST = 0.005
"""The share of frequencies whose energy is held against that of all."""
PAINTING_SIDE = 512
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class PlainAreas:
    """What a style paints in plain areas."""

    deviations: tuple[float, ...]
    """The standard deviation of luminance in each area, in levels of 255."""
    regularity: float
    """The median of the areas' regularity."""

    @property
    def painted(self) -> int:
        """The number of areas with strokes."""
        return sum(deviation >= NO_STROKE for deviation in self.deviations)


def plain_picture(level: int) -> Image.Image:
    """Make a picture that is plain but for a band of noise at its top."""
    pixels = np.full((PICTURE, PICTURE, 3), level, dtype=np.uint8)
    band = (PICTURE - AREA, PICTURE, 3)
    pixels[: PICTURE - AREA] = np.random.default_rng(0).integers(0, 256, band, dtype=np.uint8)
    return Image.fromarray(pixels)


def luminance(image: Image.Image) -> npt.NDArray[np.float64]:
    """Return the luminance (H, W) of a picture in levels of 255."""
    result: npt.NDArray[np.float64] = np.asarray(image, dtype=np.float64) @ LUMA
    return result


def regularity(values: npt.NDArray[np.float64]) -> float:
    """Return the share of the fine energy of (H, W) values that the strongest frequencies hold."""
    height, width = values.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    energy = np.abs(np.fft.fft2((values - values.mean()) * window)) ** 2
    fine = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)) > 1 / LONGEST_PERIOD
    sorted_energy = np.sort(energy[fine])[::-1]
    strongest = max(1, round(STRONGEST * len(sorted_energy)))
    return float(sorted_energy[:strongest].sum() / max(1e-12, sorted_energy.sum()))


def of_painting(path: Path) -> float:
    """Return the regularity of a painting: the median of its squares."""
    values = luminance(resize(read_picture(path).over_white(), short_side=PAINTING_SIDE))
    height, width = values.shape
    squares = [
        values[top : top + AREA, left : left + AREA]
        for top in range(0, height - AREA + 1, AREA)
        for left in range(0, width - AREA + 1, AREA)
    ]
    return statistics.median(regularity(square) for square in squares)


def measure(stylizer: Stylizer, style: str, grain: float | None = None) -> PlainAreas:
    """Paint the plain areas in a style, with the model's own grain if none is given."""
    left = (PICTURE - AREA) // 2
    areas = [
        luminance(stylizer.stylize(plain_picture(level), style, grain=grain))[-AREA:, left : left + AREA]
        for level in LEVELS
    ]
    shares = statistics.median(regularity(area) for area in areas)
    return PlainAreas(tuple(float(area.std()) for area in areas), shares)


def main() -> None:
    """Measure models, and print a table for each model and grain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--grain", nargs="+", type=float, default=[None])
    parser.add_argument("--paintings", type=Path)
    arguments = parser.parse_args()
    keep_freed_memory(large_too=False)
    paintings = {style.name: style.path for style in find_styles([arguments.paintings])} if arguments.paintings else {}
    own = {name: of_painting(path) for name, path in paintings.items()}
    for model in arguments.models:
        stylizer = load(model)
        for grain in arguments.grain:
            rows = {style: measure(stylizer, style, grain) for style in stylizer.styles}
            print(f"\n{model}, grain {stylizer.info.painting_grain if grain is None else grain:g}\n")
            print("| style | deviations | regularity | over the painting's |\n|---|---|---|---|")
            for style, row in rows.items():
                over = f"{row.regularity / own[style]:.2f}" if style in own else ""
                deviations = ", ".join(f"{value:.1f}" for value in row.deviations)
                print(f"| {style} | {deviations} | {row.regularity:.2f} | {over} |")
            ratios = [row.regularity / own[style] for style, row in rows.items() if style in own]
            median = f"; the median over the paintings' is {statistics.median(ratios):.2f}" if ratios else ""
            painted = sum(row.painted for row in rows.values())
            print(f"\n{painted} of {len(LEVELS) * len(rows)} areas are painted{median}")


if __name__ == "__main__":
    main()
