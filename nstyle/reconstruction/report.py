"""The report on finished reconstructions: figures as in the style-inversion chapter and in Early, Sian and Stonard."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from nstyle.errors import UsageError
from nstyle.imaging.layout import contact_sheet, labelled_table
from nstyle.losses.style import LOSS_LABELS
from nstyle.reconstruction.all_runs import full_rows, loss_section, table_section
from nstyle.reconstruction.finished_runs import Failure, Run, cumulative_chains, group, read_runs, single_layer_runs
from nstyle.reconstruction.inputs import as_large_as, beside, read_inputs
from nstyle.reconstruction.run_settings import captions
from nstyle.reconstruction.structure_radius import structure_radius
from nstyle.reports.folder import check_folder, csv_text, write_folder
from nstyle.reports.formats import DEFAULT_FORMATS, check_formats
from nstyle.reports.page import Figure, Section, Table
from nstyle.reports.plots import line_plot

TITLE = "Reconstructions"
LAYERS_AND_LOSS = ("content layers", "style layers", "loss")
"""What the runs of one figure differ in."""


@dataclass(frozen=True)
class Part:
    """Runs that differ only in layers and loss, among other such runs."""

    title: str = ""
    """What is different from the other parts, as the end of a title."""
    suffix: str = ""
    """The end of the names of its files."""


def write_report(
    paths: Sequence[str | Path], out: str | Path, command: str = "", formats: Sequence[str] = DEFAULT_FORMATS
) -> Path:
    """Write ``report.html``, its figures and numbers, and ``runs.csv``.

    Args:
        paths: Folders of reconstructions and sweeps.
        out: Folder of the report.
        command: The command that made the report. Empty for a call from Python.
        formats: The formats of the figures: ``png``, ``svg``, ``pdf``.

    Returns:
        The page.

    Raises:
        UsageError: If a folder holds no finished reconstruction.
    """
    folder, formats = check_folder(out, TITLE), check_formats(formats)
    runs, failures = read_runs([Path(path) for path in paths])
    if not runs:
        raise UsageError("there is no finished reconstruction to report on")
    sections: list[Section] = []
    shown: list[Run] = []
    groups = group(runs)
    names = captions([members[0] for members in groups], without=LAYERS_AND_LOSS)
    for i, members in enumerate(groups, start=1):
        part = Part(f": {names[i - 1]}", f"-{i}") if len(groups) > 1 else Part()
        near = [failure for failure in failures if any(map(failure.is_beside, members))]
        sections += _layers_by_losses(members, near, part)
        shown += single_layer_runs(members) if len(single_layer_runs(members)) > 1 else []
        for chain in cumulative_chains(members):
            sections.append(_blocks(chain, near, part))
            shown += chain
    sections += _gallery([run for run in runs if run not in shown])
    sections += [*loss_section(runs), table_section(runs, failures)]
    rows = full_rows(runs)
    table = csv_text(list(rows[0]), [list(row.values()) for row in rows])
    return write_folder(folder, TITLE, sections, {"runs": rows}, {"runs.csv": table}, command, formats)


def _layers_by_losses(members: list[Run], failures: list[Failure], part: Part) -> list[Section]:
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
    figure = _grid(f"layers-losses{part.suffix}", runs, failures, layers, losses)
    commands = [run.description["command"] for run in runs]
    sections = [Section(f"Layers and losses{part.title}", text, [figure], [_fall_table(runs)], commands)]
    moments = [label for label in losses if label.startswith("moments-")]
    if len(moments) > 1:
        figure = _grid(f"moments{part.suffix}", runs, failures, layers, moments)
        sections.append(Section(f"Numbers of moments{part.title}", "The same for the first N moments.", [figure]))
    return sections


def _grid(name: str, runs: list[Run], failures: list[Failure], layers: list[str], losses: list[str]) -> Figure:
    made = {(run.label, run.config.loss_label): run for run in runs}

    def cell(layer: str, loss: str) -> Image.Image | str:
        run = made.get((layer, loss))
        if run:
            return run.folder.read_result()
        reasons = [f.reason for f in failures if f.labels.get("layers") == layer and f.labels.get("loss", loss) == loss]
        return reasons[0].split(";")[0] if reasons else "no run"

    inputs, missing = read_inputs(runs[:1])
    columns, table = beside(inputs, losses, [[cell(layer, loss) for loss in losses] for layer in layers])
    caption = f"{runs[0].budget}. {_absent(missing)}".rstrip(" .")
    return Figure.of_picture(name, caption, labelled_table(layers, columns, table))


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


def _blocks(chain: list[Run], failures: list[Failure], part: Part) -> Section:
    """Show blocks, each phi while the deepest tau falls, and both as a table (Early, Sian and Stonard)."""
    deepest, loss = chain[-1], chain[-1].config.loss_label
    missing = [
        f
        for f in failures
        if f.labels.get("layers", "").startswith(f"{deepest.label}+") and f.labels.get("loss", loss) == loss
    ]
    labels = [f"tau {len(run.layers)}: ... {run.layers[-1]}" for run in chain]
    cells: list[Image.Image | str | None] = [run.folder.read_result() for run in chain]
    for failure in missing:
        labels.append(f"... {failure.labels['layers'].split('+')[-1]}")
        cells.append(failure.reason.split(";")[0])
    columns, table_cells = beside(read_inputs(chain)[0], labels, [cells])
    suffix = f"-{loss}{part.suffix}"
    figures = [
        Figure.of_picture(
            f"blocks{suffix}",
            f"After Early, Sian and Stonard, figure 3: {deepest.budget}",
            labelled_table([""], columns, table_cells),
        )
    ]
    losses, initial = deepest.folder.read_losses(), deepest.description["initial"]
    series = {layer: _relative(losses[f"style/{layer}"]) for layer in deepest.layers if initial[f"style/{layer}"] > 0}
    if series:
        plot = line_plot(losses["iteration"], series, x_label="iteration", y_label="phi / its value at the start")
        caption = f"After Early, Sian and Stonard, figure 4: each layer's loss while tau {len(deepest.layers)} falls"
        figures.append(Figure.of_plot(f"phi{suffix}", caption, plot))
    rows = [[run.layers[-1], f"{initial[f'style/{run.layers[-1]}']:.5g}", f"{run.best_loss:.5g}"] for run in chain]
    rows += [[failure.labels["layers"].split("+")[-1], "-", failure.reason.split(";")[0]] for failure in missing]
    table = Table(["layer", f"initial phi for tau {len(deepest.layers)}", "final tau"], rows)
    text = (
        f"Style reconstructions ({loss}) of the first n layers together, as in Early, Sian and Stonard, "
        "and each layer's loss in the deepest."
    )
    return Section(f"Blocks{part.title}", text, figures, [table], [run.description["command"] for run in chain])


def _gallery(runs: list[Run]) -> list[Section]:
    """Show runs that no figure of layers or blocks holds, beside what they were made from."""
    if not runs:
        return []
    inputs, missing = read_inputs(runs)
    results = [run.folder.read_result() for run in runs]
    taken = [label for label, _ in inputs]
    labels = [f"result, {label}" if label in taken else label for label in captions(runs)]
    labels = [label.replace(", ", ",\n") for label in labels]
    sheet = contact_sheet([*as_large_as(results, inputs), *zip(labels, results, strict=True)])
    figure = Figure.of_picture("results", "What went in, and the best picture of each run", sheet)
    kinds = [
        ("style", any(not run.config.content_layers for run in runs)),
        ("content", any(not run.config.style_layers for run in runs)),
        ("transfer", any(run.config.is_transfer for run in runs)),
    ]
    title = " and ".join(kind for kind, there in kinds if there).capitalize()
    return [Section(title, _absent(missing), [figure], commands=[run.description["command"] for run in runs])]


def _absent(missing: list[str]) -> str:
    return f"No longer where they were, so not shown: {', '.join(missing)}." if missing else ""


def _relative(values: list[float]) -> list[float]:
    return [value / values[0] for value in values]
