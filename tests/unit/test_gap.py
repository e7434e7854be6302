"""The statistics of a comparison, against scipy and against numbers worked out by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from nstyle.comparison.gap import relative_gaps, seed_spread


def draw(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).gamma(20.0, 0.05, shape)


def test_gaps_by_hand() -> None:
    """Mean 3 over mean 2, and mean 1 over mean 2. The overall gap is the mean of those of the styles."""
    first = np.array([[[2.0, 4.0], [0.5, 1.5]]])
    second = np.array([[[1.0, 3.0], [2.0, 2.0]]])
    gaps = relative_gaps(first, second, resamples=100)
    assert [interval.gap for interval in gaps.by_style] == [0.5, -0.5]
    assert gaps.overall.gap == 0
    assert gaps.spread == pytest.approx(math.sqrt(0.5))
    # Two photographs can be drawn in three ways: 2/1, 4/3 and 6/4, so the ends are among their gaps.
    assert (gaps.by_style[0].low, gaps.by_style[0].high) == (pytest.approx(1 / 3), 1.0)


def test_interval_is_scipys_paired_percentile_bootstrap() -> None:
    photos = draw(0, (1, 1, 64))
    first, second = 1.1 * photos * (1 + 0.1 * draw(1, (1, 1, 64))), photos
    ours = relative_gaps(first, second, resamples=20_000).by_style[0]
    theirs = stats.bootstrap(
        (first[0, 0], second[0, 0]),
        lambda a, b, axis: a.mean(axis=axis) / b.mean(axis=axis) - 1,
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="percentile",
        random_state=0,
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.03 * width)


def test_pairing_takes_the_photographs_own_difficulty_out() -> None:
    """Photographs differ by a factor of ten, and networks by 5 % on each: an unpaired interval would be far wider."""
    photos = np.logspace(-0.5, 0.5, 40)[None, None]
    interval = relative_gaps(1.05 * photos, photos, resamples=500).overall
    assert interval.low == pytest.approx(0.05)
    assert interval.high == pytest.approx(0.05)


def test_identical_networks_have_no_gap_at_all() -> None:
    losses = draw(2, (2, 3, 16))
    gaps = relative_gaps(losses, losses.copy(), resamples=200)
    assert all((interval.gap, interval.low, interval.high) == (0, 0, 0) for interval in (*gaps.by_style, gaps.overall))


def test_two_seeds_of_one_setting_are_not_told_apart() -> None:
    """The same two networks on both sides, in the other order: which seed is called n-style must not matter."""
    losses = draw(3, (2, 1, 32)) * np.array([1.0, 1.2])[:, None, None]
    interval = relative_gaps(losses, losses[::-1], resamples=500).overall
    assert interval.low < 0 < interval.high
    assert interval.gap == pytest.approx(0)


def test_seeds_are_resampled_where_there_are_several() -> None:
    """With noise between seeds, intervals of a setting against itself contain 0 nearly as often as they say."""
    generator = np.random.default_rng(4)
    contained = {1: 0, 6: 0}
    for _ in range(60):
        for seeds in contained:
            noise = generator.normal(1, 0.05, (2, seeds, 1, 1))
            first, second = (noise[i] * draw(5, (seeds, 1, 32)) for i in range(2))
            interval = relative_gaps(first, second, resamples=200).overall
            contained[seeds] += interval.low <= 0 <= interval.high
    assert contained[6] > 45
    assert contained[1] < 30


def test_spread_between_seeds() -> None:
    losses = np.array([[[1.0, 3.0]], [[2.0, 4.0]]])  # Means 2 and 3.
    spread = seed_spread(losses)
    assert spread is not None
    assert spread[0] == pytest.approx(np.std([2, 3], ddof=1) / 2.5)
    assert seed_spread(losses[:1]) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [(np.ones((1, 2, 3)), np.ones((1, 2, 4))), (np.ones(3), np.ones(3)), (np.zeros((1, 1, 2)), np.ones((1, 1, 2)))],
)
def test_losses_that_cannot_be_compared(first: np.ndarray, second: np.ndarray) -> None:
    with pytest.raises(ValueError, match="got losses"):
        relative_gaps(first, second)
