"""Progress of a comparison over all its networks: a bar on a terminal, plain lines in a log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from nstyle.cli.progress import Speed, Throttle

if TYPE_CHECKING:
    from nstyle.comparison.experiment import Status


@contextmanager
def comparison_progress() -> "Iterator[Callable[[Status], None]]":
    """Show which network is trained, the updates of all together and the time left for all."""
    console = Console(stderr=True, file=sys.stderr)
    speed = Speed()
    if not console.is_terminal:
        yield _plain_lines(speed)
        return
    with Progress(BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"), console=console) as bar:
        task = bar.add_task("comparison", total=None, text="starting")

        def show(status: "Status") -> None:
            bar.update(task, total=status.total, completed=status.done, text=_text(status, speed.at(status.done)))

        yield show


def _plain_lines(speed: Speed) -> "Callable[[Status], None]":
    throttle = Throttle()

    def show(status: "Status") -> None:
        rate = speed.at(status.done)
        if throttle.due():
            print(f"{status.done} of {status.total} updates: {_text(status, rate)}", file=sys.stderr, flush=True)

    return show


def _text(status: "Status", rate: float) -> str:
    left = f", {(status.total - status.done) / rate / 60:.0f} min left" if rate else ""
    network = f"network {status.number} of {status.networks} ({status.label})"
    return f"{network} at update {status.progress.update}, {rate:.2f} updates/s{left}"
