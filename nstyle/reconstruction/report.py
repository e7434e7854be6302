"""The report on finished reconstructions: figures as in the style-inversion chapter and in Early, Sian and Stonard."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from nstyle.errors import UsageError
from nstyle.imaging.layout import contact_sheet, labelled_table
from nstyle.losses.style import LOSS_LABELS
from nstyle.reconstruction.finished_runs import Failure, Run, cumulative_chains, group, read_runs, single_layer_runs
from nstyle.reconstruction.structure_radius import structure_radius
from nstyle.reports.folder import check_folder, csv_text, write_folder
from nstyle.reports.page import Figure, Section, Table
from nstyle.reports.plots import line_plot

TITLE = "Reconstructions"


def write_report(paths: Sequence[str | Path], out: str | Path, command: str = "") -> Path:
    """Write ``report.html``, its figures and numbers, and ``runs.csv``.

    Args:
        paths: Folders of reconstructions and sweeps.
        out: Folder of the report.
        command: The command that made the report. Empty for a call from Python.

    Returns:
        The page.

    Raises:
        UsageError: If a folder holds no finished reconstruction.
    """
    folder = check_folder(out, TITLE)
    runs, failures = read_runs([Path(path) for path in paths])
    if not runs:
        raise UsageError("there is no finished reconstruction to report on")
    sections: list[Section] = []
    groups = group(runs)
    for i, members in enumerate(groups, start=1):
        number = f" ({i})" if len(groups) > 1 else ""
        sections += _layers_by_losses(members, failures, number)
        for chain in cumulative_chains(members):
            sections.append(_blocks(chain, failures, number))
    sections += _others(runs)
    sections.append(_all_runs(runs, failures))
    columns, rows = _rows(runs)
    numbers = {"runs": [dict(zip(columns, row, strict=True)) for row in rows]}
    commands = [[*row, run.description["command"]] for row, run in zip(rows, runs, strict=True)]
    return write_folder(
        folder, TITLE, sections, numbers, {"runs.csv": csv_text([*columns, "command"], commands)}, command
    )


def _layers_by_losses(members: list[Run], failures: list[Failure], number: str) -> list[Section]:
    """Show runs by layer and loss, and by number of moments (style-inversion chapter, figures 1.3 to 1.7)."""
    runs = single_layer_runs(members)
    if len(runs) < 2:
        return []
    failed = {f.labels["layers"] for f in failures if "+" not in f.labels.get("layers", "+")}
    layers = sorted({run.label for run in runs} | failed)
    losses = sorted({run.config.loss_label for run in runs}, key=LOSS_LABELS.index)
    text = (
        "Style reconstructions at one layer each, down, under each loss, across. The structure radius is the "
        "distance at which the autocorrelation of the lightness, blurred by 2 px, falls to 1/e."
    )
    figure = _grid(f"layers-losses{_suffix(number)}", runs, failures, layers, losses)
    commands = [run.description["command"] for run in runs]
    sections = [Section(f"Layers and losses{number}", text, [figure], [_fall_table(runs)], commands)]
    moments = [label for label in losses if label.startswith("moments-")]
    if len(moments) > 1:
        figure = _grid(f"moments{_suffix(number)}", runs, failures, layers, moments)
        sections.append(Section(f"Numbers of moments{number}", "The same for the first N moments.", [figure]))
    return sections


def _grid(name: str, runs: list[Run], failures: list[Failure], layers: list[str], losses: list[str]) -> Figure:
    made = {(run.label, run.config.loss_label): run for run in runs}

    def cell(layer: str, loss: str) -> Image.Image | str:
        run = made.get((layer, loss))
        if run:
            return run.folder.read_result()
        reasons = [f.reason for f in failures if f.labels.get("layers") == layer and f.labels.get("loss", loss) == loss]
        return reasons[0].split(";")[0] if reasons else "no run"

    table = [[cell(layer, loss) for loss in losses] for layer in layers]
    return Figure.of_picture(name, runs[0].budget, labelled_table(layers, losses, table))


def _fall_table(runs: list[Run]) -> Table:
    rows = []
    for run in runs:
        at = str(run.description["best"]["iteration"])
        radius = f"{structure_radius(run.folder.read_result()):.1f}"
        rows.append(
            [f"{run.label} {run.config.loss_label}", f"{run.initial_loss:.4g}", f"{run.best_loss:.4g}", at, radius]
        )
    return Table(
        ["layer and loss", "loss of the start", "loss of the best picture", "at iteration", "structure radius, px"],
        rows,
    )


def _blocks(chain: list[Run], failures: list[Failure], number: str) -> Section:
    """Show blocks, each phi while the deepest tau falls, and both as a table (Early, Sian and Stonard)."""
    deepest, loss = chain[-1], chain[-1].config.loss_label
    missing = [
        f
        for f in failures
        if f.labels.get("layers", "").startswith(f"{deepest.label}+") and f.labels.get("loss", loss) == loss
    ]
    labels = [f"tau {n}: ... {run.layers[-1]}" for n, run in enumerate(chain, start=1)]
    cells: list[Image.Image | str] = [run.folder.read_result() for run in chain]
    for failure in missing:
        labels.append(f"... {failure.labels['layers'].split('+')[-1]}")
        cells.append(failure.reason.split(";")[0])
    suffix = f"-{loss}{_suffix(number)}"
    figures = [
        Figure.of_picture(
            f"blocks{suffix}",
            f"After Early, Sian and Stonard, figure 3: {deepest.budget}",
            labelled_table([""], labels, [cells]),
        )
    ]
    losses, initial = deepest.folder.read_losses(), deepest.description["initial"]
    series = {layer: _relative(losses[f"style/{layer}"]) for layer in deepest.layers if initial[f"style/{layer}"] > 0}
    if series:
        plot = line_plot(
            losses["iteration"], series, x_label="iteration", y_label="phi of each layer / its value at the start"
        )
        caption = f"After Early, Sian and Stonard, figure 4: each layer's loss while tau {len(deepest.layers)} falls"
        figures.append(Figure.of_plot(f"phi{suffix}", caption, plot))
    rows = [[run.layers[-1], f"{initial[f'style/{run.layers[-1]}']:.5g}", f"{run.best_loss:.5g}"] for run in chain]
    rows += [[failure.labels["layers"].split("+")[-1], "-", failure.reason.split(";")[0]] for failure in missing]
    table = Table(["layer", f"initial phi for tau {len(deepest.layers)}", "final tau"], rows)
    text = (
        f"Style reconstructions ({loss}) of the first n layers together, as in Early, Sian and Stonard, "
        "and each layer's loss in the deepest."
    )
    return Section(f"Blocks{number}", text, figures, [table], [run.description["command"] for run in chain])


def _others(runs: list[Run]) -> list[Section]:
    """Show content reconstructions and transfers."""
    others = [run for run in runs if run.config.content_layers]
    if not others:
        return []
    sheet = contact_sheet([(f"{i}: {run.label}", run.folder.read_result()) for i, run in enumerate(others, start=1)])
    table = Table(["", "run"], [[str(i), f"{run.label}, {run.budget}"] for i, run in enumerate(others, start=1)])
    figure = Figure.of_picture("content-transfer", "The best picture of each run", sheet)
    return [Section("Content and transfer", "", [figure], [table], [run.description["command"] for run in others])]


def _relative(values: list[float]) -> list[float]:
    return [value / values[0] for value in values]


def _all_runs(runs: list[Run], failures: list[Failure]) -> Section:
    columns, rows = _rows(runs)
    text = f"{len(runs)} runs." + (f" {len(failures)} could not be made: {failures[0].reason}" if failures else "")
    return Section(
        "All runs", text, tables=[Table(columns, rows)], commands=[run.description["command"] for run in runs]
    )


def _rows(runs: list[Run]) -> tuple[list[str], list[list[str]]]:
    columns = [
        "layers",
        "loss",
        "optimizer",
        "lr",
        "start",
        "seed",
        "pooling",
        "start loss",
        "best loss",
        "at",
        "iterations",
        "stopped",
        "seconds",
    ]
    rows = []
    for run in runs:
        config, d = run.config, run.description
        loss = config.loss_label if config.style_layers else config.content_loss
        settings = [
            run.label,
            loss,
            str(config.optimizer),
            f"{config.lr:g}",
            str(config.start),
            str(config.seed),
            config.pooling,
        ]
        numbers = [f"{run.initial_loss:.5g}", f"{run.best_loss:.5g}", str(d["best"]["iteration"]), str(d["iterations"])]
        rows.append([*settings, *numbers, d["stopped"], f"{d['seconds']:.0f}"])
    return columns, rows


def _suffix(number: str) -> str:
    return "-" + number.strip(" ()") if number else ""
