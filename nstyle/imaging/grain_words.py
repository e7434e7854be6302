"""What film grain is: grey noise in octaves, a function of a seed and of the place in the picture alone.

The functions work on tensors of torch and on arrays of NumPy alike, of int64; this module imports neither.
"""

import math
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

Words = TypeVar("Words", "Tensor", "npt.NDArray[np.int64]")

OCTAVES = (1, 2, 4, 8, 16)
"""The sizes of the grains in pixels. Fine noise alone is painted as a fine weave; coarse grains become strokes."""
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


def mixed(words: Words, rounds: int = 2) -> Words:
    """Spread every bit of words in int64 over 32 bits. One round will do for words that are random already."""
    for _ in range(rounds):
        folded = words >> 16
        folded ^= words
        folded *= MIXER
        folded &= WORD
        words = folded
    folded = words >> 16
    folded ^= words
    return folded


def white_noise(seeds: Words, size: int, down: Words, right: Words) -> Any:
    """Make white noise of standard deviation 1 for the grains of an octave, as floats.

    The sum of the four bytes of a random word is close to normal: it ends at 3.5 standard deviations.

    Args:
        seeds: A word for every picture, (..., 1, 1).
        size: The size of the grains in pixels.
        down: The rows of the grains, (h, 1).
        right: Their columns, (w,).
    """
    words = mixed(seeds + size * OCTAVE + ((down * ROW) & WORD)) + mixed((right * COLUMN) & WORD)
    words = mixed(words, rounds=1)
    pairs = words & EVEN_BYTES
    words >>= 8
    words &= EVEN_BYTES
    pairs += words
    byte_sums = pairs & 0xFFFF
    pairs >>= 16
    byte_sums += pairs
    return (byte_sums - BYTE_SUM_MEAN) / BYTE_SUM_DEVIATION
