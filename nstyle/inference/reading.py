"""Read photographs in order, decoding the next one while a GPU paints."""

import os
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Self

from PIL import Image

from nstyle.errors import NstyleError
from nstyle.imaging.picture import Picture, ValueRange
from nstyle.imaging.pictures import check_pixels, read_picture, read_size, resize, resized
from nstyle.inference.moving import NOTHING_MOVES, MovingPictures
from nstyle.inference.plan import STREAM
from nstyle.inference.stroke import size_for_stroke

MOST_AHEAD = 50_000_000
"""The largest photograph, in pixels, that is decoded ahead of its turn: 150 MB of colours."""


class Reader:
    """Photographs in order, each decoded while the one before it is painted if ``ahead`` is set.

    At most one photograph is decoded ahead. Standard input, pipes and photographs of more than ``MOST_AHEAD`` pixels
    are read only when it is their turn.

    Args:
        photos: The files; ``-`` is standard input.
        size: The long side in pixels to resize to, or None.
        max_pixels: The largest number of pixels that a photograph may have, before and after resizing.
        value_range: The values that are black and white in photographs of more than 8 bits; see
            :func:`nstyle.imaging.pictures.read_picture`.
        moving: What knows about frames of clips.
        ahead: Whether to decode in a thread. Otherwise every photograph is decoded when it is requested.
    """

    def __init__(
        self,
        photos: Sequence[str],
        size: int | None,
        stroke: float,
        max_pixels: int,
        value_range: ValueRange | None = None,
        moving: MovingPictures = NOTHING_MOVES,
        *,
        ahead: bool,
    ) -> None:
        self._left = deque(photos)
        self._size, self._stroke, self._max_pixels = size, stroke, max_pixels
        self._value_range, self._moving, self._ahead = value_range, moving, ahead
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
        picture = self._moving.picture(Path(photo), self._max_pixels) or read_picture(
            BytesIO(sys.stdin.buffer.read()) if photo == STREAM else Path(photo),
            max_pixels=self._max_pixels,
            value_range=self._value_range,
        )
        if self._size is not None:
            check_pixels(
                f"{photo} at `size` {self._size}", resized(picture.rgb.size, long_side=self._size), self._max_pixels
            )
        rgb = resize(picture.rgb, long_side=self._size)
        check_pixels(f"{photo} at `stroke` {self._stroke:g}", size_for_stroke(rgb.size, self._stroke), self._max_pixels)
        alpha = picture.alpha.resize(rgb.size, Image.Resampling.LANCZOS) if picture.alpha is not None else None
        return Picture(rgb, alpha)


def _is_file(photo: str) -> bool:
    """Tell whether reading is certain to end, since Ctrl-C has to wait until it does."""
    return photo != STREAM and os.path.isfile(photo)  # noqa: PTH113  # Unlike Path.is_file, it never raises.
