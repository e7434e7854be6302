"""Film grain on tensors; ``nstyle/imaging/numpy_grain.py`` makes the same without torch.

No generator draws it. But for rounding it is the same on every device, in a captured graph and in every strip of a
picture, and stays where it is from one frame to the next.

Shape suffixes: B batch, H and W the sides of the picture, h and w those of an octave.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.imaging.grain_words import BAND, MARGIN, OCTAVES, ROW, WORD, mixed, white_noise

__all__ = ["DEVIATIONS", "OCTAVES", "ROW", "WORD", "add_grain", "grain", "mixed", "uniform", "with_grain"]

ALIGNMENT = OCTAVES[-1]
"""Rows and columns from which grain can begin are multiples of this."""


def _deviation(size: int) -> float:
    """Compute the standard deviation of white noise after :func:`_enlarged`, from what becomes of a single grain."""
    single = torch.zeros(1, 1, 2 * MARGIN + 1, 2 * MARGIN + 1)
    single[..., MARGIN, MARGIN] = 1
    return float(_enlarged(single, size).square().sum().sqrt()) / size


def _enlarged(noise: Tensor, size: int) -> Tensor:
    return F.interpolate(noise, scale_factor=size, mode="bicubic")


DEVIATIONS = {size: _deviation(size) for size in OCTAVES}
"""The standard deviation of each octave after enlarging."""


def uniform(words: Tensor) -> Tensor:
    """Turn words into float32 in (0, 1)."""
    return ((words >> 9).float() + 0.5) / 2**23


def grain(seeds_B: Tensor, height: int, width: int, *, top: int = 0, left: int = 0) -> Tensor:
    """Make the grain of rows ``top`` to ``top + height`` and columns ``left`` to ``left + width``.

    Args:
        seeds_B: A word in int64 for every picture.
        height: The number of rows.
        width: The number of columns.
        top: The first row, a multiple of 16.
        left: The first column, a multiple of 16.

    Returns:
        (B, 1, H, W) float32 of mean 0, the sum of five octaves, each of standard deviation 1.
    """
    if top % ALIGNMENT or left % ALIGNMENT:
        raise ValueError(f"grain begins at row {top}, column {left}; expected multiples of {ALIGNMENT}")
    total = _octave(seeds_B, OCTAVES[0], height, width, top, left)
    for size in OCTAVES[1:]:
        total += _octave(seeds_B, size, height, width, top, left)
    return total


def white(seeds_B: Tensor, height: int, width: int) -> Tensor:
    """Make white noise (B, 1, H, W) float32 of mean 0 and standard deviation 1."""
    return _white(seeds_B, 1, range(height), range(width))


def _octave(seeds_B: Tensor, size: int, height: int, width: int, top: int, left: int) -> Tensor:
    """Enlarge white noise by ``size``: (B, 1, H, W) of standard deviation 1."""
    rows = range(top // size - MARGIN, (top + height - 1) // size + MARGIN + 1)
    columns = range(left // size - MARGIN, (left + width - 1) // size + MARGIN + 1)
    skipped = MARGIN * size
    place = (..., slice(skipped, skipped + height), slice(skipped, skipped + width))
    return _enlarged(_white(seeds_B, size, rows, columns), size)[place] / DEVIATIONS[size]


def _white(seeds_B: Tensor, size: int, rows: range, columns: range) -> Tensor:
    """Make white noise of standard deviation 1, (B, 1, h, w)."""
    device = seeds_B.device
    down = torch.arange(rows.start, rows.stop, device=device)[:, None]
    right = torch.arange(columns.start, columns.stop, device=device)
    noise: Tensor = white_noise(seeds_B[:, None, None, None], size, down, right)
    return noise.float()


def add_grain(pixels: Tensor, levels: float, corner: tuple[int, int] = (0, 0)) -> Tensor:
    """Add grain to pictures, the same to all of them.

    A network paints a plain area as a mesh that repeats every four pixels, the factor by which it downsamples and
    upsamples again. A little noise gives it something to start strokes from.

    Args:
        pixels: RGB (B, 3, H, W), uint8. They are changed in place.
        levels: The standard deviation of each octave, in levels of 255.
        corner: The row and the column from which the grain is taken.

    Returns:
        ``pixels``.
    """
    (row, above), (column, before) = ((place - place % ALIGNMENT, place % ALIGNMENT) for place in corner)
    seed = torch.zeros(1, dtype=torch.int64, device=pixels.device)
    height, width = pixels.shape[-2:]
    for top in range(0, height, BAND) if levels else ():
        band = pixels[..., top : top + BAND, :]
        noise = levels * grain(seed, above + band.shape[-2], before + width, top=row + top, left=column)
        band.copy_((band + noise[..., above:, before:]).round_().clamp_(0, 255))
    return pixels


def with_grain(photos: Tensor, levels: float) -> Tensor:
    """Add to a batch of photographs the grain that each of them gets as pixels.

    Args:
        photos: RGB (N, 3, H, W) in [0, 1].
        levels: The standard deviation of each octave, in levels of 255.

    Returns:
        ``photos`` itself without grain; else new ones, rounded to whole levels.
    """
    return add_grain(photos.mul(255).round().byte(), levels).to(photos).div(255) if levels else photos
