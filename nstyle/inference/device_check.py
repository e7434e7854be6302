"""In which precision a device paints what the CPU paints, if in any: nothing is trusted that was not compared on this very machine."""

import torch

from nstyle.models.transformer import TransformerNetwork
from nstyle.tiling.paint import paint
from nstyle.tiling.whole import whole_painter

PRECISIONS: dict[str, tuple[torch.dtype, ...]] = {"cuda": (torch.float16, torch.float32)}
"""What is tried, the fastest first, by type of device; float32 elsewhere."""
TRUSTED = ("cpu",)
"""Types of devices that are not checked. Releases of torch are known whose MPS convolutions misread channels_last weights (pytorch#192212)."""
SIDE = 64
"""Side in pixels of the picture that is painted to find out."""
TOLERANCE = 1 / 255
"""Mean absolute difference that is taken for rounding: one level."""


@torch.inference_mode()
def precision_like_the_cpu(network: TransformerNetwork, device: torch.device, on_cpu: TransformerNetwork) -> torch.dtype | None:
    """Paint a small picture of noise on a device and, in float32, on the CPU, and compare.

    Args:
        network: The network as it was prepared on the device.
        device: Where it lies.
        on_cpu: The same network on the CPU.

    Returns:
        The first of the device's precisions in which the mean absolute difference of the two pictures in [0, 1] is at most
        ``TOLERANCE``; a NaN is no agreement. None if there is none.
    """
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    mix = torch.zeros(1, network.num_styles)
    for row in (0, -1):
        mix[0, row] += 0.5
    expected = paint(on_cpu, picture, mix, "whole")
    for dtype in PRECISIONS.get(device.type, (torch.float32,)):
        whole = whole_painter(network, device, dtype)
        try:
            painted = paint(network, picture.to(device), mix.to(device), "whole", whole=whole).cpu()
        except RuntimeError:  # A kernel that this card or driver lacks.
            continue
        if (painted - expected).abs().mean() <= TOLERANCE:
            return dtype
    return None
