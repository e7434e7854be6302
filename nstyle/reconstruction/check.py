"""The sanity check of VGG weights, before a day of training is spent on wrong or mislabelled ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from nstyle.encoders.vgg import VGGFeatures, VGGWeights, layer_names, min_side
from nstyle.encoders.vgg_weights import KNOWN_FILES
from nstyle.errors import NstyleError, UsageError, check_setting
from nstyle.imaging.pictures import resize, to_tensor
from nstyle.reconstruction.fingerprint import built_in_picture, compare, fingerprint, known_fingerprints
from nstyle.reconstruction.reconstruct import ReconstructionResult, reconstruct

ITERATIONS = 100
SIZE = 192
FEATURE_TOLERANCE = 1e-4
"""Of our features against torchvision's, relative to the largest of a layer."""
MIN_FALL: dict[Literal["style", "content"], float] = {"style": 100.0, "content": 5.0}
"""By how much the loss of each reconstruction must fall within the budget."""
STYLE_SETS = {
    "Johnson et al. 2016": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    "Gatys et al. 2015": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
}
"""Early, Sian and Stonard found these two in conflict."""
CONTENT_LAYERS = ("relu2_2", "relu3_3")


@dataclass(frozen=True)
class Finding:
    """One line of the verdict."""

    what: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Shown:
    """A reconstruction of the check."""

    label: str
    """Layers, and what was cut off."""
    image: Image.Image


@dataclass(frozen=True)
class Verdict:
    """What the check found."""

    findings: tuple[Finding, ...]
    pictures: tuple[Shown, ...]
    """The picture itself, then what each choice of layers keeps of it."""

    @property
    def ok(self) -> bool:
        """Tell whether every finding is good."""
        return all(finding.ok for finding in self.findings)


def check_vgg(
    weights: VGGWeights,
    image: Image.Image | None = None,
    *,
    size: int = SIZE,
    iterations: int = ITERATIONS,
    notice: Callable[[str], None] = lambda text: None,
) -> Verdict:
    """Check a VGG release: where it comes from, what it computes, and what pictures it leads to.

    Args:
        weights: The release, possibly cut off.
        image: What is reconstructed, RGB; the built-in picture unless given.
        size: Long side of the reconstructions in pixels.
        iterations: L-BFGS iterations of each.
        notice: Called with a line about what is being done.

    Returns:
        The verdict; nothing is raised for weights that are wrong.

    Raises:
        UsageError: If a number is out of range, or the picture too narrow for the layers.
    """
    image = image or built_in_picture()
    choices = _choices(weights)
    check_setting(iterations >= 1, "--iterations", iterations, "at least 1")
    check_setting(32 <= size <= 2048, "--size", size, "32 to 2048 px")
    needed = min_side(layer for _, _, layers in choices for layer in layers)
    if min(image.size) * size < needed * max(image.size):
        raise UsageError(f"a picture of {image.width}x{image.height} px at --size {size} is too narrow; expected at least {needed} px each way")
    findings = [_origin(weights), *_orientation(weights), _shapes(weights), _torchvision(weights)]
    pictures = [Shown("the picture", resize(image, long_side=size))]
    for kind, label, layers in choices:
        notice(f"reconstructing {kind} from {'+'.join(layers)}")
        finding, result = _reconstruction(kind, label, layers, weights, image, size, iterations)
        findings.append(finding)
        mark = " (cut)" if "cut:" in label else ""
        pictures += [Shown(f"{kind} {'+'.join(layers)}{mark}", result.to_image())] if result else []
    return Verdict(tuple(findings), tuple(pictures))


def _origin(weights: VGGWeights) -> Finding:
    """Recognize the release by the file's hash, or else by what it computes."""
    taken, known = fingerprint(weights), known_fingerprints()
    by_hash = KNOWN_FILES.get(weights.sha256[:8])
    if by_hash:
        origin = f"{by_hash[0]} {weights.architecture} by the first 8 digits of its sha256"
        stored = known.get(f"{by_hash[0]}/{weights.architecture}")
        if stored is None:
            return Finding("origin", True, f"{origin}; no fingerprint of that release is stored")
        difference = compare(taken, stored).difference
        return Finding("origin", not difference, f"{origin}, but {difference}" if difference else origin)
    comparisons = {name: compare(taken, stored) for name, stored in known.items() if name.endswith(f"/{weights.architecture}")}
    for name, comparison in comparisons.items():
        if comparison.agreeing and not comparison.difference:
            return Finding(
                "origin", True, f"{name.replace('/', ' ')} by its fingerprint, {comparison.agreeing[0]} to {comparison.agreeing[-1]}"
            )
    name, nearest = max(comparisons.items(), key=lambda item: len(item[1].agreeing))
    detail = f"no known file, and no fingerprint fits; nearest is {name.replace('/', ' ')}: {nearest.difference}"
    if f"torchvision/{weights.architecture}" not in known:
        detail += "; no fingerprint of torchvision's release is stored, which is known by its file's sha256 only"
    return Finding("origin", False, detail)


