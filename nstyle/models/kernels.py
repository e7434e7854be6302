"""The choice between kernels that are written for CPUs and the generic ones, which all other devices use."""

from torch import Tensor


def takes_cpu_kernels(x: Tensor) -> bool:
    """Return whether a tensor uses the kernels for CPUs.

    All callers use this function, so that a test can make a CPU use the generic kernels.
    """
    return x.device.type == "cpu"
