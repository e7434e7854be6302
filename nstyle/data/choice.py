"""How a run reads its photographs: again and again from disk, or once into the memory of its GPU."""

import gc
import logging
import math
from dataclasses import dataclass

import torch

from nstyle.data.crops import CropSampler, near_side
from nstyle.data.draws import num_threads
from nstyle.data.photos import PhotoIndex
from nstyle.data.resident import DoesNotFitError, ResidentSampler
from nstyle.errors import NstyleError
from nstyle.imaging.pictures import read_size

logger = logging.getLogger(__name__)

SHARE = 0.5
"""Of the GPU's free memory, the part that photographs may take at most."""
UPDATE_BYTES = 14_000
"""What training is left for every pixel of a batch, as much as an eager and a captured update need together: 7 GB each
at 16 x 256 x 256."""
LEAST_SIDE = 1.17
"""Photographs are not reduced to less than this many times the crop, 300 px for 256."""
SIDE_STEP = 20
"""Short sides beyond that are tried in steps of this many pixels: a resumed run mostly finds the same, though a little
more is free."""
MEASURED = 500
"""Headers that the size of all photographs is estimated from."""
MARGIN = 1.05
"""The estimate is taken this many times, where not every header is read."""


@dataclass(frozen=True)
class Storage:
    """How photographs are kept."""

    short_side: int | None
    """Largest short side in pixels; None for as they are decoded."""
    bytes: int
    """What they are expected to take."""


def fitting_storage(index: PhotoIndex, size: int, budget: int) -> tuple[Storage, bool]:
    """Find the largest storage of all photographs that fits into ``budget`` bytes: (storage, whether it fits).

    If none does, the smallest is returned.
    """
    sizes = _sizes(index, near_side(size))
    factor = 3 * len(index.files) / max(1, len(sizes)) * (MARGIN if len(index.files) > MEASURED else 1.0)
    least = math.ceil(LEAST_SIDE * size)
    largest = max((min(whole) for whole in sizes), default=least)
    storage = Storage(None, math.ceil(factor * sum(width * height for width, height in sizes)))
    sides = range(least, largest, SIDE_STEP)
    for side in reversed(sides):
        if storage.bytes <= budget:
            break
        reduced = (min(1.0, side / min(whole)) ** 2 * whole[0] * whole[1] for whole in sizes)
        storage = Storage(side, math.ceil(factor * sum(reduced)))
    return storage, storage.bytes <= budget


def _sizes(index: PhotoIndex, near: int) -> list[tuple[int, int]]:
    """Read from evenly spaced files the (width, height) at which they are decoded; unreadable ones are left out."""
    sizes = []
    for path in index.files[:: -(-len(index.files) // MEASURED)]:
        try:
            sizes.append(read_size(path, near_side=near))
        except NstyleError:
            continue
    return sizes


def choose_sampler(
    index: PhotoIndex,
    size: int,
    seed: int,
    device: torch.device,
    *,
    crops: int,
    batch_size: int,
    workers: int = 0,
    budget: int | None = None,
) -> CropSampler:
    """Keep the photographs on a GPU if they fit there and enough crops are drawn; otherwise read them as they are
    needed.

    Args:
        index: The photographs.
        size: Side of the square crops, in pixels.
        seed: Decides the order, the crops and the flips.
        device: Where the run trains.
        crops: How many this process will still draw. With fewer than there are photographs, decoding them all does not
            pay.
        batch_size: Crops of an update of this process.
        workers: Threads that decode; 0 for one per core, 2 to 16.
        budget: Bytes that photographs may take on the device; None for what a GPU can spare beside training, and
            nothing elsewhere.

    Returns:
        A :class:`ResidentSampler`, or a plain :class:`CropSampler`.

    Raises:
        BrokenPhotosError: If too many files are broken.
    """
    reader = f"photographs are decoded in {num_threads(workers)} threads as they are needed"
    if budget is None:
        budget = _spare(device, UPDATE_BYTES * batch_size * size**2)
        if device.type != "cuda" and budget == 0:
            return CropSampler(index, size, seed)  # Nothing else is to be expected there.
    if budget == 0:
        logger.info("%s", reader)
    elif crops < len(index.files):
        logger.info("%s: the run draws %d crops, fewer than the %d photographs", reader, crops, len(index.files))
    else:
        storage, fits = fitting_storage(index, size, budget)
        if fits:
            try:
                return _keep(index, size, seed, device, storage, budget, workers)
            except DoesNotFitError as error:
                logger.info("%s: on %s %s", reader, device, error)
        else:
            logger.info(
                "%s: on %s they take %.1f GB, of %.1f GB at most", reader, device, storage.bytes / 1e9, budget / 1e9
            )
    return CropSampler(index, size, seed)


def _spare(device: torch.device, reserved: int) -> int:
    """Return the bytes that photographs may take on a device, after giving back what earlier runs of this process left.

    Args:
        device: Where.
        reserved: Bytes that training needs.
    """
    if device.type != "cuda":
        return 0
    gc.collect()
    torch.cuda.empty_cache()
    free = torch.cuda.mem_get_info(device)[0]
    return max(0, min(int(SHARE * free), free - reserved))


def _keep(
    index: PhotoIndex, size: int, seed: int, device: torch.device, storage: Storage, budget: int, workers: int
) -> ResidentSampler:
    sampler = ResidentSampler(index, size, seed, device, short_side=storage.short_side, budget=budget, workers=workers)
    reduced = f" and reduced to {storage.short_side} px" if storage.short_side else ""
    logger.info(
        "%d photographs are kept on %s, decoded%s (%.1f GB)", len(index.files), device, reduced, sampler.bytes / 1e9
    )
    return sampler
