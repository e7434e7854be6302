"""What one layer hands to the next: raw convolution outputs in half precision, and the norm that the reader applies.

A norm needs the moments of the whole plane, so that a layer's outputs are stored before they are normalized. The next layer
normalizes the rows that it reads, in cache, and nothing is ever normalized twice in memory.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Border = Literal["reflect", "replicate"]


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
    """Mix map (1, S, H, W) of the padded plane."""

    def apply(self, x: Tensor, rows: slice) -> Tensor:
        """Normalize padded rows (1, C, h, W)."""
        if self.mix is None:
            y = F.batch_norm(x, self.mean, self.variance, self.gamma, self.beta, False, 0.0, self.eps)
        else:
            mix = self.mix[:, :, rows]
            gamma, beta = (F.conv2d(mix, affine.t()[:, :, None, None]) for affine in (self.gamma, self.beta))
            y = F.batch_norm(x, self.mean, self.variance, None, None, False, 0.0, self.eps)
            y = (y * gamma + beta).to(y.dtype)
        return y.relu_() if self.relu else y


class Plane:
    """Features of one layer with a border that the next convolution reads.

    Args:
        channels: C.
        height: H of the plane without its border.
        width: W.
        border: Width of the border in pixels.
        dtype: Of what is stored.
        device: Where.
    """

    def __init__(self, channels: int, height: int, width: int, border: int, dtype: torch.dtype, device: torch.device) -> None:
        self.height, self.width, self.border = height, width, border
        shape = (1, channels, height + 2 * border, width + 2 * border)
        self.data = torch.empty(shape, dtype=dtype, device=device, memory_format=torch.channels_last)
        self.norm: Norm | None = None

    def put(self, top: int, rows: Tensor) -> None:
        """Store rows (1, C, h, W) from row ``top`` on."""
        b = self.border
        self.data[:, :, top + b : top + b + rows.shape[2], b : b + self.width] = rows

    def close(self, mode: Border) -> None:
        """Fill the border: by reflection without the edge, or by repeating the edge."""
        b, data = self.border, self.data
        for k in range(1, b + 1):
            inner = k if mode == "reflect" else 0
            data[..., b : b + self.height, b - k] = data[..., b : b + self.height, b + inner]
            data[..., b : b + self.height, b + self.width - 1 + k] = data[..., b : b + self.height, b + self.width - 1 - inner]
        for k in range(1, b + 1):
            inner = k if mode == "reflect" else 0
            data[:, :, b - k] = data[:, :, b + inner]
            data[:, :, b + self.height - 1 + k] = data[:, :, b + self.height - 1 - inner]

    def read(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Return padded rows ``start`` to ``stop - 1``, normalized, as ``dtype`` (1, C, stop - start, W + 2 border)."""
        rows = self.data[:, :, start:stop]
        rows = rows.to(dtype) / 255 if rows.dtype == torch.uint8 else rows.to(dtype)
        return rows if self.norm is None else self.norm.apply(rows, slice(start, stop))
