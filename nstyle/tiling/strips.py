"""Run the network layer by layer and strip by strip, with the result of one piece in less time and memory.

Every convolution runs over strips of rows that stay in cache. Its raw outputs are stored once, in half precision, while
their moments are computed, and the next layer normalizes the rows that it reads.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.models.convolution import convolve_pixel_blocks
from nstyle.models.norm import fold, single_styles
from nstyle.models.transformer import ConvNorm, ResidualBlock, TransformerNetwork
from nstyle.tiling.levels import to_levels
from nstyle.tiling.memory import MomentMemory
from nstyle.tiling.moments import Moments
from nstyle.tiling.plane import Border, MapNorm, MixNorm, Norm, Plane, Strip
from nstyle.tiling.weights import as_kernel, upsampling_kernels

STRIP = 32
"""The number of rows of a strip."""
DOWNSAMPLED_STORE = torch.float16
"""The dtype in which the features of the downsampling layers are stored, with 11 bits."""


@dataclass(eq=False)
class StripPainter:
    """A painter of one picture or of its parts.

    The moments of the layers are measured once, by :meth:`measure` or on the first picture that is painted, and used
    for all pictures that follow, which are parts of the same picture. Under a mix map they are those of the pictures in
    every style alone; see :class:`nstyle.models.norm.ConditionalInstanceNorm2d`.

    The three downsampling convolutions amplify differences in flat areas, so that they compute in float32 and store 11
    bits whatever ``compute`` is. With bfloat16 in all others, a picture is within 58 dB of that in float32; with
    bfloat16 in all of them, it is within 42 dB.

    Args:
        network: The network in evaluation mode, channels_last.
        compute: The dtype of the other convolutions, bfloat16 or float32.
        progress: Called after every strip with its number of multiplications; see :func:`multiplications`.
        memory: The memory of the frames before, with which measured moments are blended.
    """

    network: TransformerNetwork
    compute: torch.dtype
    progress: Callable[[int], None] = lambda multiplications: None
    memory: MomentMemory | None = None
    moments: dict[ConvNorm, list[Moments]] = field(default_factory=dict)
    """The moments of the raw outputs of every layer, as far as they are known: one under a mix, one for every style
    under a mix map."""

    @property
    def store(self) -> torch.dtype:
        """The dtype of the stored features between layers, 2 bytes each."""
        return torch.bfloat16 if self.compute == torch.bfloat16 else torch.float16

    @torch.inference_mode()
    def paint(self, pictures: Tensor, mix: Tensor) -> Tensor:
        """Paint pictures that share their moments, which are measured on them unless they are known.

        Args:
            pictures: RGB (T, 3, H, W), uint8 or float in [0, 1]; H and W are multiples of 4 and at least 16.
            mix: Weights (1, S), or mix maps (T, S, H, W).

        Returns:
            RGB (T, 3, H, W) in the dtype of ``pictures``; uint8 values are rounded.
        """
        if mix.dim() == 4 and not self.moments:
            self.measure(pictures, single_styles(mix))
        features, layer, dtype = self._features(pictures, mix), self.network.output, pictures.dtype
        raw = torch.empty(features.pictures, 3, features.height, features.width, device=pictures.device)
        moments = self._unknown(layer, 3, features)
        for strip, colors in self._raw_colors(features):
            raw[strip.picture, :, strip.rows] = colors
            if moments is not None:
                moments.add(colors)
        norm = self._norm(layer, moments, mix, relu=False, size=(features.height, features.width))
        painted = raw if dtype == raw.dtype else torch.empty_like(raw, dtype=dtype)
        for strip in features.strips(STRIP):
            colors = norm.apply(raw[strip.picture, :, strip.rows].contiguous(), strip).sigmoid_()
            painted[strip.picture, :, strip.rows] = colors if dtype.is_floating_point else to_levels(colors)
        return painted

    @torch.inference_mode()
    def measure(self, pictures: Tensor, mixes_MS: Tensor, *, halo: int = 0) -> None:
        """Measure the moments with which all pictures painted from then on are normalized, one mix after the other.

        Args:
            pictures: RGB (T, 3, H, W), uint8 or float in [0, 1]; H and W are multiples of 4 and at least 16.
            mixes_MS: The mixes to paint in: one (1, S), or every style alone (S, S) for a mix map.
            halo: The width in pixels of the frame of every picture that is not measured; a multiple of 4.
        """
        for index, mix_1S in enumerate(torch.split(mixes_MS, 1)):
            alone = StripPainter(self.network, self.compute, self.progress, self.memory and self.memory.part(index))
            features = alone._features(pictures, mix_1S, halo)
            colors_moments = Moments(3, pictures.device)
            for strip, colors in alone._raw_colors(features):
                colors_moments.add(features.core(strip, colors))
            alone._keep(self.network.output, colors_moments)
            for layer, moments in alone.moments.items():
                self.moments.setdefault(layer, []).extend(moments)

    def _features(self, pictures: Tensor, mix: Tensor, halo: int = 0) -> Plane:
        """Compute the input of the last convolution."""
        network, full = self.network, torch.float32
        first, second, third = cast(Sequence[ConvNorm], network.downsampling)
        upsampling = cast(Sequence[ConvNorm], network.upsampling)
        features = _source(pictures, first.padding, halo)
        for layer in (first, second, third):
            features = self._convolve(features, layer, mix, store=DOWNSAMPLED_STORE, compute=full)
        stream = features.like(border=features.border, dtype=full)
        for strip in stream.strips(STRIP, border=True):
            stream.data[strip.picture, :, strip.rows] = features.read(strip, full)
        for block in cast(Sequence[ResidualBlock], network.residual):
            features = self._convolve(stream, block.first, mix, keep=True)
            features = self._convolve(features, block.second, mix, relu=False)
            for strip in stream.strips(STRIP, border=True):
                stream.data[strip.picture, :, strip.rows] += features.read(strip, features.data.dtype)
        stream.close("replicate")
        features = self._upsample(stream, upsampling[0], mix, border=1, mode="replicate")
        del stream
        return self._upsample(features, upsampling[1], mix, border=network.output.padding, mode="reflect")

    def _convolve(
        self,
        source: Plane,
        layer: ConvNorm,
        mix: Tensor,
        *,
        relu: bool = True,
        keep: bool = False,
        store: torch.dtype | None = None,
        compute: torch.dtype | None = None,
    ) -> Plane:
        compute, kernel_rows, stride = compute or self.compute, layer.conv.kernel_size[0], layer.conv.stride[0]
        kernel = as_kernel(layer.conv.weight, compute)
        plane = source.like(channels=len(kernel), scale=1 / stride, border=1, dtype=store or self.store)
        moments = self._unknown(layer, len(kernel), plane)
        for strip in plane.strips(STRIP):
            below = strip.stop * stride
            read = source.read(Strip(strip.picture, strip.start * stride, below - stride + kernel_rows), compute)
            outputs = F.conv2d(read, kernel, stride=stride)
            plane.put(strip, outputs)
            if moments is not None:
                moments.add(plane.core(strip, outputs))
            if not keep:
                source.release(Strip(strip.picture, strip.start * stride, below))
            self.progress(layer.conv.weight.numel() * strip.height * plane.width)
        return self._finish(plane, layer, moments, mix, "reflect", relu=relu)

    def _upsample(self, source: Plane, layer: ConvNorm, mix: Tensor, *, border: int, mode: Border) -> Plane:
        """Upsample to twice the size and convolve. The border of ``source`` repeats its edge, which equals reflection
        after upsampling."""
        out, width = layer.conv.out_channels, source.width
        kernels = upsampling_kernels(layer.conv.weight, self.compute)
        plane = source.like(channels=out, scale=2, border=border, dtype=self.store)
        moments = self._unknown(layer, 2 * out, plane)
        for strip in source.strips(STRIP // 2):
            read = source.read(Strip(strip.picture, strip.start, strip.stop + 2), self.compute)
            inner = plane.data[
                strip.picture, :, border + 2 * strip.start : border + 2 * strip.stop, border : border + 2 * width
            ]
            for odd, kernel in enumerate(kernels):
                outputs = F.conv2d(read[:, :, odd : read.shape[2] - 1 + odd], kernel)  # (1, 2 out, rows, width + 1)
                inner[:, :, odd::2, 0::2] = outputs[:, :out, :, :width]
                inner[:, :, odd::2, 1::2] = outputs[:, out:, :, 1:]
                if moments is not None:
                    core = source.core(strip, outputs)
                    moments.add(core)  # Even columns do not use the last outputs, and odd ones not the first.
                    moments.remove(torch.cat([core[:, :out, :, -1:], core[:, out:, :, :1]], dim=1))
            source.release(strip)
            self.progress(layer.conv.weight.numel() * 4 * strip.height * width)
        return self._finish(plane, layer, moments and moments.merge_halves(), mix, mode, relu=True)

    def _raw_colors(self, source: Plane) -> Iterator[tuple[Strip, Tensor]]:
        """Yield the outputs (1, 3, rows, W) of the last convolution strip by strip, in float32, and release the rows
        read."""
        layer = self.network.output
        kernel_rows, weight = layer.conv.kernel_size[0], layer.conv.weight.detach().to(self.compute)
        for strip in source.strips(STRIP):
            read = source.read(Strip(strip.picture, strip.start, strip.stop + kernel_rows - 1), self.compute)
            yield strip, convolve_pixel_blocks(read, weight).float()
            source.release(strip)
            self.progress(layer.conv.weight.numel() * strip.height * source.width)

    def _unknown(self, layer: ConvNorm, channels: int, plane: Plane) -> Moments | None:
        """Return empty moments to collect those of a layer, or None if they are known."""
        return None if layer in self.moments else Moments(channels, plane.data.device)

    def _keep(self, layer: ConvNorm, moments: Moments) -> None:
        """Store the moments that were measured, blended with those of the frames before."""
        self.moments[layer] = [moments.remembered(self.memory) if self.memory else moments]

    def _finish(
        self, plane: Plane, layer: ConvNorm, moments: Moments | None, mix: Tensor, mode: Border, *, relu: bool
    ) -> Plane:
        plane.norm = self._norm(
            layer, moments, mix, relu=relu, size=(plane.height, plane.width), border=plane.border, mode=mode
        )
        plane.close(mode)
        return plane

    def _norm(
        self,
        layer: ConvNorm,
        moments: Moments | None,
        mix: Tensor,
        *,
        relu: bool,
        size: tuple[int, int],
        border: int = 0,
        mode: Border = "reflect",
    ) -> Norm:
        """Store the moments if they were measured, and return the norm of a layer: with gamma and beta mixed, or with
        the mix map resized to its plane."""
        if moments is not None:
            self._keep(layer, moments)
        known, norm = self.moments[layer], layer.norm
        mean, variance = (
            torch.stack(rows).float() for rows in zip(*((m.mean, m.variance) for m in known), strict=True)
        )
        if mix.dim() == 2:
            return MixNorm(mean[0], variance[0], norm.eps, relu, (mix @ norm.gamma_SC)[0], (mix @ norm.beta_SC)[0])
        scale_SC, shift_SC = fold(norm.gamma_SC, norm.beta_SC, mean, torch.rsqrt(variance + norm.eps))
        mix = F.pad(F.adaptive_avg_pool2d(mix, size), (border,) * 4, mode=mode)
        return MapNorm(scale_SC, shift_SC, relu, mix)


def multiplications(network: TransformerNetwork, pixels: int) -> int:
    """Count the multiplications that :class:`StripPainter` reports for pictures of ``pixels`` pixels."""
    total, scale = 0, 1.0
    for module in network.modules():
        if isinstance(module, ConvNorm):
            scale *= 4 if module.upsample else 1 / module.conv.stride[0] ** 2
            total += round(module.conv.weight.numel() * scale * pixels)
    return total


def _source(pictures: Tensor, border: int, halo: int) -> Plane:
    """Copy pictures into a plane for the first convolution."""
    count, channels, height, width = pictures.shape
    plane = Plane(
        (count, channels, height, width), border=border, halo=halo, dtype=pictures.dtype, device=pictures.device
    )
    plane.data[:, :, border : border + height, border : border + width] = pictures
    plane.close("reflect")
    return plane
