"""Work in one thread before, and in one thread behind the thread that paints. At most a few items wait between them."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, Self, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")
END = object()


def ahead(items: Iterable[T], most: int) -> Generator[T, None, None]:
    """Yield items in order while a thread prepares those that follow.

    Args:
        items: The items. What they raise is raised here in their turn.
        most: The largest number of items that wait; 0 for no thread.
    """
    if not most:
        yield from items
        return
    source = iter(items)
    thread = ThreadPoolExecutor(1, thread_name_prefix="nstyle-read")
    try:
        waiting = deque(thread.submit(next, source, END) for _ in range(most))
        while (item := waiting.popleft().result()) is not END:
            waiting.append(thread.submit(next, source, END))
            yield cast(T, item)
    finally:
        thread.shutdown(cancel_futures=True)


class Behind:
    """Calls that a thread makes one after the other while this one goes on. At the end all of them are made, unless
    something was raised.

    Args:
        most: The largest number of calls that wait; 0 for no thread.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nstyle-write") if most else None
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            if self._thread is not None:
                self._thread.shutdown(cancel_futures=True)

    def call(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call a function, at once or in its turn. What an earlier call raised may be raised here."""
        if self._thread is None:
            function(*args, **kwargs)
            return
        self._waiting.append(self._thread.submit(function, *args, **kwargs))
        while len(self._waiting) > self._most:
            self._waiting.popleft().result()
