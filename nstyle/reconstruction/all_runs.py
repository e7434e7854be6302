"""Sections on all runs of a report: how their losses fell, what was varied, and every setting as a column."""

from collections.abc import Sequence

from nstyle.reconstruction.finished_runs import Failure, Run
from nstyle.reconstruction.run_settings import captions, settings_of, varied
from nstyle.reports.page import Figure, Section, Table
from nstyle.reports.plots import Line, Panel, Plot, panels_plot

LINES = 14
"""The most runs in one figure of losses, so that lines can be told apart."""
COMPARABLE = ("photograph", "paintings", "mix", "content layers", "style layers", "loss", "content loss",
              "style weight", "tv weight", "tv", "feature scale", "size", "style size", "network",
              "pooling")  # fmt: skip
"""Settings that decide what a value of the loss means."""


def loss_section(runs: Sequence[Run]) -> list[Section]:
    """Draw the total loss of every run against the updates, as it is and over its start."""
    labels = captions(runs)
    drawn = [(label, run) for label, run in zip(labels, runs, strict=True) if run.folder.read_rows()[1]]
    if not drawn:
        return []
    chunks = [drawn[i : i + LINES] for i in range(0, len(drawn), LINES)]
    figures = []
    for number, chunk in enumerate(chunks, start=1):
        name = "loss" if len(chunks) == 1 else f"loss-{number}"
        figures.append(
            Figure.of_plot(name, "The total loss of each run, and the same over its start", loss_plot(chunk))
        )
    differing = [name for name in varied(settings_of(runs)) if name in COMPARABLE]
    text = (
        f"The runs differ in {' and '.join(differing)}, which decide what a loss means: only on the right can they be "
        "compared, and there only in how far each one came."
        if differing
        else ""
    )
    return [Section("Loss of every run", text, figures)]


def table_section(runs: Sequence[Run], failures: Sequence[Failure]) -> Section:
    """List what was varied beside how every run ended, and the settings that all runs share."""
    settings = settings_of(runs)
    names = varied(settings)
    folders = [run.folder.path.name for run in runs]
    rows = [
        [*(values[name] or "-" for name in names), *ending(run).values()]
        for values, run in zip(settings, runs, strict=True)
    ]
    if not names:
        rows = [[folder, *row] for folder, row in zip(folders, rows, strict=True)]
    shared = [[name, value] for name, value in settings[0].items() if name not in names and value]
    tables = [Table([*(names or ["run"]), *ending(runs[0])], rows)]
    tables += [Table(["the same in all runs", ""], shared)] if shared else []
    text = f"{len(runs)} runs." + (f" {len(failures)} could not be made: {failures[0].reason}" if failures else "")
    return Section("All runs", text, tables=tables, commands=[run.description["command"] for run in runs])


def full_rows(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Return for every run its folder, all settings, how it ended and the command that repeats it, by column."""
    return [
        {"run": run.folder.path.name, **values, **ending(run), "command": run.description["command"]}
        for run, values in zip(runs, settings_of(runs), strict=True)
    ]


def ending(run: Run) -> dict[str, str]:
    """Return how a run began and ended, by column."""
    d = run.description
    return {
        "start loss": f"{run.initial_loss:.5g}",
        "best loss": f"{run.best_loss:.5g}",
        "at": str(d["best"]["iteration"]),
        "iterations": str(d["iterations"]),
        "stopped": d["stopped"],
        "seconds": f"{d['seconds']:.1f}",
    }


def loss_plot(runs: Sequence[tuple[str, Run]]) -> Plot:
    """Draw the total loss of runs by label against the updates, as it is and over its start."""
    total: dict[str, Line] = {}
    relative: dict[str, Line] = {}
    for label, run in runs:
        losses = run.folder.read_losses()
        line = Line.of(losses["iteration"], losses["loss"])
        total[label] = line
        if line.y[0] > 0:
            relative[label] = Line(line.x, line.y / line.y[0])
    panels = [Panel(total, "iteration", "total loss")]
    panels += [Panel(relative, "iteration", "total loss / its start")] if relative else []
    return panels_plot(panels)
