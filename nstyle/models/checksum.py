"""Checksums in safetensors files, so that a file that was damaged after it was written is noticed when it is loaded."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from nstyle.errors import UsageError

CHECKSUM = "sha256"
"""The key of the checksum in the metadata."""


def sealed(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], beside: Mapping[str, Tensor] | None = None
) -> bytes:
    """Return a safetensors file of tensors and metadata, with the checksum of both in its metadata.

    Args:
        tensors: The tensors on the CPU.
        metadata: Texts by name.
        beside: Tensors that the checksum does not cover, as they are not always read with the others.
    """
    seal = {**metadata, CHECKSUM: checksum(tensors, metadata)}
    return bytes(save({**tensors, **(beside or {})}, metadata=seal))


def checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of tensors on the CPU and of metadata, whatever their order in a file is.

    Every tensor counts with its name, dtype, shape and bytes, and every entry of the metadata but the checksum.
    """
    digest = hashlib.sha256()
    for name, text in sorted(metadata.items()):
        if name != CHECKSUM:
            digest.update(repr((name, text)).encode())
    for name, value in sorted(tensors.items()):
        digest.update(repr((name, str(value.dtype), tuple(value.shape))).encode())
        digest.update(value.detach().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def check_seal(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Compare the content of a file with its checksum, which files of version 0.1 and shipped models do not have.

    Raises:
        UsageError: If they differ.
    """
    if metadata.get(CHECKSUM, (now := checksum(tensors, metadata))) != now:
        raise UsageError(f"{path} is damaged: it is not what was written, by its checksum; get the file anew")
