"""Reflection padding, written so that a compiler fuses it with what comes before, and differentiates it right.

torch's own operator gives up channels_last on a GPU, and is a kernel of its own there; compiled, its strides were wrong
in torch 2.11.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def reflect(x: Tensor, padding: int) -> Tensor:
    """Extend a picture on all four sides by its reflection, the edge itself not repeated: (B, C, H, W) to (B, C, H + 2
    p, W + 2 p).

    Args:
        x: H and W larger than ``padding``.
        padding: Width p in pixels.

    Returns:
        channels_last where it was compiled, else whatever torch's operator makes of ``x``.
    """
    if not torch.compiler.is_compiling():
        return F.pad(x, (padding,) * 4, mode="reflect")
    reflected: Tensor = Reflection.apply(x, padding)
    return reflected


class Reflection(torch.autograd.Function):
    """Reflection as one read of computed indices, and its gradient as a sum of shifted reads: no scatter, no atomic
    addition."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, padding: int) -> Tensor:
        ctx.padding = padding
        rows, columns = (_reflected_indices(length, padding, x.device) for length in x.shape[2:])
        read: Tensor = torch.ops.aten._unsafe_index(x, [None, None, rows[:, None], columns])
        return read.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _fold(_fold(grad, ctx.padding, dim=2), ctx.padding, dim=3), None


def _reflected_indices(length: int, padding: int, device: torch.device) -> Tensor:
    last = length - 1
    return last - (last - torch.arange(-padding, length + padding, device=device).abs()).abs()


def _fold(grad: Tensor, padding: int, dim: int) -> Tensor:
    """Add the gradient of both margins along a dimension to that of the pixels that they repeat."""
    length = grad.shape[dim] - 2 * padding
    near, far = (
        1,
        length - 1 - padding,
    )  # Pixels before and after what the first margin repeats; the last one is its mirror image.
    first, last = (grad.narrow(dim, start, padding).flip(dim) for start in (0, padding + length))
    return (
        grad.narrow(dim, padding, length) + _between_zeros(first, near, far, dim) + _between_zeros(last, far, near, dim)
    )


def _between_zeros(x: Tensor, before: int, after: int, dim: int) -> Tensor:
    return F.pad(x, (before, after) if dim == 3 else (0, 0, before, after))
