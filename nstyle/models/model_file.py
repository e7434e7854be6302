"""Model files: safetensors with a JSON description in the metadata, so that a file is self-describing.

The format is described in ``docs/formats.md``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nstyle.errors import NstyleError
from nstyle.models.checksum import check_seal, checksum, sealed
from nstyle.models.model_info import METADATA_KEY, ModelInfo, damaged, open_model, read_info
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.files import write_atomically

STORED_NAMES = {"downsampling.": "encoder.", "upsampling.": "decoder."}
"""The parts of the network whose tensors keep their names of version 0.1 in files, so that both versions can read the
files of the other."""
LARGEST_WEIGHT = torch.finfo(torch.float16).max
"""The largest weight, that of half precision, in which models are shipped. Training stays thousands of times below it,
and up to it the statistics of the norms, squares of products of weights, cannot overflow in float32."""
STORED_DTYPES = ("F16", "BF16", "F32", "F64")
"""The types of weights that are read, as safetensors calls them."""

TARGETS = "targets."
"""The beginning of the names of the style targets' tensors."""
TARGETS_CHECKSUM = "targets_sha256"
"""The key of the checksum of the style targets. That of the weights covers it, and not the targets, so that painting
need not read them."""

__all__ = ["ModelInfo", "load_model", "load_targets", "read_info", "save_model"]


def save_model(
    path: Path,
    network: TransformerNetwork,
    info: ModelInfo,
    *,
    dtype: torch.dtype = torch.float32,
    targets: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a model atomically.

    Args:
        path: The path of the file, usually ``*.safetensors``.
        network: The network, with as many styles as ``info`` names.
        info: Its description.
        dtype: The dtype of the stored weights: float32 for runs, float16 for shipped models.
        targets: The style targets that the file keeps, from :func:`nstyle.losses.packed_targets.pack_targets`. None
            for a file without, whatever ``info`` says of them.

    Raises:
        NstyleError: If a weight is not finite or too large (nothing is written then), or the file cannot be written.
    """
    if network.num_styles != len(info.styles):
        raise ValueError(f"the network has {network.num_styles} styles, but {len(info.styles)} names were given")
    state = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    if broken := _what_is_broken(state):
        raise NstyleError(f"{path} is not written: {broken}; go back to an earlier checkpoint")
    stored = {_renamed(name, STORED_NAMES.items()): value.to(dtype).contiguous() for name, value in state.items()}
    info = replace(info, target_bytes=sum(value.nbytes for value in (targets or {}).values()))
    metadata = {METADATA_KEY: json.dumps(info.to_dict(), sort_keys=True)}
    if targets:
        metadata[TARGETS_CHECKSUM] = checksum(targets, {})
    beside = {TARGETS + name: value.contiguous() for name, value in (targets or {}).items()}
    write_atomically(path, sealed(stored, metadata, beside))


def load_model(path: Path) -> tuple[TransformerNetwork, ModelInfo]:
    """Read a model to the CPU in float32, in evaluation mode and channels_last. Style targets are not read.

    Raises:
        UsageError: If the file is not an nstyle model, is damaged, or has a newer format.
    """
    with open_model(path, "pt") as (info, file):
        with torch.device("meta"):  # Shapes without memory, so that a wrong description allocates nothing.
            network = TransformerNetwork(len(info.styles), width=info.width)
        names = [name for name in file.keys() if not (info.target_bytes and name.startswith(TARGETS))]
        _check_shapes(path, network.state_dict(), names, file)
        stored = {name: file.get_tensor(name) for name in names}
        metadata = dict(file.metadata())
    check_seal(path, stored, metadata)
    loaded = [(old, part) for part, old in STORED_NAMES.items()]
    state = {_renamed(name, loaded): value.to(torch.float32, copy=True) for name, value in stored.items()}
    if broken := _what_is_broken(state):
        raise damaged(path, broken)
    network.load_state_dict(state, assign=True)
    return network.eval().to(memory_format=torch.channels_last), info


def load_targets(path: Path) -> dict[str, Tensor]:
    """Read the style targets that a model file keeps, without its weights; empty if it keeps none.

    What they are is still to be checked by :func:`nstyle.losses.packed_targets.unpack_targets`.

    Raises:
        UsageError: If the file is not an nstyle model, is damaged, or has a newer format.
    """
    with open_model(path, "pt") as (info, file):
        names = [name for name in file.keys() if info.target_bytes and name.startswith(TARGETS)]
        targets = {name.removeprefix(TARGETS): file.get_tensor(name) for name in names}
        stated = file.metadata().get(TARGETS_CHECKSUM)
    size = sum(value.nbytes for value in targets.values())
    if size != info.target_bytes:
        raise damaged(path, f"it holds {size} bytes of style targets; expected {info.target_bytes} by its description")
    if targets and stated != checksum(targets, {}):
        raise damaged(path, "its style targets are not what was written, by their checksum")
    return targets


def _check_shapes(path: Path, expected: Mapping[str, Tensor], found: Sequence[str], file: Any) -> None:
    """Compare the tensors that a file announces with those of the network, before any of them is read."""
    shapes = {_renamed(name, STORED_NAMES.items()): list(value.shape) for name, value in expected.items()}
    for name in sorted(shapes.keys() ^ set(found)):
        raise damaged(path, f"its weights {'lack' if name in shapes else 'have an unknown'} {name}")
    for name, shape in shapes.items():
        part = file.get_slice(name)
        if part.get_shape() != shape:
            raise damaged(path, f"{name} has shape {part.get_shape()}; expected {shape} by its description")
        if part.get_dtype() not in STORED_DTYPES:
            raise damaged(path, f"{name} is of type {part.get_dtype()}; expected one of {', '.join(STORED_DTYPES)}")


def _what_is_broken(state: Mapping[str, Tensor]) -> str:
    """Say which weights no picture can be painted with; empty if all are fine."""
    for name, value in state.items():
        largest = float(value.abs().max())  # NaN if any value is.
        if not largest < float("inf"):
            return f"{name} holds values that are not finite"
        if largest > LARGEST_WEIGHT:
            return f"{name} holds {largest:.3g}, which no trained network does; expected at most {LARGEST_WEIGHT:.0f}"
    return ""


def _renamed(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Replace the first part of a tensor's name by the other one of its pair."""
    return next((new + name.removeprefix(old) for old, new in pairs if name.startswith(old)), name)
