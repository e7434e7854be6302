"""How large the structures of a picture are, as a number."""

import numpy as np
from PIL import Image, ImageFilter

BLUR = 2.0
"""Standard deviation, in pixels, of the Gaussian that takes the pixel noise of a reconstruction away first."""


def structure_radius(image: Image.Image) -> float:
    """Measure the distance in pixels at which the autocorrelation of the lightness falls to 1/e, averaged over directions.

    A field of Gaussian bumps of standard deviation s gives ``2 sqrt(s^2 + BLUR^2)``.

    Args:
        image: Of any mode, at least 16 px a side.

    Returns:
        The radius; infinity for a picture without structure.
    """
    lightness = np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(BLUR)), dtype=np.float64)
    deviation = lightness - lightness.mean()
    power = np.abs(np.fft.fft2(deviation)) ** 2
    correlation = np.fft.fftshift(np.fft.ifft2(power).real)
    if correlation.max() <= 0:
        return float("inf")
    height, width = correlation.shape
    y, x = np.mgrid[:height, :width]
    radius = np.rint(np.hypot(y - height // 2, x - width // 2)).astype(int).ravel()
    profile = np.bincount(radius, correlation.ravel()) / np.bincount(radius) / correlation.max()
    below = np.nonzero(profile < 1 / np.e)[0]
    if not len(below):
        return float("inf")
    last = int(below[0]) - 1
    return float(last + (profile[last] - 1 / np.e) / (profile[last] - profile[last + 1]))
