"""Loading of the perceptual network: VGG16, VGG19 or lite."""

from collections.abc import Sequence
from pathlib import Path

import torch

from nstyle.encoders.layers import Architecture, Pooling, names_of
from nstyle.encoders.lite import LiteFeatures, LiteWeights, read_lite_weights
from nstyle.encoders.vgg import VGGFeatures, VGGWeights
from nstyle.encoders.vgg_weights import LITE, default_source, load_vgg_weights
from nstyle.errors import UsageError

EncoderWeights = VGGWeights | LiteWeights


def load_encoder_weights(
    source: str | Path | None = None, *, architecture: Architecture | None = None
) -> EncoderWeights:
    """Load the weights that ``--vgg`` names: ``"lite"``, or those that :func:`load_vgg_weights` loads.

    Raises:
        UsageError: If the file does not exist or holds no VGG, or not the network that is wanted.
        NstyleError: If a download fails.
    """
    if default_source(str(source or "")) != LITE:
        return load_vgg_weights(source, architecture=architecture)
    if architecture is not None:
        raise UsageError(f"lite is no {architecture}; leave `network` out, or give {architecture} weights with `vgg`")
    return read_lite_weights()


def reaches(weights: EncoderWeights, layers: Sequence[str]) -> bool:
    """Tell whether weights are deep enough to compute all of some layers."""
    names = names_of(weights.architecture)
    present = names[: names.index(weights.deepest) + 1]
    return all(layer in present for layer in layers)


def can_build(weights: EncoderWeights, layers: Sequence[str], pooling: Pooling) -> bool:
    """Tell whether :func:`build_encoder` can build the network that computes some layers with some pooling."""
    return reaches(weights, layers) and (pooling == "max" or isinstance(weights, VGGWeights))


def build_encoder(
    weights: EncoderWeights, layers: Sequence[str], *, pooling: Pooling = "max", dtype: torch.dtype = torch.float32
) -> VGGFeatures | LiteFeatures:
    """Build the frozen network that computes ``layers``. The arguments are those of :class:`VGGFeatures`.

    Raises:
        UsageError: If the network lacks a layer, or average pooling is requested of lite.
    """
    if isinstance(weights, VGGWeights):
        return VGGFeatures(weights, layers, pooling=pooling, dtype=dtype)
    if pooling != "max":
        raise UsageError(
            f"lite has max pooling only, and {pooling} pooling was asked for; give VGG16 weights with `vgg`"
        )
    return LiteFeatures(weights, layers, dtype=dtype)
