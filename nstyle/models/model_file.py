"""Model files: safetensors with a JSON description in the metadata, so that a file is self-describing.

The format is described in ``docs/formats.md``.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from nstyle.errors import NstyleError, UsageError
from nstyle.models.model_info import METADATA_KEY, ModelInfo, open_model, read_info
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.files import write_atomically

STORED_NAMES = {"downsampling.": "encoder.", "upsampling.": "decoder."}
"""The parts of the network whose tensors keep their names of version 0.1 in files, so that both versions can read the
files of the other."""

__all__ = ["ModelInfo", "load_model", "read_info", "save_model"]


def save_model(path: Path, network: TransformerNetwork, info: ModelInfo, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a model atomically.

    Args:
        path: The path of the file, usually ``*.safetensors``.
        network: The network, with as many styles as ``info`` names.
        info: Its description.
        dtype: The dtype of the stored weights: float32 for runs, float16 for shipped models.

    Raises:
        NstyleError: If a weight is not finite (nothing is written then), or the file cannot be written.
    """
    if network.num_styles != len(info.styles):
        raise ValueError(f"the network has {network.num_styles} styles, but {len(info.styles)} names were given")
    stored = STORED_NAMES.items()
    state = {
        _renamed(name, stored): value.detach().cpu().to(dtype).contiguous()
        for name, value in network.state_dict().items()
    }
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            raise NstyleError(
                f"{path} is not written: {name} holds values that are not finite; go back to an earlier checkpoint"
            )
    write_atomically(path, save(state, metadata={METADATA_KEY: json.dumps(asdict(info), sort_keys=True)}))


def load_model(path: Path) -> tuple[TransformerNetwork, ModelInfo]:
    """Read a model to the CPU in float32, in evaluation mode and channels_last.

    Raises:
        UsageError: If the file is not an nstyle model, or has a newer format.
    """
    with open_model(path, "pt") as (info, file):
        loaded = [(stored, part) for part, stored in STORED_NAMES.items()]
        state = {_renamed(name, loaded): file.get_tensor(name).float() for name in file.keys()}
    network = TransformerNetwork(len(info.styles), width=info.width)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first_line = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} is damaged: its weights do not fit its description ({first_line})") from error
    return network.eval().to(memory_format=torch.channels_last), info


def _renamed(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Replace the first part of a tensor's name by the other one of its pair."""
    return next((new + name.removeprefix(old) for old, new in pairs if name.startswith(old)), name)
