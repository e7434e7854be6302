"""The report on training runs: learning curves, Early, Sian and Stonard's figure 1, and runs drawn over each other."""

import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.errors import UsageError
from nstyle.reports.folder import check_folder, csv_text, write_folder
from nstyle.reports.formats import DEFAULT_FORMATS, check_formats
from nstyle.reports.names import shortest_names
from nstyle.reports.page import Figure, Section, Table, number
from nstyle.reports.plots import Line, Panel, Plot, panels_plot
from nstyle.training.curves import LAST, Curve, CurveSet, Values, read_curves, smooth

TITLE = "Learning curves"
TERMS = ("content", "style")
START = 200
"""A relative curve is divided by the mean of its first values, one in this many of the whole curve."""
MAX_POINTS = 2000
"""The largest number of points drawn per line. More points than pixels would only make the files large."""

MOST_ROWS = 4
"""The most rows of one figure, so that it and its legend fit a page."""


def write_report(
    runs: Sequence[str | Path], out: str | Path, command: str = "", formats: Sequence[str] = DEFAULT_FORMATS
) -> Path:
    """Write ``report.html``, its figures and numbers, and ``curves.csv`` with every loss of every update.

    Args:
        runs: The run directories, or CSV files in Early, Sian and Stonard's format.
        out: The folder of the report.
        command: The command that created the report.
        formats: The formats of the figures: ``png``, ``svg``, ``pdf``.

    Returns:
        The path of the page.

    Raises:
        UsageError: If a run is damaged or empty, or ``out`` is not a folder.
    """
    folder, formats = check_folder(out, TITLE), check_formats(formats)
    if not runs:
        raise UsageError("no runs given; expected run directories or CSV files of losses")
    paths = list(dict.fromkeys(Path(run) for run in runs))
    sets = {label: read_curves(path) for label, path in zip(_labels(paths), paths, strict=True)}
    sections = [_in_words(sets)]
    sections += [
        _one_run(label, curves, i if len(sets) > 1 else 0) for i, (label, curves) in enumerate(sets.items(), start=1)
    ]
    sections += _overlay(sets) if len(sets) > 1 else []
    columns, rows = _final_rows(sets)
    numbers = {
        "runs": {label: {"convention": curves.convention, **curves.facts} for label, curves in sets.items()},
        "final": [{name: _plain(value) for name, value in zip(columns, row, strict=True)} for row in rows],
    }
    raw = [
        (label, style, *values)
        for label, curves in sets.items()
        for style, curve in curves.curves.items()
        for values in zip(curve.update.tolist(), curve.content.tolist(), curve.style.tolist(), strict=True)
    ]
    tables = {
        "curves.csv": csv_text(["run", "style", "update", "content_loss", "style_loss"], raw),
        "final.csv": csv_text(columns, rows),
    }
    return write_folder(folder, TITLE, sections, numbers, tables, command, formats)


def curves_plot(curves: CurveSet) -> Plot:
    """Draw the content and style losses of every style of one run, as in Early, Sian and Stonard's figure 1."""
    return panels_plot(
        [
            Panel(
                {style: _line(curve, term) for style, curve in curves.curves.items()},
                "update",
                f"{term} loss, weighted",
            )
            for term in TERMS
        ]
    )


def shared_styles_figures(
    sets: dict[str, CurveSet], name: str, caption: str, *, per_style: bool = False
) -> list[Figure]:
    """Draw the styles that several runs share, one row each, with a line per run (Early, Sian and Stonard, figure 2).

    Args:
        sets: The learning curves by label.
        name: The name of the figure. Where it would be higher than a page there are several: ``NAME-1``, ``NAME-2``.
        caption: The caption of the figure.
        per_style: Whether to count only the updates of a run that trained the style, instead of all its updates.

    Returns:
        The figures; none if no two runs share a style.
    """
    names = list(dict.fromkeys(style for curves in sets.values() for style in curves.curves))
    shared = {
        style: {label: curves.curves[style] for label, curves in sets.items() if style in curves.curves}
        for style in names
    }
    shared = {style: by_run for style, by_run in shared.items() if len(by_run) > 1}
    x_label = "updates with this style" if per_style else "update"
    rows = [
        [
            Panel(
                {label: _line(curve, term, per_style=per_style) for label, curve in by_run.items()},
                x_label,
                f"{term} loss, weighted",
                style,
            )
            for term in TERMS
        ]
        for style, by_run in shared.items()
    ]
    most = math.ceil(len(rows) / math.ceil(len(rows) / MOST_ROWS)) if rows else 1
    plots = [panels_plot(list(chain(*rows[i : i + most]))) for i in range(0, len(rows), most)]
    return [
        Figure.of_plot(f"{name}-{part}", f"{caption}, {part} of {len(plots)}", plot)
        if len(plots) > 1
        else Figure.of_plot(name, caption, plot)
        for part, plot in enumerate(plots, start=1)
    ]


