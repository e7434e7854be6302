"""The description in a model file, read without its weights and without torch, so that listing models is fast."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from nstyle.errors import UsageError, in_short
from nstyle.models.style_names import check_style_names
from nstyle.settings import check_settings, is_finite, setting
from nstyle.strict_json import parse_json

FORMAT_VERSION = 1
METADATA_KEY = "nstyle"
MOST_UPDATES = 2**53
"""The largest number of updates; beyond it JSON has no whole numbers."""
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
    preset: Mapping[str, Any] = setting(
        {}, "All loss settings; see :class:`nstyle.losses.presets.Preset`.", DESCRIPTION
    )
    vgg: Mapping[str, str] = setting(
        {}, "``architecture``, ``release`` and ``sha256`` of the encoder weights of the loss.", DESCRIPTION
    )
    created: float = setting(
        0.0, "The time of creation in seconds since 1970.", DESCRIPTION, at_least=0, at_most=LAST_SECOND
    )
    format_version: int = setting(FORMAT_VERSION, "The version of the format.", DESCRIPTION, at_least=1)

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.styles:
            raise UsageError("`styles` is empty; expected at least one style")
        check_style_names(self.styles)
        for name, value in self.preset.items():
            if not all(map(_is_plain, value if isinstance(value, list | tuple) else [value])):
                raise UsageError(f"`preset` {in_short(name)} is {in_short(value)}; expected text, numbers or a list")

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
    version = values.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise damaged(path, f"its format_version is {in_short(version)}; expected a whole number")
    if version > FORMAT_VERSION:
        raise UsageError(
            f"{path} has format version {in_short(version)}, this nstyle reads up to {FORMAT_VERSION}; upgrade nstyle"
        )
    unknown = sorted(values.keys() - {f.name for f in fields(ModelInfo)})
    if unknown:
        raise damaged(path, f"its description has an entry '{unknown[0]}', which no model has")
    if not isinstance(values.get("styles"), list):
        raise damaged(path, f"its styles are {in_short(values.get('styles'))}; expected a list of names")
    try:
        return ModelInfo(**{**values, "styles": tuple(values["styles"])})
    except UsageError as error:
        raise damaged(path, f"in its description {error}") from error
