"""Add film grain to a photograph, so that plain areas get strokes too."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

BAND = 256
"""The number of rows that get their grain at a time, which keeps memory use small."""


def add_grain(pixels: npt.NDArray[np.uint8], levels: float) -> npt.NDArray[np.uint8]:
    """Add grey Gaussian noise, which is the same for all pictures of the same size.

    A network paints a plain area as a mesh that repeats every four pixels, the factor by which it downsamples and
    upsamples again. A little noise gives it something to start strokes from.

    Args:
        pixels: The RGB pixels (H, W, 3). They are changed in place.
        levels: The standard deviation, in levels of 255.

    Returns:
        ``pixels``.
    """
    generator = np.random.default_rng(0)
    for top in range(0, len(pixels), BAND) if levels else ():
        band = pixels[top : top + BAND]
        noise = generator.standard_normal(band.shape[:2], dtype=np.float32)[..., None]
        band[...] = np.rint(band + np.float32(levels) * noise).clip(0, 255)
    return pixels


def with_grain(photos: Tensor, levels: float) -> Tensor:
    """Add to a batch of photographs the grain that each of them gets as pixels.

    Args:
        photos: RGB (N, 3, H, W) in [0, 1].
        levels: The standard deviation, in levels of 255.

    Returns:
        ``photos`` itself without grain; else new ones, rounded to whole levels.
    """
    if not levels:
        return photos
    pixels = photos.mul(255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
    grainy = np.stack([add_grain(photo, levels) for photo in pixels])
    return torch.from_numpy(grainy).permute(0, 3, 1, 2).to(photos).div(255)
