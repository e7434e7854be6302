"""How far the experiments of a source are scaled down, so that they fit the machine and the time at hand."""

import math
from dataclasses import dataclass

from nstyle.errors import check_setting

LEAST_STEPS = 20
"""Iterations and updates are not scaled below this: less would show nothing."""
LEAST_SIZE, STEP_OF_SIZE = 64, 16
"""The smallest side that sizes are scaled to, and what they are multiples of, in pixels: relu5_1 halves four times."""


@dataclass(frozen=True)
class Scale:
    """Scale iterations and updates in proportion, and sides by the fourth root, so that pixels go by the square root.

    At 0.01 a run of 5,000 iterations at 512 px becomes one of 50 at 160 px.

    Raises:
        UsageError: If the factor is not above 0 and at most 1.
    """

    factor: float = 1.0

    def __post_init__(self) -> None:
        check_setting(0 < self.factor <= 1, "scale", self.factor, "more than 0 and at most 1 (1 for the source's own)")

    def steps(self, number: int) -> int:
        """Scale a number of iterations or updates."""
        return max(min(number, LEAST_STEPS), round(number * self.factor))

    def size(self, side: int) -> int:
        """Scale the side of a picture, in pixels."""
        scaled = STEP_OF_SIZE * round(side * math.sqrt(math.sqrt(self.factor)) / STEP_OF_SIZE)
        return min(side, max(LEAST_SIZE, scaled))
