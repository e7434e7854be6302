"""Presets of the perceptual loss, as loss weights are only meaningful with the conventions that they were tuned for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from nstyle.encoders.vgg import Pooling
from nstyle.errors import UsageError
from nstyle.losses.functional import GramDivisor

Reduction = Literal["mse", "relative"]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """All settings that determine the value of a perceptual loss, except the VGG weights and the pictures."""

    name: str
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    content_weight: float
    """The factor of the content loss."""
    style_weight: float
    """The factor of the style loss."""
    tv_weight: float = 0.0
    """The factor of the total variation (the mean of squared differences over the picture)."""
    gram_divisor: GramDivisor = "chw"
    reduction: Reduction = "mse"
    """``"mse"``: mean squared error per layer, summed over layers. ``"relative"``: squared error divided by the energy
    of the target per layer, averaged over layers and scales."""
    style_scales: int = 1
    """The octaves of the anti-aliased pyramid on which style is compared: 3 means full, half and quarter size."""
    pooling: Pooling = "max"
    release: str | None = None
    """The VGG release that the weights were tuned on; None if the loss does not depend on it."""

    def __post_init__(self) -> None:
        for name in ("content_weight", "style_weight", "tv_weight"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise UsageError(f"{name} is {value}: expected a finite number of at least 0")
        if not 1 <= self.style_scales <= 5:
            raise UsageError(f"style_scales is {self.style_scales}: expected 1 to 5")
        if not self.style_layers or not self.content_layers:
            raise UsageError("a perceptual loss needs at least one content layer and one style layer")

    @property
    def term_names(self) -> tuple[str, ...]:
        """Name the terms of the style loss, ``layer@scale``, in the order in which they are computed."""
        return tuple(f"{layer}@{scale}" for scale in range(self.style_scales) for layer in self.style_layers)

    def override(self, **changes: Any) -> "Preset":
        """Copy the preset with the settings that are not None."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    def to_dict(self) -> dict[str, Any]:
        """Convert the preset to plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preset":
        """Read what :meth:`to_dict` wrote."""
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


JOHNSON = Preset(
    name="johnson",
    content_layers=("relu2_2",),
    style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    content_weight=1e5,
    style_weight=1e10,
    gram_divisor="chw",
    release="torchvision",
)
"""The loss of pytorch/examples fast_neural_style and of Early, Sian and Stonard's repository: the layers of Johnson et
al. 2016 with torchvision weights."""

DUMOULIN = Preset(
    name="dumoulin",
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
    content_layers=("relu3_3",),
    style_layers=("relu1_2", "relu2_2", "relu3_3"),
    content_weight=1.0,
    style_weight=10.0,
    gram_divisor="hw",
    reduction="relative",
    style_scales=3,
)
"""The default, in which every term is divided by the energy of its target.

Departure from Johnson et al. 2016 and Dumoulin et al. 2017: with absolute losses, strong paintings dominate weak
ones, and weights do not transfer between VGG releases. Here one style weight serves all. Three layers on three scales
have a larger reach than relu4_3 on one, at less cost (Snelgrove 2017).
"""

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (RELATIVE, JOHNSON, DUMOULIN)}
