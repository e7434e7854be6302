"""Read animated GIF, WebP, PNG and AVIF through Pillow, and a photograph as a clip that stands still."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.picture import Picture, to_picture
from nstyle.imaging.pictures import check_pixels, opened
from nstyle.video.clip import MILLISECOND, USUAL_RATE, WHOLE, Facts, Frame, Part

TOO_SHORT = Fraction(1, 100)
UNSAID = Fraction(1, 10)
"""How long browsers show frames that say ``TOO_SHORT`` or less, in seconds; mostly nothing was written there."""


class Animation:
    """An animation that is open for reading; see :class:`nstyle.video.clip.Clip`.

    Args:
        path: The file.
        part: The part that is read.
        max_pixels: The largest number of pixels of a frame.
        notice: Called with one line if the file is damaged behind its first frame.

    Raises:
        UsageError: If its frames are too large, and at the end if none was in the part.
        NstyleError: If it cannot be read.
    """

    sounds = ()
    earlier = Fraction(0)

    def __init__(
        self, path: Path, part: Part = WHOLE, *, max_pixels: int, notice: Callable[[str], None] = lambda text: None
    ) -> None:
        self.name, self._part, self._notice = str(path), part, notice
        self._stack = ExitStack()
        try:
            self._image = self._stack.enter_context(opened(path))
            check_pixels(self.name, self._image.size, max_pixels)
            # An APNG may begin with a picture for viewers that know no animations.
            self._first = int(getattr(self._image, "default_image", False))
            self._image.seek(self._first)
            self._image.load()
            first = to_picture(self._image)
        except NstyleError:
            raise
        except Exception as error:  # Pillow raises any exception on damaged files.
            raise NstyleError(f"{path}: cannot be read as an animation ({' '.join(str(error).split())})") from error
        shown = self._shown()
        self._reached = Fraction(0)
        self.facts = Facts(
            size=first.rgb.size,
            rate=1 / shown,
            seconds=part.seconds(shown * (getattr(self._image, "n_frames", 1) - self._first)),
            loop=self._image.info.get("loop", None if self._image.format == "GIF" else 0),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Frame]:
        frame = None
        for frame in self._frames():
            yield frame
        if frame is None:
            raise UsageError(f"{self.name} ends after {float(self._reached):.2f} s; expected `start` before that")

    def _frames(self) -> Iterator[Frame]:
        self._reached, number = Fraction(0), self._first
        while not self._part.is_over(self._reached):
            try:
                self._image.seek(number)
                self._image.load()
                picture = to_picture(self._image)
            except EOFError:
                return
            except Exception as error:  # As above.
                self._notice(f"{self.name} is damaged at frame {number + 1}, and ends there ({error})")
                return
            shown = self._shown()
            visible = self._part.shown(self._reached, shown)
            if visible is not None:
                yield _frame(picture, *visible)
            self._reached, number = self._reached + shown, number + 1

    def _shown(self) -> Fraction:
        """Return how long the frame that was read last is shown, in seconds."""
        try:
            shown = Fraction(self._image.info.get("duration") or 0).limit_denominator(1000) * MILLISECOND
        except (TypeError, ValueError, OverflowError):
            return UNSAID
        return shown if shown > TOO_SHORT else UNSAID


class Still:
    """A photograph as a clip of a given duration; see :class:`nstyle.video.clip.Clip`.

    Args:
        name: The photograph in words.
        picture: The photograph.
        seconds: The duration. The last frame is shown at its end.
    """

    sounds = ()
    earlier = Fraction(0)

    def __init__(self, name: str, picture: Picture, seconds: Fraction) -> None:
        self.name, self._picture = name, picture
        self.facts = Facts(size=picture.rgb.size, seconds=seconds + 1 / USUAL_RATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Close nothing."""

    def __iter__(self) -> Iterator[Frame]:
        frames = self.facts.frames or 1
        for number in range(frames):
            yield _frame(self._picture, number / USUAL_RATE, 1 / USUAL_RATE)


def _frame(picture: Picture, time: Fraction, duration: Fraction) -> Frame:
    alpha = np.asarray(picture.alpha) if picture.alpha is not None else None
    return Frame(np.asarray(picture.rgb), time, duration, alpha)


def picture_of(frame: Frame) -> Picture:
    """Return a frame as a picture."""
    alpha = Image.fromarray(frame.alpha) if frame.alpha is not None else None
    return Picture(Image.fromarray(frame.levels), alpha)
