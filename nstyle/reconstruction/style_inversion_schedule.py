"""The schedule of the style-inversion chapter: iterations of each loss at each layer (table 1.1), and when to stop."""

from typing import Any

from nstyle.errors import UsageError

ITERATIONS: dict[str, dict[str, int]] = {
    "relu1_1": {
        "gram": 100_000,
        "mmd": 100_000,
        "moments-1": 20_000,
        "moments-2": 40_000,
        "moments-3": 60_000,
        "moments-4": 100_000,
    },
    "relu1_2": {
        "gram": 150_000,
        "mmd": 150_000,
        "moments-1": 40_000,
        "moments-2": 80_000,
        "moments-3": 120_000,
        "moments-4": 200_000,
    },
    "relu2_1": {
        "gram": 200_000,
        "mmd": 200_000,
        "moments-1": 60_000,
        "moments-2": 120_000,
        "moments-3": 180_000,
        "moments-4": 300_000,
    },
    "relu2_2": {
        "gram": 250_000,
        "mmd": 250_000,
        "moments-1": 80_000,
        "moments-2": 160_000,
        "moments-3": 240_000,
        "moments-4": 400_000,
    },
}
"""Table 1.1: iterations by layer and loss."""
THRESHOLD = 1e-5
"""The optimization stops below this loss. With a loss that can be negative it stops on a plateau instead."""
EXTENSION = 1000
MAX_EXTENSIONS = 240
"""A run that ends above the threshold is extended by EXTENSION iterations, at most this many times."""
FEATURE_SCALE = 1 / 255
"""Our choice. The chapter does not say how features were scaled, and at the scale of the Oxford weights 1e-5 cannot be
reached."""


def style_inversion_settings(loss: str, moments: int | None, layers: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of the style-inversion chapter for one loss at one layer.

    The extensions are part of one run, which stops at the threshold or after the last of them.

    Raises:
        UsageError: If the table has no such cell.
    """
    label = f"moments-{moments or 2}" if loss == "moments" else loss
    row = ITERATIONS.get(layers[0], {}) if len(layers) == 1 else {}
    if label not in row:
        cells = f"one of {', '.join(ITERATIONS)} with gram, mmd or moments"
        raise UsageError(
            f"the style-inversion chapter's table has no {label} at {'+'.join(layers) or 'no layer'}; expected {cells}"
        )
    is_mmd = loss == "mmd"
    return {
        "optimizer": "adam",
        "lr": 1e-3,
        "iterations": row[label] + MAX_EXTENSIONS * EXTENSION,
        "threshold": None if is_mmd else THRESHOLD,
        "patience": EXTENSION if is_mmd else 0,
        "feature_scale": FEATURE_SCALE,
        "start": "noise",
        "seed": 0,
    }
