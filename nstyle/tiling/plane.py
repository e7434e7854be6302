"""What one layer hands to the next: raw convolution outputs in half precision, and the norm that the reader applies.

A norm needs the moments of the whole plane, so that a layer's outputs are stored before they are normalized. The next
layer normalizes the rows that it reads, in cache, and nothing is ever normalized twice in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.system.memory import release

Border = Literal["reflect", "replicate"]
LARGE = 256 * 2**20
"""Planes of this many bytes give rows back that have been read for the last time; smaller ones are soon used again."""


class Strip(NamedTuple):
    """Some rows of one picture of a plane."""

    picture: slice
    """Of length 1."""
    start: int
    """First row."""
    stop: int
    """Row after the last."""

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.stop - self.start

    @property
    def rows(self) -> slice:
        """The rows as an index."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Norm:
    """Conditional instance norm with known moments."""

    mean: Tensor
    """(C,) float32, as is the variance."""
    variance: Tensor
    eps: float
    relu: bool
    gamma: Tensor
    """(C,), mixed already; or (S, C) with a mix map. Likewise beta."""
    beta: Tensor
    mix: Tensor | None = None
    """Mix map (T, S, H, W) of the padded plane."""

    def apply(self, x: Tensor, strip: Strip) -> Tensor:
        """Normalize padded rows (1, C, h, W)."""
        if self.mix is None:
            y = F.batch_norm(x, self.mean, self.variance, self.gamma, self.beta, False, 0.0, self.eps)
        else:
            mix = self.mix[strip.picture, :, strip.rows]
            gamma, beta = (F.conv2d(mix, affine.t()[:, :, None, None]) for affine in (self.gamma, self.beta))
            y = F.batch_norm(x, self.mean, self.variance, None, None, False, 0.0, self.eps)
            y = (y * gamma + beta).to(y.dtype)
        return y.relu_() if self.relu else y


class Plane:
    """Features of one layer, of one or more pictures, with a border that the next convolution reads.

    Args:
        shape: (T, C, H, W) without the border.
        border: Width of the border in pixels, which belongs to no picture.
        halo: Width of the frame of every picture that its neighbours in a larger one would change: no moments are taken
            there.
        dtype: Of what is stored.
        device: Where.
    """

    def __init__(
        self, shape: tuple[int, int, int, int], *, border: int, halo: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.pictures, self.channels, self.height, self.width = shape
        self.border, self.halo = border, halo
        padded = (self.pictures, self.channels, self.height + 2 * border, self.width + 2 * border)
        self.data = torch.empty(padded, dtype=dtype, device=device, memory_format=torch.channels_last)
        self.norm: Norm | None = None

    def like(self, *, border: int, dtype: torch.dtype, channels: int | None = None, scale: float = 1) -> "Plane":
        """Make an empty plane ``scale`` times the size of this one."""
        height, width, halo = (round(scale * length) for length in (self.height, self.width, self.halo))
        shape = (self.pictures, channels or self.channels, height, width)
        return Plane(shape, border=border, halo=halo, dtype=dtype, device=self.data.device)

    def strips(self, rows: int, *, border: bool = False) -> Iterator[Strip]:
        """Walk through all pictures in strips of ``rows`` rows, with the rows of the border or without."""
        height = self.height + 2 * self.border * border
        for picture in range(self.pictures):
            for start in range(0, height, rows):
                yield Strip(slice(picture, picture + 1), start, min(start + rows, height))

    def put(self, strip: Strip, outputs: Tensor) -> None:
        """Store rows (1, C, h, W)."""
        b = self.border
        self.data[strip.picture, :, strip.start + b : strip.stop + b, b : b + self.width] = outputs

    def core(self, strip: Strip, outputs: Tensor) -> Tensor:
        """Cut rows and columns of the halo off the outputs of a strip (1, C, h, w); w may be wider than the plane."""
        if not self.halo:
            return outputs
        first, last = (
            min(max(row, self.halo), self.height - self.halo) - strip.start for row in (strip.start, strip.stop)
        )
        return outputs[:, :, first:last, self.halo : outputs.shape[3] - self.halo]

    def close(self, mode: Border) -> None:
        """Fill the border: by reflection without the edge, or by repeating the edge."""
        b, data = self.border, self.data
        for k in range(1, b + 1):
            inner = k if mode == "reflect" else 0
            data[..., b : b + self.height, b - k] = data[..., b : b + self.height, b + inner]
            data[..., b : b + self.height, b + self.width - 1 + k] = data[
                ..., b : b + self.height, b + self.width - 1 - inner
            ]
        for k in range(1, b + 1):
            inner = k if mode == "reflect" else 0
            data[:, :, b - k] = data[:, :, b + inner]
            data[:, :, b + self.height - 1 + k] = data[:, :, b + self.height - 1 - inner]

    def read(self, strip: Strip, dtype: torch.dtype) -> Tensor:
        """Return padded rows, normalized, as ``dtype`` (1, C, h, W + 2 border)."""
        rows = self.data[strip.picture, :, strip.rows]
        rows = rows.to(dtype) / 255 if rows.dtype == torch.uint8 else rows.to(dtype)
        return rows if self.norm is None else self.norm.apply(rows, strip)

    def release(self, strip: Strip) -> None:
        """Give the memory of padded rows back: nobody will read them any more."""
        if self.data.nbytes >= LARGE:
            release(self.data[strip.picture, :, strip.rows])
