"""Conditional instance normalization (Dumoulin et al. 2017, section 2.2).

Shape suffixes: B batch, S styles, C channels, H height, W width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstyle.models import kernels
from nstyle.models.instance_norm import normalize_samples


class ConditionalInstanceNorm2d(nn.Module):
    """Normalize every channel of every sample, then scale and shift it by a mix of styles.

    ``z = gamma_mix * (x - mean(x)) / sqrt(var(x) + eps) + beta_mix`` with ``gamma_mix = mix @ gamma``
    (Dumoulin et al. 2017, eq. 5). A one-hot mix selects a style, a convex mix blends styles, a mix map paints regions
    with ``z = sum_s map_s * (gamma_s * (x - mean_s) / sqrt(var_s + eps) + beta_s)``.

    The moments of a style in a map are those of the whole picture in this style alone, so that a region looks like
    this part of the whole picture in it: inside, beyond the reach of the convolutions, it is the same. Moments of the
    region itself would amplify what little there is in a plain sky, and those of the mixed picture belong to no style.

    Args:
        num_styles: The number of rows of gamma and beta.
        channels: The number of channels of the input.
        eps: The value added to the variance, in squared units of the input.
    """

    def __init__(self, num_styles: int, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.gamma_SC = nn.Parameter(torch.ones(num_styles, channels))
        self.beta_SC = nn.Parameter(torch.zeros(num_styles, channels))

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """Normalize ``x`` under ``mix``.

        Statistics are biased (divided by HW) and taken in float32 whatever the dtype of ``x``.

        Args:
            x: Features (B, C, H, W). Under a mix map ((S + 1) B, C, H, W): those of the batch in the first style alone,
                in the second one, and so on, and last those under the map.
            mix: The weights of the styles, (B, S), or a mix map (B, S, H', W') that is averaged down to (H, W).

        Returns:
            Features of the shape and dtype of ``x``.
        """
        if mix.dim() == 4:
            return self._paint_regions(x, mix)
        gamma_BC, beta_BC = self._affine(mix)
        if kernels.takes_cpu_kernels(x):
            return normalize_samples(x, gamma_BC, beta_BC, self.eps)
        scale_BC, shift_BC = self._fold(x, gamma_BC, beta_BC)
        return (x * scale_BC[:, :, None, None] + shift_BC[:, :, None, None]).to(x.dtype)

    def _paint_regions(self, x: Tensor, map_BSHW: Tensor) -> Tensor:
        batch, map_BSHW = len(map_BSHW), F.adaptive_avg_pool2d(map_BSHW, (x.shape[2], x.shape[3]))
        alone, mixed = x[:-batch], x[-batch:]
        styles = single_styles(map_BSHW).repeat_interleave(batch, dim=0)
        scale, shift = self._fold(alone, *self._affine(styles))
        samples = [
            scale_and_shift(mixed[b : b + 1], map_BSHW[b : b + 1], scale[b::batch], shift[b::batch])
            for b in range(batch)
        ]
        return torch.cat([self(alone, styles), *samples])

    def _affine(self, mix_BS: Tensor) -> tuple[Tensor, Tensor]:
        """Mix gamma and beta, (B, C) each."""
        with torch.autocast(mix_BS.device.type, enabled=False):
            return mix_BS @ self.gamma_SC, mix_BS @ self.beta_SC

    def _fold(self, x: Tensor, gamma_BC: Tensor, beta_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the norm multiplies ``x`` (B, C, H, W) by and then adds, (B, C) each."""
        var_BC, mean_BC = torch.var_mean(x.float(), dim=(2, 3), correction=0)
        return fold(gamma_BC, beta_BC, mean_BC, torch.rsqrt(var_BC + self.eps))

    def extra_repr(self) -> str:
        num_styles, channels = self.gamma_SC.shape
        return f"{num_styles}, {channels}"


def single_styles(mix: Tensor) -> Tensor:
    """Return the mixes whose moments a norm takes: a mix (B, S) itself, or for a mix map (B, S, H, W) every style
    alone, (S, S)."""
    return mix if mix.dim() == 2 else torch.eye(mix.shape[1], device=mix.device)


def fold(gamma: Tensor, beta: Tensor, mean: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor]:
    """Join the normalization with the affine map after it, all of one shape: return the factor and the summand of
    ``gamma * (x - mean) * rstd + beta``, where ``rstd`` is the reciprocal of the standard deviation."""
    scale = gamma * rstd
    return scale, beta - mean * scale


def scale_and_shift(x: Tensor, map_1SHW: Tensor, scale_SC: Tensor, shift_SC: Tensor) -> Tensor:
    """Return ``sum_s map_s * (scale_s * x + shift_s)`` for features ``x`` (1, C, H, W), in float32 and rounded to their
    dtype."""
    with torch.autocast(x.device.type, enabled=False):
        scale, shift = (torch.einsum("bshw,sc->bchw", map_1SHW, rows_SC) for rows_SC in (scale_SC, shift_SC))
        return (x * scale + shift).to(x.dtype)
