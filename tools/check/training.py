"""Train for the remaining minutes: choose the number of updates that fits, and stop cleanly."""

import json
import re
import signal
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from check import process
from check.folder import write_text
from check.steps import BENCH, Asked, Outcome

RESERVE = 15.0
"""The seconds before the end at which a run is stopped, so that it can save."""
START = {True: 60.0, False: 10.0}
"""The seconds until the first update of a run: on a GPU, where it is compiled, and elsewhere."""
RESTART = {True: 30.0, False: 10.0}
"""The seconds that it takes to go on with another number of updates, with the compiled code already cached."""
MEASURED, FEWEST_MEASURED, MEASURED_SHARE = 300, 40, 0.1
"""The upper limit, the lower limit and the share of the run's updates by which the speed is measured, early in the
cycle of the learning rate."""
MOST_OF_BENCH = 0.85
"""The share of the bench's updates per second that is expected of a run, which also reads photographs, validates and
saves."""
TOLERANCE = 0.12
"""The largest relative error of the number of updates; beyond it, a run goes on with another number."""
STOPPED = 128 + signal.SIGTERM
"""The exit status of a run that saved and ended. While it compiles its first update, SIGTERM has to wait, and SIGKILL
follows after a minute."""
FEWEST = 20.0
"""The fewest seconds for which it is worth starting."""
GUESS = 5.0
"""The expected updates per second if the bench was not run."""
COMPARED_UPDATES = 10_000
QUICK = ("--size", "64", "--batch-size", "2", "--width", "0.25", "--updates", "20")
CHOSEN = "training-chosen.txt"
"""The file in the folder of the check that records the choices and their reasons, one per line."""


class Training:
    """The last step.

    Args:
        asked: The settings of the check.
        compare: Whether to compare one network of n styles with n networks of one style instead.
    """

    def __init__(self, asked: Asked, *, compare: bool = False) -> None:
        self.asked, self._compares = asked, compare
        self.out = asked.out / ("comparison" if compare else "run")
        self.log = asked.out / ("compare.log" if compare else "training.log")
        self.end = asked.deadline - RESERVE
        self.extra = [*(QUICK if asked.quick else ()), *asked.extra]
        self._guessed: int | None = None
        """The number of updates that was chosen by the expected speed."""
        self._instead: int | None = None
        """The number of updates to go on with, once the measured speed turns out not to fit."""

    def run(self) -> Outcome:
        """Train until the updates are done or the time is up."""
        if not self.asked.quick and self.end - time.monotonic() < FEWEST:
            return "unfinished", "no minutes were left: call again with the same --out", []
        command = self._compare() if self._compares else self._train()
        status = self._call(command)
        if self._instead is not None and status == STOPPED:
            command = self._resume(self._instead)
            status = self._call(command)
        if status == 0:
            return "done", self._says(), command
        if status in (STOPPED, -signal.SIGTERM, -signal.SIGKILL):
            return "unfinished", f"stopped in time; call again to go on; {self._says()}".removesuffix("; "), command
        return "failed", process.last_words(self.log), command

    def _call(self, command: list[str]) -> int:
        return process.run(command, self.log, self.asked.root, self._stops)

    def _stops(self) -> bool:
        """Tell whether to stop the run, either for good or to go on with a number of updates that fits the speed."""
        if not self.asked.quick and time.monotonic() >= self.end:
            return True
        if self._guessed is None or (rate := speed(self.out, self._guessed)) is None:
            return False
        guessed, self._guessed = self._guessed, None
        done, left = int(last_line(self.out)["update"]), self.end - time.monotonic()
        if abs(done + rate * left - guessed) <= TOLERANCE * guessed:
            self._note(f"{rate:.2f} updates/s were measured: {guessed} updates it stays")
            return False
        self._instead = done + max(1, int(0.97 * rate * (left - RESTART[self.asked.on_gpu])))
        self._note(f"{rate:.2f} updates/s were measured: {self._instead} updates instead")
        return True

    def _train(self) -> list[str]:
        if (self.out / "model.safetensors").exists():
            return self._resume(int(option(self.asked.extra, "--updates") or 0) or None)
        updates = option(self.extra, "--updates")
        if updates is None:
            rate = self._expected()
            self._guessed = max(1, int(rate * (self.end - time.monotonic() - START[self.asked.on_gpu])))
            updates = str(self._guessed)
            self._note(f"{rate:.2f} updates/s are expected: {updates} updates in one cycle")
        return [
            "-m",
            "nstyle",
            "train",
            *self._common(),
            "--updates",
            updates,
            "--lr-schedule",
            "one-cycle",
            *self.extra,
        ]

    def _resume(self, updates: int | None) -> list[str]:
        where = [
            "--resume",
            "--out",
            str(self.out),
            "--content",
            str(self._photos()),
            "--vgg",
            self.asked.vgg,
            "--device",
            self.asked.device,
        ]
        return ["-m", "nstyle", "train", *where, *(["--updates", str(updates)] if updates else [])]

    def _compare(self) -> list[str]:
        return ["-m", "nstyle", "compare", *self._common(), "--updates", str(COMPARED_UPDATES), *self.extra]

    def _common(self) -> list[str]:
        asked = self.asked
        where = ["--out", str(self.out), "--content", str(self._photos()), "--vgg", asked.vgg, "--device", asked.device]
        return ["--styles", *asked.styles, *where]

    def _photos(self) -> Path:
        """Return the folder of photographs, with scikit-image's if none is given."""
        if self.asked.content is not None:
            return self.asked.content
        folder = self.asked.out / "photographs"
        if not folder.exists():
            from skimage import data, io

            folder.mkdir()
            for name in ("astronaut", "chelsea", "coffee", "rocket"):
                io.imsave(folder / f"{name}.jpg", getattr(data, name)())
        return folder

    def _expected(self) -> float:
        """Estimate the updates per second of the run from the bench."""
        batch, size = (int(option(self.extra, name) or usual) for name, usual in (("--batch-size", 4), ("--size", 256)))
        preset = option(self.extra, "--preset") or "relative"
        seconds = bench_seconds(self.asked.out / BENCH, preset, batch, size, on_gpu=self.asked.on_gpu)
        return GUESS if seconds is None else MOST_OF_BENCH / seconds

    def _note(self, text: str) -> None:
        path = self.asked.out / CHOSEN
        write_text(path, f"{path.read_text(encoding='utf-8') if path.exists() else ''}{text}\n")
        print(f"[gpu_check] {text}", flush=True)

    def _says(self) -> str:
        return "" if self._compares else f"{last_line(self.out).get('update', 0)} updates"


