"""Film grain: grey noise in octaves, a function of a seed and of the place in the picture alone.

No generator draws it. But for rounding it is the same on every device, in a captured graph and in every strip of a
picture, and stays where it is from one frame to the next.

Shape suffixes: B batch, H and W the sides of the picture, h and w those of an octave.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

OCTAVES = (1, 2, 4, 8, 16)
"""The sizes of the grains in pixels. Fine noise alone is painted as a fine weave; coarse grains become strokes."""
ALIGNMENT = OCTAVES[-1]
"""Rows and columns from which grain can begin are multiples of this."""
WORD = 0xFFFFFFFF
"""32 bits. Words are kept in int64, whose products do not overflow."""
MIXER = 0x45D9F3B
"""An odd factor whose products, folded, spread every bit over a word."""
ROW, COLUMN, OCTAVE = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
"""Odd factors that keep the words of neighbouring places apart."""
EVEN_BYTES = 0x00FF00FF
"""The first and the third byte of a word."""
MARGIN = 2
"""The reach of bicubic interpolation, in grains."""
BAND = 256
"""The number of rows of a picture that get their grain at a time, which keeps memory use small."""
BYTE_SUM_MEAN, BYTE_SUM_DEVIATION = 4 * 127.5, math.sqrt(4 * (256**2 - 1) / 12)
"""The mean and the standard deviation of the sum of four random bytes."""


def _deviation(size: int) -> float:
    """Compute the standard deviation of white noise after :func:`_enlarged`, from what becomes of a single grain."""
    single = torch.zeros(1, 1, 2 * MARGIN + 1, 2 * MARGIN + 1)
    single[..., MARGIN, MARGIN] = 1
    return float(_enlarged(single, size).square().sum().sqrt()) / size


def _enlarged(noise: Tensor, size: int) -> Tensor:
    return F.interpolate(noise, scale_factor=size, mode="bicubic")


DEVIATIONS = {size: _deviation(size) for size in OCTAVES}
"""The standard deviation of each octave after enlarging."""


def mixed(words: Tensor, rounds: int = 2) -> Tensor:
    """Spread every bit of words in int64 over 32 bits. One round will do for words that are random already."""
    for _ in range(rounds):
        words = (words >> 16).bitwise_xor_(words).mul_(MIXER).bitwise_and_(WORD)
    return (words >> 16).bitwise_xor_(words)


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
    """Make white noise of standard deviation 1, (B, 1, h, w).

    The sum of the four bytes of a random word is close to normal: it ends at 3.5 standard deviations.
    """
    device = seeds_B.device
    down = torch.arange(rows.start, rows.stop, device=device)[:, None] * ROW
    right = torch.arange(columns.start, columns.stop, device=device) * COLUMN
    words = mixed(seeds_B[:, None, None, None] + size * OCTAVE + down & WORD) + mixed(right & WORD)
    words = mixed(words, rounds=1)
    pairs = (words & EVEN_BYTES).add_(words.bitwise_right_shift_(8).bitwise_and_(EVEN_BYTES))
    byte_sums = (pairs & 0xFFFF).add_(pairs.bitwise_right_shift_(16))
    return byte_sums.float().sub_(BYTE_SUM_MEAN).div_(BYTE_SUM_DEVIATION)


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
