"""Presets of the perceptual loss, as loss weights are only meaningful with the conventions that they were tuned for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from nstyle.encoders.layers import Pooling, canonical_layer
from nstyle.errors import UsageError, check_setting
from nstyle.models.model_info import damaged
from nstyle.settings import check_names, check_settings, setting

GramDivisor = Literal["chw", "hw"]
"""What Gram matrices are divided by: channels times positions, or positions."""
Reduction = Literal["mse", "relative"]
SPECTRUM = "spectrum"
"""The name of the power spectrum among the terms of a loss and among its targets."""
GROUP = "Loss"
"""Heading of the settings in the help."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """All settings that determine the value of a perceptual loss, except the VGG weights and the pictures."""

    name: str
    summary: str
    """The convention in a few words, for the help."""
    content_weight: float = setting(1.0, "The factor of the content loss.", GROUP, at_least=0)
    style_weight: float = setting(1.0, "The factor of the style loss.", GROUP, at_least=0)
    tv_weight: float = setting(
        0.0, "The factor of total variation (squared differences, mean over the picture).", GROUP, at_least=0
    )
    spectrum_weight: float = setting(
        0.0,
        "The factor of the error in the power spectrum, against a regular mesh: 2 is much.",
        GROUP,
        at_least=0,
    )
    content_layers: tuple[str, ...] = setting(
        (), "The layers whose features are compared with the photograph's.", GROUP, metavar="LAYERS"
    )
    style_layers: tuple[str, ...] = setting(
        (), "The layers whose Gram matrices are compared with the painting's.", GROUP, metavar="LAYERS"
    )
    style_scales: int = setting(
        1,
        "The number of octaves of an anti-aliased pyramid on which style is compared: 3 means full, half and quarter "
        "size.",
        GROUP,
        at_least=1,
        at_most=5,
    )
    gram_divisor: GramDivisor = "chw"
    reduction: Reduction = "mse"
    """``"mse"``: mean squared error per layer, summed over layers. ``"relative"``: squared error over the target's own
    energy per layer, averaged over layers and scales."""
    pooling: Pooling = "max"
    release: str | None = None
    """The VGG release that the weights were tuned on; None if the loss does not depend on it."""

    def __post_init__(self) -> None:
        check_settings(self)
        for name in ("content_layers", "style_layers"):
            layers = getattr(self, name)
            check_setting(len(layers) > 0, name, "empty", "at least one layer")
            canonical = tuple(canonical_layer(layer, counted_in="vgg16") for layer in layers)
            object.__setattr__(self, name, tuple(dict.fromkeys(canonical)))

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers that are compared, each once."""
        return tuple(dict.fromkeys(self.content_layers + self.style_layers))

    @property
    def term_names(self) -> tuple[str, ...]:
        """Name the terms of the style loss, ``layer@scale``, in the order in which they are computed."""
        return tuple(f"{layer}@{scale}" for scale in range(self.style_scales) for layer in self.style_layers)

    @property
    def target_names(self) -> tuple[str, ...]:
        """Name everything of a painting that pictures are compared with."""
        return (*self.term_names, *([SPECTRUM] if self.spectrum_weight else []))

    def override(self, **changes: Any) -> "Preset":
        """Copy the preset with the settings that are not None."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types: everything that gives the loss its value.

        The weight of the spectrum is left out where it is 0, as version 0.2 does not know it.
        """
        left_out = {"summary"} | (set() if self.spectrum_weight else {"spectrum_weight"})
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preset":
        """Read what :meth:`to_dict` wrote.

        Raises:
            UsageError: If a setting does not exist or is invalid, or the name is missing.
        """
        check_names(values, [f.name for f in fields(cls)])
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        name = plain.setdefault("name", None)
        summary = PRESETS[name].summary if isinstance(name, str) and name in PRESETS else ""
        return cls(**{"summary": summary, **plain})

    @classmethod
    def of_model(cls, path: Path, values: Mapping[str, Any]) -> "Preset":
        """Read the preset in the description of a model.

        Raises:
            UsageError: If there is none, or a setting in it is invalid.
        """
        try:
            return cls.from_dict(values)
        except UsageError as error:
            raise damaged(path, f"in its preset {error}") from error


JOHNSON = Preset(
    name="johnson",
    summary="Gram matrices over C H W; pytorch/examples' weights, or Johnson et al.'s own under Oxford's VGG",
    content_layers=("relu2_2",),
    style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    content_weight=1e5,
    style_weight=1e10,
    gram_divisor="chw",
    release="torchvision",
)
"""The loss of pytorch/examples fast_neural_style and of Early, Sian and Stonard's repository: the layers of Johnson et
al. 2016 with torchvision weights."""

JOHNSON_OXFORD = replace(
    JOHNSON,
    content_layers=("relu3_3",),
    content_weight=1.0,
    style_weight=5.0,
    tv_weight=2.557e4,
    release="oxford",
)
"""The loss of Johnson et al.'s own code (fast-neural-style, ``train.lua``), for Oxford's VGG16 and 0-255 input.

There content is compared at relu3_3. Its total variation is 1e-6 times half the sum of squared differences over the
pictures of a batch, beside means of the other terms over the batch: with 3 channels of 256 x 256 px on 0-255 and 4
pictures, ``1e-6 * 255^2 / 2 * 3 * 256^2 * 4`` = 2.557e4 times the mean that is taken here.
"""

DUMOULIN = Preset(
    name="dumoulin",
    summary="Magenta: Gram matrices over H W, average pooling, Oxford weights",
    content_layers=("relu3_3",),
    style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    content_weight=1.0,
    style_weight=1e-4,
    gram_divisor="hw",
    pooling="average",
    release="oxford",
)
"""The loss of Magenta's image_stylization: 0-255 input, Oxford weights and average pooling."""

RELATIVE = Preset(
    name="relative",
    summary="every term over its target's own energy, style on three scales",
    content_layers=("relu3_3",),
    style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_1"),
    content_weight=1.0,
    style_weight=10.0,
    gram_divisor="hw",
    reduction="relative",
    style_scales=3,
)
"""The default, in which every term is divided by the energy of its target.

Departure from Johnson et al. 2016 and Dumoulin et al. 2017: with absolute losses, strong paintings dominate weak
ones, and weights do not transfer between VGG releases. Here one style weight serves all. Layers on three scales have a
larger reach than relu4_3 on one (Snelgrove 2017). What relu4_1 adds are strokes that follow each other; shallower
layers leave texture without them.
"""

RELATIVE_3 = replace(
    RELATIVE,
    name="relative-3",
    summary="relative up to relu3_3, as up to version 0.2, for encoders that stop there",
    style_layers=("relu1_2", "relu2_2", "relu3_3"),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (RELATIVE, RELATIVE_3, JOHNSON, DUMOULIN)}

BY_RELEASE: dict[tuple[str, str], Preset] = {(JOHNSON.name, "oxford"): JOHNSON_OXFORD}
"""Presets that have other weights, by name and VGG release."""


def has_releases(name: str) -> bool:
    """Tell whether a preset has other weights under some VGG release."""
    return any(name == preset for preset, _ in BY_RELEASE)


def for_release(name: str, release: str) -> Preset:
    """Return the preset of a name, with the weights that were tuned on a VGG release where it has some.

    Args:
        name: One of :data:`PRESETS`.
        release: The release of the encoder at hand, such as ``oxford``.
    """
    return BY_RELEASE.get((name, release), PRESETS[name])
