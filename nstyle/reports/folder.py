"""The folder of a report: the page, its figures and numbers, and how it was made. A new report replaces it."""

import csv
import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from nstyle.errors import UsageError
from nstyle.reports.formats import DEFAULT_FORMATS, Format
from nstyle.reports.latex import latex_table
from nstyle.reports.page import Section, named_tables, render
from nstyle.strict_json import parse_json
from nstyle.system.files import write_atomically
from nstyle.system.output_folders import output_folder
from nstyle.version import __version__

PAGE = "report.html"
NUMBERS = "report.json"
SUFFIXES = (".html", ".png", ".jpeg", ".svg", ".pdf", ".csv", ".tex")
"""The files that a new report may remove."""
CPU_INFO = Path("/proc/cpuinfo")


def check_folder(out: str | Path, title: str) -> Path:
    """Check, before the work is done, that a report may be written to a folder.

    Args:
        out: The folder.
        title: The title of the report. A report with another title is not overwritten.

    Raises:
        UsageError: If ``out`` is a file, or holds another kind of report.
    """
    path = output_folder(out, "report")
    there = _previous(path).get("report", title)
    if there != title:
        raise UsageError(f"{path} holds a report '{there}', which '{title}' would overwrite; choose another `out`")
    return path


def write_folder(
    out: Path,
    title: str,
    sections: Sequence[Section],
    numbers: Mapping[str, Any],
    tables: Mapping[str, str],
    command: str,
    formats: Sequence[Format] = DEFAULT_FORMATS,
) -> Path:
    """Write ``report.html``, ``report.json``, figures, and tables as CSV and LaTeX, each atomically.

    The tables of the page are named after their sections, such as ``table-all-runs.tex``.

    Files of an earlier report that this one does not have are removed.

    Args:
        out: The folder, which was checked with :func:`check_folder`.
        title: The title of the page.
        sections: The contents of the page.
        numbers: The contents of ``report.json``, as values for JSON. Command, versions and machine are added.
        tables: CSV text by file name.
        command: The command that made the report. Empty for a call from Python.
        formats: The formats of the figures, from :func:`check_formats`. Pictures have no SVG.

    Returns:
        The page.

    Raises:
        NstyleError: If a file cannot be written.
    """
    machine = describe_machine()
    files = {name: encoded(text) for name, text in tables.items()}
    for figure in (figure for section in sections for figure in section.figures):
        files |= figure.files(formats)
    of_tables = [
        {f"{name}.csv": encoded(csv_text(table.columns, table.rows)), f"{name}.tex": encoded(latex_table(table))}
        for name, table in named_tables(sections).items()
    ]
    how = Section(
        "How this was made",
        ", ".join(f"{name} {value}" for name, value in machine.items())
        + f".\n\nBeside this page: {', '.join([*tables, NUMBERS])}.",
        commands=[command] if command else [],
    )
    files[PAGE] = encoded(render(title, [*sections, how], f"nstyle {__version__}", of_tables))
    files |= {name: data for table in of_tables for name, data in table.items()}
    stale = _files_of(_previous(out)) - set(files)
    for name, data in files.items():
        write_atomically(out / name, data)
    made = {"command": command or "a call from Python", **machine}
    summary = {"report": title, **numbers, "made": made, "files": sorted(files)}
    write_atomically(out / NUMBERS, json.dumps(summary, indent=2, allow_nan=False).encode())
    for name in stale:
        (out / name).unlink(missing_ok=True)
    return out / PAGE


def encoded(text: str) -> bytes:
    """Encode a page or a table. Bytes in the names of files that are no UTF-8 are escaped."""
    return text.encode(errors="backslashreplace")


def _previous(out: Path) -> dict[str, Any]:
    """Read ``report.json`` of an earlier report. Return an empty dictionary if there is no such report."""
    try:
        found = parse_json((out / NUMBERS).read_bytes())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _files_of(report: Mapping[str, Any]) -> set[str]:
    """Return the files of an earlier report that may be removed: its list is believed only for names of such files."""
    listed = report.get("files")
    names = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    return {name for name in names if Path(name).name == name and Path(name).suffix in SUFFIXES}


def describe_machine() -> dict[str, str]:
    """Return the versions of the software, and the system, processor and GPU of the machine."""
    machine = {
        "nstyle": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
    }
    return machine | ({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {})


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table as CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue()


def _processor() -> str:
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
