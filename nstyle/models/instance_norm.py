"""Instance norm on the CPU with the kernels of batch norm, as the instance norm of a sample is its batch norm alone.

The kernels take channels_last features in half precision with float32 statistics, and are ten times as fast as
reductions over H and W, both forward and backward. As custom operators they also run under torch.compile, which would
otherwise generate reductions.

Shape suffixes: B batch, C channels.
"""

from typing import Any

import torch
from torch import Tensor


def normalize_samples(x: Tensor, gamma_BC: Tensor, beta_BC: Tensor, eps: float) -> Tensor:
    """Normalize every channel of every sample on the CPU, then scale and shift it.

    (B, C, H, W) to the same shape, channels_last.
    """
    output: Tensor = _forward(x.contiguous(memory_format=torch.channels_last), gamma_BC, beta_BC, eps)[0]
    return output


@torch.library.custom_op("nstyle::normalize_samples", mutates_args=())
def _forward(x: Tensor, gamma_BC: Tensor, beta_BC: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    output, mean_BC, rstd_BC = torch.empty_like(x), torch.empty_like(gamma_BC), torch.empty_like(gamma_BC)
    for b, sample in enumerate(torch.split(x, 1)):
        out = output[b : b + 1], mean_BC[b], rstd_BC[b]
        torch.native_batch_norm(sample, gamma_BC[b], beta_BC[b], None, None, True, 0.0, eps, out=out)
    return output, mean_BC, rstd_BC


@torch.library.custom_op("nstyle::normalize_samples_backward", mutates_args=())
def _backward(
    grad: Tensor, x: Tensor, gamma_BC: Tensor, mean_BC: Tensor, rstd_BC: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    grad = grad.contiguous(memory_format=torch.channels_last)
    samples = zip(torch.split(grad, 1), torch.split(x, 1), gamma_BC, mean_BC, rstd_BC, strict=True)
    mask = [True, True, True]
    grads = [
        torch.ops.aten.native_batch_norm_backward(dy, sample, gamma, None, None, mean, rstd, True, eps, mask)
        for dy, sample, gamma, mean, rstd in samples
    ]
    dx, dgamma, dbeta = zip(*grads, strict=True)
    return torch.cat(dx), torch.stack(dgamma), torch.stack(dbeta)


@_forward.register_fake
def _(x: Tensor, gamma_BC: Tensor, beta_BC: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(gamma_BC), torch.empty_like(gamma_BC)


@_backward.register_fake
def _(
    grad: Tensor, x: Tensor, gamma_BC: Tensor, mean_BC: Tensor, rstd_BC: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(gamma_BC), torch.empty_like(gamma_BC)


def _save(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, gamma_BC, _, ctx.eps = inputs
    _, mean_BC, rstd_BC = output
    ctx.save_for_backward(x, gamma_BC, mean_BC, rstd_BC)


def _gradients(ctx: Any, grad: Tensor, *grads_of_statistics: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
    return *_backward(grad, *ctx.saved_tensors, ctx.eps), None


_forward.register_autograd(_gradients, setup_context=_save)
