"""Random crops of photographs that are decoded once and kept on a device, where they are resized, cut and mirrored.

Crops are those of :class:`nstyle.data.crops.CropSampler`: the same photograph, square, zoom and flip for the same seed
and number. **Differences in pixels**: the same Lanczos filter is computed in float32 instead of fixed point, so that a
few values in ten thousand differ by one grey level. Pillow 13 resizes the columns of upright photographs first, and
rounds and clips to 8 bits in between. Here rows come first as in Pillow 11 and 12, so that compared with Pillow 13 a
fifth of the values differ, nearly all by one level, and a few at hard edges by several. Photographs that are kept
reduced, because they would not fit otherwise, are resized twice, and crops that are zoomed beyond their size are softer
than those cut from the files. Draws still use the size of the files.
"""

import itertools
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from nstyle.data.crops import CropSampler, positions_of
from nstyle.data.draws import num_threads, work_ahead
from nstyle.data.lanczos import Span, resample, span
from nstyle.data.photos import PhotoIndex
from nstyle.errors import NstyleError
from nstyle.imaging.pictures import resize
from nstyle.system.ranks import ONE, Ranks

LENGTH_STEP = 32
"""The numbers of rows and columns of a batch's regions are rounded up to a multiple of this, so that few different
sizes of memory are allocated."""


class DoesNotFitError(NstyleError):
    """The photographs take more memory than their budget."""


@dataclass(frozen=True)
class Kept:
    """A decoded photograph on the device."""

    pixels: Tensor
    """The pixels, uint8 (3, H, W), reduced or not."""
    whole: tuple[int, int]
    """The (width, height) before it was reduced, for which crops are drawn."""


@dataclass(frozen=True)
class Cuts:
    """The positions at which the crops of one batch are cut."""

    photographs: tuple[int, ...]
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    numbers: Tensor
    """The offsets, steps and lengths of rows, then of columns, float32 (6, B), page-locked if the device is CUDA."""


class ResidentSampler(CropSampler):
    """Cut random crops like a CropSampler, but from photographs that are kept decoded on a device.

    Args:
        index: The photographs, all of which are decoded at once.
        size: The side of the square crops, in pixels.
        seed: The seed of the order, the crops and the flips.
        device: The device of the photographs and the crops.
        short_side: The largest short side in pixels of kept photographs; None to keep them as they are decoded.
        budget: The bytes that they may take; None for no limit.
        workers: The number of threads that decode; 0 for one per core, 2 to 16.

    Raises:
        BrokenPhotosError: If too many files are broken.
        DoesNotFitError: If the photographs take more than the budget.
    """

    def __init__(
        self,
        index: PhotoIndex,
        size: int,
        seed: int,
        device: torch.device,
        *,
        short_side: int | None = None,
        budget: int | None = None,
        workers: int = 0,
    ) -> None:
        super().__init__(index, size, seed)
        self.device, self.short_side, self.bytes = device, short_side, 0
        self._kept: list[Kept | None] = []
        with closing(work_ahead(self._decode_to_keep, range(len(index.files)), num_threads(workers))) as decoded:
            for photograph in decoded:
                if photograph is not None:
                    self.bytes += photograph.pixels.numel()
                    if budget is not None and self.bytes > budget:
                        raise DoesNotFitError(
                            f"{len(self._kept) + 1} of them take {self.bytes / 1e9:.1f} GB, of {budget / 1e9:.1f} GB "
                            "at most"
                        )
                    photograph = Kept(photograph.pixels.to(device), photograph.whole)
                self._kept.append(photograph)

    def _decode_to_keep(self, number: int) -> Kept | None:
        return self.made_of(number, self._keep)

    def _keep(self, image: Image.Image) -> Kept:
        reduced = resize(image, short_side=min(self.short_side or min(image.size), *image.size))
        pixels = torch.frombuffer(bytearray(reduced.tobytes()), dtype=torch.uint8).view(
            reduced.height, reduced.width, 3
        )
        return Kept(pixels.permute(2, 0, 1).contiguous(), image.size)

    def sample(self, position: int) -> Tensor:
        """Return crop number ``position`` of the run, uint8 (3, size, size), on the device; see
        :meth:`CropSampler.sample`.

        Raises:
            BrokenPhotosError: If every file is broken.
        """
        return self._cut(self._plan([position]))[0]

    def batch(self, update: int, batch_size: int, ranks: Ranks = ONE) -> Tensor:
        """Return this rank's part of the photographs of one update, uint8 (batch_size / ranks.size, 3, size, size), on
        the device."""
        return self._cut(self._plan(positions_of(update, batch_size, ranks)))

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
        """Yield the batches of updates ``first_update`` to ``last_update - 1`` on the device, without waiting for it.

        One thread draws ahead. ``workers`` and ``pin`` are ignored, because nothing is decoded and no pixels are
        copied from the host. The other arguments are those of :meth:`CropSampler.batches`.
        """

        def plan(update: int) -> Cuts:
            return self._plan(positions_of(update, batch_size, ranks))

        with closing(work_ahead(plan, range(first_update, last_update), workers=1)) as plans:
            for cuts in plans:
                yield self._cut(cuts)

    def _plan(self, positions: Sequence[int]) -> Cuts:
        """Draw crops, and find the pixels that each is computed from, without using the device."""
        photographs, rows, columns = [], [], []
        for position in positions:
            number, photograph = self._find(position)
            crop = self.draws.crop(position, photograph.whole)
            height, width = photograph.pixels.shape[1:]
            photographs.append(number)
            rows.append(span(crop.top, self.size, crop.resized[1], height))
            columns.append(span(crop.left, self.size, crop.resized[0], width, mirrored=crop.flipped))
        values = [
            [s.offset for s in axis] + [s.step for s in axis] + [s.length for s in axis] for axis in (rows, columns)
        ]
        numbers = torch.tensor(list(itertools.chain(*values)), dtype=torch.float32).view(6, len(positions))
        numbers = numbers.pin_memory() if self.device.type == "cuda" else numbers
        return Cuts(tuple(photographs), tuple(rows), tuple(columns), numbers)

    def _find(self, position: int) -> tuple[int, Kept]:
        for number in self.draws.candidates(position):
            photograph = self._kept[number]
            if photograph is not None:
                return number, photograph
        raise self.none_left()

    def _cut(self, cuts: Cuts) -> Tensor:
        """Cut a batch, uint8 (B, 3, size, size), with one small copy to the device and none back."""
        numbers = cuts.numbers.to(self.device, non_blocking=True)
        height, width = (
            -(-max(s.length for s in axis) // LENGTH_STEP) * LENGTH_STEP for axis in (cuts.rows, cuts.columns)
        )
        regions = torch.empty(len(cuts.photographs), height, 3, width, dtype=torch.uint8, device=self.device)
        for region, number, row, column in zip(
            regions.unbind(), cuts.photographs, cuts.rows, cuts.columns, strict=True
        ):
            photograph = self._kept[number]
            assert photograph is not None
            source = photograph.pixels[:, row.first : row.last, column.first : column.last]
            region[: row.length, :, : column.length].copy_(source.transpose(0, 1))
        return resample(regions, numbers[:3], numbers[3:], self.size)
