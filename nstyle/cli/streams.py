"""Standard input, output and error of a command, whatever the shell or the system made of them."""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from nstyle.errors import NstyleError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def take_streams() -> None:
    """Make the streams of this process safe to use.

    A closed one is opened, so that no other file takes its number: reading and writing fail there, messages vanish. A
    failed write to standard output is an :class:`NstyleError`. Messages that cannot be written are dropped. Characters
    that cannot be encoded are escaped.
    """
    for number, way in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        _open_if_closed(number, way)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)
    sys.stdout = _safe(sys.stdout, 1, _Output)
    sys.stderr = _safe(sys.stderr, 2, _Messages)


def _open_if_closed(number: int, way: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, way)  # The lowest free number, so that this one may be it already.
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)


def _safe(stream: TextIO | None, number: int, kind: "type[_Stream]") -> TextIO:
    """Return a stream that writes through ``kind``, unless it is none of the process, such as that of a notebook."""
    try:
        is_ours = stream is None or stream.fileno() == number
    except (OSError, ValueError, AttributeError):
        is_ours = False
    if stream is not None:
        if not is_ours:
            return stream
        stream.flush()
    raw = kind(number, "wb", closefd=False)
    encoding = stream.encoding if stream is not None else "utf-8"
    lines = number == 2 or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=lines)


class _Stream(io.FileIO):
    """A stream whose reader may go away, and that drops everything after it was given up."""

    _is_given_up = False

    def write(self, data: "ReadableBuffer", /) -> int:
        size = memoryview(data).nbytes
        if self._is_given_up:
            return size
        try:
            return super().write(data)
        except OSError as error:
            if error.errno == errno.EPIPE:
                self._is_given_up = True
                raise
            self._fail(error)
            return size

    def _fail(self, error: OSError) -> None:
        """Handle a failure other than that the reader went away."""


class _Output(_Stream):
    """Standard output, a failure of which is raised once."""

    def _fail(self, error: OSError) -> None:
        self._is_given_up = True
        raise NstyleError(f"cannot write to standard output: {error.strerror}; check where it goes") from error


class _Messages(_Stream):
    """Standard error. Work goes on without those who would read of it, unless they went away."""
