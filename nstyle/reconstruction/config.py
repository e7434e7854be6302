"""The settings of one reconstruction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from nstyle.encoders.layers import Architecture, Pooling
from nstyle.errors import UsageError, check_setting
from nstyle.losses.style import DEFAULT_MOMENTS, MAX_MOMENTS, STYLE_LOSSES, loss_label
from nstyle.settings import check_names, check_settings, setting
from nstyle.system.devices import Precision

ContentLoss = Literal["mean", "half-sum"]
TotalVariation = Literal["squared", "power-1.25"]
OptimizerName = Literal["lbfgs", "adam", "sgd"]
Start = Literal["noise", "white", "black", "mean", "content", "style", "average"]
StyleSize = Literal["content", "own"]
Schedule = Literal["inversion-table"]
OLD_SCHEDULE = "seed-000"
"""What version 0.1 called it."""
LayerWeights = Mapping[str, float]
"""The weight of each layer's loss, by the name of the layer."""

TRANSFER_CONTENT_LAYERS: LayerWeights = {"relu4_2": 1.0}
TRANSFER_STYLE_LAYERS: LayerWeights = {f"relu{block}_1": 0.2 for block in range(1, 6)}
"""Gatys et al. 2016: five layers with equal weights, of sum 1."""
DEFAULT_ITERATIONS: dict[OptimizerName, int] = {"lbfgs": 300, "adam": 3000, "sgd": 3000}
DEFAULT_LR: dict[OptimizerName, float] = {"lbfgs": 1.0, "adam": 1e-3, "sgd": 0.05}
"""For L-BFGS, the first length tried along its direction; for Adam, the rate of the style-inversion chapter; for SGD,
see :mod:`nstyle.reconstruction.optimizers`."""
TRANSFER_STYLE_WEIGHT: dict[str, float] = {"gram": 0.002, "gram-gatys": 0.008}
"""Default style weights, chosen by eye among 0.00002, 0.0002, 0.002 and 0.02 on a portrait and Starry Night at 256 px,
with Oxford weights, content relu3_3 and style relu1_1 to relu3_1. For other losses and releases of VGG no default is
known."""
TUNED_RELEASE = "oxford"
"""The VGG release that they were chosen with."""
MAX_SEED = 2**31 - 1
MIN_SIZE, MAX_SIZE = 16, 8192

LAYERS, LOSS, OPTIMIZATION, PICTURE, NETWORK, HARDWARE = "Layers Loss Optimization Picture Network Hardware".split()
"""Headings of the settings in the help."""
_LOSSES = "; ".join(f"{name}: {loss.summary}" for name, loss in STYLE_LOSSES.items())


def by_name(values: Mapping[Any, float]) -> str:
    """Say numbers by name in words: ``300 for lbfgs, 3000 for adam``."""
    return ", ".join(f"{value:g} for {name}" for name, value in values.items())


