"""Finish a stylized picture: keep the photograph's colour, or blend with the photograph."""

from PIL import Image

from nstyle.inference.options import KeepColor

ROWS = 512
"""The number of rows processed at a time, so that very large pictures are not held in memory several times."""


def finish(stylized: Image.Image, photo: Image.Image, *, strength: float, keep_color: KeepColor | None) -> Image.Image:
    """Apply ``keep_color``, then mix the photograph (strength 0) with the stylized picture (strength 1) pixel by pixel.

    Args:
        stylized: The stylized picture, RGB. It is changed in place.
        photo: The photograph, RGB of the same size.
        strength: The strength of the style. From 1 on nothing is mixed; see
            :func:`nstyle.inference.strength.strengthen`.
        keep_color: ``"luminance"`` takes only the luminance from the stylized picture.

    Returns:
        ``stylized``.
    """
    if keep_color is None and strength >= 1:
        return stylized
    for top in range(0, photo.height, ROWS):
        box = (0, top, photo.width, min(top + ROWS, photo.height))
        painted, original = stylized.crop(box), photo.crop(box)
        if keep_color == "luminance":
            painted = keep_luminance(painted, original)
        stylized.paste(Image.blend(original, painted, strength) if strength < 1 else painted, box)
    return stylized


def keep_luminance(stylized: Image.Image, photo: Image.Image) -> Image.Image:
    """Take the luminance (Y of YCbCr) from the stylized picture and the colour from the photograph.

    Args:
        stylized: The stylized picture, RGB.
        photo: The photograph, RGB of the same size.

    Returns:
        The combined picture, RGB.
    """
    luminance = stylized.convert("YCbCr").getchannel("Y")
    _, cb, cr = photo.convert("YCbCr").split()
    return Image.merge("YCbCr", (luminance, cb, cr)).convert("RGB")
