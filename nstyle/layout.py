"""Pictures side by side: a contact sheet with names, and a table with labelled rows and columns."""

import math
import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

CELL = 384
"""Long side of the pictures on the sheet, in pixels."""
GAP = 12
LABEL = 26
"""Height of the line with the name, in pixels."""
INK, PAPER, EMPTY = (40, 40, 40), (255, 255, 255), (235, 235, 235)


def contact_sheet(pictures: Sequence[tuple[str, Image.Image]], *, cell: int = CELL) -> Image.Image:
    """Lay pictures of one size out in a grid that is about square, each over its name.

    Args:
        pictures: Name and RGB picture.
        cell: Largest long side of the pictures on the sheet, in pixels.

    Returns:
        RGB.
    """
    thumbnails = [(name, _fit(picture, cell)) for name, picture in pictures]
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


def labelled_table(rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Image.Image | str]]) -> Image.Image:
    """Lay pictures out as a table with the labels of its rows on the left and of its columns on top.

    Args:
        rows: Labels; empty strings for a table without.
        columns: Labels, likewise.
        cells: By row and column, an RGB picture or a note that stands in for one that is missing.

    Returns:
        RGB.
    """
    fitted = [[cell if isinstance(cell, str) else _fit(cell) for cell in row] for row in cells]
    sizes = [cell.size for row in fitted for cell in row if not isinstance(cell, str)] or [(CELL, CELL)]
    width, height = max(w for w, _ in sizes), max(h for _, h in sizes)
    margin = max((math.ceil(_font(label, width).getlength(label)) for label in rows), default=0) + (GAP if any(rows) else 0)
    sheet = Image.new("RGB", (margin + GAP + len(columns) * (width + GAP), LABEL + GAP + len(rows) * (height + GAP)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for j, label in enumerate(columns):
        draw.text((margin + GAP + j * (width + GAP), GAP // 2), label, fill=INK, font=_font(label, width))
    for i, (label, row) in enumerate(zip(rows, fitted, strict=True)):
        top = LABEL + GAP + i * (height + GAP)
        draw.text((GAP, top + height // 2), label, fill=INK, font=_font(label, width), anchor="lm")
        for j, cell in enumerate(row):
            left = margin + GAP + j * (width + GAP)
            if isinstance(cell, str):
                draw.rectangle((left, top, left + width - 1, top + height - 1), fill=EMPTY)
                lines = textwrap.wrap(cell, max(8, width // 6))[: max(1, height // 14)]
                center = (left + width // 2, top + height // 2)
                draw.multiline_text(center, "\n".join(lines), fill=INK, font=ImageFont.load_default(10), anchor="mm", align="center")
            else:
                sheet.paste(cell, (left, top))
    return sheet


def _fit(picture: Image.Image, side: int = CELL) -> Image.Image:
    scale = min(1.0, side / max(picture.size))
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS)


def _font(text: str, width: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Choose the largest size of at most 16 px in which the name fits."""
    for size in range(16, 7, -1):
        font = ImageFont.load_default(size)
        if font.getlength(text) <= width:
            return font
    return ImageFont.load_default(8)
