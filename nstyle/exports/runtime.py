"""Run an export with ONNX Runtime, without torch."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from nstyle.errors import UsageError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Floats = npt.NDArray[np.float32]


def has_onnx() -> bool:
    """Tell whether what the extra ``onnx`` installs is there, without importing it."""
    try:
        return all(find_spec(name) is not None for name in ("onnx", "onnxruntime"))
    except ValueError:  # Something else is in its place.
        return False


def require_onnx() -> None:
    """Raise a UsageError if what the extra ``onnx`` installs is not there."""
    if not has_onnx():
        raise UsageError(
            "exports need onnx and onnxruntime, and one of them is not installed; pip install 'nstyle[onnx]'"
        )


def open_session(model: bytes | Path) -> "InferenceSession":
    """Make an export ready to run on the CPU, on all its cores.

    Memory is kept for the next layer, but its places are not planned ahead: a plan takes twice as much of it.

    Args:
        model: A file, or its content.

    Raises:
        Exception: Whatever ONNX Runtime raises about a file that it cannot run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # What it logs as errors, it raises too.
    options.enable_mem_pattern = False
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers=providers)


def run(session: "InferenceSession", inputs: Mapping[str, npt.NDArray[Any]]) -> Floats:
    """Paint pictures (B, 3, H, W) in [0, 1]; see :func:`nstyle.exports.network.painting_graph`."""
    return cast(Floats, session.run(None, dict(inputs))[0])
