"""The settings of a training run, and how they are stored in ``config.toml``."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from nstyle.errors import UsageError, check_setting
from nstyle.losses.presets import RELATIVE, Preset
from nstyle.system.devices import Precision

Schedule = Literal["round-robin", "round-robin-batch", "random", "sequential"]
LrSchedule = Literal["constant", "one-cycle"]
STYLE_SIZE_FACTOR = 1.5
"""The default short side of the paintings, as a multiple of the crop size."""
DEFAULT_UPDATES = 40_000
NUM_VALIDATION = 16
"""The number of photographs that a run validates on if no validation folder is given."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """All settings that determine what a run computes. Ranges are checked on construction."""

    updates: int = DEFAULT_UPDATES
    """The number of updates of the run, at least 1."""
    batch_size: int = 4
    """The number of photographs per update."""
    size: int = 256
    """The side of the square crops in pixels, at least 32."""
    style_size: int = 0
    """The short side of the paintings in pixels; 0 for 1.5 times the crop size."""
    schedule: Schedule = "round-robin"
    """The rule that decides which style an update (or a sample) is trained on."""
    preset: Preset = RELATIVE
    """The perceptual loss with all its conventions."""
    style_factors: Mapping[str, float] = field(default_factory=dict)
    """The factor of the style weight by style name."""
    width: float = 1.0
    """The multiplier of the network's channels."""
    lr: float = 1e-3
    """The learning rate of Adam (for one-cycle, its peak)."""
    lr_schedule: LrSchedule = "constant"
    """Constant, or one cycle: a short warm-up, then a cosine decay to almost 0."""
    clip: float = 10.0
    """The largest norm of the gradient; 0 for no clipping."""
    precision: Precision = "auto"
    """``auto`` for bfloat16 where the hardware supports it, or the precision to use in any case."""
    compile: bool | None = None
    """Whether to compile the update with torch.compile and capture it on a GPU. None: only on a GPU if it is faster."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``."""
    seed: int = 0
    """The seed of the initial weights, the order of photographs and the crops."""
    checkpoint_every: int = 1000
    """The number of updates between checkpoints, validations and sample grids."""
    content: str = ""
    """The folder of photographs."""
    coco_annotations: str = ""
    """The COCO annotation file that lists the photographs, or empty."""
    coco_categories: tuple[str, ...] = ()
    """The categories to take from the annotation file; empty for all."""
    validation: str = ""
    """The folder of validation photographs; empty to hold some out of the content."""
    held_out: int = NUM_VALIDATION
    """The number of photographs held out of training without such a folder, at least 1. The first 16 validate."""
    workers: int = 0
    """The number of threads that read photographs, at most 256; 0 for one per core, 2 to 16."""
    vgg: str = ""
    """A weights file, ``imagenet``, ``lite``, or empty for the file that ``NSTYLE_VGG`` names, else ``imagenet``."""
    init_from: str = ""
    """The model whose weights the run started from, or empty."""

    rows_only: bool = False
    """Whether to train only gamma and beta of the given styles and leave the rest of the network fixed (add-style)."""

    def __post_init__(self) -> None:
        if self.style_size == 0:
            object.__setattr__(self, "style_size", round(STYLE_SIZE_FACTOR * self.size))
        check_setting(self.updates >= 1, "--updates", self.updates, "at least 1")
        check_setting(self.batch_size >= 1, "--batch-size", self.batch_size, "at least 1")
        check_setting(32 <= self.size <= 4096, "--size", self.size, "32 to 4096 px")
        check_setting(32 <= self.style_size <= 8192, "--style-size", self.style_size, "32 to 8192 px")
        check_setting(0 < self.width <= 4, "--width", self.width, "more than 0 and at most 4")
        check_setting(0 < self.lr <= 1, "--lr", self.lr, "more than 0 and at most 1")
        check_setting(0 <= self.clip < float("inf"), "--clip", self.clip, "at least 0 (0 for no clipping)")
        check_setting(self.held_out >= 1, "--held-out", self.held_out, "at least 1")
        check_setting(0 <= self.workers <= 256, "--workers", self.workers, "0 to 256 (0 for one per core, 2 to 16)")
        check_setting(self.seed >= 0, "--seed", self.seed, "at least 0")
        check_setting(self.checkpoint_every >= 1, "--checkpoint-every", self.checkpoint_every, "at least 1")
        check_setting(
            not self.coco_categories or bool(self.coco_annotations),
            "--coco-categories",
            self.coco_categories,
            "--coco-annotations with it",
        )
        for name, kind in (("schedule", Schedule), ("lr_schedule", LrSchedule), ("precision", Precision)):
            value = getattr(self, name)
            check_setting(value in get_args(kind), f"--{name.replace('_', '-')}", value, " | ".join(get_args(kind)))
        for name, factor in self.style_factors.items():
            check_setting(0 <= factor < float("inf"), f"--style-factor {name}", factor, "a finite number of at least 0")

    def to_toml(self) -> str:
        """Write all settings as TOML: plain keys first, then the tables ``loss`` (the preset) and ``style_factors``."""
        values = asdict(self)
        values["loss"] = values.pop("preset")
        tables = {name: values.pop(name) for name in ("loss", "style_factors")}
        lines = [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]
        for name, table in tables.items():
            lines += [
                "",
                f"[{name}]",
                *(f"{_toml_key(key)} = {_toml(value)}" for key, value in table.items() if value is not None),
            ]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, path: Path) -> "TrainingConfig":
        """Read what :meth:`to_toml` wrote.

        Raises:
            UsageError: If the file is missing or damaged.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            values["preset"] = Preset.from_dict(values.pop("loss"))
            known = {f.name for f in fields(cls)}
            unknown = sorted(set(values) - known)
            if unknown:
                raise UsageError(f"{path}: unknown setting '{unknown[0]}'; expected {', '.join(sorted(known))}")
            settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
            return cls(**settings)
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise UsageError(f"{path} cannot be read as the settings of a run ({error})") from error


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # TOML's strings, numbers and booleans are written as in JSON.


def _toml_key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key, ensure_ascii=False)
