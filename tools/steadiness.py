"""Measure how steady a model's paintings are from frame to frame.

    python tools/steadiness.py [MODEL...] [--styles NAME...] [--photos FILE...] [--steady off low high] [--size 360]
    [--frames 10] [--noise 2.5] [--json FILE]

Two scenes are made of every photograph: a still one, of which every frame has camera noise of its own (Gaussian,
--noise levels), and pans of whole pixels per frame, without noise. The figures are mean absolute changes between
consecutive frames in levels of 255, of the input and of the painting; in a pan the frames are moved back before, and a
border is left out. The first frames, in which means begin, are painted but not measured. The last figure is the time of
a frame in a still scene, in milliseconds; it is the least of all frames, and the time of `off` is that of painting
alone.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from nstyle.imaging.pictures import read_picture, resize
from nstyle.inference.mix import Mix, choose_styles, make_mix
from nstyle.inference.options import PaintOptions
from nstyle.inference.stylizer import Stylizer, load
from nstyle.system.memory import keep_freed_memory
from nstyle.video.steady import FramePainter, Steady

SAMPLES = ("coffee", "chelsea")
"""The photographs of scikit-image that are taken by default."""
STYLES = ("starry-night", "great-wave", "scream")
PANS = (1, 3)
"""The steps of the pans in pixels per frame."""
BORDER = 16
"""The width of the border in pixels that is left out in a pan."""
BEGINNING = 4
"""The number of frames that are not measured."""

Levels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Figures:
    """What was measured of one model, one style and one setting, as means over photographs."""

    model: str
    style: str
    steady: str
    still_input: float
    """The mean absolute change in the still scene, in levels; the same for the painting and for pans follow."""
    still_painted: float
    pan_input: float
    pan_painted: float
    milliseconds: float
    """The time of a frame."""


def still_scene(photo: Levels, frames: int, noise: float) -> list[Levels]:
    """Make frames of a photograph (H, W, 3) with camera noise of the given deviation in levels."""
    generator = np.random.default_rng(0)
    noisy = photo + noise * generator.standard_normal((frames, *photo.shape), dtype=np.float32)
    return list(np.rint(noisy).clip(0, 255).astype(np.uint8))


def pan(photo: Levels, frames: int, step: int) -> list[Levels]:
    """Cut frames out of a photograph (H, W, 3), each ``step`` pixels further to the right."""
    width = photo.shape[1] - (frames - 1) * step
    return [np.ascontiguousarray(photo[:, step * k : step * k + width]) for k in range(frames)]


def mean_change(frames: Sequence[Levels], step: int = 0) -> float:
    """Compute the mean absolute change between consecutive frames, which are moved back by ``step`` pixels."""
    border = BORDER if step else 0
    changes = []
    for a, b in pairwise(frames):
        a, b = a[:, step:], b[:, : b.shape[1] - step]
        inner = slice(border, a.shape[0] - border), slice(border, a.shape[1] - border)
        changes.append(np.abs(a[inner].astype(np.int16) - b[inner]).mean())
    return float(np.mean(changes))


def measure(
    stylizer: Stylizer, mix: Mix, steady: Steady, photos: list[Levels], *, frames: int, noise: float
) -> tuple[float, ...]:
    """Paint both scenes of every photograph, and return the last five of :class:`Figures`."""
    rows = []
    for photo in photos:
        still = still_scene(photo, frames + BEGINNING, noise)
        painted, seconds = _paint(FramePainter(stylizer, PaintOptions(), steady), still, mix)
        pans = []
        for step in PANS:
            moving = pan(photo, frames + BEGINNING, step)
            followed, _ = _paint(FramePainter(stylizer, PaintOptions(), steady), moving, mix)
            pans.append([mean_change(row[BEGINNING:], step) for row in (moving, followed)])
        changes = [mean_change(row[BEGINNING:]) for row in (still, painted)]
        rows.append([*changes, *np.mean(pans, axis=0), 1000 * seconds])
    return tuple(np.mean(rows, axis=0).tolist())


def _paint(painter: FramePainter, frames: list[Levels], mix: Mix) -> tuple[list[Levels], float]:
    """Paint frames, and return them with the seconds of the fastest one."""
    painted, times = [], []
    for frame in frames:
        start = time.perf_counter()
        painted.append(painter.paint(frame, mix))
        times.append(time.perf_counter() - start)
    return painted, min(times)


def table(figures: list[Figures]) -> str:
    """Format figures as a table, with the means over styles of every model and setting at its end."""
    lines = [
        "| model | style | steady | still: input | painted | pan: input | painted | ms per frame |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in [*figures, *means(figures)]:
        values = (row.still_input, row.still_painted, row.pan_input, row.pan_painted)
        cells = " | ".join(f"{value:.2f}" for value in values)
        lines.append(f"| {row.model} | {row.style} | {row.steady} | {cells} | {row.milliseconds:.0f} |")
    return "\n".join(lines)


def means(figures: list[Figures]) -> list[Figures]:
    """Return the means over styles."""
    groups: dict[tuple[str, str], list[list[float]]] = {}
    for row in figures:
        model, _, steady, *values = asdict(row).values()
        groups.setdefault((model, steady), []).append(values)
    return [Figures(model, "mean", steady, *np.mean(rows, axis=0).tolist()) for (model, steady), rows in groups.items()]


def _photos(files: list[Path], size: int) -> list[Levels]:
    if not files:
        from skimage import data

        images = [Image.fromarray(getattr(data, name)()) for name in SAMPLES]
    else:
        images = [read_picture(file).over_white() for file in files]
    return [np.array(resize(image, long_side=size)) for image in images]


def main() -> None:
    """Measure all models and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["default"])
    parser.add_argument("--styles", nargs="+", default=list(STYLES), help="names of styles, or 'all'")
    parser.add_argument("--photos", nargs="+", type=Path, default=[])
    parser.add_argument("--steady", nargs="+", choices=get_args(Steady), default=["off", "low", "high"])
    parser.add_argument("--size", type=int, default=360, help="the long side of the photographs in pixels")
    parser.add_argument("--frames", type=int, default=10, help="the number of frames that are measured")
    parser.add_argument("--noise", type=float, default=2.5, help="the deviation of the camera noise in levels of 255")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    arguments = parser.parse_args()
    keep_freed_memory()
    photos = _photos(arguments.photos, arguments.size)
    figures = []
    for model in arguments.models:
        stylizer = load(model, device=arguments.device)
        chosen = stylizer.styles if arguments.styles == ["all"] else choose_styles(arguments.styles, stylizer.styles)
        for style in chosen:
            mix = make_mix(stylizer.styles, chosen=[style], model=stylizer.name)
            for steady in arguments.steady:
                values = measure(stylizer, mix, steady, photos, frames=arguments.frames, noise=arguments.noise)
                figures.append(Figures(model, style, steady, *values))
                print(figures[-1], flush=True)
    print(f"\n{table(figures)}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