def option(arguments: Sequence[str], name: str) -> str | None:
    """Return the last value of an option in the arguments, or None if it is not given."""
    given = [after for before, after in pairwise(arguments) if before == name]
    given += [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{name}=")]
    return given[-1] if given else None


def bench_seconds(path: Path, preset: str, batch: int, size: int, *, on_gpu: bool) -> float | None:
    """Estimate the seconds of an update from the fastest rows of the bench: linear in the batch size and proportional
    to the pixels."""
    if not path.exists():
        return None
    report = json.loads(path.read_text(encoding="utf-8"))
    fastest: dict[int, float] = {}
    for row in report["rows"]:
        found = re.fullmatch(r"(\S+), bf16 (eager|compiled|captured), n = \d+(?:, batch (\d+))?", row["name"])
        if found and found[1] == preset and row.get("seconds") and (on_gpu or found[2] == "eager"):
            rows_batch = int(found[3] or report["batch"])
            fastest[rows_batch] = min(row["seconds"], fastest.get(rows_batch, float("inf")))
    if not fastest:
        return None if preset == "relative" else bench_seconds(path, "relative", batch, size, on_gpu=on_gpu)
    small, large = min(fastest), max(fastest)
    slope = (fastest[large] - fastest[small]) / (large - small) if large > small else fastest[small] / small
    return float(max(fastest[small] + slope * (batch - small), 0.25 * fastest[small]) * (size / report["crop"]) ** 2)


def lines(run: Path) -> list[dict[str, Any]]:
    """Read the log of a run without a line that is still being written."""
    path = run / "metrics.jsonl"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def last_line(run: Path) -> dict[str, Any]:
    """Return the last line of the log of a run, or an empty dict."""
    read = lines(run)
    return read[-1] if read else {}


def speed(run: Path, updates: int) -> float | None:
    """Return the updates per second over the last two thirds of the updates done so far by a run of ``updates``
    updates, or None if there are too few."""
    done = [line for line in lines(run) if "losses" in line]
    if len(done) < max(FEWEST_MEASURED, min(MEASURED, int(MEASURED_SHARE * updates))):
        return None
    first, last = done[len(done) // 3], done[-1]
    return float((last["update"] - first["update"]) / max(last["seconds"] - first["seconds"], 1e-3))
