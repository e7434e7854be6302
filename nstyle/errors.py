"""Errors that are shown to users as one line: what was got, what was expected, what to do."""


class NstyleError(Exception):
    """A failure at work (a broken file, a non-finite loss, a blocked download). Exit status 1."""

    exit_status = 1


class UsageError(NstyleError, ValueError):
    """A request that cannot be met as it was given (an unknown style, a wrong count). Exit status 2."""

    exit_status = 2
