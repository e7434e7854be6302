"""Features between two layers: raw convolution outputs in half precision, and the norm that the next layer applies.

A norm needs the moments of the whole plane, so that a layer's outputs are stored before they are normalized. The next
layer normalizes the rows that it reads while they are in cache, and normalized features are not stored again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.models.norm import scale_and_shift
from nstyle.system.memory import release

Border = Literal["reflect", "replicate"]
LARGE = 256 * 2**20
"""The size in bytes from which a plane frees rows after their last read. The memory of smaller planes is soon
reused."""


class Strip(NamedTuple):
    """Some rows of one picture of a plane."""

    picture: slice
    """A slice of length 1."""
    start: int
    """The first row."""
    stop: int
    """The row after the last one."""

    @property
    def height(self) -> int:
        """The number of rows."""
        return self.stop - self.start

    @property
    def rows(self) -> slice:
        """The rows as a slice."""
        return slice(self.start, self.stop)


class Norm(Protocol):
    """A conditional instance norm with known moments, and the ReLU after it, if there is one."""

    def apply(self, x: Tensor, strip: Strip) -> Tensor:
        """Normalize padded rows (1, C, h, W) of a plane."""


@dataclass(frozen=True)
class MixNorm:
    """The norm under one mix."""

    mean: Tensor
    """The mean (C,), float32; the variance has the same shape and dtype."""
    variance: Tensor
    eps: float
    relu: bool
    gamma: Tensor
    """Gamma (C,), already mixed; beta has the same shape."""
    beta: Tensor

    def apply(self, x: Tensor, strip: Strip) -> Tensor:
        """Normalize rows, which are the same wherever they lie."""
        y = F.batch_norm(x, self.mean, self.variance, self.gamma, self.beta, False, 0.0, self.eps)
        return y.relu_() if self.relu else y


@dataclass(frozen=True)
class MapNorm:
    """The norm under a mix map."""

    scale: Tensor
    """The factors (S, C) of the styles; see :func:`nstyle.models.norm.fold`."""
    shift: Tensor
    """The summands (S, C) of the styles."""
    relu: bool
    mix: Tensor
    """The mix map (T, S, H, W) of the padded plane."""

    def apply(self, x: Tensor, strip: Strip) -> Tensor:
        """Normalize rows by their part of the map."""
        y = scale_and_shift(x, self.mix[strip.picture, :, strip.rows], self.scale, self.shift)
        return y.relu_() if self.relu else y


class Plane:
    """The features of one layer for one or more pictures, with a border that the next convolution reads.

    Args:
        shape: The shape (T, C, H, W) without the border.
        border: The width of the border in pixels, which is not part of the pictures.
        halo: The width of the frame of every picture that its surroundings in a larger picture would change. The
            moments leave it out.
        dtype: The dtype of the stored features.
        device: The device of the stored features.
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
        """Return an empty plane ``scale`` times the size of this one."""
        height, width, halo = (round(scale * length) for length in (self.height, self.width, self.halo))
        shape = (self.pictures, channels or self.channels, height, width)
        return Plane(shape, border=border, halo=halo, dtype=dtype, device=self.data.device)

    def strips(self, rows: int, *, border: bool = False) -> Iterator[Strip]:
        """Yield all pictures in strips of ``rows`` rows, with or without the rows of the border."""
        height = self.height + 2 * self.border * border
        for picture in range(self.pictures):
            for start in range(0, height, rows):
                yield Strip(slice(picture, picture + 1), start, min(start + rows, height))

    def put(self, strip: Strip, outputs: Tensor) -> None:
        """Store the outputs (1, C, h, W) of a strip."""
        b = self.border
        self.data[strip.picture, :, strip.start + b : strip.stop + b, b : b + self.width] = outputs

    def core(self, strip: Strip, outputs: Tensor) -> Tensor:
        """Cut the halo off the outputs (1, C, h, w) of a strip; w may be larger than the width of the plane."""
        if not self.halo:
            return outputs
        first, last = (
            min(max(row, self.halo), self.height - self.halo) - strip.start for row in (strip.start, strip.stop)
        )
        return outputs[:, :, first:last, self.halo : outputs.shape[3] - self.halo]

    def close(self, mode: Border) -> None:
        """Fill the border, either by reflection without the edge or by repeating the edge."""
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
        """Return normalized padded rows (1, C, h, W + 2 border) in ``dtype``."""
        rows = self.data[strip.picture, :, strip.rows]
        rows = rows.to(dtype) / 255 if rows.dtype == torch.uint8 else rows.to(dtype)
        return rows if self.norm is None else self.norm.apply(rows, strip)

    def release(self, strip: Strip) -> None:
        """Free the memory of padded rows that will not be read any more."""
        if self.data.nbytes >= LARGE:
            release(self.data[strip.picture, :, strip.rows])
