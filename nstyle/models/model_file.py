"""Model files: safetensors with a JSON description in the metadata, so that a file explains itself.

The format is described in ``checkpoints/README.md``.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nstyle.errors import NstyleError, UsageError
from nstyle.image import write_atomically
from nstyle.models.transformer import TransformerNetwork

FORMAT_VERSION = 1
METADATA_KEY = "nstyle"


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What a model file says about itself."""

    styles: tuple[str, ...]
    """Names in the order of the rows of gamma and beta."""
    width: float = 1.0
    updates: int = 0
    """Updates that the weights have seen, those of the models they grew from included."""
    run_updates: int = 0
    """Updates within the last run: the training state beside the model carries this number."""
    size: int = 0
    """Side of the training crops in pixels."""
    style_size: int = 0
    """Short side of the paintings in pixels."""
    preset: Mapping[str, Any] = field(default_factory=dict)
    """The whole loss convention; see :class:`nstyle.losses.presets.Preset`."""
    vgg: Mapping[str, str] = field(default_factory=dict)
    """``architecture``, ``release`` and ``sha256`` of the weights behind the loss."""
    created: float = 0.0
    """Seconds since 1970."""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if not self.styles or len(set(self.styles)) != len(self.styles):
            raise ValueError(f"styles are {list(self.styles)}: expected at least one, each with a name of its own")


def save_model(path: Path, network: TransformerNetwork, info: ModelInfo, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a model atomically.

    Args:
        path: Where to, usually ``*.safetensors``.
        network: With as many styles as ``info`` names.
        info: Its description.
        dtype: Of the stored weights: float32 for runs, float16 to ship.

    Raises:
        NstyleError: If a weight is not finite (nothing is written then), or the file cannot be written.
    """
    if network.num_styles != len(info.styles):
        raise ValueError(f"the network has {network.num_styles} styles, but {len(info.styles)} names were given")
    state = {name: value.detach().cpu().to(dtype).contiguous() for name, value in network.state_dict().items()}
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            raise NstyleError(f"{path} is not written: {name} holds values that are not finite; go back to an earlier checkpoint")
    write_atomically(path, save(state, metadata={METADATA_KEY: json.dumps(asdict(info), sort_keys=True)}))


def read_info(path: Path) -> ModelInfo:
    """Read a model's description without its weights.

    Raises:
        UsageError: If the file is no model of ours, or of a newer format.
    """
    return _read(path, weights=False)[0]


def load_model(path: Path) -> tuple[TransformerNetwork, ModelInfo]:
    """Read a model to the CPU in float32, in evaluation mode and channels_last.

    Raises:
        UsageError: If the file is no model of ours, or of a newer format.
    """
    info, state = _read(path, weights=True)
    network = TransformerNetwork(len(info.styles), width=info.width)
    try:
        network.load_state_dict({name: value.float() for name, value in state.items()})
    except RuntimeError as error:
        first_line = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} is damaged: its weights do not fit its description ({first_line})") from error
    return network.eval().to(memory_format=torch.channels_last), info


def _read(path: Path, *, weights: bool) -> tuple[ModelInfo, dict[str, Tensor]]:
    if not path.is_file():
        raise UsageError(f"{path}: no such file; expected a model (model.safetensors of a run, or a shipped name: see 'nstyle models')")
    try:
        with safe_open(path, framework="pt") as file:
            description = (file.metadata() or {}).get(METADATA_KEY)
            state = {name: file.get_tensor(name) for name in file.keys()} if weights else {}
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{path} cannot be read as a model ({error}); expected a safetensors file written by nstyle") from error
    if description is None:
        raise UsageError(f"{path} is no nstyle model: its metadata lack '{METADATA_KEY}'; expected a file written by 'nstyle train'")
    try:
        values = json.loads(description)
        version = int(values["format_version"])
        if version > FORMAT_VERSION:
            raise UsageError(f"{path} has format version {version}, this nstyle reads up to {FORMAT_VERSION}; upgrade nstyle")
        return ModelInfo(**{**values, "styles": tuple(values["styles"])}), state
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path} is damaged: its description cannot be read ({type(error).__name__}: {error})") from error
