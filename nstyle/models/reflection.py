"""Reflection padding that a compiler can fuse with the operation before it and differentiates correctly.

torch's own operator loses channels_last on a GPU, where it needs a separate kernel. When compiled, its strides are
wrong in torch 2.11.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def reflect(x: Tensor, padding: int) -> Tensor:
    """Extend a picture on all four sides by its reflection, without repeating the edge itself.

    Args:
        x: (B, C, H, W), where H and W are larger than ``padding``.
        padding: The width p in pixels.

    Returns:
        (B, C, H + 2 p, W + 2 p), channels_last if compiled, else in the memory format that torch's operator returns.
    """
    if not torch.compiler.is_compiling():
        return F.pad(x, (padding,) * 4, mode="reflect")
    reflected: Tensor = Reflection.apply(x, padding)
    return reflected


class Reflection(torch.autograd.Function):
    """Reflection as a read of computed indices; its gradient sums shifted reads, without scatter or atomics."""

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
    """Add the gradients of both margins along a dimension to those of the pixels that they repeat."""
    length = grad.shape[dim] - 2 * padding
    near, far = (
        1,
        length - 1 - padding,
    )  # The numbers of pixels before and after those that the first margin repeats; the last margin mirrors it.
    first, last = (grad.narrow(dim, start, padding).flip(dim) for start in (0, padding + length))
    return (
        grad.narrow(dim, padding, length) + _between_zeros(first, near, far, dim) + _between_zeros(last, far, near, dim)
    )


def _between_zeros(x: Tensor, before: int, after: int, dim: int) -> Tensor:
    return F.pad(x, (before, after) if dim == 3 else (0, 0, before, after))
