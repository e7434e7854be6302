"""What Pillow keeps for the whole process, its limit of pixels and Python's warnings, changed for a moment only."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from nstyle.imaging.limits import MAX_PIXELS


class PillowState:
    """Changes that hold while any thread needs them. The last one puts everything back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silent = 0
        self._warnings = warnings.catch_warnings()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Ignore warnings."""
        with self._lock:
            if self._silent == 0:
                self._warnings = warnings.catch_warnings()
                self._warnings.__enter__()
                warnings.simplefilter("ignore")
            self._silent += 1
        try:
            yield
        finally:
            with self._lock:
                self._silent -= 1
                if self._silent == 0:
                    self._warnings.__exit__(None, None, None)

    @contextmanager
    def without_limit(self) -> Iterator[None]:
        """Let pictures of any size be opened, whose size is checked before they are decoded.

        Afterwards Pillow's own limit is at least ours, as it also holds for parts of a picture.
        """
        with self._lock:
            limit = Image.MAX_IMAGE_PIXELS
            Image.MAX_IMAGE_PIXELS = None
            try:
                yield
            finally:
                Image.MAX_IMAGE_PIXELS = None if limit is None else max(limit, MAX_PIXELS)


PILLOW = PillowState()
