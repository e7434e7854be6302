"""Choose the device to run a network on, and the precision."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from nstyle.errors import UsageError

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32", "bf16"]


def choose_device(name: str) -> "torch.device":
    """Resolve ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        UsageError: If the device is unknown or not available.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"`device` is {name}; expected auto, cpu, cuda, cuda:N or mps") from None
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.type, False) or (
        device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    ):
        raise UsageError(f"`device` is {name}, which this machine does not have; use `device` auto")
    return device


def has_fast_bfloat16(device: "torch.device") -> bool:
    """Tell whether the hardware multiplies bfloat16 natively (AVX512-bf16 or AMX; Ampere and newer)."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # These names are private, but the only ones for this check that torch 2.11 to 2.15 share.
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def choose_dtype(precision: Precision, device: "torch.device") -> "torch.dtype":
    """Resolve ``auto``, ``fp32`` or ``bf16`` to the dtype of convolutions."""
    import torch

    if precision == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


@contextmanager
def training_on(device: "torch.device") -> Iterator[None]:
    """Make a GPU the current one, and let cuDNN try its kernels out: all updates have one size. Other devices need
    nothing."""
    import torch

    if device.type != "cuda":
        yield
        return
    tried = torch.backends.cudnn.benchmark
    with torch.cuda.device(device):
        torch.backends.cudnn.benchmark = True
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = tried
