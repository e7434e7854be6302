"""Progress of training, comparisons and reconstructions: bars on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nstyle.system.durations import in_words

if TYPE_CHECKING:
    from nstyle.comparison.experiment import Status
    from nstyle.reconstruction.engine import Progress as Iteration
    from nstyle.reconstruction.sweep import SweepProgress
    from nstyle.training.trainer import Progress as TrainingProgress

LINE_EVERY = 30.0
"""Seconds between lines where standard error is no terminal."""
ITERATION_LINE_EVERY = 10.0
"""Seconds between lines of a reconstruction where standard error is no terminal."""
ESTIMATED_AFTER = 4
"""The number of updates that are timed before the time of the others is estimated."""
SMOOTHING = 0.98
"""Weight of the past in the losses that are shown."""


class Throttle:
    """Tell when it is time for another line.

    Args:
        seconds: Between lines.
    """

    def __init__(self, seconds: float = LINE_EVERY) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def due(self) -> bool:
        """Return True, and begin to wait anew, once the time has passed."""
        if time.monotonic() - self._last <= self._seconds:
            return False
        self._last = time.monotonic()
        return True


class Speed:
    """Updates per second over the last measured stretch."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []

    def at(self, update: int) -> float:
        self._marks = [*self._marks[-50:], (time.monotonic(), update)]
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - start) if last > first else 0.0


class Estimate:
    """Say once, after the first few steps, how long all of the work will take.

    Args:
        step: What a step is, such as ``update``.
    """

    def __init__(self, step: str = "update") -> None:
        self._step = step
        self._start: tuple[float, int] | None = None
        self._is_said = False

    def line(self, done: int, total: int) -> str | None:
        """Return the line when it is due.

        Args:
            done: The steps that are done, after each of them.
            total: All steps.
        """
        if self._start is None:  # The first step starts the kernels and the readers: it is not timed.
            self._start = (time.monotonic(), done)
        start, first = self._start
        if self._is_said or done - first < ESTIMATED_AFTER or done >= total:
            return None
        self._is_said = True
        rate = (done - first) / max(1e-9, time.monotonic() - start)
        time_left = in_words((total - done) / rate)
        return f"{total - done} more {self._step}s take about {time_left} ({rate:.2f} {self._step}s/s)"


@contextmanager
def training_progress() -> "Iterator[Callable[[TrainingProgress], None]]":
    """Show updates, updates/s, time left and the current losses; validation losses as a table."""
    console = Console(stderr=True, file=sys.stderr)
    speed, estimate = Speed(), Estimate()
    losses: dict[str, float] = {}
    if not console.is_terminal:
        yield _plain_lines(speed)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=None, text="starting")

        def show(progress: "TrainingProgress") -> None:
            for name in ("content", "style"):
                value = getattr(progress, name)
                if value is not None:
                    losses[name] = SMOOTHING * losses.get(name, value) + (1 - SMOOTHING) * value
            text = f"{speed.at(progress.update):.2f} updates/s"
            text += "".join(f"  {name} {value:.4g}" for name, value in losses.items())
            bar.update(task, completed=progress.update, total=progress.updates, text=text)
            line = estimate.line(progress.update, progress.updates)
            if line:
                bar.console.print(line)
            if progress.validation:
                bar.console.print(_table(progress))

        yield show


@contextmanager
def counted(what: str) -> "Iterator[Callable[[int], None]]":
    """Count something of which the total is not known: one changing line on a terminal, a line every 30 seconds in a
    log."""
    console = Console(stderr=True, file=sys.stderr)
    throttle = Throttle()

    def plain(count: int) -> None:
        if throttle.due():
            print(f"{count} {what}", file=sys.stderr, flush=True)

    if not console.is_terminal:
        yield plain
        return
    with console.status(f"0 {what}") as status:
        yield lambda count: status.update(f"{count} {what}")


