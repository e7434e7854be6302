"""Find the precision in which a device paints what the CPU paints. A device is trusted only after a comparison on the
same machine."""

import logging

import torch

from nstyle.models.transformer import TransformerNetwork
from nstyle.tiling.paint import paint
from nstyle.tiling.whole import whole_painter

logger = logging.getLogger(__name__)
PRECISIONS: dict[str, tuple[torch.dtype, ...]] = {"cuda": (torch.float16, torch.float32)}
"""The precisions to try by device type, fastest first; float32 on other types."""
TRUSTED = ("cpu",)
"""Device types that are not checked. MPS is checked because some releases of torch misread channels_last weights in
its convolutions (pytorch#192212)."""
SIDE = 64
"""The side in pixels of the picture that is painted for the check."""
TOLERANCE = 1 / 255
"""The mean absolute difference that counts as rounding: one level of 255."""


def prepare(network: TransformerNetwork, device: torch.device) -> TransformerNetwork:
    """Prepare a network for painting on a device."""
    return network.eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last).to(device)


@torch.inference_mode()
def precision_like_the_cpu(
    network: TransformerNetwork, device: torch.device, on_cpu: TransformerNetwork
) -> torch.dtype | None:
    """Paint a small picture of noise in every style on a device and, in float32, on the CPU, and compare the two.

    Args:
        network: The network, prepared on the device.
        device: The device of ``network``.
        on_cpu: The same network on the CPU.

    Returns:
        The first of the device's precisions in which the mean absolute difference of the two pictures in [0, 1] is at
        most ``TOLERANCE`` in every style, or None if there is no such precision. A NaN counts as a disagreement.

    Raises:
        torch.OutOfMemoryError: If a small picture does not fit into the device's memory.
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
        except RuntimeError:  # This card or driver lacks a kernel.
            continue
        if all((ours - theirs).abs().mean() <= TOLERANCE for ours, theirs in zip(painted, expected, strict=True)):
            return dtype
    return None


def settle(
    network: TransformerNetwork, device: torch.device, on_cpu: TransformerNetwork
) -> tuple[TransformerNetwork, torch.device, torch.dtype]:
    """Choose the network, the device and the precision to paint with: the given network on its device in the precision
    of :func:`precision_like_the_cpu`, or else its copy on the CPU, with a warning."""
    dtype = precision_like_the_cpu(network, device, on_cpu)
    if dtype is None:
        logger.warning(
            "%s painted a small picture otherwise than the CPU did (torch %s), so the CPU paints now; another torch "
            "may do",
            device,
            torch.__version__,
        )
        return on_cpu, torch.device("cpu"), torch.float32
    if device.type == "cuda" and dtype == torch.float32:
        logger.warning("%s paints in float32, as in half precision this model paints another picture", device)
    return network, device, dtype
