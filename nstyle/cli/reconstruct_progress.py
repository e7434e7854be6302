"""Progress of a reconstruction: a bar with the loss of every layer on a terminal, plain lines in a log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nstyle.cli.progress import Throttle

if TYPE_CHECKING:
    from nstyle.reconstruction.engine import Progress as Iteration

LINE_EVERY = 10.0
"""Seconds between lines where standard error is no terminal."""


@contextmanager
def reconstruction_progress(label: str = "") -> "Iterator[Callable[[Iteration], None]]":
    """Show iterations, time left, the picture's size and the loss of every layer."""
    console = Console(stderr=True, file=sys.stderr)
    if not console.is_terminal:
        yield _plain_lines(label)
        return
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=bool(label)) as bar:
        task = bar.add_task("reconstruction", total=None, text="starting")

        def show(iteration: "Iteration") -> None:
            bar.update(task, total=iteration.iterations, completed=iteration.iteration, text=_text(iteration))

        yield show


def _plain_lines(label: str) -> "Callable[[Iteration], None]":
    throttle = Throttle(LINE_EVERY)

    def show(iteration: "Iteration") -> None:
        if throttle.due():
            print(f"{label} iteration {iteration.iteration} of {iteration.iterations}: {_text(iteration)}".strip(), file=sys.stderr, flush=True)

    return show


def _text(iteration: "Iteration") -> str:
    terms = "  ".join(f"{name.split('/')[-1]} {value:.3g}" for name, value in iteration.terms.items())
    return f"{iteration.size} px  loss {iteration.loss:.4g}  {terms}"