def _plain_lines(speed: Speed) -> "Callable[[TrainingProgress], None]":
    throttle, estimate = Throttle(), Estimate()

    def show(progress: "TrainingProgress") -> None:
        rate = speed.at(progress.update)
        line = estimate.line(progress.update, progress.updates)
        if line:
            print(line, file=sys.stderr, flush=True)
        if progress.validation:
            for name, terms in progress.validation.items():
                line = "  ".join(f"{term} {value:.4f}" for term, value in terms.items())
                print(f"update {progress.update}: validation {name}: {line}", file=sys.stderr, flush=True)
        if throttle.due():
            left = (progress.updates - progress.update) / rate if rate else 0.0
            losses = "" if progress.content is None else f", content {progress.content:.4g}, style {progress.style:.4g}"
            text = f"update {progress.update} of {progress.updates}, {rate:.2f} updates/s, {left / 60:.0f} min left"
            print(f"{text}{losses}", file=sys.stderr, flush=True)

    return show


def _table(progress: "TrainingProgress") -> Table:
    assert progress.validation is not None
    table = Table(title=f"validation at update {progress.update}", title_justify="left")
    table.add_column("style")
    terms = next(iter(progress.validation.values()))
    for term in terms:
        table.add_column(term, justify="right")
    for name, values in progress.validation.items():
        table.add_row(name, *(f"{value:.4f}" for value in values.values()))
    return table


@contextmanager
def comparison_progress() -> "Iterator[Callable[[Status], None]]":
    """Show which network is trained, the updates of all together and the time left for all."""
    console = Console(stderr=True, file=sys.stderr)
    speed = Speed()
    if not console.is_terminal:
        yield _comparison_lines(speed)
        return
    estimate = Estimate()
    with Progress(BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"), console=console) as bar:
        task = bar.add_task("comparison", total=None, text="starting")

        def show(status: "Status") -> None:
            line = estimate.line(status.done, status.total)
            if line:
                bar.console.print(line)
            bar.update(
                task, total=status.total, completed=status.done, text=_comparison_text(status, speed.at(status.done))
            )

        yield show


def _comparison_lines(speed: Speed) -> "Callable[[Status], None]":
    throttle, estimate = Throttle(), Estimate()

    def show(status: "Status") -> None:
        rate = speed.at(status.done)
        line = estimate.line(status.done, status.total)
        if line:
            print(line, file=sys.stderr, flush=True)
        if throttle.due():
            print(
                f"{status.done} of {status.total} updates: {_comparison_text(status, rate)}",
                file=sys.stderr,
                flush=True,
            )

    return show


def _comparison_text(status: "Status", rate: float) -> str:
    left = f", {(status.total - status.done) / rate / 60:.0f} min left" if rate else ""
    network = f"network {status.number} of {status.networks} ({status.label})"
    return f"{network} at update {status.progress.update}, {rate:.2f} updates/s{left}"


@contextmanager
def reconstruction_progress(label: str = "") -> "Iterator[Callable[[Iteration], None]]":
    """Show iterations, time left, the picture's size and the loss of every layer."""
    console = Console(stderr=True, file=sys.stderr)
    if not console.is_terminal:
        yield _iteration_lines(label)
        return
    columns = (
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=bool(label)) as bar:
        task = bar.add_task("reconstruction", total=None, text="starting")

        def show(iteration: "Iteration") -> None:
            bar.update(task, total=iteration.iterations, completed=iteration.iteration, text=_iteration_text(iteration))

        yield show


@contextmanager
def sweep_progress() -> "Iterator[Callable[[SweepProgress], None]]":
    """Show the iterations of every cell, and say once how long all that are left will take if they are like this."""
    estimate = Estimate("iteration")
    with reconstruction_progress() as show_iteration:

        def show(now: "SweepProgress") -> None:
            show_iteration(now.iteration)
            line = estimate.line(now.iteration.iteration, now.iteration.iterations * (now.left + 1))
            if line:
                others = f", for this one and {now.left} more like it" if now.left else ""
                print(f"{line}{others}", file=sys.stderr, flush=True)

        yield show


def _iteration_lines(label: str) -> "Callable[[Iteration], None]":
    throttle = Throttle(ITERATION_LINE_EVERY)

    def show(iteration: "Iteration") -> None:
        if throttle.due():
            text = f"{label} iteration {iteration.iteration} of {iteration.iterations}: {_iteration_text(iteration)}"
            print(text.strip(), file=sys.stderr, flush=True)

    return show


def _iteration_text(iteration: "Iteration") -> str:
    terms = "  ".join(f"{name.split('/')[-1]} {value:.3g}" for name, value in iteration.terms.items())
    return f"{iteration.size} px  loss {iteration.loss:.4g}  {terms}"
