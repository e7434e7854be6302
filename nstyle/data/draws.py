"""The random choices for the crops of a run, and prefetching in threads.

All draws are pure functions of the seed and of a crop's number in the run: a resumed run sees exactly the crops that an
uninterrupted one would have seen, and so does one that reads its photographs in another way.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from nstyle.imaging.pictures import resized

T = TypeVar("T")

MAX_ZOOM = 2.0
"""The short side is resized to between 1 and this many times the crop size. Large zooms show flat and soft areas, as
large pictures do."""
MAX_ENLARGEMENT = 1.5
"""The largest factor by which a photograph is enlarged for a zoom, so that no crop is entirely blurred."""
PREFETCHED_BATCHES = 4
"""The smallest number of pieces of work that are started ahead."""
SPARE_BATCHES = 2
"""The number of pieces of work started ahead beyond the number of threads, so that no thread waits."""
MAX_THREADS = 16
"""The largest number of threads if none is given."""
ORDER, AUGMENTATION = 0, 1
"""The streams of random numbers, which are independent of each other."""


@dataclass(frozen=True)
class Crop:
    """A square of a resized photograph."""

    resized: tuple[int, int]
    """The (width, height) in pixels that the whole photograph is resized to."""
    left: int
    top: int
    flipped: bool
    """Whether the square is mirrored left to right."""


class Draws:
    """Decide which photograph a crop shows, where it is cut, and whether it is mirrored.

    Args:
        count: The number of photographs.
        size: The side of the square crops, in pixels.
        seed: The seed of the order, the crops and the flips.
    """

    def __init__(self, count: int, size: int, seed: int) -> None:
        self.count, self.size, self.seed = count, size, seed
        self.order = lru_cache(maxsize=2)(self._draw_order)

    def _draw_order(self, epoch: int) -> list[int]:
        order: list[int] = np.random.default_rng((self.seed, ORDER, epoch)).permutation(self.count).tolist()
        return order

    def candidates(self, position: int) -> Iterator[int]:
        """Yield the photograph of crop number ``position``, then its replacements, in order, if it cannot be read."""
        epoch, offset = divmod(position, self.count)
        order = self.order(epoch)
        for attempt in range(self.count):
            yield order[(offset + attempt) % self.count]

    def crop(self, position: int, whole: tuple[int, int]) -> Crop:
        """Draw crop number ``position`` from a photograph of ``whole``, (width, height) in pixels."""
        draw = np.random.default_rng((self.seed, AUGMENTATION, position))
        largest = max(self.size, int(min(MAX_ENLARGEMENT * min(whole), MAX_ZOOM * self.size)))
        width, height = resized(whole, short_side=int(draw.integers(self.size, largest + 1)))
        top = int(draw.integers(0, height - self.size + 1))
        left = int(draw.integers(0, width - self.size + 1))
        return Crop((width, height), left, top, bool(draw.random() < 0.5))


def num_threads(workers: int) -> int:
    """Return ``workers``, or for 0 the number of cores of this process, limited to 2 to 16."""
    if workers:
        return workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MAX_THREADS, max(2, cores))


def work_ahead(work: Callable[[int], T], numbers: range, workers: int) -> Generator[T, None, None]:
    """Yield ``work(number)`` for all numbers in order, computed ahead in threads.

    Args:
        work: The function, which is called in any of the threads.
        numbers: The numbers to call it with.
        workers: The number of threads. Two more results than that, at least 4, are in progress or waiting at a time.
    """
    ahead = max(PREFETCHED_BATCHES, workers + SPARE_BATCHES)
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="photos")
    pending: deque[Future[T]] = deque()
    upcoming = iter(numbers)
    try:
        for _ in numbers:
            while len(pending) < ahead and (number := next(upcoming, None)) is not None:
                pending.append(pool.submit(work, number))
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
