"""Turn the samples of the rounds into figures, and the figures into a table."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rows import Result, Row, Sample

PROJECTED = 40_000
"""The number of updates of a whole run, whose time is projected."""


@dataclass(frozen=True)
class Column:
    """One figure of the table."""

    key: str
    title: str
    digits: int = 2

    def format(self, value: float | None) -> str:
        """Format a figure: a small one with two significant digits, and None as an empty string."""
        if value is None:
            return ""
        return f"{value:.{self.digits}f}" if value == 0 or abs(value) >= 0.1**self.digits * 5 else f"{value:.2g}"


COLUMNS = (
    Column("seconds", "s", 3),
    Column("updates_per_second", "updates/s"),
    Column("images_per_second", "images/s"),
    Column("megapixels_per_second", "MP/s"),
    Column("speed_up", "x plain"),
    Column("peak_gb", "peak GB"),
    Column("percent_of_peak", "% of peak", 0),
    Column("file_seconds", "to file s"),
)
Figures = dict[str, Any]


def summarize(results: Sequence[Result]) -> list[Figures]:
    """Turn every row's samples into figures: medians of the rounds, and figures derived from them.

    A row that failed has no figures, and figures that depend on a failed row are left out.
    """
    seconds = {(result.row.subject, result.row.name): _median(result.samples, "seconds") for result in results}
    peaks = {
        result.row.dtype: result.row.flop / time
        for result in results
        if result.row.subject == "machine" and result.row.flop and (time := _median(result.samples, "seconds"))
    }
    demand = max((row.images / time for row, time in _times(results) if row.updates), default=None)
    return [_figures(result, seconds, peaks, demand) for result in results]


def _times(results: Sequence[Result]) -> list[tuple[Row, float]]:
    return [(result.row, time) for result in results if (time := _median(result.samples, "seconds"))]


def _median(samples: Sequence[Sample], name: str) -> float | None:
    values = [value for sample in samples if (value := getattr(sample, name)) is not None]
    return statistics.median(values) if values else None


def _figures(
    result: Result,
    seconds: dict[tuple[str, str], float | None],
    peaks: dict[torch.dtype | None, float],
    demand: float | None,
) -> Figures:
    row, samples = result.row, result.samples
    figures: Figures = {"subject": row.subject, "name": row.name, "rounds": [sample.seconds for sample in samples]}
    time = _median(samples, "seconds")
    if time is None:
        return figures | {"note": f"failed: {result.failure}"}
    figures["seconds"] = time
    rates = {
        "updates_per_second": row.updates,
        "images_per_second": row.images,
        "megapixels_per_second": row.pixels / 1e6,
    }
    figures |= {key: amount / time for key, amount in rates.items() if amount}
    if row.flop is not None:
        figures |= {"flop": row.flop, "gigaflop_per_second": row.flop / time / 1e9}
        peak = peaks.get(row.dtype) if row.dtype is not None else max(peaks.values(), default=None)
        if peak is not None:
            figures["percent_of_peak"] = 100 * row.flop / time / peak
    if row.rate:
        figures["percent_of_update"] = 100 * time * row.rate
    figures |= _against(row, time, seconds, demand)
    memory = _median(samples, "peak_bytes")
    figures["peak_gb"] = memory / 1e9 if memory is not None else None
    figures |= {key: _median(samples, key) for key in ("file_seconds", "over_one_style")}
    figures["note"] = "; ".join(_notes(row, figures, samples[-1].note))
    return figures


def _against(row: Row, time: float, seconds: dict[tuple[str, str], float | None], demand: float | None) -> Figures:
    against: Figures = {}
    if row.baseline and (baseline := seconds.get((row.subject, row.baseline))):
        against["speed_up"] = baseline / time
    if row.sibling and (sibling := seconds.get((row.subject, row.sibling))):
        against["over_sibling"] = sibling / time
    if row.feeds and demand:
        against["over_demand"] = row.images / time / demand
    return against


def _notes(row: Row, figures: Figures, note: str) -> list[str]:
    notes = [note] if note else []
    if row.flop is not None and not row.images:
        notes.append(f"{figures['gigaflop_per_second']:,.0f} GFLOP/s")
    if row.updates:
        notes.append(f"{PROJECTED:,} updates in {PROJECTED * figures['seconds'] / 3600:.1f} h")
    if row.rate:
        notes.append(
            f"{1000 * figures['seconds']:.2f} ms an update, {figures['percent_of_update']:.1f} % of one at "
            f"{row.rate:g} updates/s"
        )
    if figures["over_one_style"] is not None:
        notes.append(f"{figures['over_one_style']:.3f} x the time for n = 1, in turns")
    if "over_sibling" in figures:
        notes.append(f"{figures['over_sibling']:.1f} x the speed of '{row.sibling}'")
    if "over_demand" in figures:
        notes.append(f"{figures['over_demand']:.0f} x what the fastest update takes")
    return notes


def render(rows: Sequence[Figures]) -> str:
    """Align the figures in columns, with a line of space between subjects."""
    titles = ["", *(column.title for column in COLUMNS), ""]
    cells = [
        [figures["name"], *(column.format(figures.get(column.key)) for column in COLUMNS), figures["note"]]
        for figures in rows
    ]
    widths = [max(len(line[i]) for line in [titles, *cells]) for i in range(len(titles))]
    lines = [_line(titles, widths)]
    subject = ""
    for figures, line in zip(rows, cells, strict=True):
        if figures["subject"] != subject:
            subject = figures["subject"]
            lines += ["", subject]
        lines.append(_line(line, widths))
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = "  ".join(cell.rjust(width) for cell, width in zip(cells[1:-1], widths[1:-1], strict=True))
    return f"  {cells[0].ljust(widths[0])}  {numbers}  {cells[-1]}".rstrip()
