"""Compute the mean and variance of channels strip by strip (Chan, Golub and LeVeque 1983)."""

import torch
from torch import Tensor

from nstyle.tiling.memory import MomentMemory

STATS_EPS = 1e-5
"""What the kernel that a GPU measures half precision with adds to the variance, and we take away again."""


class Moments:
    """The mean and biased variance per channel of all features that were added.

    Args:
        channels: The number of channels C.
        device: The device of the sums.
    """

    def __init__(self, channels: int, device: torch.device) -> None:
        dtype = torch.float32 if device.type == "mps" else torch.float64
        self.count = 0
        self.mean = torch.zeros(channels, dtype=dtype, device=device)
        self.squares = torch.zeros(channels, dtype=dtype, device=device)
        """The sum of squared distances from the mean."""

    @property
    def variance(self) -> Tensor:
        """The biased variance (C,)."""
        return self.squares / max(1, self.count)

    def add(self, x: Tensor) -> None:
        """Add features (1, C, H, W), which may be empty."""
        if not x.numel():
            return
        mean, variance = measure_moments(x)
        self._combine(x.shape[2] * x.shape[3], mean.to(self.mean), variance.to(self.mean))

    def remove(self, x: Tensor) -> None:
        """Remove features (1, C, H, W) that were added before."""
        if not x.numel():
            return
        mean, variance = measure_moments(x)
        self._combine(-x.shape[2] * x.shape[3], mean.to(self.mean), variance.to(self.mean))

    def merge_halves(self) -> "Moments":
        """Return the moments of C / 2 channels, each of which joins a channel of the first half with its counterpart in
        the second half."""
        half = len(self.mean) // 2
        merged = Moments(half, self.mean.device)
        merged._combine(self.count, self.mean[:half], self.variance[:half])
        merged._combine(self.count, self.mean[half:], self.variance[half:])
        return merged

    def remembered(self, memory: MomentMemory) -> "Moments":
        """Return these moments blended with those of the same layer in the frames before."""
        blended = Moments(len(self.mean), self.mean.device)
        blended.count = self.count
        blended.mean, variance = memory.blend(self.mean, self.variance)
        blended.squares = variance * self.count
        return blended

    def _combine(self, count: int, mean: Tensor, variance: Tensor) -> None:
        """Add ``count`` values with the given moments, or remove them if ``count`` is negative."""
        total = self.count + count
        delta = mean - self.mean
        self.squares = self.squares + variance * count + delta.square() * (self.count * count / total)
        self.mean = self.mean + delta * (count / total)
        self.count = total


def measure_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and biased variance, (C,) each in float32, of features (1, C, H, W)."""
    if x.device.type == "cpu":
        # The kernel of batch norm makes one vectorized pass per moment. It returns the moments in its input's dtype.
        mean, variance = torch.batch_norm_update_stats(x.float(), None, None, 0.0)
        return mean, variance
    if x.is_cuda and x.dtype == torch.float16:
        # One pass without a copy in float32, in which its sums are.
        mean, rstd = torch.batch_norm_stats(x, STATS_EPS)
        return mean, (rstd.pow(-2) - STATS_EPS).clamp_(min=0)
    variance, mean = torch.var_mean(x.float(), dim=(0, 2, 3), correction=0)
    return mean, variance
