"""The description in a model file, read without its weights and without torch, so that listing models is fast."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from nstyle.errors import UsageError

FORMAT_VERSION = 1
METADATA_KEY = "nstyle"


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """The description in a model file."""

    styles: tuple[str, ...]
    """The names of the styles in the order of the rows of gamma and beta."""
    width: float = 1.0
    updates: int = 0
    """The number of updates of the weights, including those of the models that they started from."""
    run_updates: int = 0
    """The number of updates in the last run, which is part of the file name of the training state beside the model."""
    size: int = 0
    """The side of the training crops in pixels."""
    style_size: int = 0
    """The short side of the paintings in pixels."""
    preset: Mapping[str, Any] = field(default_factory=dict)
    """All loss settings; see :class:`nstyle.losses.presets.Preset`."""
    vgg: Mapping[str, str] = field(default_factory=dict)
    """``architecture``, ``release`` and ``sha256`` of the encoder weights of the loss."""
    created: float = 0.0
    """The time of creation in seconds since 1970."""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if not self.styles or len(set(self.styles)) != len(self.styles):
            raise ValueError(f"styles are {list(self.styles)}: expected at least one, each with a name of its own")


def read_info(path: Path) -> ModelInfo:
    """Read a model's description without its weights.

    Raises:
        UsageError: If the file is not an nstyle model, or has a newer format.
    """
    with open_model(path, "numpy") as (info, _):
        return info


@contextmanager
def open_model(path: Path, framework: Literal["numpy", "pt"]) -> Iterator[tuple[ModelInfo, Any]]:
    """Open a model file, and yield its description and safetensors' handle, which returns arrays or tensors.

    Raises:
        UsageError: If the file is not an nstyle model, or has a newer format.
    """
    if not path.is_file():
        raise UsageError(
            f"{path}: no such file; expected a model (model.safetensors of a run, or a shipped name: see 'nstyle "
            "models')"
        )
    try:
        with safe_open(path, framework=framework) as file:
            yield _parse(path, (file.metadata() or {}).get(METADATA_KEY)), file
    except (SafetensorError, OSError) as error:
        raise UsageError(
            f"{path} cannot be read as a model ({error}); expected a safetensors file written by nstyle"
        ) from error


def _parse(path: Path, description: str | None) -> ModelInfo:
    if description is None:
        raise UsageError(
            f"{path} is no nstyle model: its metadata lack '{METADATA_KEY}'; expected a file written by 'nstyle train'"
        )
    try:
        values = json.loads(description)
        version = int(values["format_version"])
        if version > FORMAT_VERSION:
            raise UsageError(
                f"{path} has format version {version}, this nstyle reads up to {FORMAT_VERSION}; upgrade nstyle"
            )
        return ModelInfo(**{**values, "styles": tuple(values["styles"])})
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"{path} is damaged: its description cannot be read ({type(error).__name__}: {error})"
        ) from error
