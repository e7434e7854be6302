"""Read photographs in order, decoding the next one while a GPU paints."""

import os
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Self

from nstyle.errors import NstyleError
from nstyle.imaging.picture import Picture
from nstyle.imaging.pictures import check_pixels, read_picture, read_size
from nstyle.inference.moving import NOTHING_MOVES, MovingPictures
from nstyle.inference.options import PaintOptions
from nstyle.inference.plan import STREAM
from nstyle.inference.size import sized
from nstyle.inference.stroke import size_for_stroke

MOST_AHEAD = 50_000_000
"""The largest photograph, in pixels, that is decoded ahead of its turn: 150 MB of colours."""


class Reader:
    """Photographs in order, each decoded while the one before it is painted if ``ahead`` is set.

    At most one photograph is decoded ahead. Standard input, pipes and photographs of more than ``MOST_AHEAD`` pixels
    are read only when it is their turn.

    Args:
        photos: The files; ``-`` is standard input.
        options: How they are painted, and how large.
        max_pixels: The largest number of pixels that a photograph may have, before and after resizing.
        moving: What knows about frames of clips.
        keep_place: Whether they go on saying where they were taken.
        ahead: Whether to decode in a thread. Otherwise every photograph is decoded when it is requested.
    """

    def __init__(
        self,
        photos: Sequence[str],
        options: PaintOptions,
        max_pixels: int,
        moving: MovingPictures = NOTHING_MOVES,
        *,
        keep_place: bool = False,
        ahead: bool,
    ) -> None:
        self._left, self._moving = deque(photos), moving
        self._options, self._max_pixels, self._keep_place, self._ahead = options, max_pixels, keep_place, ahead
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nstyle-read")
        self._next: Future[Picture | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def take(self) -> Picture:
        """Return the next photograph, resized, and start decoding the one after it.

        Raises:
            NstyleError: If it cannot be read or is too large; the next call goes on with the one after it.
        """
        photo, ahead = self._left.popleft(), self._next
        try:
            return (ahead.result() if ahead is not None else None) or self._read(photo)
        finally:
            can_begin = self._ahead and bool(self._left) and _is_file(self._left[0])
            self._next = self._thread.submit(self._read_ahead, self._left[0]) if can_begin else None

    def _read_ahead(self, photo: str) -> Picture | None:
        try:
            width, height = read_size(Path(photo))
        except NstyleError:
            return None  # The error is raised when the photograph is read in its turn.
        return self._read(photo) if width * height <= MOST_AHEAD else None

    def _read(self, photo: str) -> Picture:
        options = self._options
        picture = self._moving.picture(Path(photo), self._max_pixels) or read_picture(
            BytesIO(sys.stdin.buffer.read()) if photo == STREAM else Path(photo),
            max_pixels=self._max_pixels,
            value_range=options.value_range,
        )
        picture = sized(picture, options, name=photo, max_pixels=self._max_pixels)
        larger = size_for_stroke(picture.rgb.size, options.stroke)
        check_pixels(f"{photo} at `stroke` {options.stroke:g}", larger, self._max_pixels)
        return picture if self._keep_place else replace(picture, about=picture.about.without_place())


def _is_file(photo: str) -> bool:
    """Tell whether reading is certain to end, since Ctrl-C has to wait until it does."""
    return photo != STREAM and os.path.isfile(photo)  # noqa: PTH113  # Unlike Path.is_file, it never raises.
