"""The common parts of all drawn styles: their size, smooth noise, and palettes."""

import numpy as np
import numpy.typing as npt
from PIL import Image

WIDTH, HEIGHT = 640, 512
Array = npt.NDArray[np.float64]
Palette = tuple[tuple[int, int, int], ...]


def smooth_noise(shape: tuple[int, int], scale: float, draw: np.random.Generator) -> Array:
    """Return noise (H, W) with features about ``scale`` pixels wide, mean 0 and standard deviation 1."""
    height, width = shape
    coarse = draw.normal(size=(int(height / scale) + 3, int(width / scale) + 3)).astype(np.float32)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    values = np.asarray(image, dtype=np.float64)
    return (values - values.mean()) / values.std()


def palette_at(position: Array, palette: Palette) -> Array:
    """Return the colours (..., 3) of a palette at positions (...) in [0, 1)."""
    return np.asarray(palette, dtype=np.float64)[(position * len(palette)).astype(int) % len(palette)]


def palette_between(position: Array, palette: Palette) -> Array:
    """Mix the two nearest colours (..., 3) of a cyclic palette at positions (...)."""
    colors = np.asarray(palette, dtype=np.float64)
    place = (position % 1) * len(colors)
    first = place.astype(int) % len(colors)
    share = (place - place.astype(int))[..., None]
    return (1 - share) * colors[first] + share * colors[(first + 1) % len(colors)]


def to_style(pixels: Array) -> Image.Image:
    """Convert values (H, W, 3) on a scale of 255 to a picture of the styles' size."""
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