def modern(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings that version 0.1 may have recorded, as this version names them."""
    schedule: Schedule = "inversion-table"
    return {**values, "schedule": schedule} if values.get("schedule") == OLD_SCHEDULE else dict(values)


@dataclass(frozen=True, kw_only=True)
class ReconstructionConfig:
    """The settings of a reconstruction. All are checked on construction."""

    style_layers: LayerWeights = setting(
        {},
        "The layers whose style is matched, with weights: relu1_1,relu2_1=0.5.",
        LAYERS,
        metavar="LAYERS",
        at_least=0,
    )
    content_layers: LayerWeights = setting(
        {},
        "The layers whose features are matched, with weights: relu3_3,relu4_2=0.5.",
        LAYERS,
        metavar="LAYERS",
        at_least=0,
    )
    loss: str = setting("gram", f"What is compared at the style layers. {_LOSSES}.", LOSS, choices=tuple(STYLE_LOSSES))
    moments: int | None = setting(
        None,
        "How many moments are compared, where `loss` is moments.",
        LOSS,
        at_least=1,
        at_most=MAX_MOMENTS,
        default_text=str(DEFAULT_MOMENTS),
    )
    content_loss: ContentLoss = setting(
        "mean", "The mean of the squared differences, whose weight is right at every size, or half their sum.", LOSS
    )
    """``mean`` is Du's; ``half-sum`` is ``1/2 sum (F - P)^2`` (Gatys et al. 2015; Nikulina 2022, Kang 2017)."""
    style_weight: float | None = setting(
        None,
        "How much the style loss counts for each part of the content loss (Du's k).",
        LOSS,
        at_least=0,
        default_text=by_name(TRANSFER_STYLE_WEIGHT),
    )
    """None: TRANSFER_STYLE_WEIGHT, or 1 without a content."""
    style_mix: tuple[float, ...] = setting(
        (),
        "How much of each painting, where there are several.",
        LOSS,
        metavar="W,W",
        at_least=0,
        default_text="equal parts",
    )
    """The part of each style picture, normalized to sum 1."""
    tv_weight: float = setting(0.0, "The factor of total variation, which takes grain away.", LOSS, at_least=0)
    tv: TotalVariation = setting(
        "squared", "Total variation as squared differences (Johnson et al.), or their power of 1.25 (Kang).", LOSS
    )
    """Averaged over pixels in [0, 1]."""
    feature_scale: float = setting(
        1.0,
        "A factor on all features. 1/255 gives those of Oxford's VGG16 the scale of pictures in [0, 1].",
        LOSS,
        above=0,
    )
    optimizer: OptimizerName | None = setting(
        None, "What moves the pixels.", OPTIMIZATION, default_text="lbfgs, or adam for a loss that draws at random"
    )
    lr: float | None = setting(None, "The step size.", OPTIMIZATION, above=0, default_text=by_name(DEFAULT_LR))
    iterations: int | None = setting(
        None,
        "The number of updates of the picture, at each size of a ladder.",
        OPTIMIZATION,
        at_least=1,
        default_text=by_name(DEFAULT_ITERATIONS),
    )
    patience: int = setting(
        200,
        "Stop after so many updates in which the loss fell by less than a thousandth.",
        OPTIMIZATION,
        at_least=0,
        note="0 for never",
    )
    threshold: float | None = setting(None, "Stop below this loss.", OPTIMIZATION, above=0, default_text="never")
    """Refused for losses that can be negative."""
    schedule: Schedule | None = setting(
        None,
        "Take optimizer, rate, iterations, threshold and scale of features from the style-inversion chapter's table.",
        OPTIMIZATION,
    )
    size: int = setting(256, "The long side of the result.", PICTURE, at_least=MIN_SIZE, at_most=MAX_SIZE, unit="px")
    min_size: int | None = setting(
        None,
        "Start at this long side, and grow by the root of 2 up to `size`: a ladder of sizes.",
        PICTURE,
        at_least=MIN_SIZE,
        at_most=MAX_SIZE,
        unit="px",
        default_text="no ladder",
    )
    style_size: StyleSize = setting(
        "content", "Paintings at the long side of the result, or at their own size.", PICTURE
    )
    """``content`` is Nikulina's (2022)."""
    start: Start | None = setting(
        None, "What the optimization starts from.", PICTURE, default_text="content in a transfer, else noise"
    )
    """Noise is N(127.5, 127.5^2) on the scale of 0-255 (Early, Sian and Stonard), clipped."""
    seed: int = setting(0, "Decides the noise and random pairs.", PICTURE, at_least=0, at_most=MAX_SEED)
    vgg: str = setting(
        "",
        "The encoder: a file of VGG weights, imagenet for torchvision's, or lite for the small encoder that comes with "
        "nstyle.",
        NETWORK,
        metavar="FILE|imagenet|lite",
        default_text="$NSTYLE_VGG, else imagenet",
    )
    network: Architecture | None = setting(
        None, "Which network imagenet means, or a file must hold.", NETWORK, default_text="vgg16, or the file's"
    )
    pooling: Pooling = setting("max", "How VGG pools: max, as it was trained, or average (Gatys et al. 2015).", NETWORK)
    device: str = setting("auto", "Where to work.", HARDWARE, metavar="auto|cpu|cuda|cuda:N|mps")
    precision: Precision = setting(
        "auto",
        "The precision of the features. auto: bfloat16 where the hardware has it, and float32 for three or more "
        "moments and for runs with a `threshold`.",
        HARDWARE,
    )
    """See :attr:`wants_float32`."""

    def __post_init__(self) -> None:
        check_settings(self)
        self._resolve()
        self._check_combinations()

    def _resolve(self) -> None:
        """Fill in the settings that depend on others, so that the settings in use are the ones that are recorded."""

        def settle(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        if self.loss == "moments":
            settle("moments", self.moments or DEFAULT_MOMENTS)
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

    def _check_combinations(self) -> None:
        if not self.style_layers and not self.content_layers:
            raise UsageError("no layers were given; name some with `layers`, such as relu1_1,relu2_1")
        check_setting(
            self.min_size is None or self.min_size <= self.size,
            "min_size",
            self.min_size,
            f"{MIN_SIZE} to `size` ({self.size}) px",
        )
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
        return bool(self.style_layers) and STYLE_LOSSES[self.loss].is_random

    @property
    def can_be_negative(self) -> bool:
        """Whether the loss can be less than 0."""
        return bool(self.style_layers) and STYLE_LOSSES[self.loss].can_be_negative

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
        return loss_label(self.loss, self.moments)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values for JSON."""
        return {**asdict(self), "style_mix": list(self.style_mix)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ReconstructionConfig":
        """Rebuild what :meth:`to_dict` returned, also in version 0.1.

        Raises:
            UsageError: If a name is unknown or a value out of range.
        """
        values = modern(values)
        check_names(values, [f.name for f in fields(cls)])
        return cls(**{**values, "style_mix": tuple(values.get("style_mix", ()))})
