"""The check of VGG weights before training: the checks of the weights themselves, and reconstructions with them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from nstyle.encoders.check import Finding, check_weights
from nstyle.encoders.fingerprint import built_in_picture
from nstyle.encoders.layers import layer_names, min_side
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.pictures import resize
from nstyle.reconstruction.check_config import CheckConfig
from nstyle.reconstruction.reconstruct import ReconstructionResult, reconstruct

MIN_FALL: dict[Literal["style", "content"], float] = {"style": 100.0, "content": 5.0}
"""The factor by which the loss of each reconstruction must fall at least with the default iterations and size."""
LEAST_FALL = 1.5
"""The factor that is expected of the shortest and smallest reconstruction."""
STYLE_SETS = {
    "Johnson et al. 2016": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    "Gatys et al. 2015": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
}
"""Two choices of layers, which Early, Sian and Stonard found in conflict."""
CONTENT_LAYERS = ("relu2_2", "relu3_3")


@dataclass(frozen=True)
class Shown:
    """A reconstruction of the check."""

    label: str
    """What was reconstructed from which layers, and whether the set was cut."""
    image: Image.Image


@dataclass(frozen=True)
class Verdict:
    """What the check found."""

    findings: tuple[Finding, ...]
    pictures: tuple[Shown, ...]
    """The picture itself, then the reconstruction from each choice of layers."""

    @property
    def ok(self) -> bool:
        """Tell whether every finding is good."""
        return all(finding.ok for finding in self.findings)


def check_vgg(
    weights: VGGWeights,
    image: Image.Image | None = None,
    *,
    size: int = CheckConfig.size,
    iterations: int = CheckConfig.iterations,
    notice: Callable[[str], None] = lambda text: None,
) -> Verdict:
    """Check a VGG release: its origin, its features, and the pictures that are reconstructed with it.

    Args:
        weights: The release, possibly cut off after some layer.
        image: The picture to reconstruct, RGB. None: the built-in picture.
        size: Long side of the reconstructions in pixels.
        iterations: L-BFGS iterations of each reconstruction.
        notice: Called with a line of text before each reconstruction.

    Returns:
        The verdict. Wrong weights do not raise an error.

    Raises:
        UsageError: If a number is out of range, or the picture too narrow for the layers.
    """
    CheckConfig(size=size, iterations=iterations)
    image = image or built_in_picture()
    choices = _choices(weights)
    needed = min_side(layer for _, _, layers in choices for layer in layers)
    if min(image.size) * size < needed * max(image.size):
        raise UsageError(
            f"a picture of {image.width}x{image.height} px at `size` {size} is too narrow; expected at least {needed} "
            "px each way"
        )
    findings = check_weights(weights)
    pictures = [Shown("the picture", resize(image, long_side=size))]
    for kind, label, layers in choices:
        notice(f"reconstructing {kind} from {'+'.join(layers)}")
        finding, result = _reconstruction(kind, label, layers, weights, image, size, iterations)
        findings.append(finding)
        mark = " (cut)" if "cut:" in label else ""
        pictures += [Shown(f"{kind} {'+'.join(layers)}{mark}", result.to_image())] if result else []
    return Verdict(tuple(findings), tuple(pictures))


def expected_fall(kind: Literal["style", "content"], size: int, iterations: int) -> float:
    """Return the factor by which the loss must fall, which is less for fewer iterations and at other sizes.

    ``MIN_FALL (iterations / 100)^1.5 min(size / 192, 192 / size)``, and never more than MIN_FALL: with Oxford's VGG16
    losses fell by at least 1.7 times as much, for 10 to 100 iterations at 64 and 96 px on three pictures, and at 192 px
    on two.
    """
    of_iterations = math.pow(iterations / CheckConfig.iterations, 1.5)
    of_size = min(size / CheckConfig.size, CheckConfig.size / size)
    return max(LEAST_FALL, MIN_FALL[kind] * min(1.0, of_iterations) * of_size)


def _choices(weights: VGGWeights) -> list[tuple[Literal["style", "content"], str, tuple[str, ...]]]:
    """List kind, label and layers of each reconstruction. Sets are cut to the layers that the weights reach."""
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
    kind: Literal["style", "content"],
    label: str,
    layers: tuple[str, ...],
    weights: VGGWeights,
    image: Image.Image,
    size: int,
    iterations: int,
) -> tuple[Finding, ReconstructionResult | None]:
    """Reconstruct from some layers, and report the factor by which each loss fell."""
    what = f"{kind} {'+'.join(layers)}" + (f" ({label})" if label else "")
    picture: dict[str, Any] = {kind: image}
    try:
        result = reconstruct(**picture, layers=layers, encoder=weights, size=size, iterations=iterations, patience=0)
    except NstyleError as error:
        return Finding(what, False, str(error)), None
    falls = {name.split("/")[1]: result.initial[name] / max(value, 1e-30) for name, value in result.terms.items()}
    total = sum(result.initial.values()) / max(result.loss, 1e-30)
    detail = "fell by " + ", ".join(f"{name} {fall:.3g}" for name, fall in falls.items())
    needed = expected_fall(kind, size, iterations)
    if total < needed:
        detail += f"; {total:.3g} in all, expected at least {needed:.3g} at {size} px after {iterations} iterations"
    return Finding(what, total >= needed, detail), result
