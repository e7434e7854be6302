"""The description in a model file, read without its weights and without torch, so that listing models is fast."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from nstyle.errors import UsageError, in_short
from nstyle.models.style_names import check_style_names
from nstyle.settings import check_settings, is_finite, setting
from nstyle.strict_json import parse_json

PLAIN_VERSION, GRAIN_VERSION, TARGETS_VERSION = 1, 2, 3
"""The versions of the format: plain, with an entry ``grain``, and with style targets. Programs that know no grain must
not read a model with it, and those that know no targets take them for weights and refuse the file."""
METADATA_KEY = "nstyle"
MAX_GRAIN = 64.0
"""The largest film grain in levels of 255; beyond it a photograph is mostly noise."""
MOST_UPDATES = 2**53
"""The largest number of updates; beyond it JSON has no whole numbers."""
MOST_TARGET_BYTES = 2**40
"""The largest size of style targets, far beyond that of thousands of styles."""
LAST_SECOND = 253_402_300_799
"""The end of the year 9999 in seconds since 1970."""
DESCRIPTION = "Description"
"""Heading of what a model says about itself."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """The description in a model file. Everything is checked on construction."""

    styles: tuple[str, ...]
    """The names of the styles in the order of the rows of gamma and beta."""
    width: float = setting(1.0, "The multiplier of the network's channels.", DESCRIPTION, above=0, at_most=4)
    updates: int = setting(
        0,
        "The number of updates of the weights, including those of the models that they started from.",
        DESCRIPTION,
        at_least=0,
        at_most=MOST_UPDATES,
    )
    run_updates: int = setting(
        0,
        "The number of updates in the last run, which is part of the file name of the training state beside the model.",
        DESCRIPTION,
        at_least=0,
        at_most=MOST_UPDATES,
    )
    size: int = setting(0, "The side of the training crops in pixels.", DESCRIPTION, at_least=0, at_most=4096)
    style_size: int = setting(0, "The short side of the paintings in pixels.", DESCRIPTION, at_least=0, at_most=8192)
    grain: float = setting(
        0.0,
        "The largest film grain of the photographs that the network was trained on, in levels of 255.",
        DESCRIPTION,
        at_least=0,
        at_most=MAX_GRAIN,
    )
    target_bytes: int = setting(
        0,
        "The bytes of the style targets in the file: what paintings at ``style_size`` have in the encoder ``vgg``, as "
        "``preset`` compares it. 0 if there are none.",
        DESCRIPTION,
        at_least=0,
        at_most=MOST_TARGET_BYTES,
    )
    preset: Mapping[str, Any] = setting(
        {}, "All loss settings; see :class:`nstyle.losses.presets.Preset`.", DESCRIPTION
    )
    vgg: Mapping[str, str] = setting(
        {}, "``architecture``, ``release`` and ``sha256`` of the encoder weights of the loss.", DESCRIPTION
    )
    created: float = setting(
        0.0, "The time of creation in seconds since 1970.", DESCRIPTION, at_least=0, at_most=LAST_SECOND
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.styles:
            raise UsageError("`styles` is empty; expected at least one style")
        check_style_names(self.styles)
        for name, value in self.preset.items():
            if not all(map(_is_plain, value if isinstance(value, list | tuple) else [value])):
                raise UsageError(f"`preset` {in_short(name)} is {in_short(value)}; expected text, numbers or a list")

    @property
    def format_version(self) -> int:
        """The version of the format that describes the model: 3 with style targets, else 2 with grain, else 1."""
        if self.target_bytes:
            return TARGETS_VERSION
        return GRAIN_VERSION if self.grain else PLAIN_VERSION

    @property
    def painting_grain(self) -> float:
        """The grain that pictures get by default, in levels of 255: the mean of what the network was trained with."""
        return self.grain / 2

    def to_dict(self) -> dict[str, Any]:
        """Return the description as it stands in files, where ``grain`` and ``target_bytes`` are left out if they are
        0."""
        values = {**asdict(self), "format_version": self.format_version}
        return {name: value for name, value in values.items() if name not in ("grain", "target_bytes") or value}

    @property
    def vgg_sha256(self) -> str:
        """The SHA-256 of the encoder weights of the loss; empty if it is not known."""
        return self.vgg.get("sha256", "")

    @property
    def vgg_in_words(self) -> str:
        """The release of the encoder weights of the loss, and the first digits of their SHA-256."""
        return f"{self.vgg.get('release', 'unknown')}, sha256 {self.vgg_sha256[:12] or 'unknown'}"


def _is_plain(value: object) -> bool:
    """Tell whether a value is one of those that a preset consists of."""
    return value is None or isinstance(value, str) or (isinstance(value, int | float) and is_finite(value))


def read_info(path: Path) -> ModelInfo:
    """Read a model's description without its weights.

    Raises:
        UsageError: If the file is not an nstyle model, is damaged, or has a newer format.
    """
    with open_model(path, "numpy") as (info, _):
        return info


@contextmanager
def open_model(path: Path, framework: Literal["numpy", "pt"]) -> Iterator[tuple[ModelInfo, Any]]:
    """Open a model file, and yield its description and safetensors' handle, which returns arrays or tensors.

    Raises:
        UsageError: If the file is not an nstyle model, is damaged, or has a newer format.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; expected a model file, which safetensors wrote")
        if not path.is_file():
            raise UsageError(
                f"{path}: no such file; expected a model (model.safetensors of a run, or a shipped name: see 'nstyle "
                "models')"
            )
        with safe_open(path, framework=framework) as file:
            yield _parse(path, (file.metadata() or {}).get(METADATA_KEY)), file
    except (SafetensorError, OSError) as error:
        reason = getattr(error, "strerror", None) or in_short(error)
        raise UsageError(
            f"{path} cannot be read as a model ({reason}); expected a safetensors file written by nstyle"
        ) from error


def damaged(path: Path, reason: object) -> UsageError:
    """Return the error for a model file whose content cannot be as it is. Names in backticks are no settings there."""
    return UsageError(f"{path} is damaged: {in_short(str(reason).replace('`', ''), 300)}; get the file anew")


def _parse(path: Path, description: str | None) -> ModelInfo:
    if description is None:
        raise UsageError(
            f"{path} is no nstyle model: its metadata lack '{METADATA_KEY}'; expected a file written by 'nstyle train'"
        )
    try:
        values = parse_json(description)
    except ValueError as error:
        raise damaged(path, f"its description is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise damaged(path, "its description is no JSON object")
    version = values.pop("format_version", None)
    if not isinstance(version, int) or isinstance(version, bool) or version < PLAIN_VERSION:
        raise damaged(path, f"its format_version is {in_short(version)}; expected a whole number, at least 1")
    if version > TARGETS_VERSION:
        raise UsageError(
            f"{path} has format version {in_short(version)}, this nstyle reads up to {TARGETS_VERSION}; upgrade nstyle"
        )
    unknown = sorted(values.keys() - {f.name for f in fields(ModelInfo)})
    if unknown:
        raise damaged(path, f"its description has an entry '{unknown[0]}', which no model has")
    if not isinstance(values.get("styles"), list):
        raise damaged(path, f"its styles are {in_short(values.get('styles'))}; expected a list of names")
    try:
        info = ModelInfo(**{**values, "styles": tuple(values["styles"])})
    except UsageError as error:
        raise damaged(path, f"in its description {error}") from error
    if version != info.format_version:
        has = f"its grain is {info.grain:g} and it has {info.target_bytes} bytes of style targets"
        raise damaged(path, f"its format_version is {version}, but {has}; 2 goes with grain, and 3 with targets")
    return info
