"""Paint a picture with a mirrored margin around it, which keeps its border as it should be."""

import torch.nn.functional as F
from torch import Tensor

from nstyle.models.transformer import MARGIN, STRIDE, TransformerNetwork, pad_to_stride
from nstyle.tiling.kinds import Tiling
from nstyle.tiling.memory import MomentMemory
from nstyle.tiling.paint import Share, paint
from nstyle.tiling.whole import WholePainter


def paint_with_margin(
    network: TransformerNetwork,
    picture: Tensor,
    mix: Tensor,
    tiling: Tiling,
    progress: Share = lambda share: None,
    *,
    whole: WholePainter | None = None,
    memory: MomentMemory | None = None,
    corner: tuple[int, int] = (0, 0),
) -> Tensor:
    """Run a network on RGB (1, 3, H, W), uint8 or float in [0, 1], with a mirrored margin around it that is cut off
    again.

    The border of a picture affects the network's output as far as the receptive field reaches, and the network learns
    to respond to it: with a frame against VGG's zero padding, or with the red sky along the top of The Scream. Johnson
    et al. 2016 mirror a margin too. The output is on the device of the picture; see :func:`nstyle.tiling.paint.paint`
    for the arguments. ``corner`` is the place of the picture in a scene: the squares of 4 pixels by which the network
    downsamples lie where they do in a picture at (0, 0).
    """
    height, width = picture.shape[-2:]
    # A margin is up to 3 px narrower so that the same pixels of the scene share a square.
    top, left = (
        max(0, min(MARGIN, side - 1) - -place % STRIDE) for side, place in zip((height, width), corner, strict=True)
    )
    picture, mix = _framed(picture, top, left), mix.to(picture.device)
    mix = mix if mix.dim() == 2 else _framed(mix, top, left)
    output = paint(network, picture, mix, tiling, progress, whole=whole, memory=memory)
    return output[..., top : top + height, left : left + width]


def _framed(picture: Tensor, top: int, left: int) -> Tensor:
    """Mirror a margin of ``top`` and ``left`` pixels around a picture (1, C, H, W), and extend it to a size that the
    network can halve twice."""
    return pad_to_stride(F.pad(picture, (left, left, top, top), mode="reflect"))
