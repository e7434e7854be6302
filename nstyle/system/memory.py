"""Memory of the process: how much it needed at most, and how to keep what was freed."""

import ctypes
import gc
import mmap
import sys
from pathlib import Path

import torch
from torch import Tensor

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""What proc(5) wants written to ``clear_refs`` to start the peak anew."""


def reset_peak_memory(device: torch.device) -> None:
    """Give freed memory back and start the peak of :func:`peak_memory` anew, where the system can."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return
    if (malloc_trim := _glibc("malloc_trim")) is not None:
        malloc_trim(0)
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return  # The peak then counts from the start of the process.


def peak_memory(device: torch.device) -> int | None:
    """Return the most memory used since :func:`reset_peak_memory`, in bytes.

    On CUDA what tensors took there; elsewhere the resident memory of the process, Python and libraries included.
    None where the system does not tell.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return int(kilobytes) * 1024 if kilobytes else None


def keep_freed_memory(*, large_too: bool = True) -> None:
    """Tell glibc to keep freed memory for the next allocation, in a process that allocates the same tensors again and
    again.

    By default large blocks go back to the kernel at once and come back as fresh pages, which must be cleared: up to
    half the time of an update of a small picture. The process's memory then stays at its peak. Elsewhere this does
    nothing.

    Args:
        large_too: Whether that holds for blocks over 32 MiB, the largest limit that glibc takes. Without it they are
            given back when they are freed, and leave no holes behind that the next one does not fit into.
    """
    if (mallopt := _glibc("mallopt")) is None:
        return
    trim_threshold, mmap_threshold, mmap_max = -1, -3, -4  # M_TRIM_THRESHOLD and so on, of malloc.h.
    mallopt(trim_threshold, 2**31 - 1)
    if large_too:
        mallopt(mmap_max, 0)
    else:
        mallopt(mmap_threshold, 32 * 2**20)


def release(tensor: Tensor) -> None:
    """Give the memory under a tensor back to the system although its storage lives on; what it held is lost.

    For rows of a large buffer that have been read for the last time. Whole pages within the tensor only, and only on
    Linux on the CPU; elsewhere this does nothing.

    Args:
        tensor: Without gaps in memory.
    """
    if tensor.device.type != "cpu" or (madvise := _glibc("madvise")) is None:
        return
    page, dont_need = mmap.PAGESIZE, 4  # MADV_DONTNEED of sys/mman.h.
    first = -(-tensor.data_ptr() // page) * page
    last = (tensor.data_ptr() + tensor.numel() * tensor.element_size()) // page * page
    if last > first:
        madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), dont_need)


def _glibc(name: str) -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
