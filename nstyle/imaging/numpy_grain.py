"""Film grain on arrays, without torch: the same as ``nstyle/imaging/grain.py`` makes, but for rounding."""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from nstyle.imaging.grain_words import BAND, MARGIN, OCTAVES, white_noise

Floats = npt.NDArray[np.float32]
SHARPNESS = -0.75
"""The coefficient a of Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing", that torch uses."""


def add_grain(pixels: npt.NDArray[np.uint8], levels: float) -> npt.NDArray[np.uint8]:
    """Return pixels (H, W, 3) with grain; see :func:`nstyle.imaging.grain.add_grain`.

    Args:
        pixels: RGB, which is not changed.
        levels: The standard deviation of each octave, in levels of 255.
    """
    grainy = np.empty_like(pixels)
    for top in range(0, len(pixels), BAND):
        band = pixels[top : top + BAND]
        noise = np.float32(levels) * grain(*band.shape[:2], top=top)
        grainy[top : top + BAND] = np.rint(band + noise[..., None]).clip(0, 255)
    return grainy


def grain(height: int, width: int, *, top: int = 0) -> Floats:
    """Make the grain (H, W) of rows ``top`` to ``top + height`` for the seed 0; see :func:`nstyle.imaging.grain.grain`.

    Args:
        height: The number of rows.
        width: The number of columns.
        top: The first row, a multiple of 16.
    """
    total = np.zeros((height, width), np.float32)
    for size in OCTAVES:
        total += _octave(size, height, width, top)
    return total


def _octave(size: int, height: int, width: int, top: int) -> Floats:
    down = np.arange(top // size - MARGIN, (top + height - 1) // size + MARGIN + 1)[:, None]
    right = np.arange(-MARGIN, (width - 1) // size + MARGIN + 1)
    noise: Floats = white_noise(np.zeros((1, 1), np.int64), size, down, right).astype(np.float32)
    if size == 1:
        return noise[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
    taps = cubic_taps(size)
    enlarged = _enlarged(_enlarged(noise.T, taps).T, taps)
    skipped = size // 2  # The first window of four grains is for pixels from one and a half grains on.
    deviation = float((taps**2).sum()) / size
    return enlarged[skipped : skipped + height, skipped : skipped + width] / np.float32(deviation)


def _enlarged(noise: Floats, taps: Floats) -> Floats:
    """Enlarge noise (h, w) in width: every window of four grains gives ``size`` pixels, (h, (w - 3) size)."""
    return (sliding_window_view(noise, 4, axis=1) @ taps.T).reshape(len(noise), -1)


def cubic_taps(size: int) -> Floats:
    """Return the weights (size, 4) of four grains in the pixels between the second and the third."""
    pixels = (np.arange(size) + 0.5) / size
    distances = np.abs(pixels[:, None] - np.array([-1.0, 0.0, 1.0, 2.0]))
    a, x = SHARPNESS, distances
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    taps: Floats = np.where(x <= 1, near, far).astype(np.float32)
    return taps
