"""The styles and the learning rate of every update, as pure functions, so that a resumed run continues exactly."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

LrSchedule = Literal["constant", "one-cycle"]
DEFAULT_RATES: dict[LrSchedule, float] = {"constant": 1e-3, "one-cycle": 2e-3}
"""The learning rate of a schedule, at its peak, if none is given."""
STYLE_STREAM = 3
"""The stream of random numbers for the ``random`` schedule; see ``nstyle.data.draws`` for the others."""
WARM_UP = 0.05
"""The fraction of a one-cycle run in which the learning rate rises."""
START_FACTOR, END_FACTOR = 0.1, 0.01
"""The learning rate at the start and the end of a one-cycle run, as fractions of the peak."""


@dataclass(frozen=True)
class Position:
    """Where a run stands, and what its schedule depends on."""

    update: int
    """The number of the update, counted from 0."""
    num_styles: int
    batch_size: int
    updates: int
    """The number of updates of the whole run."""
    seed: int


@dataclass(frozen=True)
class StyleSchedule:
    """A rule that decides which style every sample of an update is trained on."""

    summary: str
    """The rule in a few words, for the help."""
    style_ids: Callable[[Position], list[int]]
    """The ids of the samples, ``batch_size`` numbers in 0..num_styles - 1."""


def _drawn(at: Position) -> list[int]:
    import numpy as np

    draw = np.random.default_rng((at.seed, STYLE_STREAM, at.update))
    ids: list[int] = draw.integers(0, at.num_styles, size=at.batch_size).tolist()
    return ids


SCHEDULES = {
    "round-robin": StyleSchedule(
        "one style per update, in turn", lambda at: [at.update % at.num_styles] * at.batch_size
    ),  # Early, Sian and Stonard
    "round-robin-batch": StyleSchedule(
        "one style per sample, in turn",
        lambda at: [(at.update * at.batch_size + i) % at.num_styles for i in range(at.batch_size)],
    ),
    "random": StyleSchedule("drawn for every sample", _drawn),  # Magenta
    "sequential": StyleSchedule(
        "one style after the other, each for its part of the updates",
        lambda at: [min(at.update * at.num_styles // at.updates, at.num_styles - 1)] * at.batch_size,
    ),
}


def style_ids(schedule: str, update: int, *, num_styles: int, batch_size: int, updates: int, seed: int) -> list[int]:
    """Choose the style of every sample of an update by one of :data:`SCHEDULES`; see :class:`Position`."""
    return SCHEDULES[schedule].style_ids(Position(update, num_styles, batch_size, updates, seed))


def learning_rate(schedule: LrSchedule, update: int, *, peak: float, updates: int) -> float:
    """Return the learning rate of an update (counted from 0): constant, or a cosine up and a cosine down."""
    if schedule == "constant":
        return peak
    warm_up = max(1, round(WARM_UP * updates))
    if update < warm_up:
        return peak * _cosine(START_FACTOR, 1.0, update / warm_up)
    return peak * _cosine(1.0, END_FACTOR, (update - warm_up) / max(1, updates - warm_up))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
