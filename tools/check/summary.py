"""Write ``summary.md``: the machine, the outcomes of the steps, and the figures."""

import json
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from check.folder import Folder, write_text
from check.steps import BENCH, PROFILE, STEPS, Asked
from check.training import CHOSEN, lines

KERNELS = 8
"""The number of kernels of a profile that are shown; the others are in its log."""


def write_summary(folder: Folder, asked: Asked) -> Path:
    """Write the summary again from the files in the folder."""
    run = folder.path / "run"
    text = [
        f"# nstyle on {machine()}",
        "",
        f"{time.strftime('%Y-%m-%d %H:%M')}, device {asked.device}{', a quick rehearsal' * asked.quick}",
    ]
    text += ["", "| step | | s | |", "|---|---|---|---|"]
    for name in STEPS:
        record = folder.read(name)
        if name == "compare" and record.state == "missing":
            continue
        state = record.state if record.state in ("done", "missing") else f"**{record.state}**"
        text.append(f"| {name} | {state} | {record.seconds:.0f} | {record.note.replace('|', ' ')} |")
    for part in (
        _bench(folder.path / BENCH),
        _profile(folder.path / PROFILE),
        _training(run, folder.path / CHOSEN),
        _compare(folder.path),
    ):
        text += list(part)
    path = folder.path / "summary.md"
    write_text(path, "\n".join(text) + "\n")
    return path


def machine() -> str:
    """Return the names of the GPU and its driver, and the versions of the software."""
    import torch

    parts = [platform.machine()]
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        found = subprocess.run(query, capture_output=True, text=True, check=False)
        if found.returncode == 0 and found.stdout.strip():
            name, _, driver = found.stdout.splitlines()[0].partition(", ")
            parts = [name, f"driver {driver}"]
    return ", ".join(
        [*parts, f"torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}, Python {platform.python_version()}"]
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _bench(path: Path) -> Iterator[str]:
    report = _read(path)
    if report is None:
        return
    yield from (
        "",
        "## Speed",
        "",
        f"`{report['command']}`; crops of {report['crop']} px, batch {report['batch']} where no other is named",
    )
    subject = ""
    for row in report["rows"]:
        if row["subject"] != subject:
            subject = row["subject"]
            yield from (
                "",
                f"| {subject} | ms | x plain | MP/s | % of peak | peak GB | |",
                "|---|---|---|---|---|---|---|",
            )
        milliseconds = 1000 * row["seconds"] if "seconds" in row else None
        figures = (
            milliseconds,
            *(row.get(key) for key in ("speed_up", "megapixels_per_second", "percent_of_peak", "peak_gb")),
        )
        cells = ["" if value is None else f"{value:.3g}" if value < 100 else f"{value:,.0f}" for value in figures]
        yield f"| {row['name']} | {' | '.join(cells)} | {row['note']} |"


def _profile(path: Path) -> Iterator[str]:
    for profile in _read(path) or []:
        yield from ("", f"## Profile: {profile['sentence']}", "", "| kernels | ms | calls |", "|---|---|---|")
        for group, (milliseconds, calls) in profile["groups"].items():
            yield f"| {group} | {milliseconds:.2f} | {calls:.0f} |"
        yield from ("", "| the longest | ms | calls |", "|---|---|---|")
        for kernel in profile["kernels"][:KERNELS]:
            yield f"| `{kernel['name'][:90]}` | {kernel['milliseconds']:.2f} | {kernel['calls']:.0f} |"


def _training(run: Path, chosen: Path) -> Iterator[str]:
    read = lines(run)
    updates = [line for line in read if "losses" in line]
    if not updates:
        return
    yield from ("", "## Training", "")
    if chosen.exists():
        yield from (f"- {line}" for line in chosen.read_text(encoding="utf-8").splitlines())
    half = updates[len(updates) // 2 :]
    seconds = half[-1]["seconds"] - half[0]["seconds"]
    rate = f", {(len(half) - 1) / seconds:.1f} updates/s in its second half" if seconds > 0 else ""
    yield f"- {updates[-1]['update']} updates in {updates[-1]['seconds']:.0f} s{rate}"
    judged = [line for line in read if "validation" in line]
    if judged:
        terms = {
            name: [losses[name] for losses in judged[-1]["validation"].values()]
            for name in ("total", "content", "style")
        }
        means = ", ".join(f"{name} {sum(values) / len(values):.4g}" for name, values in terms.items())
        yield f"- Validation at update {judged[-1]['update']}, mean of {len(judged[-1]['validation'])} styles: {means}"
    yield f"- The model: `{run / 'model.safetensors'}`, its grids: `{run / 'samples'}`"


def _compare(path: Path) -> Iterator[str]:
    page = path / "comparison" / "report.html"
    if page.exists():
        yield from ("", "## n styles against one", "", f"The report: `{page}`")
