"""The settings of one reconstruction."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from nstyle.encoders.layers import Architecture, Pooling
from nstyle.errors import UsageError, check_setting
from nstyle.losses.style import StyleLossName, style_loss
from nstyle.system.devices import Precision

ContentLoss = Literal["half-sum", "mean"]
TotalVariation = Literal["squared", "power-1.25"]
OptimizerName = Literal["lbfgs", "adam", "sgd"]
Start = Literal["noise", "white", "black", "mean", "content", "style", "average"]
StyleSize = Literal["content", "own"]
LayerWeights = Mapping[str, float]
"""The weight of each layer's loss, by the name of the layer."""

TRANSFER_CONTENT_LAYERS: LayerWeights = {"relu4_2": 1.0}
TRANSFER_STYLE_LAYERS: LayerWeights = {f"relu{block}_1": 0.2 for block in range(1, 6)}
"""Gatys et al. 2016: five layers with equal weights, of sum 1."""
DEFAULT_ITERATIONS: dict[OptimizerName, int] = {"lbfgs": 300, "adam": 3000, "sgd": 3000}
DEFAULT_LR: dict[OptimizerName, float] = {"lbfgs": 1.0, "adam": 1e-3, "sgd": 0.05}
"""For L-BFGS, the first length tried along its direction; for Adam, the rate of the style-inversion chapter; for SGD,
see :mod:`nstyle.reconstruction.optimizers`."""
DEFAULT_PATIENCE = 200
TRANSFER_STYLE_WEIGHT: dict[StyleLossName, float] = {"gram": 0.002, "gram-gatys": 0.008}
"""Default style weights, chosen by eye among 0.00002, 0.0002, 0.002 and 0.02 on a portrait and Starry Night at 256 px,
with Oxford weights, content relu3_3 and style relu1_1 to relu3_1. For other losses and releases of VGG no default is
known."""
TUNED_RELEASE = "oxford"
"""The VGG release that they were chosen with."""


