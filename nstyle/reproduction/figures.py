"""Figures, tables and sentences that several recipes show."""

from collections.abc import Sequence

from nstyle.imaging.layout import contact_sheet
from nstyle.imaging.pictures import read_picture
from nstyle.reconstruction.finished_runs import Failure, Run
from nstyle.reconstruction.inputs import as_large_as, read_inputs
from nstyle.reports.page import Figure, Table, number

MOST_SNAPSHOTS = 30
"""The most snapshots on one sheet; of more, evenly spaced ones are shown."""


def snapshot_sheet(name: str, caption: str, run: Run) -> Figure:
    """Lay out the snapshots of a run, each under its iteration."""
    paths = sorted(run.folder.snapshots.glob("*.png"))
    step = -(-len(paths) // MOST_SNAPSHOTS)
    shown = [(str(int(path.stem.split("-")[0])), read_picture(path).rgb) for path in paths[::step]]
    return Figure.of_picture(name, caption, contact_sheet(shown))


def picture_sheet(name: str, caption: str, runs: Sequence[tuple[str, Run]]) -> Figure:
    """Lay out the pictures that went into runs, and what came out of each, under a label."""
    results = [(label, run.folder.read_result()) for label, run in runs]
    inputs, _ = read_inputs([run for _, run in runs])
    shown = [*as_large_as([picture for _, picture in results], inputs), *results]
    return Figure.of_picture(name, caption, contact_sheet(shown))


def loss_table(first_column: str, labels: Sequence[str], runs: Sequence[Run]) -> Table:
    """List the weighted losses with which runs began and ended, and when they ended."""
    rows = [
        [label, number(run.initial_loss), number(run.best_loss), f"{run.description['iterations']:,}"]
        for label, run in zip(labels, runs, strict=True)
    ]
    return Table([first_column, "loss of the start", "loss of the best picture", "iterations"], rows)


def not_made(failures: Sequence[Failure]) -> str:
    """Say what could not be made and why, as a sentence; empty if everything was."""
    if not failures:
        return ""
    labels = ["+".join(failure.labels.values()) or failure.sweep.name for failure in failures]
    return f"Not made: {', '.join(labels)} ({failures[0].reason.split(';')[0]})."


def verdict(agrees: bool, seen: str, otherwise: str = "") -> str:
    """Say whether what was seen in the source was seen here too, and what was seen: ``otherwise``, if given, if not."""
    return f"Agreed: {seen}." if agrees else f"Not so here: {otherwise or seen}."


def amount(number: int, noun: str) -> str:
    """Say how many there are of something: ``1 style``, ``2 styles``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Join names as one says them: ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
