"""What is measured of pictures and of finished reconstructions, to hold a source's claims against."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from nstyle.reconstruction.finished_runs import Run
from nstyle.reconstruction.structure_radius import BLUR

BORDER = 8
"""The border of a picture is this part of its short side wide: an eighth."""


def difference(picture: Image.Image, other: Image.Image) -> float:
    """Return the root mean square difference of two RGB pictures, in levels of 255, at the size of the first."""
    return _rms(_levels(picture) - _levels(other.resize(picture.size)))


def correlation(picture: Image.Image, other: Image.Image) -> float:
    """Return the correlation over places of the lightness of two pictures, blurred, at the size of the first.

    It is 1 for the same arrangement of light and dark, and about 0 where one has nothing to do with the other.
    """
    one, two = (
        np.asarray(each.convert("L").filter(ImageFilter.GaussianBlur(BLUR)), dtype=np.float64).ravel()
        for each in (picture, other.resize(picture.size))
    )
    one, two = one - one.mean(), two - two.mean()
    size = float(np.sqrt(one @ one) * np.sqrt(two @ two))
    return float(one @ two) / size if size else 0.0


def colour_distance(picture: Image.Image, other: Image.Image) -> float:
    """Return how far the values of red, green and blue must move to become the other's, wherever they are.

    It is the mean absolute difference of the sorted values, the earth mover's distance of each channel, in levels of
    255, averaged over the channels.
    """
    one, two = (np.sort(_levels(each).reshape(-1, 3), axis=0) for each in (picture, other.resize(picture.size)))
    return float(np.mean(np.abs(one - two)))


def grain(picture: Image.Image) -> float:
    """Return how far an RGB picture is from its median over 3x3 pixels, as a root mean square in levels of 255.

    Dots of single pixels count in full, and edges and even areas hardly.
    """
    return _rms(_levels(picture) - _levels(picture.filter(ImageFilter.MedianFilter(3))))


def colour_by_place(picture: Image.Image) -> tuple[float, float]:
    """Return how strong the colours of an RGB picture are in its border and inside of it, in levels of 255.

    The strength of a pixel is the difference of its largest and its smallest channel, after a blur that takes coloured
    noise away.
    """
    strength = np.ptp(_levels(picture.filter(ImageFilter.GaussianBlur(BLUR))), axis=2)
    wide = max(1, min(strength.shape) // BORDER)
    inside = np.zeros(strength.shape, dtype=bool)
    inside[wide:-wide, wide:-wide] = True
    return float(strength[~inside].mean()), float(strength[inside].mean())


def errors(run: Run) -> tuple[float, float]:
    """Return the content and the style error of the best picture, without the weight of the style.

    Each is the sum over layers, with their weights.
    """
    terms, weights = run.description["best"]["terms"], run.config.term_weights
    content, style = (
        sum(weights[name] * value for name, value in terms.items() if name.startswith(kind))
        for kind in ("content/", "style/")
    )
    return content, style / (run.config.style_weight or 1)


def is_trade(pairs: Sequence[tuple[float, float]]) -> bool:
    """Tell whether the first of two errors grows from pair to pair while the second falls."""
    content, style = [list(part) for part in zip(*pairs, strict=True)]
    return rises(content) and rises(style[::-1])


def rises(values: Sequence[float]) -> bool:
    """Tell whether every value is larger than the one before it. One value alone, or none, shows nothing."""
    return len(values) > 1 and all(a < b for a, b in pairwise(values))


def share_left(run: Run) -> float:
    """Return the loss of the best picture over that of the start, 1 if the start has none."""
    return run.best_loss / run.initial_loss if run.initial_loss else 1.0


def _levels(picture: Image.Image) -> npt.NDArray[np.float64]:
    return np.asarray(picture.convert("RGB"), dtype=np.float64)


def _rms(values: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2)))
