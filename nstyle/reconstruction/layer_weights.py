"""Layers with weights, as users write them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nstyle.encoders.layers import ARCHITECTURES, Network, canonical_layer
from nstyle.encoders.vgg_weights import IMAGENET, LITE, default_source
from nstyle.errors import UsageError
from nstyle.reconstruction.config import LayerWeights

Layers = str | Sequence[str] | LayerWeights
"""Names with weights, ``"relu1_1,relu2_1=0.5"``, a list of names, or weights by name."""


def layer_weights(layers: Layers | None, *networks: Network) -> dict[str, float]:
    """Return weights by the canonical name of each layer. The default weight is 1.

    Args:
        layers: Names in any spelling that :func:`canonical_layer` knows, with or without weights.
        networks: The networks of which at least one must have each layer. None: VGG16 and VGG19.

    Raises:
        UsageError: If a weight is no number, or a layer does not exist or is named twice.
    """
    if isinstance(layers, str):
        layers = parse_layers(layers)
    elif layers is not None and not isinstance(layers, Mapping):
        layers = dict.fromkeys(layers, 1.0)
    result: dict[str, float] = {}
    for spelling, weight in (layers or {}).items():
        name = canonical_layer(spelling, *networks)
        if name in result:
            raise UsageError(f"the layers name {name} twice, once as '{spelling}'; name each layer once")
        result[name] = weight
    return result


def probable_networks(vgg: str | Path, network: str | None) -> tuple[Network, ...]:
    """Return the networks that settings may mean, before any weights are read: of a file, it may be either VGG."""
    if network in ARCHITECTURES:
        return (network,)
    source = default_source(str(vgg))
    return ("lite",) if source == LITE else ("vgg16",) if source == IMAGENET else ARCHITECTURES


def parse_layers(text: str) -> dict[str, float]:
    """Read names of layers with weights, such as ``relu1_1,relu2_1=0.5``. The default weight is 1.

    Raises:
        UsageError: If a weight is no number.
    """
    layers = {}
    for part in (part.strip() for part in text.split(",")):
        name, equals, weight = part.partition("=")
        if not part:
            continue
        try:
            layers[name.strip()] = float(weight) if equals else 1.0
        except ValueError:
            raise UsageError(
                f"'{part}' is no layer with a weight; expected NAME or NAME=WEIGHT, such as relu2_1=0.5"
            ) from None
    return layers


def layers_text(weights: LayerWeights, separator: str = "+") -> str:
    """Write layers as :func:`parse_layers` reads them with a comma, such as ``relu1_1+relu2_1=0.5``."""
    return separator.join(name if weight == 1 else f"{name}={weight:g}" for name, weight in weights.items())
