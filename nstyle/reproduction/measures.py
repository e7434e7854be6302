"""Measures of a picture that was made, beside one that it was made from."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from nstyle.reconstruction.structure_radius import BLUR


def distance(result: Image.Image, picture: Image.Image) -> float:
    """Return the root mean square difference of an RGB result and a picture, in levels of 255."""
    return float(np.sqrt(np.mean((_pixels(result) - _pixels(_as_large(picture, result))) ** 2)))


def colour_distance(result: Image.Image, picture: Image.Image) -> float:
    """Return how far the values of red, green and blue must move to become the picture's, wherever they are.

    It is the mean absolute difference of the sorted values, the earth mover's distance of each channel, in levels of
    255, averaged over the channels.
    """
    ours, theirs = (np.sort(_pixels(image).reshape(-1, 3), axis=0) for image in (result, _as_large(picture, result)))
    return float(np.mean(np.abs(ours - theirs)))


def grain(image: Image.Image) -> float:
    """Return the root mean square of what a Gaussian blur of BLUR px takes from the lightness, in levels of 255."""
    lightness = image.convert("L")
    return float(np.sqrt(np.mean((_pixels(lightness) - _pixels(_blurred(lightness))) ** 2)))


def likeness(a: Image.Image, b: Image.Image) -> float:
    """Return the correlation of two lightnesses after a blur of BLUR px: 1 where all is in the same places, 0 if not.

    It is 0 for a picture of one lightness.
    """
    blurred = [_blurred(image.convert("L")) for image in (a, _as_large(b, a))]
    x, y = (pixels - pixels.mean() for pixels in map(_pixels, blurred))
    norm = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum()) / norm if norm else 0.0


def _blurred(lightness: Image.Image) -> Image.Image:
    return lightness.filter(ImageFilter.GaussianBlur(BLUR))


def _as_large(picture: Image.Image, result: Image.Image) -> Image.Image:
    return picture.convert("RGB").resize(result.size, Image.Resampling.LANCZOS)


def _pixels(image: Image.Image) -> npt.NDArray[np.float64]:
    return np.asarray(image, dtype=np.float64)
