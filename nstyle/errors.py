"""Errors that are shown to users as one line: what was got, what was expected, what to do.

A message names settings as Python knows them, in backticks: ```style_weight` is -1; expected ...``. The command line
turns them into its flags.
"""

LONGEST = 200
"""The most characters of a value that a message shows."""


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


def check_setting(ok: bool, name: str, value: object, expected: str) -> None:
    """Raise an error unless a setting is ``ok``.

    Raises:
        UsageError: With the setting's name, its value and what was expected.
    """
    if not ok:
        name = f"`{name}`" if name.isidentifier() else name
        raise UsageError(f"{name} is {_shown(value)}; expected {expected}")


def _shown(value: object) -> str:
    """Return a value in words, the start of it if it is long."""
    try:
        text = str(value)
    except ValueError:  # Python writes no numbers of thousands of digits.
        return "a number of too many digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
