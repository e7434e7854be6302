"""Describe the machine, and measure how fast it multiplies matrices."""

import os
import platform
import time
from functools import partial
from pathlib import Path
from typing import Any

import PIL
import torch
from rows import Bench, Row, Sample

import nstyle

SUBJECT = "machine"
DTYPES = (torch.float32, torch.bfloat16)
SIDE = {"cuda": 8192}
"""The side of the square matrices by device type; 2048 on other devices."""
SECONDS = 1.0
"""The seconds for which matrices are multiplied; the fastest product counts."""
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "bf16", "sve")
"""The instruction sets that are reported, as Linux spells them."""


def describe(device: torch.device) -> dict[str, Any]:
    """Return the names of the hardware and the versions of the software, in plain JSON types."""
    cpuinfo = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fields = dict(
        reversed([[part.strip() for part in line.split(":", 1)] for line in cpuinfo.splitlines() if ":" in line])
    )
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instruction_sets": [flag for flag in FLAGS if flag in flags],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pillow": PIL.__version__,
        "nstyle": nstyle.__version__,
    }


def rows(bench: Bench) -> list[Row]:
    """List one matrix product per precision. The fraction of peak of all other rows refers to these."""
    side = 256 if bench.quick else SIDE.get(torch.device(bench.device).type, 2048)
    flop = 2.0 * side**3
    return [
        Row(
            subject=SUBJECT,
            name=f"matmul {side}, {name(dtype)}",
            measure=partial(_multiply, dtype, side, bench.device, SECONDS / 10 if bench.quick else SECONDS),
            flop=flop,
            dtype=dtype,
        )
        for dtype in DTYPES
    ]


def name(dtype: torch.dtype) -> str:
    """Return the name of a dtype on the command line."""
    return {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has finished its work. On a CPU this does nothing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _multiply(dtype: torch.dtype, side: int, device_name: str, duration: float) -> Sample:
    device = torch.device(device_name)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # cuDNN's convolutions use this precision by default.
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    a @ b
    best, end = float("inf"), time.perf_counter() + duration
    while time.perf_counter() < end:
        synchronize(device)
        started = time.perf_counter()
        a @ b
        synchronize(device)
        best = min(best, time.perf_counter() - started)
    return Sample(seconds=best)
