"""The network, layer by layer and strip by strip, with the moments of the whole picture: what it paints in one piece, in less memory.

Every convolution runs over strips of rows that stay in cache; its raw outputs are stored once, in half precision, while their
moments are gathered, and the next layer normalizes the rows that it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.models.norm import ConditionalInstanceNorm2d
from nstyle.models.transformer import ConvNorm, ResidualBlock, TransformerNetwork
from nstyle.tiling.moments import Moments
from nstyle.tiling.plane import Border, Norm, Plane
from nstyle.tiling.weights import as_kernel, row_kernel, upsampling_kernels

STRIP = 32
"""Rows of a strip."""
ENCODER_STORE = torch.float16
"""Of the encoder's features: 11 bits."""


@dataclass(frozen=True)
class StripPainter:
    """Paint one picture.

    The three convolutions of the encoder amplify differences in flat areas: they compute in float32 and store 11 bits whatever
    ``compute`` is. With bfloat16 in all others a picture is then within 58 dB of float32's, with bfloat16 in all within 42.

    Args:
        network: In evaluation mode, channels_last.
        mix: Weights (1, S), or a mix map (1, S, H, W) of the picture.
        compute: bfloat16 or float32, of the other convolutions.
    """

    network: TransformerNetwork
    mix: Tensor
    compute: torch.dtype

    @property
    def store(self) -> torch.dtype:
        """Of the features between layers, 2 bytes each."""
        return torch.bfloat16 if self.compute == torch.bfloat16 else torch.float16

    @torch.inference_mode()
    def paint(self, picture: Tensor) -> Tensor:
        """Paint a picture.

        Args:
            picture: RGB (1, 3, H, W), uint8 or float in [0, 1]; H and W multiples of 4 and at least 16.

        Returns:
            RGB (1, 3, H, W) float32 in [0, 1].
        """
        network, full, half = self.network, torch.float32, ENCODER_STORE
        first, second, third = cast(Sequence[ConvNorm], network.encoder)
        decoder = cast(Sequence[ConvNorm], network.decoder)
        features = self._convolve(_source(picture), first, store=half, compute=full)
        features = self._convolve(features, second, store=half, compute=full)
        features = self._convolve(features, third, store=half, compute=full)
        stream = Plane(features.data.shape[1], features.height, features.width, 1, full, picture.device)
        for rows in _strips(stream.height + 2):
            stream.data[:, :, rows] = features.read(rows.start, rows.stop, full)
        for block in cast(Sequence[ResidualBlock], network.residual):
            features = self._convolve(stream, block.first)
            features = self._convolve(features, block.second, relu=False)
            for rows in _strips(stream.height + 2):
                stream.data[:, :, rows] += features.read(rows.start, rows.stop, features.data.dtype)
        stream.close("replicate")
        features = self._upsample(stream, decoder[0], border=1, mode="replicate")
        del stream
        features = self._upsample(features, decoder[1], border=network.output.padding, mode="reflect")
        return self._output(features, network.output)

    def _convolve(
        self, source: Plane, layer: ConvNorm, *, relu: bool = True, store: torch.dtype | None = None, compute: torch.dtype | None = None
    ) -> Plane:
        compute, kernel_rows, stride = compute or self.compute, layer.conv.kernel_size[0], layer.conv.stride[0]
        kernel = as_kernel(layer.conv.weight, compute)
        height, width = source.height // stride, source.width // stride
        plane = Plane(len(kernel), height, width, 1, store or self.store, source.data.device)
        moments = Moments(len(kernel), plane.data.device)
        for rows in _strips(height):
            read = source.read(rows.start * stride, (rows.stop - 1) * stride + kernel_rows, compute)
            outputs = F.conv2d(read, kernel, stride=stride)
            plane.put(rows.start, outputs)
            moments.add(outputs)
        return self._finish(plane, layer, moments, "reflect", relu=relu)

    def _upsample(self, source: Plane, layer: ConvNorm, *, border: int, mode: Border) -> Plane:
        """Upsample to twice the size and convolve. The border of ``source`` repeats its edge, as upsampling and reflecting would."""
        compute, out = self.compute, layer.conv.out_channels
        kernels = upsampling_kernels(layer.conv.weight, compute)
        height, width = source.height, source.width
        plane = Plane(out, 2 * height, 2 * width, border, self.store, source.data.device)
        moments = Moments(2 * out, plane.data.device)
        inner = plane.data[:, :, border : border + 2 * height, border : border + 2 * width]
        for rows in _strips(height, STRIP // 2):
            read = source.read(rows.start, rows.stop + 2, compute)
            for odd, kernel in enumerate(kernels):
                outputs = F.conv2d(read[:, :, odd : read.shape[2] - 1 + odd], kernel)  # (1, 2 out, rows, width + 1)
                inner[:, :, 2 * rows.start + odd : 2 * rows.stop : 2, 0::2] = outputs[:, :out, :, :width]
                inner[:, :, 2 * rows.start + odd : 2 * rows.stop : 2, 1::2] = outputs[:, out:, :, 1:]
                moments.add(outputs)  # Even columns have no use for the last outputs, and odd ones none for the first.
                moments.remove(torch.cat([outputs[:, :out, :, width:], outputs[:, out:, :, :1]], dim=1))
        return self._finish(plane, layer, moments.merge_halves(), mode, relu=True)

    def _output(self, source: Plane, layer: ConvNorm) -> Tensor:
        """Convolve to RGB, normalize, and squash to [0, 1]."""
        kernel_rows = layer.conv.kernel_size[0]
        kernel = row_kernel(layer.conv.weight, self.compute)
        picture = torch.empty(1, 3, source.height, source.width, device=source.data.device)
        moments = Moments(3, picture.device)
        for rows in _strips(source.height):
            read = source.read(rows.start, rows.stop + kernel_rows - 1, self.compute)
            parts = F.conv2d(read, kernel)[0].float().contiguous()  # (kernel_rows * 3, rows + kernel_rows - 1, W)
            strip, count = picture[0, :, rows], rows.stop - rows.start
            torch.add(parts[:3, :count], parts[3:6, 1 : 1 + count], out=strip)
            for k in range(2, kernel_rows):
                strip += parts[3 * k : 3 * k + 3, k : k + count]
            moments.add(strip[None])
        norm = self._norm(layer.norm, moments, relu=False, size=(source.height, source.width))
        for rows in _strips(source.height):
            picture[:, :, rows] = norm.apply(picture[:, :, rows].contiguous(), rows).sigmoid_()
        return picture

    def _finish(self, plane: Plane, layer: ConvNorm, moments: Moments, mode: Border, *, relu: bool) -> Plane:
        plane.norm = self._norm(layer.norm, moments, relu=relu, size=(plane.height, plane.width), border=plane.border, mode=mode)
        plane.close(mode)
        return plane

    def _norm(
        self, norm: ConditionalInstanceNorm2d, moments: Moments, *, relu: bool, size: tuple[int, int], border: int = 0, mode: Border = "reflect"
    ) -> Norm:
        """Mix gamma and beta of a layer, or lay the mix map out for its plane."""
        mean, variance = moments.mean.float(), moments.variance.float()
        if self.mix.dim() == 2:
            return Norm(mean, variance, norm.eps, relu, (self.mix @ norm.gamma_SC)[0], (self.mix @ norm.beta_SC)[0])
        mix = F.pad(F.adaptive_avg_pool2d(self.mix, size), (border,) * 4, mode=mode)
        return Norm(mean, variance, norm.eps, relu, norm.gamma_SC, norm.beta_SC, mix)


def _source(picture: Tensor) -> Plane:
    """Put a picture into a plane for the first convolution."""
    plane = Plane(3, picture.shape[2], picture.shape[3], 4, picture.dtype, picture.device)
    plane.put(0, picture)
    plane.close("reflect")
    return plane


def _strips(height: int, rows: int = STRIP) -> list[slice]:
    return [slice(start, min(start + rows, height)) for start in range(0, height, rows)]
