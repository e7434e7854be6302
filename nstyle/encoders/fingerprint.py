"""Fingerprints of VGG releases: a few statistics of the features of a built-in picture at every layer."""

import json
from dataclasses import dataclass
from importlib import resources

import numpy as np
import torch
from PIL import Image
from torch.nn.grad import conv2d_weight

from nstyle.encoders.layers import layer_names
from nstyle.encoders.vgg import VGGFeatures, VGGWeights
from nstyle.imaging.pictures import to_tensor

FILE = "fingerprints.json"
SIZE = 128
TOLERANCE = 1e-3
"""Largest relative difference between two numbers that count as equal."""

Fingerprint = dict[str, list[float]]
"""For each ReLU layer: the mean activation, the norm of the Gram matrix divided by C H W, and the centre of the
channels' means.

The first two do not change when channels are permuted. The third does, so that it also recognizes a file whose channels
are in another order.
"""


def built_in_picture() -> Image.Image:
    """Draw the picture for fingerprints, RGB 128x128, with stripes, rings, edges and flat fields."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    radius = np.hypot(x - 0.6, y - 0.4)
    red = 0.5 + 0.5 * np.sin(40 * x + 6 * np.sin(7 * y))
    green = 0.5 + 0.5 * np.cos(60 * radius) * (1 - radius)
    blue = 0.3 + 0.6 * y + 0.1 * np.sin(90 * (x + y))
    rgb = np.stack([red, green, blue], axis=-1)
    rgb[16:48, 16:40] = (0.9, 0.75, 0.1)
    rgb[80:112, 8:40] = (0.1, 0.15, 0.2)
    rgb[(radius > 0.18) & (radius < 0.22)] = (0.95, 0.95, 0.9)
    return Image.fromarray(np.rint(255 * rgb.clip(0, 1)).astype(np.uint8))


def fingerprint(weights: VGGWeights) -> Fingerprint:
    """Compute the fingerprint of a release in float32, at every ReLU layer that the weights reach."""
    names = layer_names(weights.architecture)
    layers = [name for name in names[: names.index(weights.deepest) + 1] if name.startswith("relu")]
    with torch.no_grad():
        features = VGGFeatures(weights, layers)(to_tensor(built_in_picture())[None])
    result: Fingerprint = {}
    for name, feature in features.items():
        means = feature.mean(dim=(0, 2, 3)).double()
        centre = (means * torch.arange(len(means))).sum() / means.sum().clamp(min=1e-12)
        # F F^T is computed as the gradient of a 1x1 convolution, which sums in the same order as the Gram matrices of
        # the losses on a CPU.
        size = (len(means), len(means), 1, 1)
        gram = conv2d_weight(feature, size, feature).flatten(1) / feature[0].numel()  # type: ignore[no-untyped-call]
        result[name] = [means.mean().item(), gram.double().norm().item(), centre.item()]
    return result


def known_fingerprints() -> dict[str, Fingerprint]:
    """Read the stored fingerprints; the keys are ``release/architecture``, such as ``oxford/vgg16``."""
    text = resources.files("nstyle.encoders").joinpath(FILE).read_text(encoding="utf-8")
    known: dict[str, Fingerprint] = json.loads(text)
    return known


@dataclass(frozen=True)
class Comparison:
    """How far a fingerprint agrees with a stored one."""

    agreeing: tuple[str, ...]
    """The layers that agree, in order, up to the first that does not."""
    difference: str
    """The first difference in words; empty if there is none."""


def compare(taken: Fingerprint, stored: Fingerprint) -> Comparison:
    """Compare the layers that both fingerprints have, in the order of the network."""
    agreeing: list[str] = []
    for name in (name for name in taken if name in stored):
        for what, got, expected in zip(
            ("mean activation", "Gram norm", "channel order"), taken[name], stored[name], strict=True
        ):
            if not abs(got - expected) <= TOLERANCE * abs(expected):
                return Comparison(tuple(agreeing), f"{what} at {name} is {got:.5g}, expected {expected:.5g}")
        agreeing.append(name)
    return Comparison(tuple(agreeing), "")
