"""Paint pictures of any size: in one piece, in exact strips, or in tiles with moments from a sample."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.models.norm import single_styles
from nstyle.models.transformer import MIN_SIDE, STRIDE, TransformerNetwork
from nstyle.system.devices import choose_dtype
from nstyle.tiling.kinds import Tiling
from nstyle.tiling.levels import to_levels
from nstyle.tiling.memory import MomentMemory
from nstyle.tiling.strips import StripPainter, multiplications
from nstyle.tiling.tiles import HALO, SAMPLE, samples, tiles
from nstyle.tiling.whole import WholePainter

WHOLE_BYTES, EXACT_BYTES = 1000, 80
"""Upper bounds of the bytes needed per pixel and unit of width, including the picture and the output."""
MEMORY = 2_600_000_000
"""The memory in bytes that painting with ``auto`` may take on a CPU; with Python and torch themselves it is 3 GB."""
FEWEST_SAMPLED, SAMPLED, MOST_SAMPLED = 4_000_000, 0.25, 16_000_000
"""The pixels of all samples with their halos: the share ``SAMPLED`` of the picture's pixels, within the two bounds."""
THUMBNAIL = 1024
"""The side in pixels of a square that has the area of a thumbnail."""
Share = Callable[[float], None]
"""A callback that is called repeatedly with the share of the work that is done, in [0, 1]."""


def choose(
    tiling: Tiling, network: TransformerNetwork, pixels: int, device: torch.device, *, at_once: int = 1
) -> Tiling:
    """Resolve ``auto`` to the tiling that fits into memory and comes closest to the network in one piece.

    On the CPU, strips are also faster than one piece at every size. The choice there does not depend on the available
    memory, so that a picture is the same on every machine.

    Args:
        tiling: What was asked for.
        network: The network.
        pixels: The number of pixels of the picture.
        device: The device that paints.
        at_once: The number of pictures of this size that ``whole`` computes at once.
    """
    if tiling != "auto":
        return tiling
    units = network.width * pixels
    if device.type == "cpu":
        return "exact" if EXACT_BYTES * units <= MEMORY else "sampled"
    free = _free_on_gpu(device) if device.type == "cuda" else torch.mps.recommended_max_memory() // 2
    if WHOLE_BYTES * at_once * units <= free:
        return "whole"
    return "exact" if EXACT_BYTES * units <= free else "sampled"


def _free_on_gpu(device: torch.device) -> int:
    """Return the bytes that can be taken, with those that torch keeps for reuse: a picture must be painted the same way
    the second time."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0] + kept)


@torch.inference_mode()
def paint(
    network: TransformerNetwork,
    picture: Tensor,
    mix: Tensor,
    tiling: Tiling = "auto",
    progress: Share = lambda share: None,
    *,
    whole: WholePainter | None = None,
    memory: MomentMemory | None = None,
) -> Tensor:
    """Paint a picture.

    Args:
        network: The network in evaluation mode, channels_last.
        picture: RGB (1, 3, H, W), uint8 or float32 in [0, 1]; H and W are multiples of 4 and at least 16.
        mix: Weights (1, S), or a mix map (1, S, H, W), which takes S + 1 times as long: the moments of every style are
            measured on the picture in this style alone.
        tiling: ``whole`` runs the network as it is. ``exact`` runs it layer by layer in strips with the moments of the
            whole picture, and is equal except for rounding. ``sampled`` takes the moments from squares all over the
            picture, and paints tiles one by one in constant memory. ``thumbnail`` paints the same tiles with the
            moments of the picture reduced to about a megapixel. ``auto`` is resolved by :func:`choose`.
        progress: Called with the share of the work that is done.
        whole: The painter for ``whole``; None for the network as it is.
        memory: The memory of the frames before, with which the moments are blended.

    Returns:
        RGB (1, 3, H, W) in the dtype of ``picture``; uint8 values are rounded.
    """
    height, width = picture.shape[-2:]
    measured_MS = single_styles(mix)
    at_once = 1 if mix.dim() == 2 or whole else 1 + len(measured_MS)
    tiling = choose(tiling, network, height * width, picture.device, at_once=at_once)
    if tiling == "whole":
        if memory is not None and whole is None:
            whole = WholePainter(network, torch.float32)  # The network as it is keeps to moments of its own.
        return _like(whole.paint(picture, mix, memory) if whole else network(_colors(picture), mix), picture)
    count = _Count(progress)
    painter = StripPainter(network, choose_dtype("auto", picture.device), count.add, memory)
    if tiling == "exact":
        count.total = multiplications(network, height * width) * (1 if mix.dim() == 2 else 1 + len(measured_MS))
        return painter.paint(picture, mix)
    parts = [(tile, tile.grown(HALO, height, width)) for tile in tiles(height, width)]
    shown, halo = _sample(picture) if tiling == "sampled" else (_thumbnail(picture), 0)
    sampled = len(measured_MS) * shown.shape[0] * shown.shape[2] * shown.shape[3]
    count.total = multiplications(network, sampled + sum(around.area for _, around in parts))
    painter.measure(shown, measured_MS, halo=halo)
    del shown
    painted = torch.empty_like(picture)
    for tile, around in parts:
        colors = painter.paint(around.of(picture), around.of(mix) if mix.dim() == 4 else mix)
        tile.of(painted).copy_(tile.within(around).of(colors))
    return painted


class _Count:
    """A counter that converts multiplications into the share of the work that is done."""

    def __init__(self, progress: Share) -> None:
        self.total, self._done, self._progress = 1, 0, progress

    def add(self, multiplications: int) -> None:
        self._done += multiplications
        self._progress(min(1.0, self._done / self.total))


def _sample(picture: Tensor) -> tuple[Tensor, int]:
    """Cut squares (T, 3, h, w) out of the picture, and return them with the width of the halo that is not measured.

    A picture that is no larger than its sample, or narrower than a square, is measured as a whole.
    """
    height, width = picture.shape[-2:]
    pixels = min(max(FEWEST_SAMPLED, round(SAMPLED * height * width)), MOST_SAMPLED)
    if pixels >= height * width or min(height, width) < SAMPLE + 2 * HALO:
        return picture, 0
    return torch.cat([square.of(picture) for square in samples(height, width, pixels)]), HALO


def _thumbnail(picture: Tensor) -> Tensor:
    """Reduce the picture to about THUMBNAIL * THUMBNAIL pixels, keeping its proportions."""
    scale = min(1.0, THUMBNAIL / (picture.shape[2] * picture.shape[3]) ** 0.5)
    size = tuple(max(MIN_SIDE, round(scale * side / STRIDE) * STRIDE) for side in picture.shape[2:])
    return F.interpolate(_colors(picture), size, mode="bilinear", antialias=True)


def _colors(picture: Tensor) -> Tensor:
    """Convert a picture to float in [0, 1], channels_last."""
    colors = picture if picture.is_floating_point() else picture.float().div_(255)
    return colors.contiguous(memory_format=torch.channels_last)


def _like(colors: Tensor, picture: Tensor) -> Tensor:
    return colors if picture.is_floating_point() else to_levels(colors).to(picture.dtype)
