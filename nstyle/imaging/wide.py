"""Pictures of more than 8 bits: which values are black and white, and their conversion to 256 levels."""

import logging
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffTags

from nstyle.errors import UsageError

logger = logging.getLogger(__name__)

STRIP = 1 << 22
"""The number of pixels that are converted at once."""
DARK = 16
"""A picture of 16 bits whose values all are below this fraction of the largest one probably has fewer bits."""
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0
"""The tag of TIFF that says what 0 is, and its value where that is white."""
MODES = ("I", "F")
"""Pillow's modes of grey pictures of more than 8 bits begin so."""
LIMITS = (("SMinSampleValue", "SMaxSampleValue"), ("MinSampleValue", "MaxSampleValue"))
"""The tags of TIFF that say which values are black and white."""


def is_wide(image: Image.Image) -> bool:
    """Tell whether a picture has grey values of more than 8 bits."""
    return image.mode.startswith(MODES)


def to_levels(image: Image.Image, name: str, value_range: tuple[float, float] | None = None) -> Image.Image:
    """Convert a grey picture of more than 8 bits to mode L, rounded to the nearest level.

    Args:
        image: A picture of mode ``F``, ``I`` or ``I;16``.
        name: The picture in words, for messages.
        value_range: The values that become black and white; those beyond are clipped. None for what the file says, else
            0 to 65535 for whole numbers, and 0 to 1 or 0 to 255 for floats.

    Raises:
        UsageError: If there are values beyond the range that is assumed, so that it must be given.
    """
    low, high = value_range or _said_by(image) or _assumed(image, name)
    dark = low
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO and image.mode.startswith("I;16"):
        low, high = high, low  # Pillow turns such pictures of 8 bits, and leaves these as they are.
    levels = Image.new("L", image.size)
    for box, values in _strips(image):
        scaled = (np.nan_to_num(values.astype(np.float32), nan=dark) - low) * np.float32(255 / (high - low))
        strip = np.rint(scaled.clip(0, 255)).astype(np.uint8)
        levels.paste(Image.fromarray(strip), box)
    return levels


def _strips(image: Image.Image) -> Iterator[tuple[tuple[int, int, int, int], npt.NDArray[Any]]]:
    """Yield the picture in strips, so that a large one is never copied as a whole."""
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        yield box, np.asarray(image.crop(box))


def _said_by(image: Image.Image) -> tuple[float, float] | None:
    """Return the values of black and white that a TIFF file states: its sample limits, or the bits that it uses."""
    tags = getattr(image, "tag_v2", {})
    codes = {tag.name: code for code, tag in TiffTags.TAGS_V2.items()}
    for names in LIMITS:
        limits = [_number(tags.get(codes[name])) for name in names]
        if None not in limits and limits[0] < limits[1]:  # type: ignore[operator]
            return limits[0], limits[1]  # type: ignore[return-value]
    bits = _number(tags.get(codes["BitsPerSample"]))
    return (0.0, 2.0**bits - 1) if bits is not None and 8 < bits < 16 else None


def _number(value: Any) -> float | None:
    value = value[0] if isinstance(value, tuple) and value else value
    try:
        return float(value) if math.isfinite(float(value)) else None
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None


def _assumed(image: Image.Image, name: str) -> tuple[float, float]:
    """Return the usual values of black and white, if those of the picture are among them."""
    extremes = [(float(np.nanmin(values)), float(np.nanmax(values))) for _, values in _strips(image) if values.size]
    low, high = min((low for low, _ in extremes), default=0.0), max((high for _, high in extremes), default=0.0)
    usual = (1.0, 255.0) if image.mode == "F" else (65535.0,)
    for white in usual:
        if low >= 0 and high <= white:
            if white == 65535 and 0 < high < white / DARK:
                logger.warning(
                    "%s has 16 bits, but only values up to %.0f, and is almost black; give `value_range` 0,%.0f if "
                    "that is white",
                    name,
                    high,
                    2 ** math.ceil(math.log2(high + 1)) - 1,
                )
            return 0.0, white
    raise UsageError(
        f"{name} has values from {low:g} to {high:g}, and does not say which are black and white; give `value_range`, "
        "such as 0,4000, or convert it to 8 bits"
    )
