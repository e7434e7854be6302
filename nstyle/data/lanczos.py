"""Pillow's Lanczos resampling of many squares at once, as two matrix products on any device.

The squares are those of ``Image.resize((side, side), LANCZOS, box=...)``: the same taps are normalized over those
inside the picture and applied along rows before columns (Pillow 13 begins with the columns of upright pictures), with
rounding to 8 bits after each. The weights are float32 instead of fixed point with 22 bits, so that a value midway
between two grey levels may be rounded to the other one. Nothing here waits for the device.

Shape suffixes: B squares, S side of a square, H and W rows and columns of the regions that they are made from.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LOBES = 3
"""Half the width of the filter, in pixels of the coarser one of source and result."""


@dataclass(frozen=True)
class Span:
    """The pixels of the picture that one axis of a square is computed from."""

    first: int
    """The first pixel of the picture that is read."""
    last: int
    """The index after the last pixel that is read."""
    offset: float
    """The position where the square begins, in pixels from the edge of ``first``."""
    step: float
    """The pixels of the picture per pixel of the square; negative if it is mirrored and begins at the far end."""

    @property
    def length(self) -> int:
        """The number of pixels that are read."""
        return self.last - self.first


def span(start: int, side: int, resized: int, stored: int, mirrored: bool = False) -> Span:
    """Find the pixels from which ``start`` to ``start + side`` are computed if ``stored`` pixels become ``resized``."""
    step = stored / resized
    reach = LOBES * max(step, 1.0)
    first = max(0, math.floor(start * step - reach))
    last = min(stored, math.ceil((start + side) * step + reach))
    offset = start * step - first
    return Span(first, last, offset + side * step, -step) if mirrored else Span(first, last, offset, step)


def lanczos_weights(numbers_3B: Tensor, side: int, taps: int) -> Tensor:
    """Compute the weight of every pixel that is read in every pixel of one axis: (B, S, taps), float32.

    ``w(x) = sinc(x) sinc(x / 3)`` for ``|x| < 3``, in pixels of the coarser of source and result, divided by its sum.

    Args:
        numbers_3B: The offsets, steps and lengths, float32; see :class:`Span`. Beyond the length all weights are 0.
        side: The side S.
        taps: The number of taps, at least the largest length.
    """
    offset_B, step_B, length_B = numbers_3B.unbind()
    pixels = torch.arange(side, device=numbers_3B.device, dtype=torch.float32) + 0.5
    taken = torch.arange(taps, device=numbers_3B.device, dtype=torch.float32)
    centers = offset_B[:, None] + pixels * step_B[:, None]
    x = (taken + 0.5 - centers[:, :, None]) / step_B.abs().clamp(min=1.0)[:, None, None]
    weights = torch.sinc(x) * torch.sinc(x / LOBES) * (x.abs() < LOBES) * (taken < length_B[:, None, None])
    return weights / weights.sum(dim=2, keepdim=True)


def resample(regions_BH3W: Tensor, rows_3B: Tensor, columns_3B: Tensor, side: int) -> Tensor:
    """Compute squares, uint8 (B, 3, S, S), from the regions around them.

    Args:
        regions_BH3W: The regions, uint8, each in the first rows and columns; the rest is ignored.
        rows_3B: The offsets, steps and lengths of the rows, float32; see :class:`Span`.
        columns_3B: The same for the columns.
        side: The side S.
    """
    batch, height, channels, width = regions_BH3W.shape
    wide = regions_BH3W.reshape(batch, height * channels, width).float()
    narrow = _round(torch.bmm(wide, lanczos_weights(columns_3B, side, width).mT)).view(batch, height, channels * side)
    squares = _round(torch.bmm(lanczos_weights(rows_3B, side, height), narrow))
    return squares.view(batch, side, channels, side).transpose(1, 2).to(torch.uint8).contiguous()


def _round(values: Tensor) -> Tensor:
    """Round to the nearest of 256 grey levels in place, halves up."""
    return values.add_(0.5).floor_().clamp_(0, 255)
