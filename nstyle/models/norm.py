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
    (Dumoulin et al. 2017, eq. 5). A one-hot mix selects a style, a convex mix blends styles, a mix map paints regions.

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
            x: Features (B, C, H, W).
            mix: The weights of the styles, (B, S), or a mix map (B, S, H', W') that is averaged down to (H, W).

        Returns:
            Features (B, C, H, W) in the dtype of ``x``.
        """
        gamma, beta = self.affine(mix, x.shape[-2], x.shape[-1])
        if kernels.takes_cpu_kernels(x) and mix.dim() == 2:
            return normalize_samples(x, gamma.flatten(1), beta.flatten(1), self.eps)
        var, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0, keepdim=True)
        scale = gamma * torch.rsqrt(var + self.eps)
        return (x * scale + (beta - mean * scale)).to(x.dtype)

    def affine(self, mix: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Mix gamma and beta: (B, C, 1, 1) each for a (B, S) mix, (B, C, height, width) for a mix map."""
        with torch.autocast(mix.device.type, enabled=False):
            if mix.dim() == 2:
                return (mix @ self.gamma_SC)[:, :, None, None], (mix @ self.beta_SC)[:, :, None, None]
            mix = F.adaptive_avg_pool2d(mix, (height, width))
            return (
                torch.einsum("bshw,sc->bchw", mix, self.gamma_SC),
                torch.einsum("bshw,sc->bchw", mix, self.beta_SC),
            )

    def extra_repr(self) -> str:
        num_styles, channels = self.gamma_SC.shape
        return f"{num_styles}, {channels}"
