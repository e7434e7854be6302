"""Film grain on the photographs of an update, so that a network learns to start strokes from it in plain areas.

The grain is a function of the pixels that it is put on, without a generator: it is the same on every device, in a
captured graph, on any number of processes, and after a run is resumed.

Shape suffixes: B batch, H and W the sides of the photographs.
"""

import math

import torch
from torch import Tensor

WORD = 0xFFFFFFFF
"""32 bits. Words are kept in int64, whose products do not overflow."""
MIXER = 0x45D9F3B
"""An odd factor whose products, folded, spread every bit over a word."""
ROW, COLUMN, COLOR = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
"""Odd factors that keep the words of neighbouring places apart."""


def add_grain(photos: Tensor, colors: Tensor, levels: float) -> Tensor:
    """Add grey Gaussian noise of a random strength.

    Args:
        photos: The photographs, RGB (B, 3, H, W), uint8, which decide the noise.
        colors: The same as float in [0, 1].
        levels: The largest standard deviation in levels of 255. That of each photograph is drawn uniformly from 0 to
            this.

    Returns:
        The colours with grain, in [0, 1].
    """
    seeds_B11 = _seeds(photos)[:, None, None]
    height, width = photos.shape[-2:]
    rows = torch.arange(height, device=photos.device)[:, None] * ROW
    columns = torch.arange(width, device=photos.device) * COLUMN
    places_BHW = _mixed(seeds_B11 + rows + columns & WORD)
    strength_B11 = levels / 255 * _uniform(_mixed(seeds_B11 ^ COLOR))
    grain_BHW = strength_B11 * _normal(places_BHW)
    return (colors + grain_BHW[:, None]).clamp(0, 1)


def _seeds(photos: Tensor) -> Tensor:
    """Return a word (B,) for every photograph, which depends on all of its pixels and on their places."""
    flat = photos.permute(0, 2, 3, 1).reshape(len(photos), -1).long()
    places = torch.arange(1, flat.shape[1] + 1, device=photos.device)
    return _mixed((flat * _mixed(places * ROW & WORD)).sum(dim=1) & WORD)


def _mixed(words: Tensor) -> Tensor:
    """Spread every bit of words in int64 over 32 bits."""
    for _ in range(2):
        words = ((words >> 16) ^ words) * MIXER & WORD
    return (words >> 16) ^ words


def _uniform(words: Tensor) -> Tensor:
    """Turn words into float32 in (0, 1)."""
    return ((words >> 8).float() + 0.5) / 2**24


def _normal(words: Tensor) -> Tensor:
    """Turn words into float32 of mean 0 and standard deviation 1 (Box and Muller 1958)."""
    radius = torch.sqrt(-2 * torch.log(_uniform(words)))
    return radius * torch.cos(2 * math.pi * _uniform(_mixed(words ^ COLOR)))
