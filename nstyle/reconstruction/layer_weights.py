"""Layers with weights, as users write them."""

from collections.abc import Mapping, Sequence

from nstyle.errors import UsageError
from nstyle.reconstruction.config import LayerWeights

Layers = str | Sequence[str] | LayerWeights
"""Names with weights, ``"relu1_1,relu2_1=0.5"``, a list of names, or weights by name."""


def layer_weights(layers: Layers | None) -> dict[str, float]:
    """Return weights by name. The default weight is 1.

    Raises:
        UsageError: If a weight is no number.
    """
    if layers is None:
        return {}
    if isinstance(layers, str):
        return parse_layers(layers)
    return dict(layers) if isinstance(layers, Mapping) else dict.fromkeys(layers, 1.0)


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
