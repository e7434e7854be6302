"""The layers of VGG16 and VGG19 by name (Simonyan and Zisserman 2014)."""

import difflib
from collections.abc import Iterable
from typing import Literal

from nstyle.errors import UsageError

Architecture = Literal["vgg16", "vgg19"]
Pooling = Literal["max", "average"]

CONVS_PER_BLOCK: dict[str, tuple[int, ...]] = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
CHANNELS_PER_BLOCK = (64, 128, 256, 512, 512)


def layer_names(architecture: Architecture) -> tuple[str, ...]:
    """List every layer in order: ``conv1_1, relu1_1, ..., pool1, conv2_1, ...``.

    The position of a name is its index in torchvision's ``vgg16().features``.
    """
    names: list[str] = []
    for block, num_convs in enumerate(CONVS_PER_BLOCK[architecture], start=1):
        for i in range(1, num_convs + 1):
            names += [f"conv{block}_{i}", f"relu{block}_{i}"]
        names.append(f"pool{block}")
    return tuple(names)


def check_layers(layers: Iterable[str], architecture: Architecture) -> None:
    """Refuse layers that the network does not have.

    Raises:
        UsageError: If there are no layers, or a layer does not exist. The error names similar layers.
    """
    names = layer_names(architecture)
    layers = list(layers)
    if not layers:
        raise UsageError(f"got no layers for {architecture}; expected names such as relu1_2,relu2_2")
    for layer in layers:
        if layer not in names:
            near = difflib.get_close_matches(layer, names, n=4, cutoff=0.5) or [
                name for name in names if name.startswith("relu")
            ]
            raise UsageError(f"{architecture} has no layer '{layer}'; did you mean {', '.join(near)}?")


def min_side(layers: Iterable[str]) -> int:
    """Return the smallest side, in pixels, of a picture that has a feature at the deepest of ``layers``."""
    return int(2 ** max(int(name.removeprefix("pool")) if "pool" in name else int(name[4]) - 1 for name in layers))
