"""Layer weights that stand in for a VGG whose activations are normalized to mean 1, as that of Gatys et al. is."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

from nstyle.encoders.layers import Pooling
from nstyle.encoders.load import build_encoder, load_encoder_weights, reaches
from nstyle.imaging.pictures import read_picture, resize, to_tensor
from nstyle.reproduction.recipe import Materials

SIZE = 256
"""The long side of the pictures that mean activations are measured on, in pixels."""
CONTENT_POWER, STYLE_POWER = 2, 4
"""A content loss is of second order in the activations of its layer, a Gram loss of fourth."""


def normalized_weights(
    layers: Sequence[str], power: int, materials: Materials, pooling: Pooling = "average"
) -> dict[str, float]:
    """Return ``1 / (n mean^power)`` for each of n layers, which acts like activations of mean 1 and weights ``1 / n``.

    Dividing the activations of a layer by their mean divides a loss of order ``power`` in them by ``mean ** power``.
    Departure from Gatys et al. 2015: they normalize every filter by its mean over images and positions; here a layer
    has one mean, over channels, positions and the pictures of the recipe.

    Args:
        layers: The layers.
        power: CONTENT_POWER or STYLE_POWER.
        materials: The pictures and the encoder.
        pooling: How the encoder pools.

    Returns:
        The weight of each layer; 1 where the encoder does not reach it.
    """
    pictures = (*materials.photos, *materials.paintings)
    means = {name: _mean_activation(name, pictures, materials.vgg[0], pooling) for name in layers}
    return {name: (mean**-power if mean else 1.0) / len(layers) for name, mean in means.items()}


@cache
def _mean_activation(layer: str, pictures: tuple[Path, ...], vgg: str, pooling: Pooling) -> float | None:
    """Measure the mean activation of a layer over channels, positions and pictures; None if it cannot be reached."""
    weights = load_encoder_weights(vgg or None)
    if not reaches(weights, [layer]):
        return None
    encoder = build_encoder(weights, [layer], pooling=pooling)
    images = [to_tensor(resize(read_picture(path).over_white(), long_side=SIZE))[None] for path in pictures]
    with torch.inference_mode():
        return float(torch.stack([encoder(image)[layer].mean() for image in images]).mean())
