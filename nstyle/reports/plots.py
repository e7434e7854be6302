"""Plots for reports, in colours that colour-blind readers can distinguish (Okabe and Ito 2008)."""

import functools
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = (
    "-", "--", "-.", ":", (0, (8, 2)), (0, (5, 1, 1, 1, 1, 1)), (0, (2, 2, 1, 2)),
)  # fmt: skip
MARKERS = ("", "o", "s")
"""On lines that repeat a colour and its dash, so that lines differ in grey too."""
MARK_EVERY = 0.15
"""The way from one marker to the next, as a part of the panel's diagonal."""
COLUMN = 3.3
"""The width of one panel alone, in inches: a column of text."""
PANEL, PANELS = (2.3, 1.9), 2
"""Width and height of one of several panels, in inches, and how many stand side by side: a page, or a column if they
are shrunk to letters of 5.7 pt."""
POINTS = 8.0
"""The size of letters, as in print."""
LEGEND_ROW, LEGEND_LETTER, LEGEND_HANDLE = 0.17, 0.065, 0.64
"""The height of a row of a legend, and the widths of a letter and of the line before a label, in inches."""
HANDLE_LETTERS = 2.8
"""The length of the line before a label, in sizes of letters: long enough for every dash."""
TITLE_LETTERS = 27
"""The letters on a line above one panel; longer titles are broken, so that none runs into the next one."""
DPI = 200
LOG_RANGE = 20.0
"""Positive values that span more than this factor are drawn on a logarithmic axis."""
FEW_DECADES = 100.0
"""Values that span less than this factor have labels between the powers of ten too."""
FAINT = 0.2
"""Opacity of raw values and of spreads."""


@dataclass(frozen=True)
class Plot:
    """A plot in all formats."""

    png: bytes
    svg: bytes
    pdf: bytes


@dataclass(frozen=True)
class Line:
    """A line of a panel."""

    x: npt.NDArray[Any]
    y: npt.NDArray[np.float64]
    raw: npt.NDArray[np.float64] | None = None
    """The values before smoothing, which are drawn faintly."""
    spread: npt.NDArray[np.float64] | None = None
    """The half-width of a band that is drawn around ``y``."""

    @classmethod
    def of(cls, x: Sequence[float], y: Sequence[float]) -> "Line":
        """Return the line through points."""
        return cls(np.asarray(x), np.asarray(y))


@dataclass(frozen=True)
class Panel:
    """A pair of axes with lines by label."""

    lines: Mapping[str, Line]
    x_label: str
    y_label: str
    title: str = ""
    linear: bool = False
    """Whether the y axis is linear even if values span decades."""


