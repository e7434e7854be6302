"""The network as an ONNX graph, arranged for the kernels of ONNX Runtime.

It computes what ``nstyle/models/transformer.py`` does on a picture with its mirrored margin; the tests compare the two.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from onnx import ModelProto
from torch import Tensor

from nstyle.exports.graph import Graph
from nstyle.exports.mirror import COLUMNS, ROWS, frame_of, mirrored, without_margin
from nstyle.models.convolution import corner_kernels, pixel_block_kernel
from nstyle.models.transformer import ConvNorm, ResidualBlock, TransformerNetwork

IMAGE, MIX, STRENGTH, STYLIZED = "image", "mix", "strength", "stylized"
"""The names of the inputs and of the output."""
BATCH, HEIGHT, WIDTH = "batch", "height", "width"
"""The names of the free sides."""


def painting_graph(
    network: TransformerNetwork,
    metadata: dict[str, str],
    *,
    mix_S: Tensor | None = None,
    half: bool = False,
    one_picture: bool = False,
) -> ModelProto:
    """Write a network as a graph from ``image`` (B, 3, H, W) in [0, 1] and ``mix`` (B, S) to ``stylized`` (B, 3, H, W).

    Args:
        network: The network.
        metadata: Texts by name that the file carries.
        mix_S: The mix to fix, whose gamma and beta go into the norms: the graph then has no input ``mix``.
        half: Whether kernels are stored, and features convolved, in float16. The norms stay in float32.
        one_picture: Whether B is always 1, which saves two passes over the features of every layer, and there is an
            input ``strength``, of at least 1, with 1 as its default; see :func:`nstyle.inference.strength.strengthen`.
    """
    graph = Graph()
    batch: int | str = 1 if one_picture else BATCH
    image = graph.input(IMAGE, [batch, 3, HEIGHT, WIDTH])
    norms: Norms
    if mix_S is not None:
        norms = FixedNorms(graph, mix_S)
    else:
        mix = graph.input(MIX, [batch, network.num_styles])
        norms = SingleNorms(graph, mix) if one_picture else BatchNorms(graph, mix)
    painted = _Layers(graph, norms, half=half).paint(network, image)
    return graph.to_model(painted, [batch, 3, HEIGHT, WIDTH], metadata)


class Norms(ABC):
    """Conditional instance norm under a mix that is fixed or comes with the pictures."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @abstractmethod
    def normalized(self, x: str, layer: ConvNorm, *, strengthened: bool) -> str:
        """Normalize features (B, C, H, W) in float32.

        Args:
            x: The features.
            layer: The layer that they come from.
            strengthened: Whether an input ``strength`` multiplies gamma and beta.
        """

    def _instance_norm(self, x: str, layer: ConvNorm, gamma_C: str, beta_C: str) -> str:
        return self.graph.op("InstanceNormalization", x, gamma_C, beta_C, epsilon=layer.norm.eps)


class FixedNorms(Norms):
    """Norms whose gamma and beta are constants."""

    def __init__(self, graph: Graph, mix_S: Tensor) -> None:
        super().__init__(graph)
        self._mix_S = mix_S

    def normalized(self, x: str, layer: ConvNorm, *, strengthened: bool) -> str:
        gamma_C, beta_C = (self.graph.constant(_array(self._mix_S @ rows)) for rows in _affine(layer))
        return self._instance_norm(x, layer, gamma_C, beta_C)


class BatchNorms(Norms):
    """Norms under a mix (B, S), which scale and shift every sample by itself after normalizing."""

    def __init__(self, graph: Graph, mix: str) -> None:
        super().__init__(graph)
        self._mix = mix
        self._shape = graph.constant([0, -1, 1, 1])

    def normalized(self, x: str, layer: ConvNorm, *, strengthened: bool) -> str:
        graph, channels = self.graph, layer.conv.out_channels
        gamma, beta = (
            graph.op("Reshape", graph.op("MatMul", self._mix, graph.constant(_array(rows))), self._shape)
            for rows in _affine(layer)
        )
        plain = graph.constant(np.ones(channels, np.float32)), graph.constant(np.zeros(channels, np.float32))
        return graph.op("Add", graph.op("Mul", self._instance_norm(x, layer, *plain), gamma), beta)


