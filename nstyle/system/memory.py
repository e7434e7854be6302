"""Measure the peak memory of the process, and keep or release freed memory. Torch is imported late, or not at all."""

import ctypes
import gc
import mmap
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ALLOCATORS = ("DefaultCPUAllocator", "Failed to allocate memory")
"""What the errors of torch and of ONNX Runtime say when the CPU's memory is used up."""
STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""The value to write to ``clear_refs`` to reset the peak, according to proc(5)."""


def reset_peak_memory(device: "torch.device") -> None:
    """Release freed memory and reset the peak of :func:`peak_memory`, where the system supports it."""
    gc.collect()
    if device.type == "cuda":
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return
    if (malloc_trim := _glibc("malloc_trim")) is not None:
        malloc_trim(0)
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return  # The peak is then measured from the start of the process.


def peak_memory(device: "torch.device") -> int | None:
    """Return the most memory used since :func:`reset_peak_memory`, in bytes.

    On CUDA this is the memory of tensors on the device; elsewhere it is the resident memory of the process, including
    Python and libraries. None if the system does not report it.
    """
    if device.type == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return int(kilobytes) * 1024 if kilobytes else None


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an error means that memory was asked for that the machine does not have."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # That of torch, on a GPU.
        return True
    return any(name in str(error) for name in ALLOCATORS)


def keep_freed_memory(*, large_too: bool = True) -> None:
    """Make glibc keep freed memory for the next allocation, in a process that repeatedly allocates the same tensors.

    By default, large blocks are returned to the kernel at once and come back as new pages, which must be cleared. That
    takes up to half the time of an update of a small picture. With this, the process's memory stays at its peak.
    Without glibc this does nothing.

    Args:
        large_too: Whether to keep blocks over 32 MiB too, the largest limit that glibc accepts. Otherwise they are
            returned when they are freed, and leave no holes that are too small for the next block.
    """
    if (mallopt := _glibc("mallopt")) is None:
        return
    trim_threshold, mmap_threshold, mmap_max = -1, -3, -4  # M_TRIM_THRESHOLD and so on, from malloc.h.
    mallopt(trim_threshold, 2**31 - 1)
    if large_too:
        mallopt(mmap_max, 0)
    else:
        mallopt(mmap_threshold, 32 * 2**20)


def release(tensor: "Tensor") -> None:
    """Return the memory of a tensor to the system although its storage lives on; the values are lost.

    This is meant for rows of a large buffer that have been read for the last time. Only whole pages within the tensor
    are returned, and only on the CPU on Linux; elsewhere this does nothing.

    Args:
        tensor: A tensor without gaps in memory.
    """
    if tensor.device.type != "cpu" or (madvise := _glibc("madvise")) is None:
        return
    page, dont_need = mmap.PAGESIZE, 4  # MADV_DONTNEED from sys/mman.h.
    first = -(-tensor.data_ptr() // page) * page
    last = (tensor.data_ptr() + tensor.numel() * tensor.element_size()) // page * page
    if last > first:
        madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), dont_need)


def _glibc(name: str) -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
