"""The styles and the learning rate of every update, as pure functions, so that a resumed run continues exactly."""

import math

import numpy as np

from nstyle.training.config import LrSchedule, Schedule

STYLE_STREAM = 3
"""The stream of random numbers for the ``random`` schedule; see ``nstyle.data.draws`` for the others."""
WARM_UP = 0.05
"""The fraction of a one-cycle run in which the learning rate rises."""
START_FACTOR, END_FACTOR = 0.1, 0.01
"""The learning rate at the start and the end of a one-cycle run, as fractions of the peak."""


def style_ids(
    schedule: Schedule, update: int, *, num_styles: int, batch_size: int, updates: int, seed: int
) -> list[int]:
    """Choose the style of every sample of an update.

    Args:
        schedule: ``round-robin``: one style per update, in turn (Early, Sian and Stonard). ``round-robin-batch``: one
            style per sample, in turn. ``random``: drawn per sample (Magenta). ``sequential``: updates / num_styles
            consecutive updates each.
        update: The number of the update, counted from 0.
        num_styles: The number of styles that are trained.
        batch_size: The number of samples per update.
        updates: The number of updates of the whole run.
        seed: The seed of the run.

    Returns:
        ``batch_size`` ids in 0..num_styles - 1.
    """
    if schedule == "round-robin":
        return [update % num_styles] * batch_size
    if schedule == "round-robin-batch":
        return [(update * batch_size + i) % num_styles for i in range(batch_size)]
    if schedule == "sequential":
        return [min(update * num_styles // updates, num_styles - 1)] * batch_size
    draw = np.random.default_rng((seed, STYLE_STREAM, update))
    ids: list[int] = draw.integers(0, num_styles, size=batch_size).tolist()
    return ids


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
