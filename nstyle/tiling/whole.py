"""The network in one piece in few passes over memory, which is what painting costs a GPU: arithmetic is a quarter of it.

Every convolution's output is read for its moments, normalized, and written through the ReLU into the padded input of the next one:
no separate padding, no copy to another layout, nothing in float32 but the moments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from nstyle.models.convolution import convolve_padded
from nstyle.models.transformer import ConvNorm, ResidualBlock, TransformerNetwork


@dataclass(frozen=True)
class WholePainter:
    """Paint a picture in one piece.

    Args:
        network: In evaluation mode, channels_last.
        dtype: Of convolutions and of what lies between them: float16 has 11 bits, as the stored features of the CPU's strips have.
    """

    network: TransformerNetwork
    dtype: torch.dtype

    @torch.inference_mode()
    def paint(self, picture: Tensor, mix: Tensor) -> Tensor:
        """Paint RGB (1, 3, H, W), uint8 or float in [0, 1], H and W multiples of 4 and at least 16.

        Args:
            picture: The picture.
            mix: Weights (1, S), or a mix map (1, S, H, W).

        Returns:
            RGB (1, 3, H, W) float32 in [0, 1].
        """
        network = self.network
        encoder, decoder = cast(Sequence[ConvNorm], network.encoder), cast(Sequence[ConvNorm], network.decoder)
        colors = picture.to(self.dtype) if picture.is_floating_point() else picture.to(self.dtype).div_(255)
        x = _padded(colors, encoder[0].padding)
        for layer, following in zip(encoder, (encoder[1], encoder[2], None), strict=True):
            x = self._layer(x, layer, mix, padding=following.padding if following else 1)
        for block in cast(Sequence[ResidualBlock], network.residual):
            residual = self._normalized(self._layer(x, block.first, mix, padding=1), block.second, mix)
            x = _mirrored(x[..., 1:-1, 1:-1].add_(residual), x, padding=1)
        x = self._upsampled_layer(x[..., 1:-1, 1:-1], decoder[0], mix)
        x = self._upsampled_layer(x, decoder[1], mix)
        raw = self._convolved(_padded(x, network.output.padding), network.output)
        return torch.sigmoid(_normalize(raw.float(), network.output, mix))

    def _convolved(self, padded: Tensor, layer: ConvNorm) -> Tensor:
        return convolve_padded(padded, layer.conv.weight.to(self.dtype), layer.conv.stride[0])

    def _normalized(self, padded: Tensor, layer: ConvNorm, mix: Tensor) -> Tensor:
        return _normalize(self._convolved(padded, layer), layer, mix)

    def _layer(self, padded: Tensor, layer: ConvNorm, mix: Tensor, *, padding: int) -> Tensor:
        """Convolve a padded input, normalize, and write through the ReLU into the padded input of the next layer."""
        x = self._normalized(padded, layer, mix)
        out = _empty(x, x.shape[2] + 2 * padding, x.shape[3] + 2 * padding)
        inner = out[..., padding : padding + x.shape[2], padding : padding + x.shape[3]]
        torch.clamp(x, min=0, out=inner)
        return _mirrored(inner, out, padding)

    def _upsampled_layer(self, x: Tensor, layer: ConvNorm, mix: Tensor) -> Tensor:
        """Upsample x2 to the nearest into a padded input, convolve, normalize, and apply the ReLU."""
        out = _empty(x, 2 * x.shape[2] + 2, 2 * x.shape[3] + 2)
        inner = out[..., 1:-1, 1:-1]
        for row in (0, 1):
            for column in (0, 1):
                inner[..., row::2, column::2] = x
        return self._normalized(_mirrored(inner, out, padding=1), layer, mix).clamp_(min=0)


def _normalize(x: Tensor, layer: ConvNorm, mix: Tensor) -> Tensor:
    """Apply conditional instance norm to (1, C, H, W), which may be lost; moments are float32."""
    norm = layer.norm
    gamma, beta = norm.affine(mix, x.shape[2], x.shape[3])
    if x.is_cuda and x.dtype == torch.float16 and mix.dim() == 2 and torch.backends.cudnn.is_available():  # type: ignore[no-untyped-call]
        # The norm of the only sample is that of a batch: half the time of torch's own kernels, float32 sums.
        normalized: Tensor = torch.ops.aten.cudnn_batch_norm(x, gamma.flatten(), beta.flatten(), None, None, True, 0.0, norm.eps)[0]
        return normalized
    var, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0, keepdim=True)
    return x.copy_((x.float() - mean) * (gamma * torch.rsqrt(var + norm.eps)) + beta)


def _empty(like: Tensor, height: int, width: int) -> Tensor:
    return torch.empty(1, like.shape[1], height, width, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _padded(x: Tensor, padding: int) -> Tensor:
    """Copy (1, C, H, W) into a reflected frame."""
    out = _empty(x, x.shape[2] + 2 * padding, x.shape[3] + 2 * padding)
    inner = out[..., padding : padding + x.shape[2], padding : padding + x.shape[3]]
    inner.copy_(x)
    return _mirrored(inner, out, padding)


def _mirrored(inner: Tensor, out: Tensor, padding: int) -> Tensor:
    """Fill the frame of ``out`` with the reflection of its inner part, the edge itself not repeated: rows first, then whole columns."""
    p, height, width = padding, *inner.shape[2:]
    rows = out[..., p : p + width]
    rows[..., :p, :] = rows[..., p + 1 : 2 * p + 1, :].flip(2)
    rows[..., p + height :, :] = rows[..., height - 1 : height - 1 + p, :].flip(2)
    out[..., :p] = out[..., p + 1 : 2 * p + 1].flip(3)
    out[..., p + width :] = out[..., width - 1 : width - 1 + p].flip(3)
    return out
