"""The choice of how a run reads its photographs: repeatedly from disk, or once into the memory of its GPU."""

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
"""The largest fraction of the GPU's free memory that photographs may take."""
UPDATE_BYTES = 14_000
"""The bytes that are reserved for training per pixel of a batch, enough for an eager and a captured update together,
which need 7 GB each at 16 x 256 x 256."""
LEAST_SIDE = 1.17
"""The smallest short side of reduced photographs, as a multiple of the crop size: 300 px for crops of 256."""
SIDE_STEP = 20
"""The step in pixels between the short sides that are tried. It is coarse, so that a resumed run usually finds the same
side although the free memory differs a little."""
MEASURED = 500
"""The number of headers from which the size of all photographs is estimated."""
MARGIN = 1.05
"""The factor by which the estimate is increased if not every header is read."""


@dataclass(frozen=True)
class Storage:
    """The form in which photographs are kept."""

    short_side: int | None
    """The largest short side in pixels; None to keep photographs as they are decoded."""
    bytes: int
    """The number of bytes that they are expected to take."""


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
    """Read the (width, height) at which evenly spaced files are decoded. Unreadable files are left out."""
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
    """Keep the photographs on a GPU if they fit and enough crops are drawn; otherwise read them as they are needed.

    Args:
        index: The photographs.
        size: The side of the square crops, in pixels.
        seed: The seed of the order, the crops and the flips.
        device: The device that the run trains on.
        crops: The number of crops that this process will still draw. If it is less than the number of photographs,
            decoding all of them is not worthwhile.
        batch_size: The number of crops per update in this process.
        workers: The number of threads that decode; 0 for one per core, 2 to 16.
        budget: The bytes that photographs may take on the device. None: what training leaves free on a GPU, and 0 on
            other devices.

    Returns:
        A :class:`ResidentSampler`, or a plain :class:`CropSampler`.

    Raises:
        BrokenPhotosError: If too many files are broken.
    """
    reader = f"photographs are decoded in {num_threads(workers)} threads as they are needed"
    if budget is None:
        budget = _spare(device, UPDATE_BYTES * batch_size * size**2)
        if device.type != "cuda" and budget == 0:
            return CropSampler(index, size, seed)  # This is the normal case there and not logged.
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
    """Return the bytes that photographs may take on a device, after freeing what earlier runs of this process left.

    Args:
        device: The device.
        reserved: The bytes that training needs.
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
