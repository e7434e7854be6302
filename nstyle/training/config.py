"""The settings of a training run, and how they are stored in ``config.toml``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from nstyle.errors import UsageError, check_setting
from nstyle.losses.presets import RELATIVE, Preset
from nstyle.models.model_info import MAX_GRAIN
from nstyle.models.style_names import check_style_names
from nstyle.settings import check_names, check_settings, setting
from nstyle.settings_file import read_toml, to_toml
from nstyle.system.devices import Precision
from nstyle.training.schedule import DEFAULT_RATES, SCHEDULES, LrSchedule

STYLE_SIZE_FACTOR = 1.5
"""The default short side of the paintings, as a multiple of the crop size."""
DEFAULT_UPDATES = 40_000
ADD_STYLE_UPDATES = 5000
"""Dumoulin et al. 2017, section 3.4: 5,000 updates of gamma and beta reach what 40,000 from scratch do."""
LEAST_STABLE_SIZE = 64
"""The smallest crop that leaves something to compare when it has moved by
:data:`nstyle.training.stability.FARTHEST`."""
MAX_SEED = 2**63 - 1
NUM_VALIDATION = 16
"""The number of photographs that a run validates on if no validation folder is given."""


PHOTOGRAPHS, PAINTINGS, LOSS, SCHEDULE, NETWORK, HARDWARE = (
    "Photographs Paintings Loss Schedule Network Hardware".split()
)
"""Headings of the settings in the help."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything that decides what a run computes. All settings are checked on construction."""

    content: str = setting(
        "",
        "The folder of photographs to learn from, searched recursively.",
        PHOTOGRAPHS,
        metavar="FOLDER",
        default_text="data/coco/train2017 or train2014",
    )
    validation: str = setting(
        "",
        "The folder of photographs to measure on.",
        PHOTOGRAPHS,
        metavar="FOLDER",
        default_text=f"{NUM_VALIDATION} held out of `content`",
    )
    held_out: int = setting(
        NUM_VALIDATION,
        f"How many photographs are kept out of training where there is no `validation`; the first {NUM_VALIDATION} of "
        "them are measured.",
        PHOTOGRAPHS,
        at_least=1,
    )
    coco_annotations: str = setting(
        "", "A COCO annotation file that lists the photographs in `content`.", PHOTOGRAPHS, metavar="FILE"
    )
    coco_categories: tuple[str, ...] = setting(
        (), "Take only photographs that show one of these categories.", PHOTOGRAPHS, metavar="A,B"
    )
    size: int = setting(256, "The side of the square crops.", PHOTOGRAPHS, at_least=32, at_most=4096, unit="px")
    grain: float = setting(
        0.0,
        "Film grain of a random strength up to this on the photographs that the network sees, so that it paints plain "
        "areas; pictures get half of it.",
        PHOTOGRAPHS,
        metavar="LEVELS",
        at_least=0,
        at_most=MAX_GRAIN,
        unit="levels of 255",
        default_text="0, or that of the model in `init_from`",
    )
    plain: float = setting(
        0.0,
        "The share of photographs that get patches of one colour or become drawings, so that paper and skies are "
        "painted.",
        PHOTOGRAPHS,
        metavar="SHARE",
        at_least=0,
        at_most=1,
    )
    workers: int = setting(
        0,
        "How many threads read photographs.",
        PHOTOGRAPHS,
        at_least=0,
        at_most=256,
        note="0 for one per core, 2 to 16",
        default_text="one per core, 2 to 16",
    )
    style_size: int = setting(
        0,
        "The short side of the paintings: larger for larger strokes.",
        PAINTINGS,
        at_least=32,
        at_most=8192,
        unit="px",
        default_text=f"{STYLE_SIZE_FACTOR:g} x `size`",
    )
    style_factors: Mapping[str, float] = setting(
        {},
        "Make one style stronger or weaker by this factor. May be repeated.",
        PAINTINGS,
        metavar="NAME=X",
        at_least=0,
    )
    keep_targets: bool = setting(
        False,
        "Store the style targets in the model file, about 1 MB per style, so that 'nstyle interpolate' measures losses "
        "without the paintings.",
        PAINTINGS,
        default_text="no, or as in the model in `init_from`",
    )
    preset: Preset = RELATIVE
    """The perceptual loss with its whole convention."""
    stability_weight: float = setting(
        0.0,
        "The factor of the difference between a picture and the same, moved by some pixels and with other noise, moved "
        "back, so that clips do not flicker.",
        LOSS,
        at_least=0,
    )
    updates: int = setting(DEFAULT_UPDATES, "The number of updates of the run.", SCHEDULE, at_least=1)
    batch_size: int = setting(
        4, "The number of photographs per update, of all processes together.", SCHEDULE, at_least=1
    )
    schedule: str = setting(
        "round-robin",
        f"Which style is trained when. {'; '.join(f'{name}: {rule.summary}' for name, rule in SCHEDULES.items())}.",
        SCHEDULE,
        choices=tuple(SCHEDULES),
    )
    lr_schedule: LrSchedule = setting(
        "constant", "A constant rate, or a short warm-up and then a cosine down to almost 0.", SCHEDULE
    )
    lr: float = setting(
        None,
        "The learning rate of Adam, at its peak for one-cycle.",
        SCHEDULE,
        above=0,
        at_most=1,
        default_text=", ".join(f"{rate:g} for {name}" for name, rate in DEFAULT_RATES.items()),
    )
    clip: float = setting(10.0, "The largest norm of the gradient.", SCHEDULE, at_least=0, note="0 for no clipping")
    seed: int = setting(
        0,
        "Decides the initial weights, the order of the photographs and the crops.",
        SCHEDULE,
        at_least=0,
        at_most=MAX_SEED,
    )
    checkpoint_every: int = setting(
        1000, "The number of updates between checkpoints, validations and sample grids.", SCHEDULE, at_least=1
    )
    init_from: str = setting(
        "", "A model to start from; the rows of its styles are matched by name.", NETWORK, metavar="MODEL"
    )
    width: float = setting(1.0, "The multiplier of the network's channels.", NETWORK, above=0, at_most=4)
    vgg: str = setting(
        "",
        "The encoder behind the loss: a file of VGG weights, imagenet for torchvision's VGG16, or lite for the small "
        "encoder that comes with nstyle.",
        NETWORK,
        metavar="FILE|imagenet|lite",
        default_text="$NSTYLE_VGG, else imagenet",
    )
    device: str = setting("auto", "Where to work.", HARDWARE, metavar="auto|cpu|cuda|cuda:N|mps")
    precision: Precision = setting("auto", "bfloat16 where the hardware has it, or one of them by force.", HARDWARE)
    compile: bool | None = setting(
        None,
        "Compile the update with torch.compile, and capture it as a graph on a GPU. A CPU needs a C++ compiler for it, "
        "and seldom gains.",
        HARDWARE,
        default_text="on a GPU, in runs of more than 2000 updates, where it is faster",
    )

    styles: tuple[str, ...] = ()
    """The files of the paintings that are trained, in the order of the style ids. Empty for runs of version 0.1."""
    rows_only: bool = False
    """Whether to train only gamma and beta of the given styles and leave the rest of the network fixed (add-style)."""

    def __post_init__(self) -> None:
        if self.style_size == 0 and isinstance(self.size, int):
            object.__setattr__(self, "style_size", round(STYLE_SIZE_FACTOR * self.size))
        if self.lr is None and self.lr_schedule in get_args(LrSchedule):
            object.__setattr__(self, "lr", DEFAULT_RATES[self.lr_schedule])
        check_settings(self)
        check_style_names(self.style_factors)
        least = f"at least {LEAST_STABLE_SIZE} px with `stability_weight`"
        check_setting(not self.stability_weight or self.size >= LEAST_STABLE_SIZE, "size", self.size, least)
        check_setting(
            not self.coco_categories or bool(self.coco_annotations),
            "coco_categories",
            self.coco_categories,
            "`coco_annotations` with it",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all settings that have a value, as plain types."""
        values = {**asdict(self), "preset": self.preset.to_dict()}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def to_toml(self) -> str:
        """Write all settings that have a value as TOML: plain keys first, then the tables."""
        return to_toml(self.to_dict())

    @classmethod
    def from_toml(cls, path: Path) -> "TrainingConfig":
        """Read what :meth:`to_toml` wrote, also in version 0.1.

        Raises:
            UsageError: If the file is missing or damaged, or a setting is unknown or invalid.
        """
        values = read_settings(path)
        try:
            check_names(values, [f.name for f in fields(cls)])
            return cls(**values)
        except UsageError as error:
            raise _not_settings(path, error) from error


def read_settings(path: Path) -> dict[str, Any]:
    """Read a TOML file of settings, as a run writes it or a user does: keyword arguments of :func:`nstyle.train`.

    Raises:
        UsageError: If the file is missing or damaged.
    """
    values = read_toml(path)
    if "loss" in values and "preset" not in values:
        values["preset"] = values.pop("loss")  # What version 0.1 called the table.
    try:
        if isinstance(values.get("preset"), Mapping):
            values["preset"] = Preset.from_dict(values["preset"])
    except UsageError as error:
        raise _not_settings(path, error) from error
    return values


def _not_settings(path: Path, reason: UsageError) -> UsageError:
    return UsageError(f"{path} cannot be read as the settings of a run: {reason}")