def _in_print(draw: Callable[P, Plot]) -> Callable[P, Plot]:
    """Let a function draw with letters and lines of the size of print."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Plot:
        import matplotlib as mpl

        with mpl.rc_context({"font.size": POINTS, "axes.linewidth": 0.6, "lines.linewidth": 1.2}):
            return draw(*args, **kwargs)

    return drawn


def line_plot(x: Sequence[float], series: Mapping[str, Sequence[float]], *, x_label: str, y_label: str) -> Plot:
    """Plot series over one axis.

    Args:
        x: The x values, which all series share.
        series: The y values by label, each as long as ``x``.
        x_label: The label of the x axis, with a unit if there is one.
        y_label: The label of the y axis.
    """
    lines = {label: Line.of(x, values) for label, values in series.items()}
    return panels_plot([Panel(lines, x_label, y_label)])


@_in_print
def panels_plot(panels: Sequence[Panel]) -> Plot:
    """Draw panels in a grid with a common legend below. A label has the same look in all panels."""
    labels = list(dict.fromkeys(label for panel in panels for label in panel.lines))
    columns = min(PANELS, len(panels))
    rows = -(-len(panels) // columns)
    width = PANEL[0] * columns if columns > 1 else COLUMN
    legend_columns = max(1, int(width / (LEGEND_LETTER * max(map(len, labels)) + LEGEND_HANDLE)))
    legend_rows = -(-len(labels) // legend_columns) if len(labels) > 1 else 0
    figure = _new_figure((width, PANEL[1] * rows + LEGEND_ROW * legend_rows))
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, panel in zip(grid, panels, strict=False):
        for label, line in panel.lines.items():
            _draw(axes, line, label, look(labels.index(label)))
        if not panel.linear:
            _choose_scale(axes, [line.y for line in panel.lines.values()])
        axes.set_title(textwrap.fill(panel.title, TITLE_LETTERS), loc="left", fontsize="medium")
        axes.set_xlabel(panel.x_label)
        axes.set_ylabel(panel.y_label)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    handles = dict(pair[::-1] for axes in grid for pair in zip(*axes.get_legend_handles_labels(), strict=True))
    if len(labels) > 1:
        figure.legend(
            handles.values(),
            handles,
            loc="outside lower center",
            ncols=legend_columns,
            frameon=False,
            handlelength=HANDLE_LETTERS,
        )
    return _save(figure)


@_in_print
def interval_plot(
    rows: Sequence[str], series: Mapping[str, Sequence[Sequence[tuple[float, float, float]]]], titles: Sequence[str]
) -> Plot:
    """Draw relative gaps in percent with their intervals, one row per label, around a line at 0.

    Args:
        rows: The labels of the rows, from top to bottom.
        series: For each label, panel and row the gap and both ends of its interval, such as 0.05 for 5 %.
        titles: The titles of the panels.
    """
    figure = _new_figure((0.8 + 1.9 * len(titles), 1.1 + 0.3 * len(rows)))
    grid = figure.subplots(1, len(titles), squeeze=False, sharey=True).flatten()
    for column, (axes, title) in enumerate(zip(grid, titles, strict=True)):
        axes.axvline(0, color="#888888", linewidth=0.8)
        for i, (label, panels) in enumerate(series.items()):
            gap, low, high = 100 * np.asarray(panels[column]).T
            offset = (i - (len(series) - 1) / 2) * 0.28
            y = np.arange(len(rows)) + offset
            errors = np.clip([gap - low, high - gap], 0, None)
            axes.errorbar(gap, y, xerr=errors, fmt="os^D"[i % 4], color=COLORS[i], label=label, capsize=2, markersize=4)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_title(title, loc="left", fontsize="medium")
        axes.set_xlabel("n-style over single, %")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    grid[0].invert_yaxis()
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=1, frameon=False)
    return _save(figure)


def _new_figure(size: tuple[float, float]) -> "Figure":
    """Return an empty figure of a width and height in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=size, dpi=DPI, layout="constrained")


def _save(figure: "Figure") -> Plot:
    """Render a figure as PNG, and as SVG and PDF in which text stays text. The same figure gives the same bytes."""
    import matplotlib as mpl

    png, svg, pdf = io.BytesIO(), io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png")
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nstyle", "pdf.fonttype": 42}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
        figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})
    return Plot(png.getvalue(), svg.getvalue(), pdf.getvalue())


def look(i: int) -> dict[str, Any]:
    """Return colour, dash and marker of the i-th line, by Matplotlib's names."""
    rounds, place = divmod(i, len(DASHES))
    return {"color": COLORS[place % len(COLORS)], "linestyle": DASHES[place], "marker": MARKERS[rounds % len(MARKERS)]}


def _draw(axes: "Axes", line: Line, label: str, style: Mapping[str, Any]) -> None:
    color = style["color"]
    if line.raw is not None:
        axes.plot(line.x, line.raw, color=color, linewidth=0.5, alpha=FAINT)
    if line.spread is not None:
        axes.fill_between(line.x, line.y - line.spread, line.y + line.spread, color=color, alpha=FAINT, linewidth=0)
    axes.plot(line.x, line.y, label=label, linewidth=1.2, markersize=3, markevery=MARK_EVERY, **style)


def _choose_scale(axes: "Axes", values: Sequence[npt.NDArray[np.float64]]) -> None:
    """Make the y axis logarithmic if values span decades, with labels at 1, 2 and 5 if they span only a few."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    low = min((float(np.min(value)) for value in values), default=0.0)
    high = max((float(np.max(value)) for value in values), default=0.0)
    if low <= 0 or high / low <= LOG_RANGE:
        return
    axes.set_yscale("log")
    if high / low < FEW_DECADES:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_formatter(NullFormatter())