def _overlay(sets: dict[str, CurveSet]) -> list[Section]:
    """Draw several runs over each other: the mean over their styles, and each style that several share."""
    means = {label: curves.mean() for label, curves in sets.items()}
    panels = [
        Panel({label: _line(mean, term) for label, mean in means.items()}, "update", f"{term} loss, weighted")
        for term in TERMS
    ]
    figures = [Figure.of_plot("overlay", "All styles of a run together", panels_plot(panels))]
    text = ""
    if len({curves.convention for curves in sets.values()}) > 1:
        text = (
            "The runs follow different loss conventions, so that heights mean different things: only the shapes can "
            "be compared. The second figure divides each curve by its own start."
        )
        panels = [
            Panel(
                {label: _line(mean, term, relative=True) for label, mean in means.items()},
                "update",
                f"{term} loss / its start",
            )
            for term in TERMS
        ]
        figures.append(
            Figure.of_plot(
                "overlay-relative", "The same, each curve over the mean of its first half percent", panels_plot(panels)
            )
        )
    for per_style, name, caption in (
        (
            False,
            "overlay-styles",
            "Styles that several runs share, against all updates of a run (after Early, Sian and Stonard, figure 2)",
        ),
        (True, "overlay-per-style", "The same against the updates of a run that held the style"),
    ):
        figures += shared_styles_figures(sets, name, caption, per_style=per_style)
    return [Section("Runs over each other", text, figures)]


def _one_run(label: str, curves: CurveSet, position: int) -> Section:
    name = f"curves-{position}" if position else "curves"
    caption = "Content and style loss of every update (after Early, Sian and Stonard, figure 1)"
    text = (
        f"Loss convention: {curves.convention}. "
        + ", ".join(f"{fact} {value}" for fact, value in curves.facts.items())
        + "."
    )
    rows = [[style, *(number(curves.final(style, term)) for term in TERMS)] for style, curve in curves.curves.items()]
    table = Table(["style", *(f"{term} at the end" for term in TERMS)], rows)
    return Section(label, text, [Figure.of_plot(name, caption, curves_plot(curves))], [table])


def _in_words(sets: dict[str, CurveSet]) -> Section:
    sentences = []
    for label, curves in sets.items():
        finals = {style: curves.final(style, "style") for style, curve in curves.curves.items()}
        hardest, easiest = max(finals, key=finals.__getitem__), min(finals, key=finals.__getitem__)
        ends = f", highest for {hardest} ({number(finals[hardest])}), lowest for {easiest} ({number(finals[easiest])})"
        mean = number(float(np.mean(list(finals.values()))))
        text = f"{label}: after {curves.updates:,} updates the style loss is {mean}"
        sentences.append(f"{text}{ends if len(finals) > 1 else ''}.")
    meaning = (
        f"At the end means over the last {LAST} updates, if the styles take turns. These are losses of training "
        "batches, weighted as they enter the total, and smoothed over a fiftieth of each curve with the raw values "
        "behind it: every update sees other photographs, so single values scatter. They show whether and how a run "
        "learns. They do not show how a run does on photographs that it has not seen (its validation losses do, in "
        "its log), and a style with a higher loss is not painted worse for it: paintings differ in how far "
        "photographs are from them."
    )
    return Section("In words", "\n\n".join([*sentences, meaning]))


def _final_rows(sets: dict[str, CurveSet]) -> tuple[list[str], list[list[Any]]]:
    columns = [
        "run",
        "style",
        "updates of the run",
        "updates with the style",
        *(f"{term} at the end" for term in TERMS),
    ]
    rows = [
        [label, style, curves.updates, len(curve.update), *(curves.final(style, term) for term in TERMS)]
        for label, curves in sets.items()
        for style, curve in curves.curves.items()
    ]
    return columns, rows


def _line(curve: Curve, term: str, *, per_style: bool = False, relative: bool = False) -> Line:
    raw: Values = getattr(curve, term)
    smoothed = smooth(raw)
    if relative:
        start = raw[: max(1, len(raw) // START)].mean()
        raw, smoothed = raw / start, smoothed / start
    x = np.arange(1, len(raw) + 1) if per_style else curve.update
    step = -(-len(raw) // MAX_POINTS)
    return Line(x[::step], smoothed[::step], raw=raw[::step])


def _labels(paths: Sequence[Path]) -> list[str]:
    """Label each run by the shortest end of its path that no other run has."""
    resolved = [path.resolve() for path in paths]
    if len(set(resolved)) < len(resolved):
        raise UsageError("a run was given twice, under two names; give every run once")
    return list(shortest_names(resolved).values())


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
