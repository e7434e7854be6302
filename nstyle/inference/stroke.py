"""Paint with strokes of another size: strokes have a fixed size in pixels, so a reduced photograph gets larger ones.

The detail that the photograph loses with its pixels comes back afterwards.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]
RADIUS = 4
"""The windows in which the painting is compared with the photograph reach this many reduced pixels to each side."""
EPSILON = 0.02**2
"""The variance of luminance, in [0, 1] squared, below which a window counts as plain: the epsilon of He et al. 2013."""
HALO = 2 * RADIUS + 2
"""How far, in reduced pixels, an output depends on others: two windows, and bicubic interpolation."""
SHORTEST = 64
"""The short side in pixels below which no photograph is reduced."""
ROWS = 512
"""The number of rows that get their detail at a time, so that very large pictures need little memory."""


def paint_with_stroke(photo: Image.Image, stroke: float, paint: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Paint a photograph with strokes that are ``stroke`` times as large as the network's own.

    Args:
        photo: The photograph, RGB.
        stroke: The factor. Above 1 the photograph is reduced before it is painted, though not below a short side of
            64 px, and its detail is brought back; below 1 it is enlarged, and the painting is reduced.
        paint: Paints an RGB picture in the same size.

    Returns:
        The painting, RGB in the size of the photograph; for ``stroke`` 1 it is what ``paint`` gives.
    """
    size = size_for_stroke(photo.size, stroke)
    if size == photo.size:
        return paint(photo)
    resized = photo.resize(size, Image.Resampling.LANCZOS)
    painted = paint(resized)
    return (
        restore_detail(painted, resized, photo) if stroke > 1 else painted.resize(photo.size, Image.Resampling.LANCZOS)
    )


def size_for_stroke(size: tuple[int, int], stroke: float) -> tuple[int, int]:
    """Return the (width, height) at which a photograph of ``size`` is painted."""
    factor = min(stroke, max(1.0, min(size) / SHORTEST))
    width, height = (max(1, round(side / factor)) for side in size)
    return width, height


def restore_detail(painted: Image.Image, reduced: Image.Image, photo: Image.Image) -> Image.Image:
    """Enlarge a painting of a reduced photograph, and add the detail that was lost by reducing it.

    ``output = up(painted) + up(gain) * (I - up(i))`` with the luminances I of the photograph and i of the reduced one;
    see :func:`local_gain`. An edge that the painting follows becomes as sharp as in the photograph, with the contrast
    and the colours that it has in the painting, while what the painting ignores stays away.

    Departure from the guided filter of He et al. 2013, whose output is ``gain * I + offset``: it keeps of the painting
    only what the photograph explains, which are no strokes.

    Args:
        painted: The painting, RGB in the size of ``reduced``.
        reduced: The reduced photograph, RGB.
        photo: The photograph, RGB.

    Returns:
        The painting, RGB in the size of ``photo``.
    """
    output = Image.new("RGB", photo.size)
    scale = reduced.height / photo.height
    for top in range(0, photo.height, ROWS):
        bottom = min(top + ROWS, photo.height)
        first, last = max(0, int(top * scale) - HALO), min(reduced.height, int(bottom * scale) + 1 + HALO)
        rows = (0, first, reduced.width, last)
        part = (0.0, top * scale - first, float(reduced.width), min(bottom * scale - first, last - first))
        band = _restore_band(painted.crop(rows), reduced.crop(rows), photo.crop((0, top, photo.width, bottom)), part)
        output.paste(band, (0, top))
    return output


def local_gain(luminance: "Tensor", painted: "Tensor") -> "Tensor":
    """Measure how much every colour of a painting changes with the photograph's luminance around each pixel: the slope
    of the linear model of He, Sun and Tang 2013, "Guided Image Filtering", eq. 5, averaged over the windows that hold a
    pixel as in eq. 8.

    Args:
        luminance: The photograph's luminance i, (H, W) in [0, 1].
        painted: The painting p, (C, H, W) in [0, 1].

    Returns:
        ``mean(cov(i, p) / (var(i) + EPSILON))``, (C, H, W).
    """
    mean_i, mean_p = _window_mean(luminance[None]), _window_mean(painted)
    covariance = _window_mean(luminance * painted) - mean_i * mean_p
    variance = _window_mean(luminance[None] ** 2) - mean_i**2
    return _window_mean(covariance / (variance + EPSILON))


def _window_mean(x: "Tensor") -> "Tensor":
    """Average (C, H, W) over the windows around every pixel, which are smaller at the border."""
    import torch.nn.functional as F

    return F.avg_pool2d(x, 2 * RADIUS + 1, stride=1, padding=RADIUS, count_include_pad=False)


def _restore_band(
    painted: Image.Image, reduced: Image.Image, photo: Image.Image, part: tuple[float, float, float, float]
) -> Image.Image:
    """Restore a band of the photograph, which is the rectangle ``part`` of the reduced pictures."""

    def enlarged(values: Floats) -> Floats:
        return np.asarray(Image.fromarray(values).resize(photo.size, Image.Resampling.BICUBIC, box=part))

    import torch

    luminance, colors = _floats(reduced.convert("L")), _floats(painted)
    gain = local_gain(torch.from_numpy(luminance), torch.from_numpy(colors).permute(2, 0, 1)).numpy()
    detail = _floats(photo.convert("L")) - enlarged(luminance)
    output = np.empty((photo.height, photo.width, 3), np.uint8)
    for channel in range(3):
        restored = enlarged(np.ascontiguousarray(colors[..., channel])) + enlarged(gain[channel]) * detail
        output[..., channel] = np.rint(255 * restored).clip(0, 255)
    return Image.fromarray(output)


def _floats(image: Image.Image) -> Floats:
    return np.asarray(image, dtype=np.float32) / np.float32(255)
