"""Lay out pictures: a contact sheet with names, a table with labelled rows and columns, and a framed grid."""

import math
import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

CELL = 384
"""The long side of the pictures on the sheet, in pixels."""
GAP = 12
LABEL = 26
"""The height of the line with the name, in pixels."""
INK, PAPER, EMPTY = (40, 40, 40), (255, 255, 255), (235, 235, 235)


def contact_sheet(pictures: Sequence[tuple[str, Image.Image]], *, cell: int = CELL) -> Image.Image:
    """Lay out pictures of one size in an approximately square grid, each above its name.

    Args:
        pictures: The name and the RGB picture of each cell.
        cell: The largest long side of the pictures on the sheet, in pixels.

    Returns:
        The sheet, RGB.
    """
    thumbnails = [(name, fit(picture, cell)) for name, picture in pictures]
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


def labelled_table(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Image.Image | str]], *, cell: int = CELL
) -> Image.Image:
    """Lay out pictures as a table with the labels of its rows on the left and of its columns at the top.

    Args:
        rows: The labels of the rows, which may have several lines. Empty strings leave them out.
        columns: The labels of the columns.
        cells: By row and column, an RGB picture or a note that replaces a missing one.
        cell: The largest long side of the pictures in the table, in pixels.

    Returns:
        The table, RGB.
    """
    fitted = [[content if isinstance(content, str) else fit(content, cell) for content in row] for row in cells]
    sizes = [content.size for row in fitted for content in row if not isinstance(content, str)] or [(cell, cell)]
    width, height = max(w for w, _ in sizes), max(h for _, h in sizes)
    margin = max((math.ceil(_length(label, _font(label, width))) for label in rows), default=0) + (
        GAP if any(rows) else 0
    )
    sheet = Image.new(
        "RGB", (margin + GAP + len(columns) * (width + GAP), LABEL + GAP + len(rows) * (height + GAP)), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    for j, label in enumerate(columns):
        draw.text((margin + GAP + j * (width + GAP), GAP // 2), label, fill=INK, font=_font(label, width))
    for i, (label, row) in enumerate(zip(rows, fitted, strict=True)):
        top = LABEL + GAP + i * (height + GAP)
        draw.text((GAP, top + height // 2), label, fill=INK, font=_font(label, width), anchor="lm")
        for j, content in enumerate(row):
            left = margin + GAP + j * (width + GAP)
            if isinstance(content, str):
                draw.rectangle((left, top, left + width - 1, top + height - 1), fill=EMPTY)
                lines = textwrap.wrap(content, max(8, width // 6))[: max(1, height // 14)]
                center = (left + width // 2, top + height // 2)
                draw.multiline_text(
                    center, "\n".join(lines), fill=INK, font=ImageFont.load_default(10), anchor="mm", align="center"
                )
            else:
                sheet.paste(content, (left, top))
    return sheet


def framed_grid(
    cells: Sequence[Sequence[Image.Image]], corners: Sequence[Image.Image | None], *, cell: int
) -> Image.Image:
    """Lay out a grid of blends with a picture beside each corner.

    Args:
        cells: The RGB pictures of the grid, of one size, by row and column.
        corners: The RGB pictures for top left, top right, bottom left and bottom right, or None where there is none.
        cell: The long side of the pictures in the grid, in pixels. Two corner pictures together are at most as tall as
            the grid.

    Returns:
        The grid, RGB.
    """
    grid = [[fit(picture, cell) for picture in row] for row in cells]
    width, height = grid[0][0].size
    inner = (len(grid[0]) * width, len(grid) * height)
    box = (2 * cell, max(1, (inner[1] - GAP) // 2))
    frames = [
        ImageOps.contain(corner, box, Image.Resampling.LANCZOS) if corner is not None else None for corner in corners
    ]
    side = max((frame.width + GAP for frame in frames if frame is not None), default=0)
    sheet = Image.new("RGB", (inner[0] + 2 * (side + GAP), inner[1] + 2 * GAP), PAPER)
    for i, row in enumerate(grid):
        for j, picture in enumerate(row):
            sheet.paste(picture, (side + GAP + j * width, GAP + i * height))
    for k, frame in enumerate(frames):
        if frame is not None:
            left = side - frame.width if k % 2 == 0 else side + 2 * GAP + inner[0]
            sheet.paste(frame, (left, GAP if k < 2 else GAP + inner[1] - frame.height))
    return sheet


def fit(picture: Image.Image, side: int = CELL) -> Image.Image:
    """Reduce a picture to a long side of at most ``side`` pixels; a smaller picture is copied."""
    scale = min(1.0, side / max(picture.size))
    return picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS
    )


def _font(text: str, width: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Choose the largest font size, at most 16 px, in which the text fits into ``width`` pixels."""
    for size in range(16, 7, -1):
        font = ImageFont.load_default(size)
        if _length(text, font) <= width:
            return font
    return ImageFont.load_default(8)


def _length(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> float:
    """Return the length of the longest line in pixels."""
    return max(font.getlength(line) for line in text.split("\n"))
