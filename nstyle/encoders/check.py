"""Checks of VGG weights: their origin, their completeness, and the features that they compute."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nstyle.encoders.fingerprint import built_in_picture, compare, fingerprint, known_fingerprints
from nstyle.encoders.layers import layer_names
from nstyle.encoders.vgg import VGGFeatures, VGGWeights
from nstyle.encoders.vgg_weights import KNOWN_FILES
from nstyle.imaging.pictures import to_tensor

FEATURE_TOLERANCE = 1e-4
"""Largest difference between our features and torchvision's, relative to the largest feature of a layer."""


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    what: str
    """The name of the property that was checked."""
    ok: bool
    detail: str


def check_weights(weights: VGGWeights) -> list[Finding]:
    """Check a VGG release, possibly cut off: its origin, then the order of colours, the layers, and the features."""
    return [_origin(weights), *_color_order(weights), _layers(weights), _features(weights)]


def _origin(weights: VGGWeights) -> Finding:
    """Recognize the release by the hash of its file, or else by its fingerprint."""
    taken, known = fingerprint(weights), known_fingerprints()
    by_hash = KNOWN_FILES.get(weights.sha256[:8])
    if by_hash:
        origin = f"{by_hash[0]} {weights.architecture} by the first 8 digits of its sha256"
        stored = known.get(f"{by_hash[0]}/{weights.architecture}")
        if stored is None:
            return Finding("origin", True, f"{origin}; no fingerprint of that release is stored")
        difference = compare(taken, stored).difference
        return Finding("origin", not difference, f"{origin}, but {difference}" if difference else origin)
    comparisons = {
        name: compare(taken, stored) for name, stored in known.items() if name.endswith(f"/{weights.architecture}")
    }
    for name, comparison in comparisons.items():
        if comparison.agreeing and not comparison.difference:
            return Finding(
                "origin",
                True,
                f"{name.replace('/', ' ')} by its fingerprint, {comparison.agreeing[0]} to {comparison.agreeing[-1]}",
            )
    name, nearest = max(comparisons.items(), key=lambda item: len(item[1].agreeing))
    detail = f"no known file, and no fingerprint fits; nearest is {name.replace('/', ' ')}: {nearest.difference}"
    if f"torchvision/{weights.architecture}" not in known:
        detail += "; no fingerprint of torchvision's release is stored, which is known by its file's sha256 only"
    return Finding("origin", False, detail)


def _color_order(weights: VGGWeights) -> list[Finding]:
    detail = "the file is for blue, green, red; nstyle turns conv1_1 around, other programs may not: convert the file"
    return [Finding("order of colours", False, detail)] if weights.is_reordered else []


def _layers(weights: VGGWeights) -> Finding:
    """Check that no convolution is missing before the last one that is there."""
    names = layer_names(weights.architecture)
    convs = [name for name in names if name.startswith("conv")]
    present = [
        name
        for name in convs
        if all(f"features.{names.index(name)}.{part}" in weights.state for part in ("weight", "bias"))
    ]
    gap = [name for name in present if names.index(name) > names.index(weights.deepest)]
    if gap:
        return Finding(
            "layers", False, f"{gap[0]} is there, but the layers before it are missing after {weights.deepest}"
        )
    cut = (
        "" if len(present) == len(convs) else f", the file ends there: {convs[len(present)]} and deeper cannot be used"
    )
    return Finding("layers", True, f"{present[0]} to {present[-1]}{cut}")


def _features(weights: VGGWeights) -> Finding:
    """Compare the features of every layer with those of torchvision's architecture with the same weights."""
    ours, theirs = _our_features(weights), _their_features(weights)
    errors = {
        name: ((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max().clamp(min=1e-12)).item()
        for name in ours
    }
    worst = max(errors, key=lambda name: errors[name])
    detail = f"{len(errors)} layers, largest difference {errors[worst]:.1e} of a layer's maximum (at {worst})"
    return Finding("features equal torchvision's", errors[worst] <= FEATURE_TOLERANCE, detail)


def _our_features(weights: VGGWeights) -> dict[str, Tensor]:
    names = layer_names(weights.architecture)
    layers = names[: names.index(weights.deepest) + 1]
    with torch.no_grad():
        features: dict[str, Tensor] = VGGFeatures(weights, layers)(to_tensor(built_in_picture())[None])
    return features


def _their_features(weights: VGGWeights) -> dict[str, Tensor]:
    from torchvision.models.vgg import cfgs, make_layers

    names = layer_names(weights.architecture)
    network = make_layers(cfgs["D" if weights.architecture == "vgg16" else "E"], batch_norm=False)[
        : names.index(weights.deepest) + 1
    ]
    network.load_state_dict({key: weights.state[f"features.{key}"] for key in network.state_dict()})
    x = (to_tensor(built_in_picture()) - torch.tensor(weights.mean).view(3, 1, 1)) / torch.tensor(weights.std).view(
        3, 1, 1
    )
    x = x[None]
    features = {}
    with torch.no_grad():
        for name, layer in zip(names, network, strict=False):
            if isinstance(layer, torch.nn.ReLU):
                layer.inplace = False  # An in-place ReLU would overwrite the convolution's output that was just taken.
            features[name] = x = layer(x)
    return features
