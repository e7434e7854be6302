"""The steps of a check: what each runs, and how it reports its success."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from check import process
from check.folder import State

Outcome = tuple[State, str, list[str]]
"""The state of a step, a short note, and its command."""
BENCH, PROFILE = "bench-rows.json", "profile-kernels.json"
"""The files of figures in the folder of the check."""
BENCH_SHARE = 0.5
"""The bench's share of the remaining time; every compiled row takes a minute."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The settings of a check."""

    root: Path
    """The checkout."""
    out: Path
    device: str
    deadline: float
    """The end of the check on the clock of :func:`time.monotonic`."""
    content: Path | None
    styles: tuple[str, ...]
    vgg: str
    quick: bool
    extra: tuple[str, ...]
    """Additional arguments for ``nstyle train``."""

    @property
    def on_gpu(self) -> bool:
        """Tell whether a GPU is checked."""
        return self.device.startswith("cuda")


def tests(asked: Asked) -> Outcome:
    """Run the tests that need a GPU."""
    return _pytest(asked, "tests", [path for path in _files(asked, "tests/gpu") if path != WAYS])


def checks(asked: Asked) -> Outcome:
    """Compare compiled and captured updates with eager ones."""
    compiled = [] if asked.quick else _files(asked, "tests/integration/test_compiled.py")
    return _pytest(asked, "checks", [WAYS, *compiled])


WAYS = "tests/gpu/test_ways.py"


def _files(asked: Asked, where: str) -> list[str]:
    path = asked.root / where
    found = sorted(path.glob("test_*.py")) if path.is_dir() else [path] if path.exists() else []
    return [str(file.relative_to(asked.root)) for file in found]


def _pytest(asked: Asked, name: str, files: list[str]) -> Outcome:
    command = ["-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider", "-m", "slow or not slow", *files]
    hidden = {} if asked.on_gpu else {"CUDA_VISIBLE_DEVICES": ""}
    status = process.run(command, asked.out / f"{name}.log", asked.root, **hidden)
    text = (asked.out / f"{name}.log").read_text(encoding="utf-8", errors="replace").rpartition("\n$ ")[2]
    counts = re.findall(r"^=*\s*((?:\d+ \w+,? ?)+) in [\d.]+s", text, re.MULTILINE)
    note = counts[-1] if counts else f"exit status {status}"
    if asked.on_gpu and "passed" not in note:
        return "failed", f"{note}: nothing was tested", command
    return "done" if status == 0 else "failed", note, command


def bench(asked: Asked) -> Outcome:
    """Time the log, painting and training, with the plain recipe for comparison, within a share of the time."""
    minutes = max(1.0, BENCH_SHARE * (asked.deadline - time.monotonic()) / 60)
    command = [
        "tools/bench",
        "--device",
        asked.device,
        "--only",
        "train,paint,log",
        "--rounds",
        "1",
        "--minutes",
        f"{minutes:.1f}",
    ]
    command += ["--json", str(asked.out / BENCH), "--resume", str(asked.out / "bench-samples.jsonl")]
    command += ["--quick", "--crop", "64", "--sizes", "128x96"] if asked.quick else []
    status = process.run(command, asked.out / "bench.log", asked.root)
    if status == 0:
        return "done", "", command
    rows = (
        json.loads((asked.out / BENCH).read_text(encoding="utf-8"))["rows"]
        if status == 1 and (asked.out / BENCH).exists()
        else []
    )
    failed = [row["note"] for row in rows if row["note"].startswith("failed")]
    late = sum("time was up" in note for note in failed)
    if failed and late == len(failed):
        return "unfinished", f"{late} rows were not measured in {minutes:.1f} minutes; call again to go on", command
    return "failed", f"{len(failed) - late} rows failed, {late} were not measured; see bench.log", command


def profile(asked: Asked) -> Outcome:
    """Profile an update, kernel by kernel."""
    command = ["tools/bench/profile_update.py", "--device", asked.device, "--json", str(asked.out / PROFILE)]
    command += ["--crop", "64"] if asked.quick else []
    status = process.run(command, asked.out / "profile.log", asked.root)
    return (
        "done" if status == 0 else "failed",
        "" if status == 0 else process.last_words(asked.out / "profile.log"),
        command,
    )


def training(asked: Asked) -> Outcome:
    """Train for the remaining minutes."""
    from check.training import Training

    return Training(asked).run()


def compare(asked: Asked) -> Outcome:
    """Train one network of n styles and n networks of one style, and compare them."""
    from check.training import Training

    return Training(asked, compare=True).run()


STEPS: dict[str, Callable[[Asked], Outcome]] = {
    "tests": tests,
    "checks": checks,
    "bench": bench,
    "profile": profile,
    "training": training,
    "compare": compare,
}
