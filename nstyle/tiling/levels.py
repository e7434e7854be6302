"""The last step of painting: colours become whole levels."""

import math

from torch import Tensor

from nstyle.errors import NstyleError


def to_levels(colors: Tensor) -> Tensor:
    """Scale colours in [0, 1] to 0 to 255 in place, rounded, and refuse what would be written as black.

    Raises:
        NstyleError: If a value is not a number.
    """
    if not math.isfinite(colors.sum().item()):  # A sum of colours is finite; one value that is not makes it so.
        raise NstyleError(
            "the network painted values that are no numbers, so that nothing is written; its weights are damaged, "
            "choose another `model`"
        )
    return colors.mul_(255).round_()
