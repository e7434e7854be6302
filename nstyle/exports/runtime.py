"""Run an export with ONNX Runtime, without torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from nstyle.errors import UsageError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Floats = npt.NDArray[np.float32]


def require_onnx() -> None:
    """Import what the extra ``onnx`` installs.

    Raises:
        UsageError: If it is not installed.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"exports need onnx and onnxruntime, which are not installed ({error}); pip install 'nstyle[onnx]'"
        ) from None


def open_session(model: bytes | Path) -> "InferenceSession":
    """Make an export ready to run on the CPU, on all its cores. Memory goes back to the system after every picture.

    Args:
        model: A file, or its content.

    Raises:
        Exception: Whatever ONNX Runtime raises about a file that it cannot run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # What it logs as errors, it raises too.
    options.enable_cpu_mem_arena = False
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers=providers)


def run(session: "InferenceSession", inputs: Mapping[str, npt.NDArray[Any]]) -> Floats:
    """Paint pictures (B, 3, H, W) in [0, 1]; see :func:`nstyle.exports.network.painting_graph`."""
    return cast(Floats, session.run(None, dict(inputs))[0])
