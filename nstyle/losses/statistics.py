"""Style losses other than the Gram matrix: moments, mean and standard deviation, and maximum mean discrepancy.

Shape suffixes: B batch, C channels, H height, W width, P positions (H W), N moments.
"""

from typing import Any

import torch
from torch import Tensor

from nstyle.losses.functional import at_least_float32

STD_EPS = 1e-8
"""The value added to a variance, in squared units of the features, as its root has no derivative at zero."""
DEAD_CHANNEL = 1e-4
"""The smallest bandwidth of a channel as a fraction of the average one, which avoids division by zero for channels that
are zero in the target."""


def moments(features: Tensor, order: int) -> Tensor:
    """Compute the mean and the central moments of every channel over positions.

    Args:
        features: (B, C, H, W).
        order: The number of moments, 1 to 4: mean, variance, third and fourth central moment.

    Returns:
        (B, N, C), float32 or wider.
    """
    stacked: Tensor = _Moments.apply(features, order)
    return stacked


class _Moments(torch.autograd.Function):
    """Mean and central moments; the gradient is one polynomial in the deviations, by Horner's rule."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, order: int) -> Tensor:
        flat = at_least_float32(features).flatten(2)
        mean = flat.mean(dim=2, keepdim=True)
        values = [mean[..., 0]]
        power = deviation = flat - mean
        for _ in range(2, order + 1):
            power = power * deviation
            values.append(power.mean(dim=2))
        result = torch.stack(values, dim=1)
        ctx.save_for_backward(features, result)
        return result

    @staticmethod
    def backward(ctx: Any, grad_BNC: Tensor) -> tuple[Tensor, None]:
        """d M_k / d F = k ((F - M_1)^(k-1) - M_(k-1)) / P for k >= 2, where M_(k-1) is replaced by 0 for k = 2."""
        features, moments_BNC = ctx.saved_tensors
        flat = at_least_float32(features).flatten(2)
        deviation = flat - moments_BNC[:, 0, :, None]
        order, positions = moments_BNC.shape[1], flat.shape[2]
        slopes = [(k * grad_BNC[:, k - 1] / positions)[..., None] for k in range(1, order + 1)]
        constant = slopes[0]
        for k in range(3, order + 1):
            constant = constant - slopes[k - 1] * moments_BNC[:, k - 2, :, None]
        polynomial = torch.zeros_like(slopes[0])
        for slope in reversed(slopes[1:]):
            polynomial = torch.addcmul(slope, polynomial, deviation)
        result = torch.addcmul(constant, polynomial, deviation) if order > 1 else constant.expand_as(flat)
        return result.view(features.shape).to(features.dtype), None


def moment_error(moments_BNC: Tensor, target_BNC: Tensor) -> Tensor:
    """Compare moments, two (B, N, C), with the loss (B,) of the style-inversion chapter, eq. 1.4.

    The loss is ``1/C sum_i psi_i sum_j (M_ij - target_ij)^2`` with ``psi_i = min(1, 1 / |M_1|)`` (eq. 1.5), where M_1
    is the target's i-th moment averaged over channels.

    Departure from the style-inversion chapter: psi_i has the absolute value, without which a target with negative third
    moments would get a negative weight.
    """
    psi_BN1 = 1 / target_BNC.mean(dim=2, keepdim=True).abs().clamp(min=1)
    return (psi_BN1 * (moments_BNC - target_BNC).square()).sum(dim=1).mean(dim=1)


def mean_std(features: Tensor) -> Tensor:
    """Compute mean and standard deviation (biased) of every channel: (B, C, H, W) to (B, 2, C)."""
    mean, variance = moments(features, 2).unbind(dim=1)
    return torch.stack([mean, (variance + STD_EPS).sqrt()], dim=1)


def mean_std_error(statistics: Tensor, target: Tensor) -> Tensor:
    """Add the mean squared differences of means and deviations (Li et al. 2017, eq. 14): (B, 2, C) twice to (B,)."""
    return (statistics - target).square().sum(dim=1).mean(dim=1)


def mmd_bandwidth(target: Tensor) -> Tensor:
    """Compute the Gaussian bandwidth of every channel: the mean squared distance of two positions of the target.

    For two positions drawn independently, it is twice the variance of the channel.

    Args:
        target: The features (B, C, P) of the target.

    Returns:
        The bandwidth for :func:`mmd`, (B, C, 1), positive.
    """
    bandwidth = 2 * target.var(dim=2, correction=0, keepdim=True)
    floor = DEAD_CHANNEL * bandwidth.mean(dim=1, keepdim=True)
    return bandwidth.maximum(floor).clamp(min=torch.finfo(bandwidth.dtype).tiny)


def mmd(features: Tensor, target: Tensor, bandwidth: Tensor) -> Tensor:
    """Estimate MMD^2 in linear time from the pairs of positions (2j - 1, 2j), channel by channel (Gretton et al. 2012,
    lemma 14).

    ``h = k(s, s') + k(n, n') - k(s, n') - k(s', n)`` with ``k(x, y) = exp(-(x - y)^2 / bandwidth)``, where (s, s') are
    the two values of a pair in the target and (n, n') in the features. An unpaired last position is left out.

    Args:
        features: (B, C, P).
        target: (B, C, P).
        bandwidth: (B, C, 1), from :func:`mmd_bandwidth`.

    Returns:
        The values h of every channel and pair, (B, C, P // 2), to be summed (the style-inversion chapter, eq. 1.6) or
        averaged. They may be negative, and 0 is not the minimum.
    """
    pairs = features.shape[2] // 2
    (n1, n2), (s1, s2) = ((x[..., : 2 * pairs : 2], x[..., 1 : 2 * pairs : 2]) for x in (features, target))

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return torch.exp(-(x - y).square() / bandwidth)

    return kernel(s1, s2) + kernel(n1, n2) - kernel(s1, n2) - kernel(s2, n1)
