"""Whether a device computes what the CPU computes, for kinds of device that are known to have failed at it."""

import torch

from nstyle.models.transformer import TransformerNetwork

UNTRUSTED = ("mps",)
"""Types of devices that are checked before they paint. Releases of torch are known whose MPS convolutions misread channels_last
weights (pytorch#192212)."""
SIDE = 64
"""Side in pixels of the picture that is painted to find out."""
TOLERANCE = 1 / 255
"""Mean absolute difference that is taken for rounding: one level."""


@torch.inference_mode()
def agrees_with_cpu(network: TransformerNetwork, device: torch.device, on_cpu: TransformerNetwork) -> bool:
    """Paint a small picture of noise on a device and on the CPU, and tell whether the two differ by rounding only.

    Args:
        network: The network as it was prepared on the device.
        device: Where it lies.
        on_cpu: The same network on the CPU.

    Returns:
        Whether the mean absolute difference of the two pictures in [0, 1] is at most ``TOLERANCE``; never if there is a NaN in either.
    """
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=torch.channels_last)
    mix = torch.zeros(1, network.num_styles)
    for row in (0, -1):
        mix[0, row] += 0.5
    painted = network(picture.to(device), mix.to(device)).cpu()
    return bool((painted - on_cpu(picture, mix)).abs().mean() <= TOLERANCE)
