"""Handle Ctrl-C and SIGTERM between two updates, when the state can be saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from nstyle.errors import NstyleError


class InterruptedRunError(NstyleError):
    """The run was asked to stop, and its state is saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_status = 128 + signal_number


@contextmanager
def caught_signals() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM in a list instead of stopping at the first one. A second one takes effect at once."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {int(number): signal.getsignal(number) for number in numbers}

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, previous[number])

    for number in numbers:
        signal.signal(number, catch)
    try:
        yield caught
    finally:
        for number in numbers:
            signal.signal(number, previous[number])
