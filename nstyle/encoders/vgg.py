"""The frozen features of VGG16 and VGG19 by layer name (Simonyan and Zisserman 2014)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstyle.encoders.layers import CHANNELS_PER_BLOCK, Architecture, Pooling, check_layers, layer_names
from nstyle.errors import UsageError
from nstyle.models.convolution import convolve_image


@dataclass(frozen=True, kw_only=True)
class VGGWeights:
    """The convolutions of a VGG release together with the input convention that they were trained with."""

    architecture: Architecture
    release: str
    """The training that the weights come from: ``"oxford"``, ``"torchvision"``, ``"unknown"`` or ``"random"``."""
    mean: tuple[float, float, float]
    """The mean that is subtracted from RGB in [0, 1]."""
    std: tuple[float, float, float]
    """The divisor of RGB in [0, 1] minus the mean."""
    sha256: str
    """The SHA-256 of the file, or ``"none"`` for weights that were made in memory."""
    is_reordered: bool = False
    """Whether the first layer of the file was for blue, green, red, and was reversed on reading."""
    state: dict[str, Tensor] = field(repr=False)
    """``features.N.weight`` (out, in, 3, 3) and ``features.N.bias`` (out,) of the convolutions that the file holds."""

    @property
    def deepest(self) -> str:
        """The deepest layer that can be computed."""
        names = layer_names(self.architecture)
        convs = [i for i, name in enumerate(names) if name.startswith("conv")]
        present = [i for i in convs if f"features.{i}.weight" in self.state and f"features.{i}.bias" in self.state]
        missing = [i for i in convs if i not in present]
        end = missing[0] if missing else len(names)
        if end == 0:
            raise UsageError(f"VGG weights lack conv1_1 (key 'features.0.weight'); got keys {sorted(self.state)[:4]}")
        return names[end - 1] if names[end - 1].startswith("relu") or not missing else names[end - 2]

    @classmethod
    def random(cls, architecture: Architecture = "vgg16", *, seed: int = 0) -> "VGGWeights":
        """Draw He-normal weights for every layer, for tests and speed measurements but not for training."""
        generator = torch.Generator().manual_seed(seed)
        state: dict[str, Tensor] = {}
        in_channels = 3
        for index, name in enumerate(layer_names(architecture)):
            if name.startswith("conv"):
                out_channels = CHANNELS_PER_BLOCK[int(name[4]) - 1]
                std = (2 / (9 * in_channels)) ** 0.5
                state[f"features.{index}.weight"] = std * torch.randn(
                    out_channels, in_channels, 3, 3, generator=generator
                )
                state[f"features.{index}.bias"] = 0.1 * torch.randn(out_channels, generator=generator)
                in_channels = out_channels
        mean, std_rgb = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        return cls(architecture=architecture, release="random", mean=mean, std=std_rgb, sha256="none", state=state)


class FirstConv(nn.Conv2d):
    """conv1_1, frozen: float32 in, ``output_dtype`` out."""

    def __init__(self, out_channels: int, output_dtype: torch.dtype) -> None:
        super().__init__(3, out_channels, 3, padding=1)
        self.output_dtype = output_dtype

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (B, 3, H, W)."""
        assert self.bias is not None
        return convolve_image(input, self.weight, self.bias, self.output_dtype)


class VGGFeatures(nn.Module):
    """Compute the features of pictures by layer name. Layers after the deepest requested one are not evaluated.

    Args:
        weights: The weights of a VGG release, possibly truncated after some layer.
        layers: The names of layers, such as ``relu3_3``, ``conv4_1``, ``pool2``.
        pooling: ``"max"`` as trained, or ``"average"`` (Gatys et al. 2015).
        dtype: The dtype of everything after conv1_1. The input and conv1_1 are float32, because bfloat16 would round
            mean-subtracted values of 0-255 to steps of up to one grey level.

    Raises:
        UsageError: If a layer does not exist, or is deeper than the weights reach.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        weights: VGGWeights,
        layers: Sequence[str],
        *,
        pooling: Pooling = "max",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        names = layer_names(weights.architecture)
        check_layers(layers, weights.architecture)
        last = max(names.index(name) for name in layers)
        if last > names.index(weights.deepest):
            raise UsageError(
                f"layer {names[last]} was asked for, but these {weights.architecture} weights stop at "
                f"{weights.deepest}; choose shallower layers (`layers`, `style_layers`, `content_layers`) or give "
                "complete weights with `vgg`"
            )
        self.layers = tuple(layers)
        self.names = names[: last + 1]
        self.pooling = pooling
        self.convs = nn.ModuleDict()
        for index, name in enumerate(self.names):
            if name.startswith("conv"):
                weight, bias = weights.state[f"features.{index}.weight"], weights.state[f"features.{index}.bias"]
                conv = (
                    nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
                    if index
                    else FirstConv(weight.shape[0], dtype)
                )
                conv.load_state_dict({"weight": weight, "bias": bias})
                self.convs[name] = conv.to(dtype) if index else conv
        self.dtype = dtype
        self.register_buffer("mean", torch.tensor(weights.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(weights.std).view(3, 1, 1), persistent=False)
        self.eval().requires_grad_(requires_grad=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor, layers: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Compute features.

        Args:
            image: RGB (B, 3, H, W) in [0, 1]. It is not modified.
            layers: Some of the layers that were given at construction. None for all of them.

        Returns:
            Features by name, (B, C, h, w) in the dtype given at construction.
        """
        wanted = self.layers if layers is None else tuple(layers)
        remaining = set(wanted)
        features: dict[str, Tensor] = {}
        with torch.autocast(image.device.type, enabled=False):
            x = (image - self.mean.to(image.dtype)) / self.std.to(image.dtype)
            x = x.contiguous(memory_format=torch.channels_last)
            for name in self.names:
                if not remaining:
                    break
                if name.startswith("conv"):
                    x = self.convs[name](x)
                elif name.startswith("relu"):
                    # The gradient does not need the convolution's output, so it is overwritten unless it was requested.
                    x = F.relu(x, inplace=name.replace("relu", "conv") not in features)
                else:
                    x = F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)
                if name in remaining:
                    features[name] = x
                    remaining.discard(name)
        return {name: features[name] for name in wanted}

    def extra_repr(self) -> str:
        return f"layers={self.layers}, pooling={self.pooling}, dtype={self.dtype}"
