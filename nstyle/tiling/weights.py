"""Rearrange convolution kernels so that each layer runs few multiplications in large products."""

import torch
from torch import Tensor

from nstyle.models.convolution import fold_upsampling


def as_kernel(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a kernel (out, in, h, w) in ``dtype``, channels_last like its input."""
    return weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)


def upsampling_kernels(weight: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Fold nearest upsampling into a 3x3 kernel: 4 products per output instead of 9, and no upsampled copy.

    Output row 2y reads the input rows y - 1 and y, and row 2y + 1 reads y and y + 1. The same holds for columns.

    Args:
        weight: The kernel (out, in, 3, 3).
        dtype: The dtype of the returned kernels.

    Returns:
        Two kernels (2 out, in, 2, 2) for even and for odd output rows, each with even columns first, then odd ones.
    """
    rows = [torch.stack(pair, dim=2) for pair in fold_upsampling(weight.detach().unbind(dim=2))]
    even, odd = (torch.cat([torch.stack(pair, dim=3) for pair in fold_upsampling(row.unbind(dim=3))]) for row in rows)
    return as_kernel(even, dtype), as_kernel(odd, dtype)