class SingleNorms(Norms):
    """Norms under the mix (1, S) of a single picture, whose gamma and beta the norm itself applies."""

    def __init__(self, graph: Graph, mix: str) -> None:
        super().__init__(graph)
        self._strength = graph.input(STRENGTH, [], default=1.0)
        self._mix_S = graph.op("Squeeze", mix, graph.constant([0]))

    def normalized(self, x: str, layer: ConvNorm, *, strengthened: bool) -> str:
        graph = self.graph
        mixed = [graph.op("MatMul", self._mix_S, graph.constant(_array(rows))) for rows in _affine(layer)]
        gamma_C, beta_C = (graph.op("Mul", row, self._strength) for row in mixed) if strengthened else mixed
        return self._instance_norm(x, layer, gamma_C, beta_C)


class _Layers:
    """The layers of the network, written in order."""

    def __init__(self, graph: Graph, norms: Norms, *, half: bool) -> None:
        self.graph, self.norms, self.half = graph, norms, half

    def paint(self, network: TransformerNetwork, image: str) -> str:
        graph = self.graph
        frames = frame_of(graph, image, ROWS), frame_of(graph, image, COLUMNS)
        x = image
        for frame in frames:
            x = mirrored(graph, x, frame)
        for layer in _layers(network.downsampling):
            x = self._relu(self._norm(self._reflect_and_convolve(x, layer), layer))
        for block in cast(Sequence[ResidualBlock], network.residual):
            inner = self._relu(self._norm(self._reflect_and_convolve(x, block.first), block.first))
            residual = self._reflect_and_convolve(inner, block.second)
            x = graph.op("Add", x, self._norm(residual, block.second, strengthened=True))
        for layer in _layers(network.upsampling):
            x = self._relu(self._norm(self._upsample_and_convolve(x, layer), layer))
        x = graph.op("Sigmoid", self._norm(self._convolve_to_colors(x, network.output), network.output))
        return without_margin(graph, x, frames, STYLIZED)

    def _relu(self, x: str) -> str:
        return self.graph.op("Relu", x)

    def _norm(self, x: str, layer: ConvNorm, *, strengthened: bool = False) -> str:
        return self.norms.normalized(x, layer, strengthened=strengthened)

    def _reflect_and_convolve(self, x: str, layer: ConvNorm) -> str:
        return self._convolve(x, layer.conv.weight, "reflect", layer.padding, stride=layer.conv.stride[0])

    def _upsample_and_convolve(self, x: str, layer: ConvNorm) -> str:
        """Compute the four pixels around every corner of the small picture from the four around it; see
        :func:`nstyle.models.convolution.upsample_and_convolve`."""
        corners = self._convolve(x, corner_kernels(layer.conv.weight), "edge", 1)
        pixels = self.graph.op("DepthToSpace", corners, blocksize=2, mode="DCR")
        start, end, axes = (self.graph.constant(values) for values in ([1, 1], [-1, -1], [ROWS, COLUMNS]))
        return self.graph.op("Slice", pixels, start, end, axes)

    def _convolve_to_colors(self, x: str, layer: ConvNorm) -> str:
        """Compute 2 x 2 pixels at once; see :func:`nstyle.models.convolution.convolve_pixel_blocks`."""
        blocks = self._convolve(x, pixel_block_kernel(layer.conv.weight), "reflect", layer.padding, stride=2)
        return self.graph.op("DepthToSpace", blocks, blocksize=2, mode="DCR")

    def _convolve(self, x: str, kernel: Tensor, mode: str, padding: int, stride: int = 1) -> str:
        """Pad features in float32 and convolve them, in float16 if ``half`` is set."""
        graph, p = self.graph, padding
        if self.half:
            x = graph.op("Cast", x, to=_FLOAT16)
        x = graph.op("Pad", x, graph.constant([0, 0, p, p, 0, 0, p, p]), mode=mode)
        weight = graph.constant(_array(kernel), np.float16 if self.half else np.float32)
        x = graph.op("Conv", x, weight, strides=[stride, stride])
        return graph.op("Cast", x, to=_FLOAT) if self.half else x


_FLOAT, _FLOAT16 = 1, 10
"""The numbers of the types in ONNX."""


def _layers(modules: Any) -> Sequence[ConvNorm]:
    return cast(Sequence[ConvNorm], modules)


def _affine(layer: ConvNorm) -> tuple[Tensor, Tensor]:
    return layer.norm.gamma_SC.detach(), layer.norm.beta_SC.detach()


def _array(values: Tensor) -> npt.NDArray[np.float32]:
    return cast(npt.NDArray[np.float32], values.detach().float().cpu().numpy())
