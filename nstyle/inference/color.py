"""Colour after stylization: keep the photograph's, or part of the photograph."""

from PIL import Image


def keep_luminance(stylized: Image.Image, photo: Image.Image) -> Image.Image:
    """Take the luminance (Y of YCbCr) from the stylized picture and the colour from the photograph.

    Args:
        stylized: RGB.
        photo: RGB of the same size.

    Returns:
        RGB.
    """
    luminance = stylized.convert("YCbCr").getchannel("Y")
    _, cb, cr = photo.convert("YCbCr").split()
    return Image.merge("YCbCr", (luminance, cb, cr)).convert("RGB")


def fade(stylized: Image.Image, photo: Image.Image, strength: float) -> Image.Image:
    """Mix the photograph (strength 0) with the stylized picture (strength 1), pixel by pixel."""
    return stylized if strength == 1 else Image.blend(photo, stylized, strength)
