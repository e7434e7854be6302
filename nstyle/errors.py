"""Errors that are shown to users as one line: what was got, what was expected, what to do.

A message names settings as Python knows them, in backticks: ```style_weight` is -1; expected ...``. The command line
turns them into its flags.
"""

from unicodedata import category


class NstyleError(Exception):
    """A failure during the work, such as a broken file, a non-finite loss or a blocked download. Exit status 1."""

    exit_status = 1


class UsageError(NstyleError, ValueError):
    """A request that cannot be met as given, such as an unknown style or a wrong count. Exit status 2."""

    exit_status = 2


class NonFiniteLossError(NstyleError):
    """A loss became NaN or infinite."""


class ZeroGradientError(NstyleError):
    """The updates had no gradient at all, so that the run learns nothing."""


MOST_SHOWN = 120
"""The length in characters to which a value is cut in a message."""


def one_line(text: str) -> str:
    """Escape what is not printable: ends of lines, what a terminal would obey, and bytes that are no characters.

    >>> one_line("two\\nlines")
    'two\\\\nlines'
    """
    return "".join(c if c.isprintable() or category(c) == "Zs" else repr(c)[1:-1] for c in text)


def in_short(value: object, most: int = MOST_SHOWN) -> str:
    """Show a value in a message on one line, cut where it is long, without characters that a terminal would obey.

    >>> in_short("two\\nlines")
    'two lines'
    """
    try:
        text = str(value)
    except ValueError:  # Python does not write whole numbers of thousands of digits.
        text = f"a {type(value).__name__} that is too large to show"
    text = one_line(" ".join(text[: 4 * most].split()))
    return text if len(text) <= most else f"{text[:most]}..."


def check_setting(ok: bool, name: str, value: object, expected: str) -> None:
    """Raise an error unless a setting is ``ok``.

    Raises:
        UsageError: With the setting's name, its value and what was expected.
    """
    if not ok:
        name = f"`{name}`" if name.isidentifier() else name
        raise UsageError(f"{name} is {in_short(value)}; expected {expected}")
