"""Lay out pictures: a contact sheet with names, a table with labelled rows and columns, and a framed grid."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

CELL = 384
"""The long side of the pictures on the sheet, in pixels."""
GAP = 12
INK, PAPER, EMPTY = (40, 40, 40), (255, 255, 255), (235, 235, 235)
LETTER = 16
"""The least size of all labels, in pixels."""
LETTERS_ACROSS = 62
"""Labels grow with the sheet, so that it is at most so many times as wide: letters of 7 pt on a page 6 inches wide."""
NARROWEST = 8
"""The width of a column, in letter sizes, beyond which words are broken rather than the column widened."""

JOINT = re.compile(r"(?<=[-+/])|(?<=_)(?=[^\W\d])")
"""Where a word that is wider than its column is rather broken: ``starry-night``, but not ``relu1_1``."""
SPACE = re.compile(r"(?<!=)\s+(?!=)")
"""Where a line is rather broken: not beside the sign in ``s = 30,000``."""

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def contact_sheet(pictures: Sequence[tuple[str, Image.Image]], *, cell: int = CELL) -> Image.Image:
    """Lay out pictures of one size in an approximately square grid, each above its name.

    All names have the same size of letters, and are wrapped where they are wider than the pictures.

    Args:
        pictures: The name and the RGB picture of each cell.
        cell: The largest long side of the pictures on the sheet, in pixels.

    Returns:
        The sheet, RGB.
    """
    thumbnails = [fit(picture, cell) for _, picture in pictures]
    width, height = max(picture.width for picture in thumbnails), max(picture.height for picture in thumbnails)
    columns = math.ceil(math.sqrt(len(pictures) * height / width)) if len(pictures) > 1 else 1
    rows = math.ceil(len(pictures) / columns)
    font = _font(columns * (width + GAP), [name for name, _ in pictures])
    width = _column_width(width, [name for name, _ in pictures], font)
    names = [wrap(name, font, width) for name, _ in pictures]
    label = max(_height(name, font) for name in names)
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + label + 2 * GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (name, picture) in enumerate(zip(names, thumbnails, strict=True)):
        left = GAP + (i % columns) * (width + GAP)
        top = GAP + (i // columns) * (height + label + 2 * GAP)
        sheet.paste(picture, (left, top))
        draw.multiline_text((left, top + height + GAP // 2), name, fill=INK, font=font)
    return sheet


def labelled_table(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[Image.Image | str | None]],
    *,
    cell: int = CELL,
) -> Image.Image:
    """Lay out pictures as a table with the labels of its rows on the left and of its columns at the top.

    All labels have the same size of letters. Labels and notes are wrapped, and cells grow where they need more room.

    Args:
        rows: The labels of the rows, which may have several lines. Empty strings leave them out.
        columns: The labels of the columns.
        cells: By row and column, an RGB picture, a note that replaces a missing one, or None for an empty cell.
        cell: The largest long side of the pictures in the table, in pixels.

    Returns:
        The table, RGB.
    """
    fitted = [[fit(content, cell) if isinstance(content, Image.Image) else content for content in row] for row in cells]
    sizes = [content.size for row in fitted for content in row if isinstance(content, Image.Image)] or [(cell, cell)]
    notes = [content for row in fitted for content in row if isinstance(content, str)]
    width = max(w for w, _ in sizes)
    font = _font(len(columns) * (width + GAP), [*rows, *columns, *notes])
    width = _column_width(width, [*columns, *notes], font)
    heads = [wrap(label, font, width) for label in columns]
    sides = [wrap(label, font, max(width, NARROWEST * _size(font))) for label in rows]
    height = max(*(h for _, h in sizes), *(_height(wrap(note, font, width), font) for note in notes), 1)
    head = max((_height(label, font) for label in heads), default=0) + GAP
    side = max((math.ceil(_length(label, font)) for label in sides), default=0) + (GAP if any(rows) else 0)
    row_height = max([height, *(_height(label, font) for label in sides)])
    size = (side + GAP + len(columns) * (width + GAP), GAP // 2 + head + len(rows) * (row_height + GAP))
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for j, label in enumerate(heads):
        bottom = (side + GAP + j * (width + GAP), GAP // 2 + head - GAP // 2)
        draw.multiline_text(bottom, label, fill=INK, font=font, anchor="ld")
    for i, (label, row) in enumerate(zip(sides, fitted, strict=True)):
        top = GAP // 2 + head + i * (row_height + GAP)
        draw.multiline_text((GAP, top + height // 2), label, fill=INK, font=font, anchor="lm")
        for j, content in enumerate(row):
            left = side + GAP + j * (width + GAP)
            if isinstance(content, Image.Image):
                sheet.paste(content, (left, top))
            elif content is not None:
                draw.rectangle((left, top, left + width - 1, top + height - 1), fill=EMPTY)
                text, center = wrap(content, font, width), (left + width // 2, top + height // 2)
                draw.multiline_text(center, text, fill=INK, font=font, anchor="mm", align="center")
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


def _font(width: int, labels: Sequence[str]) -> Font:
    """Return the font of all labels on a sheet of about this width in pixels.

    Pillow's own has English letters only; matplotlib's has those of Europe.
    """
    size = max(LETTER, round(width / LETTERS_ACROSS))
    if all(label.isascii() for label in labels):
        return ImageFont.load_default(size)
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _size(font: Font) -> int:
    return round(font.size) if isinstance(font, ImageFont.FreeTypeFont) else LETTER


def _column_width(width: int, labels: Sequence[str], font: Font) -> int:
    """Widen a column of pictures to the longest word of its labels, as far as words are not broken."""
    words = [word for label in labels for word in label.split()]
    longest = max((math.ceil(font.getlength(word)) for word in words), default=0)
    return max(width, min(longest, NARROWEST * _size(font)))


def wrap(text: str, font: Font, width: int) -> str:
    """Break text into lines of at most ``width`` pixels: between words, or in a wider word, rather at a joint.

    A name and its value, such as ``s = 30,000``, stay on one line where they fit.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in _words(paragraph, font, width):
            joined = f"{line} {word}" if line else word
            if line and font.getlength(joined) > width:
                lines.append(line)
                joined = word
            while font.getlength(joined) > width and len(joined) > 1:
                most = next(n for n in range(len(joined) - 1, 0, -1) if n == 1 or font.getlength(joined[:n]) <= width)
                kept = max(
                    (found.start() for found in JOINT.finditer(joined) if 0 < found.start() <= most), default=most
                )
                lines.append(joined[:kept])
                joined = joined[kept:]
            line = joined
        lines.append(line)
    return "\n".join(lines)


def _words(paragraph: str, font: Font, width: int) -> Iterator[str]:
    for piece in SPACE.split(paragraph.strip()):
        yield from [piece] if font.getlength(piece) <= width else piece.split()


def _height(text: str, font: Font) -> int:
    """Return the height of lines in pixels, which is 0 without text."""
    return math.ceil(1.3 * _size(font) * len(text.split("\n"))) if text else 0


def _length(text: str, font: Font) -> float:
    """Return the length of the longest line in pixels."""
    return max(font.getlength(line) for line in text.split("\n"))
