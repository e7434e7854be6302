"""In which precision a device paints what the CPU paints, if in any: nothing is trusted that was not compared on this
very machine."""

import torch

from nstyle.models.transformer import TransformerNetwork
from nstyle.tiling.paint import paint
from nstyle.tiling.whole import whole_painter

PRECISIONS: dict[str, tuple[torch.dtype, ...]] = {"cuda": (torch.float16, torch.float32)}
"""What is tried, the fastest first, by type of device; float32 elsewhere."""
TRUSTED = ("cpu",)
"""Types of devices that are not checked. Releases of torch are known whose MPS convolutions misread channels_last
weights (pytorch#192212)."""
SIDE = 64
"""Side in pixels of the picture that is painted to find out."""
TOLERANCE = 1 / 255
"""Mean absolute difference that is taken for rounding: one level."""


@torch.inference_mode()
def precision_like_the_cpu(
    network: TransformerNetwork, device: torch.device, on_cpu: TransformerNetwork
) -> torch.dtype | None:
    """Paint a small picture of noise in every style on a device and, in float32, on the CPU, and compare.

    Args:
        network: The network as it was prepared on the device.
        device: Where it lies.
        on_cpu: The same network on the CPU.

    Returns:
        The first of the device's precisions in which the mean absolute difference of the two pictures in [0, 1] is at
        most ``TOLERANCE`` in every style; a NaN is no agreement. None if there is none.

    Raises:
        torch.OutOfMemoryError: If the device has no room for a small picture.
    """
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    mixes = list(torch.split(torch.eye(network.num_styles), 1))
    expected = [paint(on_cpu, picture, mix, "whole") for mix in mixes]
    picture, mixes = picture.to(device), [mix.to(device) for mix in mixes]
    for dtype in PRECISIONS.get(device.type, (torch.float32,)):
        whole = whole_painter(network, device, dtype)
        try:
            painted = [paint(network, picture, mix, "whole", whole=whole).cpu() for mix in mixes]
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:  # A kernel that this card or driver lacks.
            continue
        if all((ours - theirs).abs().mean() <= TOLERANCE for ours, theirs in zip(painted, expected, strict=True)):
            return dtype
    return None
