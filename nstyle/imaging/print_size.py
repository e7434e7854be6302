"""Sizes of prints: the largest picture that fits on a piece of paper."""

import re
from dataclasses import dataclass

from nstyle.errors import UsageError, in_short

INCHES = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4}
"""The inches of a unit."""
DPI = 300
"""The resolution of prints, in dots per inch, where none is asked for."""
NUMBER = r"(\d{1,6}(?:\.\d{1,4})?)"
PRINT = re.compile(rf"{NUMBER}\s*[x\u00d7]\s*{NUMBER}\s*({'|'.join(INCHES)})", re.IGNORECASE)


@dataclass(frozen=True)
class PrintSize:
    """A rectangle on paper, which is turned as the picture is."""

    long: float
    """Its long side, in inches."""
    short: float

    def long_side(self, size: tuple[int, int], dpi: float) -> int:
        """Return the long side, in pixels, of the largest picture that fits into the rectangle.

        Args:
            size: The width and height of the picture, whose proportions are kept.
            dpi: The resolution of the print, in dots per inch.
        """
        scale = dpi * min(self.long / max(size), self.short / min(size))
        return max(1, round(max(size) * scale))


def parse_print_size(text: str) -> PrintSize:
    """Read the size of a print, such as ``60x40cm``, ``24x16in`` or ``600x400mm``.

    Raises:
        UsageError: If it is none.
    """
    match = PRINT.fullmatch(text.strip())
    sides = sorted(float(side) * INCHES[match[3].lower()] for side in match.groups()[:2]) if match else [0.0]
    if not sides[0]:
        raise UsageError(
            f"`size` is {in_short(text)}; expected the long side in px, such as 1200, or a print, such as 60x40cm"
        )
    return PrintSize(long=sides[1], short=sides[0])
