"""The relative gap between the losses of two networks, with confidence intervals.

Shape suffixes: R seeds, K styles, P photographs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LossArray = npt.NDArray[np.float64]
RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A relative gap, such as 0.05 for 5 % more loss, with its confidence interval."""

    gap: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return plain values for JSON."""
        return {"gap": self.gap, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Gaps:
    """The gap of every style, and over all styles."""

    by_style: tuple[Interval, ...]
    overall: Interval
    """The mean gap over the styles, where every style counts alike, however large its losses are."""
    spread: float
    """The standard deviation of the gap over the styles, as in Dumoulin et al. 2017. NaN for a single style."""


def relative_gaps(first_RKP: LossArray, second_RKP: LossArray, *, resamples: int = RESAMPLES, seed: int = 0) -> Gaps:
    """Compare two networks' losses on the same photographs: mean of the first over mean of the second, minus 1.

    Intervals are computed with the paired percentile bootstrap (Efron and Tibshirani 1993, chapter 13): photographs are
    drawn with replacement, the same ones for both networks and for all styles, and so are seeds if there are several.
    With one seed the intervals cover the choice of the photographs, but not that of the initial weights and the order
    of training.

    Args:
        first_RKP: Losses above 0, such as those of the n-style network.
        second_RKP: Losses above 0 of the same shape, paired with the first.
        resamples: Number of draws of the bootstrap.
        seed: Seed of the draws.

    Returns:
        Gaps with intervals at 95 % confidence. Identical losses give exactly 0 and [0, 0].

    Raises:
        ValueError: If the shapes differ or do not have three dimensions, or a loss is not above 0.
    """
    if first_RKP.shape != second_RKP.shape or first_RKP.ndim != 3 or 0 in first_RKP.shape:
        raise ValueError(
            f"got losses of shapes {first_RKP.shape} and {second_RKP.shape}; expected two of (seeds, styles, "
            "photographs)"
        )
    if not (first_RKP.min() > 0 and second_RKP.min() > 0):
        raise ValueError("got losses that are not above 0: a relative gap is not defined for them")
    seeds, styles, photos = first_RKP.shape
    generator = np.random.default_rng(seed)
    draws = np.empty((resamples, styles))
    for i in range(resamples):
        rows = generator.integers(0, seeds, seeds) if seeds > 1 else np.zeros(1, dtype=np.int64)
        columns = generator.integers(0, photos, photos)
        draws[i] = relative_gap(first_RKP[rows][:, :, columns], second_RKP[rows][:, :, columns])
    gaps = relative_gap(first_RKP, second_RKP)
    return Gaps(
        by_style=tuple(_interval(gaps[k], draws[:, k]) for k in range(styles)),
        overall=_interval(gaps.mean(), draws.mean(axis=1)),
        spread=float(gaps.std(ddof=1)) if styles > 1 else float("nan"),
    )


def seed_spread(losses_RKP: LossArray) -> npt.NDArray[np.float64] | None:
    """Return the standard deviation over seeds of a network's mean loss, relative to it, per style (K,); or None."""
    if losses_RKP.shape[0] < 2:
        return None
    means_RK = losses_RKP.mean(axis=2)
    spread: npt.NDArray[np.float64] = means_RK.std(axis=0, ddof=1) / means_RK.mean(axis=0)
    return spread


def relative_gap(first_RKP: LossArray, second_RKP: LossArray) -> npt.NDArray[np.float64]:
    """Return the gap of every style (K,): the mean of the first losses over the mean of the second, minus 1."""
    gap: npt.NDArray[np.float64] = first_RKP.mean(axis=(0, 2)) / second_RKP.mean(axis=(0, 2)) - 1
    return gap


def _interval(gap: float, draws: npt.NDArray[np.float64]) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(float(gap), float(low), float(high))
