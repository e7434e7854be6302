"""Styles that change with time."""

from collections.abc import Sequence
from typing import Self

from nstyle.errors import UsageError
from nstyle.inference.mix import Mix, make_mix, parse_weights
from nstyle.video.options import read_time


class Keyframes:
    """Mixes at times, blended linearly between."""

    def __init__(self, keys: Sequence[tuple[float, Mix]]) -> None:
        self._keys = sorted(keys, key=lambda key: key[0])

    @classmethod
    def read(cls, texts: Sequence[str], styles: Sequence[str], model_name: str) -> Self:
        """Read ``TIME:STYLES``."""
        keys = []
        for text in texts:
            time, colon, mix = text.rpartition(":")
            if not colon:
                raise UsageError(f"`keyframes` is '{text}'; expected TIME:STYLES such as 2.5:starry-night")
            names = make_mix(styles, parse_weights(mix), None, model_name) if "=" in mix else None
            keys.append((float(read_time("keyframes", time)), names or make_mix(styles, None, [mix], model_name)))
        return cls(keys)

    @property
    def duration(self) -> float:
        """The time of the last one."""
        return self._keys[-1][0]

    def at(self, seconds: float) -> Mix:
        """Return the mix at a time."""
        before = [key for key in self._keys if key[0] <= seconds] or self._keys[:1]
        after = [key for key in self._keys if key[0] > seconds] or self._keys[-1:]
        (t0, first), (t1, second) = before[-1], after[0]
        share = min(1.0, max(0.0, (seconds - t0) / (t1 - t0))) if t1 > t0 else 0.0
        names = [*first, *(name for name in second if name not in first)]
        mix = {name: (1 - share) * first.get(name, 0) + share * second.get(name, 0) for name in names}
        return {name: weight for name, weight in mix.items() if weight > 0}
