"""Paths through the simplex of style weights (Dumoulin et al. 2017, section 3.3; Early, Sian and Stonard, section 5).

Shape suffixes: K steps, N styles.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nstyle.errors import check_setting

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Leg:
    """A straight line from one point of the simplex to another."""

    label: str
    start: Weights
    """The weights (N,) at the start."""
    end: Weights
    """The weights (N,) at the end."""

    def at(self, alphas: Weights) -> Weights:
        """Return the weights (K, N) at ``alphas`` (K,) in [0, 1]: ``(1 - alpha) start + alpha end``."""
        return (1 - alphas[:, None]) * self.start + alphas[:, None] * self.end


def walk(names: tuple[str, ...]) -> list[Leg]:
    """Return the legs of a path through all styles: from the first to the second for two styles; for more, around all
    corners, and from the first to the middle.

    >>> [leg.label for leg in walk(("a", "b", "c"))]
    ['a to b', 'b to c', 'c to a', 'a to all']
    """
    n = len(names)
    check_setting(n >= 2, "the number of styles", n, "at least 2 to interpolate between")
    corners = np.eye(n)
    legs = [Leg(f"{names[i]} to {names[i + 1]}", corners[i], corners[i + 1]) for i in range(n - 1)]
    if n > 2:
        legs.append(Leg(f"{names[-1]} to {names[0]}", corners[-1], corners[0]))
        legs.append(Leg(f"{names[0]} to all", corners[0], np.full(n, 1 / n)))
    return legs


def round_trip(names: tuple[str, ...], frames_per_leg: int) -> Weights:
    """Return the weights (K, N) of a morph around all corners, which ends where it starts and slows down at each."""
    legs = walk(names)
    legs = legs[:-1] if len(names) > 2 else [legs[0], Leg("back", legs[0].end, legs[0].start)]
    t = np.arange(frames_per_leg) / frames_per_leg
    return np.concatenate([leg.at(t * t * (3 - 2 * t)) for leg in legs])


def bilinear(steps: int) -> Weights:
    """Return the weights (steps, steps, 4) of a grid with one style in each corner: top left, top right, bottom left,
    bottom right."""
    t = np.linspace(0, 1, steps)
    y, x = np.meshgrid(t, t, indexing="ij")
    return np.stack([(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x], axis=-1)
