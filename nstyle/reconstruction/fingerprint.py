"""Fingerprints of VGG releases: what the network computes on a built-in picture, layer by layer."""

import json
from dataclasses import dataclass
from importlib import resources

import numpy as np
import torch
from PIL import Image

from nstyle.encoders.vgg import VGGFeatures, VGGWeights, layer_names
from nstyle.imaging.pictures import to_tensor
from nstyle.losses.functional import gram

FILE = "fingerprints.json"
SIZE = 128
TOLERANCE = 1e-3
"""Relative, for every number of a fingerprint."""

Fingerprint = dict[str, list[float]]
"""By ReLU layer: mean activation, norm of the Gram matrix / (C H W), and centre of the channels' means.

The first two do not change when channels are permuted; the third does, so that a file whose layers are in order but whose
channels are not is told as well.
"""


def built_in_picture() -> Image.Image:
    """Draw the picture that fingerprints are taken of: stripes, rings, edges and flat fields in many colours, RGB 128x128."""
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
    """Take the fingerprint of a release, in float32, at every ReLU that the weights reach."""
    names = layer_names(weights.architecture)
    layers = [name for name in names[: names.index(weights.deepest) + 1] if name.startswith("relu")]
    with torch.no_grad():
        features = VGGFeatures(weights, layers)(to_tensor(built_in_picture())[None])
    result: Fingerprint = {}
    for name, feature in features.items():
        means = feature.mean(dim=(0, 2, 3)).double()
        centre = (means * torch.arange(len(means))).sum() / means.sum().clamp(min=1e-12)
        result[name] = [means.mean().item(), gram(feature, "chw").double().norm().item(), centre.item()]
    return result


def known_fingerprints() -> dict[str, Fingerprint]:
    """Read the stored fingerprints, by ``release/architecture``, such as ``oxford/vgg16``."""
    text = resources.files("nstyle.reconstruction").joinpath(FILE).read_text(encoding="utf-8")
    known: dict[str, Fingerprint] = json.loads(text)
    return known


@dataclass(frozen=True)
class Comparison:
    """A fingerprint beside a stored one."""

    agreeing: tuple[str, ...]
    """Layers that agree, up to the first that does not."""
    difference: str
    """The first difference in words; empty if there is none."""


def compare(taken: Fingerprint, stored: Fingerprint) -> Comparison:
    """Compare the layers that both have, in order."""
    agreeing: list[str] = []
    for name in (name for name in taken if name in stored):
        for what, got, expected in zip(("mean activation", "Gram norm", "channel order"), taken[name], stored[name], strict=True):
            if not abs(got - expected) <= TOLERANCE * abs(expected):
                return Comparison(tuple(agreeing), f"{what} at {name} is {got:.5g}, expected {expected:.5g}")
        agreeing.append(name)
    return Comparison(tuple(agreeing), "")
