"""Files of ``torch.save``: pickles, which are read with ``weights_only=True`` and of which nothing is believed."""

import io
import warnings
import zipfile
from typing import Any

import torch

from nstyle.errors import in_short

ZIP_MAGIC = b"PK\x03\x04"


def unpickle(data: bytes) -> Any:
    """Read what ``torch.save`` wrote, to the CPU, without running code that a file may hold.

    Nothing is known of the result: not its types, nor the layout, the shapes and the values of its tensors.

    Raises:
        ValueError: If it cannot be read.
    """
    try:
        if data.startswith(ZIP_MAGIC):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > len(data):
                    raise ValueError("it is compressed")  # Unpacked, it may be larger than memory.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Torch warns of tensors that no file of ours has; the caller refuses them.
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # For a file that is no pickle, the unpickler raises any kind of error.
        first = str(error).partition("\n")[0].partition(". ")[0]
        raise ValueError(f"{type(error).__name__}: {in_short(first)}" if first else type(error).__name__) from error


def is_dense(value: object) -> bool:
    """Tell whether a value from a file is a tensor of real numbers in memory: not sparse, quantized or without data."""
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.is_nested:
        return False
    return value.device.type == "cpu" and value.is_floating_point()
