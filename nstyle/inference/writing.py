"""Encode and write pictures while a GPU paints the next ones."""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from nstyle.errors import NstyleError
from nstyle.imaging.formats import DEFAULT_EXTENSION
from nstyle.imaging.picture import Picture
from nstyle.imaging.pictures import encode
from nstyle.inference.mix import Mix
from nstyle.inference.plan import STREAM
from nstyle.system.files import write_atomically
from nstyle.system.memory import is_out_of_memory

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
MOST_WAITING = 50_000_000
"""The largest number of pixels of all pictures that wait to be written while painting goes on: 150 MB of colours. If
there are more, painting waits."""


@dataclass(frozen=True)
class Result:
    """One picture that was written."""

    photo: str
    output: str
    weights: Mix = field(repr=False)
    width: int
    height: int
    seconds: float
    """The time spent on painting, encoding and writing the picture, without reading the photograph and without waiting
    for other pictures. Pictures overlap, so that the sum exceeds the elapsed time."""


@dataclass(frozen=True)
class Failure:
    """One photograph that could not be read or whose pictures could not be written."""

    photo: str
    error: str
    exit_status: int = 1
    """2 if the photograph cannot be painted as it was asked for, 1 if something went wrong."""

    @classmethod
    def of(cls, photo: str, error: Exception) -> "Failure":
        """Say in one line what a photograph raised, whatever it is."""
        if isinstance(error, NstyleError):
            return cls(photo, str(error), error.exit_status)
        logger.debug("%s", photo, exc_info=error)
        words = " ".join(str(error).split()) or "no reason given"
        if is_out_of_memory(error):
            return cls(photo, f"{photo}: there is not enough memory to paint it; give a smaller `size`")
        return cls(photo, f"{photo}: {type(error).__name__}: {words}")


@dataclass(frozen=True)
class Painted:
    """A picture that is painted but not yet written; see :class:`Result`."""

    photo: str
    output: str
    weights: Mix
    width: int
    height: int
    seconds: float
    """The time spent on painting."""


class Writer:
    """A writer that encodes pictures in threads and writes them one after the other, in the order of :meth:`put`.

    Once a picture of a photograph has failed, its other pictures are not written. At the end of the context no thread
    is running any more, and pictures that were not yet being written are dropped.

    Args:
        encoders: The number of pictures that are encoded at the same time; one more may wait. With 0 there are no
            threads, and :meth:`put` writes every picture before it returns.
        stream_format: The extension of a file of the format that standard output gets.
        quality: The quality, 1 to 100, of pictures of formats that have one.
    """

    def __init__(self, encoders: int, *, stream_format: str = DEFAULT_EXTENSION, quality: int | None = None) -> None:
        self._stream_format, self._quality = stream_format, quality
        self._most = encoders + 1
        self._encoders: Executor = (
            ThreadPoolExecutor(encoders, thread_name_prefix="nstyle-encode") if encoders else _AtOnce()
        )
        self._writer: Executor = ThreadPoolExecutor(1, thread_name_prefix="nstyle-write") if encoders else _AtOnce()
        self._waiting: deque[tuple[int, Future[Result | Failure | None]]] = deque()
        self._failed: set[str] = set()
        self._stop = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._encoders.shutdown(cancel_futures=True)
        self._writer.shutdown(cancel_futures=True)

    def failed(self, photo: str) -> bool:
        """Tell whether a picture of a photograph could not be written."""
        return photo in self._failed

    def put(self, painted: Painted, picture: Picture) -> None:
        """Encode and write a picture."""
        extension = self._stream_format if painted.output == STREAM else Path(painted.output).suffix
        encoding = self._encoders.submit(_encode, picture, extension, _Buffer(self._stop), self._quality)
        self._waiting.append((painted.width * painted.height, self._writer.submit(self._write, painted, encoding)))

    def results(self, *, rest: bool = False) -> Iterator[Result | Failure]:
        """Yield the outcomes of the pictures so far, in order.

        Args:
            rest: Whether to wait for all pictures, instead of only until few enough of them are left.
        """
        while self._waiting and (rest or self._is_full() or self._waiting[0][1].done()):
            outcome = self._waiting.popleft()[1].result()
            if outcome is not None:
                yield outcome

    def _is_full(self) -> bool:
        return len(self._waiting) > self._most or sum(pixels for pixels, _ in self._waiting) > MOST_WAITING

    def _write(self, painted: Painted, encoding: "Future[tuple[bytes, float]]") -> Result | Failure | None:
        if painted.photo in self._failed:
            return None
        try:
            data, seconds = encoding.result()
            start = time.perf_counter()
            if painted.output == STREAM:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            else:
                write_atomically(Path(painted.output), data)
        except CancelledError:
            raise
        except Exception as error:  # A single picture may raise anything, and does not stop the others.
            self._failed.add(painted.photo)
            return Failure.of(painted.photo, error)
        seconds += painted.seconds + time.perf_counter() - start
        return Result(painted.photo, painted.output, painted.weights, painted.width, painted.height, round(seconds, 3))


class _AtOnce(Executor):
    """An executor whose ``submit`` runs the function before it returns. Ctrl-C passes through."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Buffer(BytesIO):
    """A buffer that refuses bytes once the writer has stopped, as encoding a large picture would otherwise delay Ctrl-C
    for seconds."""

    def __init__(self, stop: Event) -> None:
        super().__init__()
        self._stop = stop

    def write(self, data: "ReadableBuffer", /) -> int:
        if self._stop.is_set():
            raise CancelledError
        return super().write(data)


def _encode(picture: Picture, extension: str, buffer: BytesIO, quality: int | None) -> tuple[bytes, float]:
    """Encode a picture with its transparency and what it says about itself, and return the bytes and the seconds
    spent."""
    start = time.perf_counter()
    data = encode(picture.joined(), extension, buffer, quality=quality, about=picture.about)
    return data, time.perf_counter() - start
