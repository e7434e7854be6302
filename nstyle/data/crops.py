"""Random crops of photographs, as a pure function of the seed and the position in the run.

A resumed run therefore sees exactly the crops that an uninterrupted one would have seen.
"""

import hashlib
import logging
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nstyle.data.photos import BrokenPhotosError, PhotoIndex, ReadMonitor
from nstyle.distributed import ONE, Ranks
from nstyle.errors import NstyleError
from nstyle.image import read_picture, resize, resized

logger = logging.getLogger(__name__)

MAX_ZOOM = 2.0
"""The short side is resized to between 1 and this many times the crop. What is near shows flat and soft areas, as large pictures do."""
MAX_ENLARGEMENT = 1.5
"""No photograph is enlarged more than this for a zoom, so that a crop is never all blur."""
PREFETCHED_BATCHES = 4
ORDER, AUGMENTATION = 0, 1
"""Streams of random numbers, so that none repeats another."""


def rank(index: PhotoIndex) -> tuple[Path, ...]:
    """Order photographs by a hash of their names: a choice that no seed decides and that new files hardly disturb."""
    return tuple(sorted(index.files, key=lambda path: hashlib.sha256(_name(path, index.root).encode()).digest()))


def hold_out(index: PhotoIndex, count: int) -> tuple[PhotoIndex, PhotoIndex]:
    """Split off the first ``count`` photographs by :func:`rank` (at most half of them): (rest, held out).

    Runs of every seed are judged on the same photographs, and more of them include fewer.
    """
    held_out = rank(index)[: min(count, len(index.files) // 2)]
    chosen = set(held_out)
    rest = tuple(path for path in index.files if path not in chosen)
    return PhotoIndex(index.root, rest, index.skipped), PhotoIndex(index.root, held_out)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


class CropSampler:
    """Draw random crops and flips of photographs through torchvision's v2 transforms.

    Args:
        index: The photographs.
        size: Side of the square crops, in pixels.
        seed: Decides the order, the crops and the flips.
    """

    def __init__(self, index: PhotoIndex, size: int, seed: int) -> None:
        self.index = index
        self.size = size
        self.seed = seed
        self.monitor = ReadMonitor()
        self._order = lru_cache(maxsize=2)(self._draw_order)

    def _draw_order(self, epoch: int) -> list[int]:
        order: list[int] = np.random.default_rng((self.seed, ORDER, epoch)).permutation(len(self.index.files)).tolist()
        return order

    def sample(self, position: int) -> Tensor:
        """Return crop number ``position`` of the run, uint8 (3, size, size).

        A file that cannot be read is noted and replaced by the next in order.

        Raises:
            BrokenPhotosError: If too many files are broken.
        """
        epoch, offset = divmod(position, len(self.index.files))
        order = self._order(epoch)
        for attempt in range(len(order)):
            path = self.index.files[order[(offset + attempt) % len(order)]]
            try:
                # The largest zoom must not upsample what reduced decoding threw away.
                image = read_picture(path, near_side=int(MAX_ZOOM * self.size)).over_white()
            except NstyleError as error:
                self.monitor.record(path, str(error))
                continue
            self.monitor.record(path, None)
            return self._augment(image, position)
        raise BrokenPhotosError(f"none of the {len(order)} photographs in {self.index.root} can be read any more")

    def _augment(self, image: Image.Image, position: int) -> Tensor:
        v2 = _transforms()
        draw = np.random.default_rng((self.seed, AUGMENTATION, position))
        largest = max(self.size, int(min(MAX_ENLARGEMENT * min(image.size), MAX_ZOOM * self.size)))
        short_side = int(draw.integers(self.size, largest + 1))
        width, height = resized(image.size, short_side=short_side)
        top = int(draw.integers(0, height - self.size + 1))
        left = int(draw.integers(0, width - self.size + 1))
        crop = crop_resized(image, (width, height), left, top, self.size)
        if draw.random() < 0.5:
            crop = v2.horizontal_flip(crop)
        pixels: Tensor = v2.pil_to_tensor(crop)
        return pixels

    def batch(self, update: int, batch_size: int, ranks: Ranks = ONE) -> Tensor:
        """Return this rank's part of the photographs of one update, uint8 (batch_size / ranks.size, 3, size, size)."""
        first = update * batch_size
        return torch.stack([self.sample(position) for position in ranks.part(range(first, first + batch_size))])

    def batches(
        self, first_update: int, last_update: int, batch_size: int, *, ranks: Ranks = ONE, workers: int = 2
    ) -> Generator[Tensor, None, None]:
        """Yield the batches of updates ``first_update`` to ``last_update - 1``, decoded ahead in threads; see :meth:`batch`."""
        pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="photos")
        pending: deque[Future[Tensor]] = deque()
        try:
            for update in range(first_update, last_update):
                while len(pending) < PREFETCHED_BATCHES and update + len(pending) < last_update:
                    pending.append(pool.submit(self.batch, update + len(pending), batch_size, ranks))
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def crop_resized(image: Image.Image, size: tuple[int, int], left: int, top: int, side: int) -> Image.Image:
    """Resize a picture to ``size``, (width, height), and cut out a square, at the cost of the square alone.

    The filter reads beyond the square's edges: the pixels are those of the resized whole, up to one grey level.
    """
    if size == image.size:
        return image.crop((left, top, left + side, top + side))
    x, y = (full / scaled for full, scaled in zip(image.size, size, strict=True))
    # The last pixel's edge may be rounded past the picture's, which Pillow refuses.
    box = (left * x, top * y, min((left + side) * x, image.width), min((top + side) * y, image.height))
    return image.resize((side, side), Image.Resampling.LANCZOS, box=box)


def center_crops(index: PhotoIndex, size: int) -> Tensor:
    """Return the middle of every photograph, short side resized to ``size``: float32 (N, 3, size, size) in [0, 1].

    Unreadable ones are left out.

    Raises:
        NstyleError: If none can be read.
    """
    crops = []
    for path in index.files:
        try:
            crops.append(center_crop(path, size))
        except NstyleError as error:
            logger.warning("a validation photograph is left out: %s", error)
    if not crops:
        raise NstyleError(f"none of the {len(index.files)} photographs in {index.root} can be read")
    return torch.stack(crops)


def center_crop(path: Path, size: int) -> Tensor:
    """Return the middle of a photograph, short side resized to ``size``: float32 (3, size, size) in [0, 1].

    Raises:
        NstyleError: If the file cannot be read.
    """
    v2 = _transforms()
    image = resize(read_picture(path, near_side=size).over_white(), short_side=size)
    pixels: Tensor = v2.pil_to_tensor(v2.center_crop(image, [size, size]))
    return pixels.float().div(255)


def _transforms() -> ModuleType:
    """Import torchvision's v2 transforms late, and say what to do where torchvision and torch do not fit together."""
    try:
        from torchvision.transforms.v2 import functional
    except (ImportError, RuntimeError) as error:
        raise NstyleError(f"torchvision does not work with this torch ({error}); install both anew from one index") from error
    return cast(ModuleType, functional)