def _orientation(weights: VGGWeights) -> list[Finding]:
    detail = "the file is for blue, green, red; nstyle turns conv1_1 around, other programs may not: convert the file"
    return [Finding("order of colours", False, detail)] if weights.is_reordered else []


def _shapes(weights: VGGWeights) -> Finding:
    """Look for every convolution up to the deepest layer, and for none after a gap."""
    names = layer_names(weights.architecture)
    convs = [name for name in names if name.startswith("conv")]
    present = [name for name in convs if all(f"features.{names.index(name)}.{part}" in weights.state for part in ("weight", "bias"))]
    gap = [name for name in present if names.index(name) > names.index(weights.deepest)]
    if gap:
        return Finding("layers", False, f"{gap[0]} is there, but the layers before it are missing after {weights.deepest}")
    cut = "" if len(present) == len(convs) else f", the file ends there: {convs[len(present)]} and deeper cannot be used"
    return Finding("layers", True, f"{present[0]} to {present[-1]}{cut}")


def _torchvision(weights: VGGWeights) -> Finding:
    """Compare every feature with that of torchvision's architecture under the same weights."""
    ours, theirs = _our_features(weights), _their_features(weights)
    errors = {name: ((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max().clamp(min=1e-12)).item() for name in ours}
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
    network = make_layers(cfgs["D" if weights.architecture == "vgg16" else "E"], batch_norm=False)[: names.index(weights.deepest) + 1]
    network.load_state_dict({key: weights.state[f"features.{key}"] for key in network.state_dict()})
    x = (to_tensor(built_in_picture()) - torch.tensor(weights.mean).view(3, 1, 1)) / torch.tensor(weights.std).view(3, 1, 1)
    x = x[None]
    features = {}
    with torch.no_grad():
        for name, layer in zip(names, network, strict=False):
            if isinstance(layer, torch.nn.ReLU):
                layer.inplace = False  # An in-place ReLU would overwrite the convolution's output that was just taken.
            features[name] = x = layer(x)
    return features


def _choices(weights: VGGWeights) -> list[tuple[Literal["style", "content"], str, tuple[str, ...]]]:
    """List what is reconstructed: each set cut to the layers that the weights reach, and marked so."""
    names = layer_names(weights.architecture)
    reach = names.index(weights.deepest)
    choices: list[tuple[Literal["style", "content"], str, tuple[str, ...]]] = []
    for label, layers in STYLE_SETS.items():
        kept = tuple(name for name in layers if names.index(name) <= reach)
        cut = [name for name in layers if name not in kept]
        if kept:
            choices.append(("style", label + (f", cut: no {', '.join(cut)}" if cut else ""), kept))
    choices += [("content", "", (name,)) for name in CONTENT_LAYERS if names.index(name) <= reach]
    return choices


def _reconstruction(
    kind: Literal["style", "content"], label: str, layers: tuple[str, ...], weights: VGGWeights, image: Image.Image, size: int, iterations: int
) -> tuple[Finding, ReconstructionResult | None]:
    """Reconstruct within the budget, and say by which factor each loss fell."""
    what = f"{kind} {'+'.join(layers)}" + (f" ({label})" if label else "")
    pictures = {"style": image} if kind == "style" else {"content": image}
    try:
        result = reconstruct(**pictures, layers=layers, weights=weights, size=size, iterations=iterations, patience=0)  # type: ignore[arg-type]
    except NstyleError as error:
        return Finding(what, False, str(error)), None
    falls = {name.split("/")[1]: result.initial[name] / max(value, 1e-30) for name, value in result.terms.items()}
    total = sum(result.initial.values()) / max(result.loss, 1e-30)
    detail = "fell by " + ", ".join(f"{name} {fall:.3g}" for name, fall in falls.items())
    needed = MIN_FALL[kind]
    if total < needed:
        detail += f"; {total:.3g} in all, expected at least {needed:g}"
    return Finding(what, total >= needed, detail), result
