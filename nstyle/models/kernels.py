"""Which kernels an operation takes: those that are written for CPUs, or the generic ones, which every other device
takes."""

from torch import Tensor


def takes_cpu_kernels(x: Tensor) -> bool:
    """Tell whether a tensor goes through the kernels for CPUs. All callers ask here, so that a test can send a CPU the
    generic way."""
    return x.device.type == "cpu"
