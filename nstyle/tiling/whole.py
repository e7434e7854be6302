"""Run the network in one piece with few passes over memory and few launches, which dominate the cost of painting on a
GPU: arithmetic is a third of it.

Every convolution's output is normalized and written through the ReLU into the padded input of the next one. There is no
separate padding and no copy to another layout, and only the moments are in float32.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.models.convolution import convolve_tiles, has_too_few_channels, tile_kernel
from nstyle.models.norm import fold, scale_and_shift, single_styles
from nstyle.models.transformer import ConvNorm, ResidualBlock, TransformerNetwork
from nstyle.tiling.memory import MomentMemory
from nstyle.tiling.moments import measure_moments


class WholePainter:
    """A network that is ready to paint pictures in one piece.

    Args:
        network: The network in evaluation mode, channels_last.
        dtype: The dtype of the convolutions and of the features between them. float16 has 11 bits, like the stored
            features of the CPU's strips.
    """

    @torch.inference_mode()
    def __init__(self, network: TransformerNetwork, dtype: torch.dtype) -> None:
        self.network, self.dtype = network, dtype
        self._layers = [module for module in network.modules() if isinstance(module, ConvNorm)]
        self._kernels = {layer: layer.conv.weight.to(dtype) for layer in self._layers}
        self._tile_kernels = {
            layer: tile_kernel(kernel) for layer, kernel in self._kernels.items() if has_too_few_channels(kernel)
        }
        # Gamma and beta of all layers are side by side, so that mixing them takes one product.
        self._affine_SN = torch.cat(
            [affine for layer in self._layers for affine in (layer.norm.gamma_SC, layer.norm.beta_SC)], dim=1
        )

    @torch.inference_mode()
    def paint(self, picture: Tensor, mix: Tensor, memory: MomentMemory | None = None) -> Tensor:
        """Paint a picture.

        Args:
            picture: RGB (1, 3, H, W), uint8 or float in [0, 1]; H and W are multiples of 4 and at least 16.
            mix: Weights (1, S), or a mix map (1, S, H, W), for which every style alone is painted first.
            memory: The memory of the frames before, with which the moments are blended.

        Returns:
            RGB (1, 3, H, W) float32 in [0, 1].
        """
        if mix.dim() == 2:
            return self._paint(picture, _MixNorms(self._layers, self._affine_SN, mix, memory))
        alone = [
            _MixNorms(self._layers, self._affine_SN, style, memory and memory.part(index))
            for index, style in enumerate(torch.split(single_styles(mix), 1))
        ]
        for norms in alone:
            self._paint(picture, norms)
        return self._paint(picture, _MapNorms(mix, alone))

    def _paint(self, picture: Tensor, norms: "_MixNorms | _MapNorms") -> Tensor:
        network = self.network
        downsampling, upsampling = (
            cast(Sequence[ConvNorm], network.downsampling),
            cast(Sequence[ConvNorm], network.upsampling),
        )
        colors = picture.to(self.dtype) if picture.is_floating_point() else picture.to(self.dtype).div_(255)
        x = _padded(colors, downsampling[0].padding)
        for layer in downsampling:
            # Every layer after the first has a 3x3 kernel.
            x = _through_relu(norms.apply(self._convolve(x, layer), layer), padding=1)
        for block in cast(Sequence[ResidualBlock], network.residual):
            inner = _through_relu(norms.apply(self._convolve(x, block.first), block.first), padding=1)
            residual = norms.apply(self._convolve(inner, block.second), block.second)
            x = _mirrored(x[..., 1:-1, 1:-1].add_(residual), x, padding=1)
        x = x[..., 1:-1, 1:-1]
        for layer in upsampling:
            x = norms.apply(self._convolve(_upsampled(x), layer), layer).clamp_(min=0)
        raw = self._convolve(_padded(x, network.output.padding), network.output)
        return norms.apply(raw.float(), network.output).sigmoid_()

    def _convolve(self, padded: Tensor, layer: ConvNorm) -> Tensor:
        if layer in self._tile_kernels:
            return convolve_tiles(padded, self._tile_kernels[layer])
        return F.conv2d(padded, self._kernels[layer], stride=layer.conv.stride)


def whole_painter(network: TransformerNetwork, device: torch.device, dtype: torch.dtype) -> WholePainter | None:
    """Return the painter for one piece on a device, or None to run the network as it is, which suffices except on
    CUDA."""
    return WholePainter(network, dtype) if device.type == "cuda" else None


class _MixNorms:
    """The norms of all layers under one mix, which keep the moments that they measure.

    Args:
        layers: The layers, in the order of the columns.
        affine_SN: Gamma and beta of the first layer, then those of the second, and so on.
        mix_1S: The weights.
        memory: The memory of the frames before.
    """

    def __init__(
        self, layers: Sequence[ConvNorm], affine_SN: Tensor, mix_1S: Tensor, memory: MomentMemory | None
    ) -> None:
        sizes = [layer.conv.out_channels for layer in layers for _ in ("gamma", "beta")]
        parts = iter(torch.split((mix_1S @ affine_SN)[0], sizes))
        self._affine = {layer: (next(parts), next(parts)) for layer in layers}
        self._moments: dict[ConvNorm, tuple[Tensor, Tensor]] = {}
        self._memory = memory

    def apply(self, x: Tensor, layer: ConvNorm) -> Tensor:
        """Normalize features ``x`` (1, C, H, W), which may be overwritten. The moments are float32."""
        (gamma, beta), eps = self._affine[layer], layer.norm.eps
        if self._memory is not None:
            mean, var = self._memory.blend(*measure_moments(x))
            self._moments[layer] = mean, torch.rsqrt(var + eps)
            return F.batch_norm(x, mean, var, gamma, beta, False, 0.0, eps)
        if x.is_cuda and x.dtype == torch.float16 and torch.backends.cudnn.is_available():  # type: ignore[no-untyped-call]
            # Batch norm of a single sample is instance norm. It takes half the time of torch's own kernels, and its
            # sums are float32.
            normalized, mean, rstd, _ = torch.ops.aten.cudnn_batch_norm(x, gamma, beta, None, None, True, 0.0, eps)
            self._moments[layer] = mean, rstd
            return cast(Tensor, normalized)
        var, mean = torch.var_mean(x.float(), dim=(0, 2, 3), correction=0)
        rstd = torch.rsqrt(var + eps)
        self._moments[layer] = mean, rstd
        mean, scale, beta = (row[:, None, None] for row in (mean, gamma * rstd, beta))
        return x.copy_((x.float() - mean) * scale + beta)

    def folded(self, layer: ConvNorm) -> tuple[Tensor, Tensor]:
        """Return the factor and the summand (C,) of a layer that was painted; see :func:`nstyle.models.norm.fold`."""
        return fold(*self._affine[layer], *self._moments[layer])


class _MapNorms:
    """The norms of all layers under a mix map (1, S, H, W), with the moments that every style alone has."""

    def __init__(self, mix: Tensor, alone: Sequence[_MixNorms]) -> None:
        self._mix, self._alone = mix, alone

    def apply(self, x: Tensor, layer: ConvNorm) -> Tensor:
        """Normalize features ``x`` (1, C, H, W)."""
        scales, shifts = zip(*(norms.folded(layer) for norms in self._alone), strict=True)
        mix = F.adaptive_avg_pool2d(self._mix, (x.shape[2], x.shape[3]))
        return scale_and_shift(x, mix, torch.stack(scales), torch.stack(shifts))


def _frame(x: Tensor, padding: int, scale: int = 1) -> tuple[Tensor, Tensor]:
    """Allocate (1, C, scale H, scale W) with a frame around it, channels_last, and return the inner part and the whole
    tensor."""
    height, width = (scale * side for side in x.shape[2:])
    size = (1, x.shape[1], height + 2 * padding, width + 2 * padding)
    out = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    return out[..., padding : padding + height, padding : padding + width], out


def _padded(x: Tensor, padding: int) -> Tensor:
    """Copy ``x`` (1, C, H, W) into a tensor with a reflected frame."""
    inner, out = _frame(x, padding)
    inner.copy_(x)
    return _mirrored(inner, out, padding)


def _through_relu(x: Tensor, padding: int) -> Tensor:
    """Apply the ReLU to ``x`` (1, C, H, W) and write it into a tensor with a reflected frame."""
    inner, out = _frame(x, padding)
    torch.clamp(x, min=0, out=inner)
    return _mirrored(inner, out, padding)


def _upsampled(x: Tensor) -> Tensor:
    """Upsample ``x`` (1, C, H, W) by 2 (nearest) into a tensor with a reflected frame of one pixel."""
    inner, out = _frame(x, padding=1, scale=2)
    for row in (0, 1):
        for column in (0, 1):
            inner[..., row::2, column::2] = x
    return _mirrored(inner, out, padding=1)


def _mirrored(inner: Tensor, out: Tensor, padding: int) -> Tensor:
    """Fill the frame of ``out`` with the reflection of its inner part without repeating the edge, first rows, then
    whole columns."""
    for dim, part in ((2, out[..., padding : padding + inner.shape[3]]), (3, out)):
        length = inner.shape[dim]
        for to, source in ((0, padding + 1), (padding + length, length - 1)):
            reflected = part.narrow(dim, source, padding)
            part.narrow(dim, to, padding).copy_(reflected.flip(dim) if padding > 1 else reflected)
    return out
