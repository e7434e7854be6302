"""What the pages and logs of trainings, comparisons and blends say, for the recipes that show them."""

import re
from pathlib import Path
from typing import Any

from nstyle.comparison.gap import Interval
from nstyle.reports.folder import NUMBERS
from nstyle.reports.formats import FORMATS
from nstyle.reports.page import Figure
from nstyle.reports.plots import Plot
from nstyle.strict_json import parse_json
from nstyle.training.curves import CurveSet

LAST = 20
"""The number of last updates of a style whose mean is shown."""


def last_losses(curves: CurveSet) -> list[tuple[str, float, float]]:
    """Return for every style the means of its content and style losses over its last updates."""
    return [
        (name, float(curve.content[-LAST:].mean()), float(curve.style[-LAST:].mean()))
        for name, curve in curves.curves.items()
    ]


def report_of(folder: Path) -> dict[str, Any]:
    """Return the numbers of a finished report."""
    numbers: dict[str, Any] = parse_json((folder / NUMBERS).read_bytes())
    return numbers


def gaps_by_style(report: dict[str, Any], protocol: str, term: str) -> dict[str, Interval]:
    """Return the gap of every style of a comparison, and overall, in a term such as ``style`` under a protocol."""
    return {
        row["style"]: Interval(row["gap"], row["low"], row["high"])
        for row in report["gaps"]
        if (row["protocol"], row["term"]) == (protocol, term)
    }


def losses_by_style(report: dict[str, Any], network: str) -> dict[str, float]:
    """Return the mean style loss of every style of a comparison under a kind of network, such as ``n-style``."""
    return {
        row["style"]: row["mean"] for row in report["losses"] if (row["network"], row["term"]) == (network, "style")
    }


def figures_of(folder: Path, name: str, caption: str) -> list[Figure]:
    """Return a figure of a finished report, or its parts (``NAME-1``, ``NAME-2``); none if it has no such figure.

    A plot has all formats, a picture PNG only.
    """
    figures = []
    for png in sorted(path for path in folder.glob(f"{name}*.png") if re.fullmatch(rf"{name}(-\d+)?", path.stem)):
        svg, pdf = (png.with_suffix(f".{format}") for format in FORMATS[1:])
        plot = Plot(png.read_bytes(), svg.read_bytes(), pdf.read_bytes()) if svg.exists() else None
        figures.append(Figure(f"{folder.name}-{png.stem}", caption, png.read_bytes(), plot))
    return figures
