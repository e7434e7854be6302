"""A contact sheet: one picture in every style, each with its name."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

CELL = 384
"""Long side of the pictures on the sheet, in pixels."""
GAP = 12
LABEL = 26
"""Height of the line with the name, in pixels."""
INK, PAPER = (40, 40, 40), (255, 255, 255)


def contact_sheet(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Lay pictures of one size out in a grid that is about square, each over its name.

    Args:
        pictures: Name and RGB picture.

    Returns:
        RGB.
    """
    thumbnails = [(name, _fit(picture)) for name, picture in pictures]
    width = max(picture.width for _, picture in thumbnails)
    height = max(picture.height for _, picture in thumbnails)
    columns = math.ceil(math.sqrt(len(pictures) * height / width)) if len(pictures) > 1 else 1
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + LABEL + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (name, picture) in enumerate(thumbnails):
        left = GAP + (i % columns) * (width + GAP)
        top = GAP + (i // columns) * (height + LABEL + GAP)
        sheet.paste(picture, (left, top))
        draw.text((left, top + height + 4), name, fill=INK, font=_font(name, width))
    return sheet


def _fit(picture: Image.Image) -> Image.Image:
    scale = min(1.0, CELL / max(picture.size))
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS)


def _font(text: str, width: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Choose the largest size of at most 16 px in which the name fits."""
    for size in range(16, 7, -1):
        font = ImageFont.load_default(size)
        if font.getlength(text) <= width:
            return font
    return ImageFont.load_default(8)
