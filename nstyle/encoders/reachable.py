"""Checks that let a download fail within seconds, instead of waiting, when there is no network."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

DEADLINE = 6.0
"""Seconds within which a server must answer. A name server that cannot be reached makes a program wait longer than any
timeout of its sockets."""
STALL = 30.0
"""Seconds without data after which a download has stalled."""


def check_reachable(url: str, *, deadline: float = DEADLINE) -> None:
    """Request the header of a file, in a thread that is abandoned if it does not return in time.

    Raises:
        OSError: If there is no answer within ``deadline`` seconds, or the answer is an error.
    """
    failures: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=deadline) as answer:
                if answer.status != HTTPStatus.OK:
                    raise OSError(f"the server answers {answer.status}")
        except Exception as error:
            failures.append(error)
        done.set()

    threading.Thread(target=ask, daemon=True).start()
    if not done.wait(deadline):
        raise TimeoutError(f"no answer within {deadline:.0f} seconds")
    if failures:
        raise OSError(str(failures[0])) from failures[0]


@contextmanager
def noticing_stalls() -> Iterator[None]:
    """Let downloads in this context raise :class:`TimeoutError` when they stall; otherwise torch.hub waits forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
