"""The formats of the figures of a report."""

from collections.abc import Sequence
from typing import Literal, cast, get_args

from nstyle.errors import UsageError

Format = Literal["png", "svg", "pdf"]
FORMATS: tuple[Format, ...] = get_args(Format)
DEFAULT_FORMATS: tuple[Format, ...] = ("png", "svg")


def check_formats(formats: Sequence[str]) -> tuple[Format, ...]:
    """Return formats, each once.

    Raises:
        UsageError: If there is none, or one that is unknown.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise UsageError(f"`formats` is {','.join(formats) or 'empty'}; expected one or more of {','.join(FORMATS)}")
    return cast("tuple[Format, ...]", tuple(dict.fromkeys(formats)))
