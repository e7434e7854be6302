"""The layers of VGG16, VGG19 (Simonyan and Zisserman 2014) and lite by name, however a user spells it."""

import difflib
import re
from collections.abc import Iterable
from typing import Literal

from nstyle.errors import UsageError

Architecture = Literal["vgg16", "vgg19"]
Network = Literal["vgg16", "vgg19", "lite"]
Pooling = Literal["max", "average"]

CONVS_PER_BLOCK: dict[str, tuple[int, ...]] = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
CHANNELS_PER_BLOCK = (64, 128, 256, 512, 512)
LITE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_1")
"""The layers of VGG16 that lite imitates."""
ARCHITECTURES: tuple[Architecture, ...] = ("vgg16", "vgg19")
NUM_NEAREST = 4
"""The number of layers that an error names."""


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


def names_of(network: Network) -> tuple[str, ...]:
    """List the layers that a network can compute, in order."""
    return LITE_LAYERS if network == "lite" else layer_names(network)


def canonical_layer(name: str, *networks: Network, counted_in: Architecture | None = None) -> str:
    """Return the name of a layer as this package has it: ``relu4_2``, ``conv4_2`` or ``pool4``.

    Keras' ``block4_conv2``, whose output comes after the ReLU, is relu4_2, and its ``block4_pool`` is pool4.
    Torchvision's ``features.20`` or ``features[20]`` is relu4_2 in VGG16. Case and spaces make no difference.

    Args:
        name: The name in any of these spellings.
        networks: The networks of which at least one must have the layer. None: VGG16 and VGG19.
        counted_in: The network in which ``features.N`` counts where the networks disagree. None: such a name stays.

    Raises:
        UsageError: If there is no such layer. The error names the nearest ones.
    """
    networks = networks or ARCHITECTURES
    plain = "".join(str(name).split()).lower()
    if block := re.fullmatch(r"block(\d+)_(?:conv(\d+)|pool)", plain):
        plain = f"relu{block[1]}_{block[2]}" if block[2] else f"pool{block[1]}"
    elif numbered := re.fullmatch(r"features(?:\.(\d+)|\[(\d+)\])", plain):
        index = int(numbered[1] or numbered[2])
        counted: list[Architecture] = ["vgg16" if network == "lite" else network for network in networks]
        found = {names[index] for names in map(layer_names, counted) if index < len(names)}
        if len(found) > 1 and counted_in is None:
            return f"features.{index}"
        plain = layer_names(counted_in)[index] if len(found) > 1 and counted_in else "".join(found) or plain
    if not any(plain in names_of(network) for network in networks):
        raise _no_layer(name, plain, networks)
    return plain


def check_layers(layers: Iterable[str], network: Network) -> None:
    """Refuse layers that the network does not have.

    Raises:
        UsageError: If there are no layers, or a layer does not exist. The error names the nearest ones.
    """
    layers = list(layers)
    if not layers:
        raise UsageError(f"got no layers for {network}; expected names such as relu1_2,relu2_2")
    for layer in layers:
        if layer not in names_of(network):
            raise _no_layer(layer, layer, (network,))


def _no_layer(name: str, plain: str, networks: tuple[Network, ...]) -> UsageError:
    if networks == ("lite",):
        return UsageError(f"lite has no layer '{name}'; expected some of {', '.join(LITE_LAYERS)}, or VGG16 with `vgg`")
    names = tuple(dict.fromkeys(layer for network in networks for layer in names_of(network)))
    where = networks[0] if len(networks) == 1 else "VGG"
    return UsageError(f"{where} has no layer '{name}'; did you mean {', '.join(_nearest(plain, names))}?")


def _nearest(plain: str, names: tuple[str, ...]) -> list[str]:
    """Return the layers of the same kind by distance, or those of a similar name, or else every ReLU."""
    kind, *place = re.match(r"([a-z]*)(\d*)_?(\d*)", plain).groups()  # type: ignore[union-attr]
    alike = [name for name in names if kind and place[0] and name.startswith(kind)]

    def distance(name: str) -> tuple[int, ...]:
        return tuple(abs(int(a) - int(b or 1)) for a, b in zip(re.findall(r"\d+", name), place, strict=False))

    near = sorted(alike, key=distance)[:NUM_NEAREST] or difflib.get_close_matches(plain, names, NUM_NEAREST, cutoff=0.5)
    return near or sorted(name for name in names if name.startswith("relu"))


def min_side(layers: Iterable[str]) -> int:
    """Return the smallest side, in pixels, of a picture that has a feature at the deepest of ``layers``."""
    return int(2 ** max(int(name.removeprefix("pool")) if "pool" in name else int(name[4]) - 1 for name in layers))
