"""Styles that change with time: mixes at keyframes, and blends in between."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from nstyle.errors import UsageError, in_short
from nstyle.inference.mix import Mix, make_mix, parse_weights

TIME = re.compile(r"(?:(?:(?P<hours>\d+):)?(?P<minutes>\d+):)?(?P<seconds>\d+(?:\.\d+)?) ?s?")
"""A time such as ``5``, ``1.5s``, ``1:02.5`` or ``1:00:00``."""
NUMBER = re.compile(r"[-+]?[\d.]+")
FORM = "TIME:STYLES such as 5s:great-wave or 1:02.5:great-wave=0.5,scream=0.5"


@dataclass(frozen=True)
class Keyframes:
    """Mixes at times. Before the first keyframe and after the last one the mix is constant; between two it changes
    evenly.

    Attributes:
        seconds: The times in seconds, which increase.
        mixes: The mix at each of them.
    """

    seconds: tuple[float, ...]
    mixes: tuple[Mix, ...]

    @classmethod
    def read(cls, texts: Sequence[str], styles: Sequence[str], model_name: str) -> "Keyframes":
        """Parse keyframes such as ``0s:starry-night`` and ``5s:great-wave=0.5,scream=0.5``.

        Args:
            texts: One or more keyframes in the order of time, each ``TIME:STYLES``, with names or weights.
            styles: The styles of the model.
            model_name: The model in words, for messages.

        Raises:
            UsageError: If there is no keyframe, one has another form, their times do not increase, or a style or a
                weight is invalid.
        """
        if not texts:
            raise UsageError(f"there are no `keyframes`; expected at least one, {FORM}")
        read = [_read_one(text, styles, model_name) for text in texts]
        for (earlier, _), (later, _), text in zip(read, read[1:], texts[1:], strict=False):
            if later == earlier:
                raise UsageError(f"two `keyframes` are at {later:g} s; join them into one mix, or move one")
            if later < earlier:
                raise UsageError(
                    f"the keyframe '{in_short(text)}' comes after one at {earlier:g} s; give `keyframes` in the order "
                    "of time"
                )
        return cls(tuple(second for second, _ in read), tuple(mix for _, mix in read))

    @property
    def duration(self) -> float:
        """The time of the last keyframe in seconds."""
        return self.seconds[-1]

    def at(self, seconds: float) -> Mix:
        """Return the mix at a time, whose weights sum to 1."""
        after = bisect_right(self.seconds, seconds)
        if after == 0 or after == len(self.seconds):
            return dict(self.mixes[max(0, after - 1)])
        (start, end), (first, last) = self.seconds[after - 1 : after + 1], self.mixes[after - 1 : after + 1]
        share = (seconds - start) / (end - start)
        blend = {name: (1 - share) * first.get(name, 0.0) + share * last.get(name, 0.0) for name in {**first, **last}}
        return {name: weight for name, weight in blend.items() if weight > 0}


def _read_one(text: str, styles: Sequence[str], model_name: str) -> tuple[float, Mix]:
    """Parse one keyframe."""
    time, colon, what = text.rpartition(":")
    parsed = TIME.fullmatch(time.strip())
    if not (colon and parsed and what.strip()):
        negative = "; a time cannot be negative" if time.strip().startswith("-") else ""
        raise UsageError(f"the keyframe is '{in_short(text)}'{negative}; expected {FORM}")
    hours, minutes, seconds = (float(part or 0) for part in parsed.group("hours", "minutes", "seconds"))
    try:
        return 3600 * hours + 60 * minutes + seconds, _read_mix(what.strip(), styles, model_name)
    except UsageError as error:
        raise UsageError(f"the keyframe '{in_short(text)}' cannot be painted: {error}") from error


def _read_mix(text: str, styles: Sequence[str], model_name: str) -> Mix:
    """Parse weights by name or by position, or styles in equal parts."""
    parts = [part.strip() for part in text.split(",")]
    if "=" in text or all(NUMBER.fullmatch(part) for part in parts):
        return make_mix(styles, parse_weights(text), model=model_name)
    return make_mix(styles, chosen=parts, model=model_name)
