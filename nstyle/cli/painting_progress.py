"""Progress of painting: a bar that goes away on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from nstyle.cli.progress import Throttle
from nstyle.system.durations import in_words

if TYPE_CHECKING:
    from nstyle.inference.batch import PaintStatus

ONE: tuple[ProgressColumn, ...] = (TaskProgressColumn(), TextColumn("{task.fields[text]}"), TimeRemainingColumn())
SEVERAL: tuple[ProgressColumn, ...] = (TextColumn("{task.fields[text]}"),)


class Count:
    """Count pictures in words, with the time that is left once the first is done.

    Args:
        what: What is counted.
    """

    def __init__(self, what: str = "pictures") -> None:
        self._what = what
        self._start: float | None = None
        self._last, self._done = 0.0, 0

    def text(self, status: "PaintStatus") -> str:
        """Return words such as ``5 of 80 pictures, 6 min left``."""
        now = time.monotonic()
        self._start = now if self._start is None else self._start
        if status.done > self._done:
            self._last, self._done = now, status.done
        text = f"{status.done} of {status.total} {self._what}"
        if not 0 < status.done < status.total:
            return text
        each, others = (self._last - self._start) / self._done, status.total - status.done
        left = max(each * others - (now - self._last), each * (others - 1))
        return f"{text}, {in_words(left)} left"


class Frames:
    """Count the frames of a clip in words, with frames per second and the time that is left.

    The first frame, before which a device may be compared and kernels chosen, is not timed.
    """

    def __init__(self) -> None:
        self._clip: tuple[str, int] | None = None
        self._start, self._first, self._share = 0.0, 0, 0.0

    def text(self, status: "PaintStatus", *, brief: bool = False) -> str:
        """Return words such as ``31 frames of clip.mp4, 2.1 frames/s, 6 min left``; briefly ``31 frames, 2.1
        frames/s``, beside a bar that shows the others."""
        now, name = time.monotonic(), Path(status.photo).name
        if self._clip != (status.photo, status.index):
            self._clip = (status.photo, status.index)
            self._start, self._first, self._share = now, status.frames, status.share
        text = f"{status.frames} frames" if brief else f"{status.frames} frames of {name}"
        done, seconds = status.frames - self._first, now - self._start
        if done < 1 or seconds <= 0:
            return text
        text += f", {done / seconds:.3g} frames/s"
        if brief or not self._share < status.share < 1:
            return text  # The clip does not say how long it is, or is over.
        left = seconds * (1 - status.share) / (status.share - self._share)
        return f"{text}, {in_words(left)} left"


@contextmanager
def painting_progress(*, quiet: bool = False, alone: bool = True) -> "Iterator[Callable[[PaintStatus], None]]":
    """Show how many of several pictures are done, or how far a single one is.

    Args:
        quiet: Whether to show nothing.
        alone: Whether this process paints everything, and not only its part.
    """
    if quiet:
        yield lambda status: None
        return
    console = Console(stderr=True, file=sys.stderr)
    count, frames = Count("pictures" if alone else "pictures of this process"), Frames()

    def words(status: "PaintStatus") -> str:
        if status.frames:
            return frames.text(status, brief=status.total == 1 and console.is_terminal)
        return count.text(status) if status.total > 1 else ""

    if not console.is_terminal:
        yield _plain_lines(words)
        return
    with ExitStack() as stack:
        bar: Progress | None = None

        def show(status: "PaintStatus") -> None:
            nonlocal bar
            if bar is None:
                columns = (TextColumn("{task.description}"), BarColumn(), *(ONE if status.total == 1 else SEVERAL))
                bar = stack.enter_context(Progress(*columns, console=console, transient=True))
                bar.add_task("", total=status.total, text="")
            completed = status.index + status.share
            bar.update(
                bar.task_ids[0],
                description=Path(status.photo).name,
                completed=completed,
                text=words(status),
                visible=completed < status.total,
            )

        yield show


def _plain_lines(words: "Callable[[PaintStatus], str]") -> "Callable[[PaintStatus], None]":
    throttle = Throttle()

    def show(status: "PaintStatus") -> None:
        text = words(status) or f"{status.photo}: {status.share:.0%}"
        if throttle.due():
            print(text, file=sys.stderr, flush=True)

    return show
