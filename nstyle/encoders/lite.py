"""The small perceptual network lite, which was trained to imitate VGG16, for machines without VGG16 and quick trials.

Shape suffixes: B batch, C channels, H height, W width.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from nstyle.encoders.layers import LITE_LAYERS, check_layers
from nstyle.encoders.vgg import FirstConv
from nstyle.errors import NstyleError
from nstyle.models.locate import shipped_folder

LAYERS = LITE_LAYERS
CHANNELS = dict(zip(LAYERS, (64, 128, 256, 512), strict=True))
"""The number of channels of each layer, as VGG16 has it."""
WIDTHS = (16, 64, 128, 128)
"""The number of channels of each block. There are few at full size, where memory traffic costs the most time."""
CONVS_PER_BLOCK = (2, 2, 3, 1)
SHIPPED_FILE = "encoders/lite.safetensors"


class LiteNetwork(nn.Module):
    """Four blocks of 3x3 convolutions like those of VGG16 but narrower, each with a 1x1 head to the channels of VGG16.

    ``tools/distil_lite.py`` trains it to match the features of VGG16 and their Gram matrices.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        in_channels = 3
        for block, (width, num_convs) in enumerate(zip(WIDTHS, CONVS_PER_BLOCK, strict=True)):
            for i in range(num_convs):
                self.convs[f"conv{block + 1}_{i + 1}"] = nn.Conv2d(in_channels, width, 3, padding=1)
                in_channels = width
            self.heads[LAYERS[block]] = nn.Conv2d(width, CHANNELS[LAYERS[block]], 1)

    def forward(self, x: Tensor, layers: Sequence[str] = LAYERS) -> dict[str, Tensor]:
        """Compute features.

        Args:
            x: RGB (B, 3, H, W), normalized as the weights expect it.
            layers: Some of :data:`LAYERS`. Blocks after the deepest of them are not evaluated.

        Returns:
            The non-negative features by name, (B, C, H, W), (B, C, H / 2, W / 2) and so on.
        """
        features: dict[str, Tensor] = {}
        for block in range(1 + max(LAYERS.index(layer) for layer in layers)):
            x = F.max_pool2d(x, 2) if block else x
            for i in range(CONVS_PER_BLOCK[block]):
                x = F.relu(self.convs[f"conv{block + 1}_{i + 1}"](x), inplace=True)
            if LAYERS[block] in layers:
                features[LAYERS[block]] = F.relu(self.heads[LAYERS[block]](x), inplace=True)
        return {layer: features[layer] for layer in layers}


@dataclass(frozen=True, kw_only=True)
class LiteWeights:
    """The weights of :class:`LiteNetwork` and the input convention that they were trained with; see ``VGGWeights``."""

    architecture: Literal["lite"] = "lite"
    release: str = "nstyle"
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    sha256: str
    """The SHA-256 of the file, or ``"none"`` for weights that were made in memory."""
    deepest: str = LAYERS[-1]
    state: dict[str, Tensor] = field(repr=False)

    @classmethod
    def random(cls, *, seed: int = 0) -> "LiteWeights":
        """Draw random weights, for tests and speed measurements but not for training."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state = LiteNetwork().state_dict()
        return cls(mean=(0.485, 0.456, 0.406), std=(0.25, 0.25, 0.25), sha256="none", state=state)


def read_lite_weights(path: Path | None = None) -> LiteWeights:
    """Read the encoder that comes with the package, or one that ``tools/distil_lite.py`` wrote, also in half precision.

    Raises:
        NstyleError: If the file is missing or damaged.
    """
    path = path or shipped_folder() / SHIPPED_FILE
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            state = {key: file.get_tensor(key).float() for key in file.keys()}
        mean, std = (tuple(json.loads(metadata[name])) for name in ("mean", "std"))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise NstyleError(f"{path} cannot be read as nstyle's lite encoder ({error}); install nstyle anew") from error
    return LiteWeights(mean=mean, std=std, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), state=state)


class LiteFeatures(nn.Module):
    """Compute features like those of VGG16 with the small network, which is frozen, in place of ``VGGFeatures``.

    Args:
        weights: The weights of the network.
        layers: Some of :data:`LAYERS`.
        dtype: The dtype of everything after the first convolution, as in ``VGGFeatures``.

    Raises:
        UsageError: If the network lacks a layer.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: LiteWeights, layers: Sequence[str], *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        check_layers(layers, "lite")
        self.layers = tuple(layers)
        self.dtype = dtype
        self.network = LiteNetwork()
        self.network.load_state_dict(weights.state)
        self.network.to(dtype)
        first = FirstConv(WIDTHS[0], dtype)
        first.load_state_dict(
            {"weight": weights.state["convs.conv1_1.weight"], "bias": weights.state["convs.conv1_1.bias"]}
        )
        self.network.convs["conv1_1"] = first
        self.register_buffer("mean", torch.tensor(weights.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(weights.std).view(3, 1, 1), persistent=False)
        self.eval().requires_grad_(requires_grad=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor, layers: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Compute features of RGB (B, 3, H, W) in [0, 1] at some of the layers given at construction, None for all."""
        with torch.autocast(image.device.type, enabled=False):
            x = (image - self.mean.to(image.dtype)) / self.std.to(image.dtype)
            features: dict[str, Tensor] = self.network(
                x.contiguous(memory_format=torch.channels_last), layers or self.layers
            )
        return features

    def extra_repr(self) -> str:
        return f"layers={self.layers}, dtype={self.dtype}"
