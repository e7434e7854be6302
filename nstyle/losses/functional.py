"""Losses and statistics as pure functions of features. They are computed in float32 or wider, also under autocast.

Shape suffixes: B batch, C channels, H height, W width.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.losses.presets import GramDivisor
from nstyle.models import kernels

ENERGY_EPS = 1e-8
"""The value added to a target's energy in the relative losses, in squared units of the features."""
MOST_PARTS, PART = 64, 1024
"""The largest number of products that a Gram matrix is the sum of, and the smallest number of positions of each. A
single product would leave most of a GPU idle."""


def at_least_float32(x: Tensor) -> Tensor:
    """Convert half-precision tensors to float32, and return float32 and float64 unchanged."""
    return x if x.dtype == torch.float64 else x.float()


def gram(features: Tensor, divisor: GramDivisor) -> Tensor:
    """Compute ``G = F F^T / divisor`` over positions (Gatys et al. 2015, eq. 3).

    The product and the division are in float32 or wider, so that neither overflows.

    Args:
        features: (B, C, H, W).
        divisor: ``"chw"`` (Johnson et al. 2016, eq. 3) or ``"hw"`` (Magenta). Loss weights only fit one of them.

    Returns:
        (B, C, C), symmetric, float32 or wider.
    """
    _, channels, height, width = features.shape
    count = height * width * (channels if divisor == "chw" else 1)
    product: Tensor = _GramProduct.apply(features, 1 / count)
    return product


class _GramProduct(torch.autograd.Function):
    """``s F F^T`` in float32 or wider, with the gradient ``s (dG + dG^T) F`` as one product in the dtype of F.

    Autograd would compute two products, both in float32 even if F and its gradient are bfloat16.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(features)
        ctx.scale = scale
        with torch.autocast(features.device.type, enabled=False):
            return (
                _outer_product(features) * scale
            )  # torch 2.11 would compile an in-place product into a forward without a gradient.

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (features,) = ctx.saved_tensors
        symmetric = ((grad + grad.mT) * ctx.scale).to(features.dtype)
        with torch.autocast(features.device.type, enabled=False):
            if _is_fast_as_convolution(features):
                weights = symmetric[..., None, None]
                if len(features) == 1:
                    return F.conv2d(features, weights[0]), None
                return torch.cat(
                    [F.conv2d(x, weight) for x, weight in zip(torch.split(features, 1), weights, strict=True)]
                ), None
            # With positions before channels, the product is in channels_last order, as the convolutions expect.
            flat = features.flatten(2).mT @ symmetric
        return flat.mT.unflatten(2, features.shape[2:]), None


def _outer_product(features: Tensor) -> Tensor:
    """Multiply ``F F^T`` over positions: (B, C, H, W) to (B, C, C), float32 or wider.

    It is the gradient of a 1x1 convolution of F with respect to its weight, if the gradient of the output is F as well.
    On a CPU the convolution library takes half the time of a matrix product for this.
    """
    if not _is_fast_as_convolution(features):
        return _sum_of_products(features.flatten(2).mT)
    channels = features.shape[1]
    weight = features.new_empty(channels, channels, 1, 1, dtype=torch.float32)
    stride, padding, dilation, groups = [1, 1], [0, 0], [1, 1], 1
    samples = [
        torch.ops.aten.convolution_backward(
            x, x, weight, None, stride, padding, dilation, False, padding, groups, [False, True, False]
        )[1].flatten(1)
        for x in map(at_least_float32, torch.split(features, 1))
    ]  # fmt: skip
    return torch.stack(samples)


def _sum_of_products(flat_BPC: Tensor) -> Tensor:
    """Multiply over positions in parts, which are added: (B, P, C) to (B, C, C).

    Sums are in float32 or wider, for which a GPU needs no copies.
    """
    batch, positions, _ = flat_BPC.shape
    parts = math.gcd(positions, MOST_PARTS)
    while parts > 1 and positions // parts < PART:
        parts //= 2
    flat = flat_BPC.reshape(batch * parts, positions // parts, -1)
    if flat.is_cuda and flat.dtype in (torch.bfloat16, torch.float16):
        product = torch.bmm(flat.mT, flat, out_dtype=torch.float32)
    else:
        flat = at_least_float32(flat)
        product = flat.mT @ flat
    return product.view(batch, parts, *product.shape[1:]).sum(dim=1)


def _is_fast_as_convolution(features: Tensor) -> bool:
    return kernels.takes_cpu_kernels(features) and features.dtype != torch.float64


def mean_square(x: Tensor) -> Tensor:
    """Average the squares over all dimensions except the batch: (B, ...) to (B,), float32 or wider."""
    result: Tensor = _MeanSquare.apply(x)
    return result


class _MeanSquare(torch.autograd.Function):
    """``|x|^2 / n`` in one pass over x, and its gradient ``2 x / n`` in another, without a float32 copy of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
        norm_B: Tensor = torch.linalg.vector_norm(x, dim=tuple(range(1, x.dim())), dtype=dtype)
        return norm_B.square() / x[0].numel()

    @staticmethod
    def backward(ctx: Any, grad_B: Tensor) -> Tensor:
        x: Tensor = ctx.saved_tensors[0]
        slope_B = (2 / x[0].numel() * grad_B).to(x.dtype)
        return x * slope_B.view(-1, *[1] * (x.dim() - 1))


def mean_squared_error(x: Tensor, target: Tensor) -> Tensor:
    """Average the squared difference over all dimensions except the batch: (B, ...) and (B, ...) to (B,)."""
    return mean_square(x - target)


def relative_squared_error(x: Tensor, target: Tensor) -> Tensor:
    """Compute ``|x - target|^2 / (|target|^2 + eps)`` per sample with mean energies: (B, ...) to (B,).

    It is 0 for a perfect match and about 1 for features of all zeros, independent of the scale of the features.
    """
    energy = mean_square(target)
    return mean_squared_error(x, target) / (energy + ENERGY_EPS)


def total_variation(image: Tensor, power: float = 2.0) -> Tensor:
    """Average ``(dx^2 + dy^2)^(power / 2)`` over the picture, per sample: (B, C, H, W) to (B,).

    ``power=2`` is the squared-difference form of Johnson et al. 2016; ``power=2.5`` is the 1.25-power form of Kang
    2017.
    """
    dx = image[..., :-1, 1:] - image[..., :-1, :-1]
    dy = image[..., 1:, :-1] - image[..., :-1, :-1]
    energy = at_least_float32(dx).square() + at_least_float32(dy).square()
    return (energy if power == 2 else energy.pow(power / 2)).flatten(1).mean(dim=1)


def downsample(image: Tensor) -> Tensor:
    """Halve a picture with the binomial filter [1, 3, 3, 1] / 8, which suppresses aliasing, for one pyramid step.

    Args:
        image: (B, C, H, W), where H and W are at least 3. Borders are reflected.

    Returns:
        (B, C, ceil(H / 2), ceil(W / 2)).
    """
    height, width = image.shape[-2:]
    padded = F.pad(image, (1, 1 + width % 2, 1, 1 + height % 2), mode="reflect")
    return _halve(_halve(padded, dim=2), dim=3)


def _halve(x: Tensor, dim: int) -> Tensor:
    """Filter and keep every other value along a dimension.

    The taps are constants in the code, because a tensor would be copied to the device at every update.
    """
    count = x.shape[dim] // 2 - 1
    first, second, third, fourth = (
        x.narrow(dim, tap, 2 * count - 1)[(slice(None),) * dim + (slice(None, None, 2),)] for tap in range(4)
    )
    return (first + 3 * (second + third) + fourth) / 8
