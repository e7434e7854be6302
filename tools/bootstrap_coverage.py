"""Measure how often bootstrap intervals over few seeds contain the truth: ``python tools/bootstrap_coverage.py``.

It simulates two settings without any gap, whose networks differ between seeds by 5 %, and counts the intervals that
contain 0.
"""

import numpy as np

from nstyle.comparison.gap import relative_gaps

TRIALS, RESAMPLES, PHOTOS, NOISE = 400, 400, 32, 0.05


def coverage(seeds: int) -> float:
    """Return the share of intervals that contain the true gap of 0."""
    generator = np.random.default_rng(seeds)
    held = 0
    for trial in range(TRIALS):
        photos = generator.gamma(400.0, 0.0025, (1, 1, PHOTOS))
        first, second = (photos * generator.normal(1, NOISE, (seeds, 1, 1)) for _ in range(2))
        interval = relative_gaps(first, second, resamples=RESAMPLES, seed=trial).overall
        held += interval.low <= 0 <= interval.high
    return held / TRIALS


if __name__ == "__main__":
    for count in (1, 2, 3, 5, 8, 12):
        print(f"{count:3d} seeds: {coverage(count):.0%}")
