"""Which precision to train in, and whether to compile."""

import shutil
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from nstyle.errors import UsageError
from nstyle.models.device import has_fast_bfloat16
from nstyle.training.config import Precision


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Resolve ``auto``, ``fp32`` or ``bf16`` to the dtype of convolutions."""
    if precision == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


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
