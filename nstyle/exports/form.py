"""The network as a module that ``torch.export`` takes: plain norms, and padding whose sizes are computed inside."""

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstyle.models.norm import fold
from nstyle.models.transformer import MARGIN, MIN_SIDE, STRIDE, ConvNorm, ResidualBlock, TransformerNetwork


class ExportForm(nn.Module):
    """Paint pictures of any size with a mirrored margin, as an ONNX export does.

    The network itself cannot be exported: its norm is an operator of our own on the CPU, and its sides are padded in
    Python, which a trace would freeze.

    Args:
        network: The network, in evaluation mode. Its weights are shared.
    """

    def __init__(self, network: TransformerNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, mix: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) float32 in [0, 1] and weights (B, S) to stylized RGB of the same shape."""
        network = self.network
        height, width = image.shape[2:]
        x = image[:, :, _places(height)][:, :, :, _places(width)]
        for layer in _layers(network.downsampling):
            x = F.relu(_convolve(x, layer, mix))
        for block in cast(Sequence[ResidualBlock], network.residual):
            x = x + _convolve(F.relu(_convolve(x, block.first, mix)), block.second, mix)
        for layer in _layers(network.upsampling):
            x = F.relu(_convolve(x, layer, mix, scale=2))
        x = torch.sigmoid(_convolve(x, network.output, mix))
        top, left = _margin(height), _margin(width)
        return x[:, :, top : top + height, left : left + width]


def _convolve(x: Tensor, layer: ConvNorm, mix: Tensor, scale: int = 1) -> Tensor:
    """Enlarge by repetition, pad by reflection, convolve and normalize."""
    rows, columns = (_reflected(scale * side, layer.padding) // scale for side in x.shape[2:])
    x = F.conv2d(x[:, :, rows][:, :, :, columns], layer.conv.weight, stride=layer.conv.stride[0])
    gamma, beta = mix @ layer.norm.gamma_SC, mix @ layer.norm.beta_SC
    var, mean = torch.var_mean(x, dim=(2, 3), correction=0)
    scale_BC, shift_BC = fold(gamma, beta, mean, torch.rsqrt(var + layer.norm.eps))
    return x * scale_BC[:, :, None, None] + shift_BC[:, :, None, None]


def _margin(length: int) -> Any:
    return torch.sym_min(MARGIN, length - 1)


def _places(length: int) -> Tensor:
    """Return the pixels that a side with its margin and its extension repeats; see :mod:`nstyle.exports.mirror`."""
    margin = _margin(length)
    framed = length + 2 * margin
    extended = torch.sym_max(framed, MIN_SIDE)
    place = torch.arange((extended + STRIDE - 1) // STRIDE * STRIDE)
    place = (extended - 1 - (extended - 1 - place).abs()).clamp(max=framed - 1)
    return _turned(place - margin, length)


def _reflected(length: int, padding: int) -> Tensor:
    """Return the pixels of a side that is padded by reflection."""
    place = torch.arange(length + 2 * padding) - padding
    return _turned(place, length)


def _turned(place: Tensor, length: int) -> Tensor:
    """Turn places beyond either end of a side back."""
    return length - 1 - (length - 1 - place.abs()).abs()


def _layers(modules: Any) -> Sequence[ConvNorm]:
    return cast(Sequence[ConvNorm], modules)
