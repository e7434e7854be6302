"""Mixed precision, and whether the update can be compiled."""

import shutil
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from nstyle.errors import UsageError


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """Run convolutions in ``dtype``; float32 needs no autocast, and some devices warn of one that is disabled."""
    return torch.autocast(device.type, dtype) if dtype != torch.float32 else nullcontext()


def check_can_compile(device: torch.device) -> None:
    """Refuse ``--compile`` where it could not work.

    Raises:
        UsageError: If no C++ compiler is found for the CPU.
    """
    if device.type == "cpu":
        from torch._inductor.cpp_builder import get_cpp_compiler
        from torch._inductor.exc import InvalidCxxCompiler

        try:
            compiler = get_cpp_compiler()
        except InvalidCxxCompiler:
            compiler = ""
        if not shutil.which(compiler):
            raise UsageError("--compile needs a C++ compiler and none was found; install g++ or clang, or leave --compile out")
