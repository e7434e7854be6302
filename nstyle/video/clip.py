"""A clip as we paint it: facts, then frames and packets of sound in the order in which they are read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from nstyle.imaging.yuv import Colours

if TYPE_CHECKING:
    from av import AudioStream, Packet

MOST_RATE = 1000
"""Frames per second beyond which a rate is none; some containers give the unit of their times for it."""
USUAL_RATE = Fraction(25)
MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class Frame:
    """One frame, upright."""

    levels: npt.NDArray[np.uint8]
    """RGB (H, W, 3)."""
    time: Fraction
    """When it is shown, in seconds from the beginning of the part that is painted."""
    duration: Fraction
    """How long it is shown, in seconds."""
    alpha: npt.NDArray[np.uint8] | None = None
    """The transparency (H, W), or None for an opaque frame."""


Item: TypeAlias = Union[Frame, "Packet[AudioStream]"]
"""What a clip consists of."""


@dataclass(frozen=True)
class Facts:
    """What is known of a clip before it is read. What a header claims may be wrong, and only shows progress."""

    size: tuple[int, int]
    """Width and height of its first frame in pixels, upright. All frames are given in this size."""
    rate: Fraction = USUAL_RATE
    """Frames per second, on average."""
    time_base: Fraction = MILLISECOND
    """The unit of its times, in seconds."""
    colours: Colours = field(default_factory=Colours)
    aspect: Fraction | None = None
    """The width of a pixel over its height; None for square ones."""
    seconds: Fraction | None = None
    """The duration of the part that is painted, as the header claims it."""
    loop: int | None = 0
    """How often an animation repeats: 0 for ever, None for once."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """What the file says about the clip, such as its title."""

    @property
    def square_size(self) -> tuple[int, int]:
        """Width and height with pixels that are square, which pictures and animations have."""
        width, height = self.size
        return (max(1, round(width * self.aspect)), height) if self.aspect else self.size

    @property
    def frames(self) -> int | None:
        """The number of frames, as the header claims it."""
        return max(1, round(self.seconds * self.rate)) if self.seconds is not None else None


class Clip(Protocol):
    """A clip that is open for reading, once."""

    @property
    def name(self) -> str:
        """The clip in words, for messages."""

    @property
    def facts(self) -> Facts:
        """What is known of it."""

    @property
    def sounds(self) -> "tuple[AudioStream, ...]":
        """Its streams of sound."""

    @property
    def earlier(self) -> Fraction:
        """By how many seconds packets of sound are to be heard earlier than they say."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def __iter__(self) -> Iterator[Item]: ...


@dataclass(frozen=True)
class Part:
    """The part of a clip that is painted, in seconds."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    def shown(self, time: Fraction, duration: Fraction) -> tuple[Fraction, Fraction] | None:
        """Return time and duration of a frame within the part; None if it is not shown there."""
        begin = max(time, self.start)
        end = time + duration if self.end is None else min(time + duration, self.end)
        if self.is_over(time) or (end <= begin and begin > time):
            return None
        return begin - self.start, end - begin

    def is_over(self, time: Fraction) -> bool:
        """Tell whether what begins at a time begins after the part."""
        return self.end is not None and time >= self.end

    def seconds(self, whole: Fraction | None) -> Fraction | None:
        """Return the duration of the part, of a clip that claims a duration."""
        if whole is None or (self.end is not None and self.end < whole):
            return self.end - self.start if self.end is not None else None
        return max(Fraction(0), whole - self.start)


WHOLE = Part()