@dataclass(frozen=True, kw_only=True)
class ReconstructionConfig:
    """The settings of a reconstruction. Their ranges are checked on construction."""

    style_layers: LayerWeights = field(default_factory=dict)
    """The layers whose style is matched; empty for a content reconstruction."""
    content_layers: LayerWeights = field(default_factory=dict)
    """The layers whose features are matched; empty for a style reconstruction."""
    loss: StyleLossName = "gram"
    """The loss at the style layers."""
    moments: int | None = None
    """The number of moments, 1 to 4. Only for the loss ``moments``, where None means 2."""
    content_loss: ContentLoss = "mean"
    """``mean``: the mean squared error (Du), whose weight is right at every size. ``half-sum``: ``1/2 sum (F - P)^2``
    (Gatys et al. 2015; Nikulina 2022, Kang 2017)."""
    style_weight: float | None = None
    """Du's k, the weight of the style loss; that of the content loss is 1. None: TRANSFER_STYLE_WEIGHT, or 1 without a
    content."""
    style_mix: tuple[float, ...] = ()
    """The part of each style picture, normalized to sum 1. Empty for equal parts."""
    tv_weight: float = 0.0
    """The weight of total variation."""
    tv: TotalVariation = "squared"
    """The form of total variation, averaged over pixels in [0, 1]: squared differences (Johnson et al. 2016), or their
    power of 1.25 (Kang 2017)."""
    feature_scale: float = 1.0
    """A factor on all features. With 1/255, features of the Oxford weights have the scale of pictures in [0, 1]."""
    pooling: Pooling = "max"
    """``max``, as VGG was trained, or ``average`` (Gatys et al. 2015)."""
    network: Architecture | None = None
    """The network that ``imagenet`` means (None: VGG16), or that the weights file must hold."""
    vgg: str = ""
    """A file of VGG weights, ``imagenet`` or ``lite``. Empty: the file that ``NSTYLE_VGG`` names, else ``imagenet``."""
    optimizer: OptimizerName | None = None
    """None: ``lbfgs``, or ``adam`` for a loss that draws at random."""
    lr: float | None = None
    """The step size. None: DEFAULT_LR."""
    iterations: int | None = None
    """The number of updates of the picture, at each size of a ladder. None: DEFAULT_ITERATIONS."""
    patience: int = DEFAULT_PATIENCE
    """Stop after this number of iterations in which the loss fell by less than a thousandth; 0 for never."""
    threshold: float | None = None
    """Stop below this loss; None for never. Refused for losses that can be negative."""
    size: int = 256
    """The long side of the result in pixels."""
    style_size: StyleSize = "content"
    """Style pictures are resized to the long side of the result (``content``, Nikulina 2022), or keep their size
    (``own``)."""
    min_size: int | None = None
    """The first long side of a scale ladder, which grows by sqrt 2. None: no ladder."""
    start: Start | None = None
    """What the optimization starts from. None: the content in a transfer, else noise, which is N(127.5, 127.5^2) on the
    scale of 0-255 (Early, Sian and Stonard), clipped."""
    seed: int = 0
    """The seed of the noise and of random pairs."""
    precision: Precision = "auto"
    """The precision of the VGG features. ``auto``: bfloat16 where the hardware has it, unless :attr:`wants_float32`."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``."""
    schedule: str | None = None
    """The schedule that other settings came from: ``seed-000``, or None."""

    def __post_init__(self) -> None:
        choices = (
            ("content_loss", ContentLoss), ("tv", TotalVariation), ("pooling", Pooling), ("network", Architecture),
            ("loss", StyleLossName), ("start", Start), ("style_size", StyleSize), ("precision", Precision),
            ("optimizer", OptimizerName),
        )  # fmt: skip
        for name, kind in choices:
            value = getattr(self, name)
            is_open = value is None and name in ("optimizer", "start", "network")
            check_setting(is_open or value in get_args(kind), _flag(name), value, " | ".join(get_args(kind)))
        self._resolve()
        self._check_numbers()
        self._check_combinations()

    def _resolve(self) -> None:
        """Fill in the settings that depend on others, so that the settings in use are the ones that are recorded."""

        def settle(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        if self.loss == "moments":
            settle("moments", 2 if self.moments is None else self.moments)
        optimizer: OptimizerName = self.optimizer or ("adam" if self.is_random else "lbfgs")
        settle("optimizer", optimizer)
        settle("start", self.start or ("content" if self.is_transfer else "noise"))
        if self.style_weight is None:
            settle("style_weight", self._default_style_weight())
        settle("lr", DEFAULT_LR[optimizer] if self.lr is None else self.lr)
        settle("iterations", DEFAULT_ITERATIONS[optimizer] if self.iterations is None else self.iterations)

    def _default_style_weight(self) -> float:
        if not self.is_transfer:
            return 1.0
        if self.loss not in TRANSFER_STYLE_WEIGHT or self.content_loss != "mean" or self.feature_scale != 1:
            convention = (
                f"`loss` {self.loss}, `content_loss` {self.content_loss} and `feature_scale` {self.feature_scale:g}"
            )
            raise UsageError(f"no style weight is known for {convention}; give `style_weight`")
        return TRANSFER_STYLE_WEIGHT[self.loss]

    def _check_numbers(self) -> None:
        assert self.style_weight is not None
        assert self.lr is not None
        assert self.iterations is not None
        for name in ("iterations", "patience", "size", "seed", *(("min_size",) if self.min_size is not None else ())):
            check_setting(isinstance(getattr(self, name), int), _flag(name), getattr(self, name), "a whole number")
        check_setting(
            self.threshold is None or 0 < self.threshold < math.inf,
            "threshold",
            self.threshold,
            "a finite number above 0",
        )
        weights = {
            f"the weight of {name}": weight for name, weight in {**self.style_layers, **self.content_layers}.items()
        }
        weights |= {f"part {i} of `style_mix`": part for i, part in enumerate(self.style_mix, start=1)}
        weights |= {"`style_weight`": self.style_weight, "`tv_weight`": self.tv_weight}
        for name, weight in weights.items():
            check_setting(0 <= weight < math.inf, name, weight, "a finite number of at least 0")
        check_setting(self.moments is None or 1 <= self.moments <= 4, "moments", self.moments, "1 to 4")
        check_setting(0 < self.feature_scale < math.inf, "feature_scale", self.feature_scale, "more than 0")
        check_setting(0 < self.lr < math.inf, "lr", self.lr, "more than 0")
        check_setting(self.iterations >= 1, "iterations", self.iterations, "at least 1")
        check_setting(self.patience >= 0, "patience", self.patience, "at least 0 (0 for never)")
        check_setting(16 <= self.size <= 8192, "size", self.size, "16 to 8192 px")
        check_setting(
            self.min_size is None or 16 <= self.min_size <= self.size,
            "min_size",
            self.min_size,
            f"16 to `size` ({self.size}) px",
        )
        check_setting(0 <= self.seed < 2**31, "seed", self.seed, "0 to 2147483647")

    def _check_combinations(self) -> None:
        if not self.style_layers and not self.content_layers:
            raise UsageError("no layers were given; name some with `layers`, such as relu1_1,relu2_1")
        if self.schedule not in (None, "seed-000"):
            raise UsageError(f"`schedule` is {self.schedule}; expected seed-000")
        if self.moments is not None and self.loss != "moments":
            raise UsageError(
                f"`moments` is {self.moments}, but `loss` {self.loss} has none; leave it out or choose `loss` moments"
            )
        if self.is_random and self.optimizer == "lbfgs":
            raise UsageError(
                f"`loss` {self.loss} draws new pairs at every iteration, which L-BFGS cannot use; choose `optimizer` "
                "adam or sgd"
            )
        if self.can_be_negative and self.threshold is not None:
            raise UsageError(
                f"`threshold` is {self.threshold}, but `loss` {self.loss} can be negative: leave it out, `patience` "
                "stops the run"
            )
        needs_content, needs_style = self.start in ("content", "average"), self.start in ("style", "average")
        if (needs_content and not self.content_layers) or (needs_style and not self.style_layers):
            what = "a content and a style" if self.start == "average" else f"a {self.start}"
            raise UsageError(
                f"`start` {self.start} needs {what}, and this reconstruction has only one of the two; expected noise, "
                "say"
            )

    @property
    def term_weights(self) -> dict[str, float]:
        """The weight of every term in the loss, by its name: ``style/relu1_1``, ``content/relu3_3``, ``tv``."""
        assert self.style_weight is not None
        weights = {f"style/{name}": self.style_weight * weight for name, weight in self.style_layers.items()}
        weights |= {f"content/{name}": weight for name, weight in self.content_layers.items()}
        return weights | ({"tv": self.tv_weight} if self.tv_weight else {})

    @property
    def is_transfer(self) -> bool:
        """Whether there are both a style and a content."""
        return bool(self.style_layers) and bool(self.content_layers)

    @property
    def is_averaged(self) -> bool:
        """Whether the loss is averaged over positions; ``half-sum`` and ``mmd`` are summed."""
        return not (self.content_layers and self.content_loss == "half-sum") and not (
            self.style_layers and self.loss == "mmd"
        )

    @property
    def is_random(self) -> bool:
        """Whether every evaluation of the loss draws at random."""
        return bool(self.style_layers) and style_loss(self.loss).is_random

    @property
    def can_be_negative(self) -> bool:
        """Whether the loss can be less than 0."""
        return bool(self.style_layers) and style_loss(self.loss).can_be_negative

    @property
    def wants_float32(self) -> bool:
        """Whether the precision of bfloat16 is too low for the features.

        It has 8 significant bits. Third and fourth moments, and a threshold far below the loss of the start, need more:
        with four moments L-BFGS converged to twice the loss.
        """
        return self.threshold is not None or (self.moments or 0) > 2

    @property
    def loss_label(self) -> str:
        """The name of the style loss with its number of moments, such as ``moments-3``."""
        return f"{self.loss}-{self.moments}" if self.loss == "moments" else self.loss

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values for JSON."""
        return {**asdict(self), "style_mix": list(self.style_mix)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ReconstructionConfig":
        """Rebuild what :meth:`to_dict` returned.

        Raises:
            UsageError: If a name is unknown or a value out of range.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise UsageError(f"there is no setting '{unknown[0]}'; expected one of {', '.join(sorted(known))}")
        return cls(**{**values, "style_mix": tuple(values.get("style_mix", ()))})


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


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
