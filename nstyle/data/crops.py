"""Random crops of photographs, read from disk as they are needed, and centre crops.

Every random crop is a pure function of the seed and its number in the run; see :mod:`nstyle.data.draws`.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeVar, cast

import torch
from PIL import Image
from torch import Tensor

from nstyle.data.draws import MAX_ZOOM, Draws, num_threads, work_ahead
from nstyle.data.photos import BrokenPhotosError, PhotoIndex, ReadMonitor, harmless, read_photograph
from nstyle.errors import NstyleError
from nstyle.imaging.pictures import resize
from nstyle.system.ranks import ONE, Ranks

logger = logging.getLogger(__name__)

T = TypeVar("T")


def rank(index: PhotoIndex) -> tuple[Path, ...]:
    """Order photographs by a hash of their names, which does not depend on a seed and changes little with new files."""
    return tuple(sorted(index.files, key=lambda path: hashlib.sha256(os.fsencode(_name(path, index.root))).digest()))


def hold_out(index: PhotoIndex, count: int) -> tuple[PhotoIndex, PhotoIndex]:
    """Split off the first ``count`` photographs by :func:`rank` (at most half of them): (rest, held out).

    Runs with different seeds are validated on the same photographs, and a larger ``count`` includes those of a smaller.
    """
    held_out = rank(index)[: min(count, len(index.files) // 2)]
    chosen = set(held_out)
    rest = tuple(path for path in index.files if path not in chosen)
    return PhotoIndex(index.root, rest, index.skipped), PhotoIndex(index.root, held_out)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


class CropSampler:
    """Cut random crops from photographs that are decoded again for every crop; see :class:`nstyle.data.draws.Draws`.

    Args:
        index: The photographs.
        size: The side of the square crops, in pixels.
        seed: The seed of the order, the crops and the flips.
    """

    def __init__(self, index: PhotoIndex, size: int, seed: int) -> None:
        self.index = index
        self.size = size
        self.draws = Draws(len(index.files), size, seed)
        self.monitor = ReadMonitor()

    def made_of(self, number: int, make: Callable[[Image.Image], T]) -> T | None:
        """Decode photograph ``number`` of the index, no larger than crops need it, and make something of it.

        Returns:
            What was made, or None if the photograph is broken, which is recorded.

        Raises:
            BrokenPhotosError: If too many files are broken.
        """
        path = self.index.files[number]
        try:
            image = read_photograph(path, near_side(self.size))
            with harmless(path):
                made = make(image)
        except NstyleError as error:
            self.monitor.record(path, str(error))
            return None
        self.monitor.record(path, None)
        return made

    def sample(self, position: int) -> Tensor:
        """Return crop number ``position`` of the run, uint8 (3, size, size).

        A file that cannot be read is recorded and replaced by the next one in order.

        Raises:
            BrokenPhotosError: If too many files are broken.
        """
        v2 = _transforms()

        def cut(image: Image.Image) -> Tensor:
            crop = self.draws.crop(position, image.size)
            square = crop_resized(image, crop.resized, crop.left, crop.top, self.size)
            return cast(Tensor, v2.pil_to_tensor(v2.horizontal_flip(square) if crop.flipped else square))

        for number in self.draws.candidates(position):
            pixels = self.made_of(number, cut)
            if pixels is not None:
                return pixels
        raise self.none_left()

    def none_left(self) -> BrokenPhotosError:
        """Return the error to raise if every photograph is broken."""
        return BrokenPhotosError(
            f"none of the {len(self.index.files)} photographs in {self.index.root} can be read any more"
        )

    def batch(self, update: int, batch_size: int, ranks: Ranks = ONE) -> Tensor:
        """Return this rank's part of the photographs of one update, uint8 (batch_size / ranks.size, 3, size, size)."""
        return torch.stack([self.sample(position) for position in positions_of(update, batch_size, ranks)])

    def batches(
        self,
        first_update: int,
        last_update: int,
        batch_size: int,
        *,
        ranks: Ranks = ONE,
        workers: int = 0,
        pin: bool = False,
    ) -> Generator[Tensor, None, None]:
        """Yield the batches of updates ``first_update`` to ``last_update - 1``, prepared in threads; see :meth:`batch`.

        Args:
            first_update: The first update.
            last_update: The update after the last one.
            batch_size: The number of photographs per update of all ranks together.
            ranks: The rank whose part to return.
            workers: The number of threads; 0 for one per core, 2 to 16.
            pin: Whether to put the batches into page-locked memory, from which CUDA can copy asynchronously.
        """

        def batch(update: int) -> Tensor:
            pixels = self.batch(update, batch_size, ranks)
            return pixels.pin_memory() if pin else pixels

        yield from work_ahead(batch, range(first_update, last_update), num_threads(workers))


def positions_of(update: int, batch_size: int, ranks: Ranks) -> Sequence[int]:
    """Return the numbers of this rank's crops of one update."""
    return ranks.part(range(update * batch_size, (update + 1) * batch_size))


def near_side(size: int) -> int:
    """Return the short side in pixels that photographs may be reduced to while they are decoded, for crops of ``size``.

    The largest zoom must not upsample a photograph that was reduced on decoding.
    """
    return int(MAX_ZOOM * size)


def crop_resized(image: Image.Image, size: tuple[int, int], left: int, top: int, side: int) -> Image.Image:
    """Resize a picture to ``size``, (width, height), and cut out a square, at the cost of the square only.

    The filter reads beyond the square's edges, so the pixels equal those of the whole resized picture up to one grey
    level.
    """
    if size == image.size:
        return image.crop((left, top, left + side, top + side))
    x, y = (full / scaled for full, scaled in zip(image.size, size, strict=True))
    # The edge of the last pixel may be rounded beyond that of the picture, which Pillow rejects.
    box = (left * x, top * y, min((left + side) * x, image.width), min((top + side) * y, image.height))
    return image.resize((side, side), Image.Resampling.LANCZOS, box=box)


def center_crops(index: PhotoIndex, size: int) -> Tensor:
    """Return the middle of every photograph, short side resized to ``size``: float32 (N, 3, size, size) in [0, 1].

    Unreadable photographs are left out.

    Raises:
        NstyleError: If no photograph can be read.
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
    image = read_photograph(path, size)
    with harmless(path):
        pixels: Tensor = v2.pil_to_tensor(v2.center_crop(resize(image, short_side=size), [size, size]))
        return pixels.float().div(255)


def _transforms() -> ModuleType:
    """Import torchvision's v2 transforms late, with an error that says what to do if torchvision does not fit torch."""
    try:
        from torchvision.transforms.v2 import functional
    except (ImportError, RuntimeError) as error:
        raise NstyleError(
            f"torchvision does not work with this torch ({error}); install both anew from one index"
        ) from error
    return cast(ModuleType, functional)
