"""Mixed precision, and whether the update can be compiled."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from nstyle.errors import UsageError


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """Run convolutions in ``dtype``. float32 needs no autocast, and some devices warn about a disabled one."""
    return torch.autocast(device.type, dtype) if dtype != torch.float32 else nullcontext()


def why_not_compiled(device: torch.device) -> str:
    """Return why an update cannot be compiled for a device, as far as this can be known in advance; else ``""``."""
    if device.type == "cuda":
        if not triton_version():
            return "Triton is not installed"
        # Triton builds its launchers with a C compiler, which it ships with on systems other than Linux.
        compilers = [os.environ.get("CC", ""), "gcc", "clang"]
        return (
            "" if sys.platform != "linux" or any(map(shutil.which, compilers)) else "no C compiler was found for Triton"
        )
    if device.type != "cpu":
        return f"torch.compile is not used on {device.type}"
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        compiler = get_cpp_compiler()
    except InvalidCxxCompiler:
        compiler = ""
    return "" if shutil.which(compiler) else "no C++ compiler was found"


def triton_version() -> str:
    """Return the version of Triton, or an empty string if it is not installed."""
    if importlib.util.find_spec("triton") is None:
        return ""
    try:
        return importlib.metadata.version("triton")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def check_can_compile(device: torch.device) -> None:
    """Check that ``--compile`` can work on a device.

    Raises:
        UsageError: If something is missing; the message says what.
    """
    if reason := why_not_compiled(device):
        raise UsageError(
            f"`compile` cannot work: {reason}; install a compiler (g++ or clang; Triton on a GPU), or leave `compile` "
            "out"
        )
