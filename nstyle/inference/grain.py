"""Film grain on a photograph, for strokes where there is nothing to paint."""

import numpy as np
import numpy.typing as npt

MAX_GRAIN = 64.0
"""Levels of 255 past which a photograph is mostly noise."""
BAND = 256
"""Rows that get their grain at once, which keeps the memory small."""


def add_grain(pixels: npt.NDArray[np.uint8], levels: float) -> npt.NDArray[np.uint8]:
    """Add grey Gaussian noise, the same for every picture of the same size.

    What a network makes of a plain area repeats every four pixels, the factor by which it reduces and enlarges again: a
    mesh. A little noise gives it something to start strokes from.

    Args:
        pixels: RGB (H, W, 3), which is changed.
        levels: Standard deviation, in levels of 255.

    Returns:
        ``pixels``.
    """
    generator = np.random.default_rng(0)
    for top in range(0, len(pixels), BAND) if levels else ():
        band = pixels[top : top + BAND]
        noise = generator.standard_normal(band.shape[:2], dtype=np.float32)[..., None]
        band[...] = np.rint(band + np.float32(levels) * noise).clip(0, 255)
    return pixels
