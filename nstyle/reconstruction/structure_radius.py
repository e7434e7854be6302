"""The structure radius: how large the structures of a picture are."""

import numpy as np
from PIL import Image, ImageFilter

BLUR = 2.0
"""Standard deviation, in pixels, of the Gaussian blur that removes the pixel noise of a reconstruction first."""


def structure_radius(image: Image.Image) -> float:
    """Measure the distance in pixels at which the autocorrelation of the lightness, over all directions, falls to 1/e.

    A field of Gaussian bumps of standard deviation s gives ``2 sqrt(s^2 + BLUR^2)``.

    Args:
        image: A picture of any mode, with sides of at least 16 px.

    Returns:
        The radius, or infinity for a picture without structure.
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
