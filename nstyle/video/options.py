"""The settings of painting clips, without torch."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from nstyle.errors import UsageError, in_short
from nstyle.settings import check_settings, setting

Steady = Literal["low", "high", "off"]
STEADY: Steady = "low"
"""How steady clips are where nothing is said."""
VIDEO = "Video"
"""The heading of the settings in the help."""
TIME = re.compile(r"(?:(?:([0-9]{1,7}):)?([0-9]{1,7}):)?([0-9]{1,7}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}) ?s?")
MOST_SECONDS = 10_000_000
"""The first time that is none, in seconds: 115 days."""

EXPECTED = "a time such as 12.5, 1:02.5 or 1:00:02, below 115 days, and after a colon below 60"


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """How a clip is painted, other than how each of its frames is. All settings are checked on construction."""

    steady: Steady | None = setting(
        None, "How strongly strokes are held still from frame to frame.", VIDEO, default_text=STEADY
    )
    keyframes: tuple[str, ...] = setting(
        (),
        "The styles from a time on, blended from one to the next. May be repeated. A photograph becomes a clip.",
        VIDEO,
        metavar="TIME:STYLES",
    )
    start: str | None = setting(
        None, "Paint from here on: seconds, m:ss or h:mm:ss.", VIDEO, metavar="TIME", default_text="the beginning"
    )
    end: str | None = setting(None, "Paint up to here.", VIDEO, metavar="TIME", default_text="the end")
    frame: int | None = setting(None, "Paint one frame as a picture; 1 is the first.", VIDEO, at_least=1)

    def __post_init__(self) -> None:
        check_settings(self)
        start, end = self.start_seconds, self.end_seconds
        if end is not None and end <= start:
            raise UsageError(f"`end` is {self.end}; expected a time after `start`, which is {self.start or 0}")
        if self.frame is not None and (self.keyframes or self.start is not None or self.end is not None):
            raise UsageError("`frame` picks one frame; leave `keyframes`, `start` and `end` out")

    @property
    def start_seconds(self) -> Fraction:
        """Where painting begins, in seconds from the beginning of the clip."""
        return Fraction(0) if self.start is None else read_time("start", self.start)

    @property
    def end_seconds(self) -> Fraction | None:
        """Where painting ends, in seconds from the beginning of the clip; None for its end."""
        return None if self.end is None else read_time("end", self.end)


def read_time(name: str, text: str) -> Fraction:
    """Read a time in seconds, ``m:ss`` or ``h:mm:ss``, each with decimals.

    >>> float(read_time("start", "1:02.5"))
    62.5

    Raises:
        UsageError: If it is no time, with the name of the setting.
    """
    seconds = parse_time(text)
    if seconds is None:
        raise UsageError(f"`{name}` is {in_short(text)}; expected {EXPECTED}")
    return seconds


def parse_time(text: str) -> Fraction | None:
    """Return a time in seconds; None for a text that is no time; see :func:`read_time`."""
    match = TIME.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = (Fraction((part or "0").rstrip(".")) for part in match.groups())
    if (match[1] is not None and minutes >= 60) or (match[2] is not None and seconds >= 60):
        return None
    time = 3600 * hours + 60 * minutes + seconds
    return time if time < MOST_SECONDS else None
