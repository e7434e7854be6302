"""Reading of ``metrics.jsonl``, the log of a run, and its truncation to the last checkpoint when the run is resumed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.errors import UsageError
from nstyle.system.files import write_atomically

FLUSH_EVERY = 20
"""The number of updates whose losses are fetched and written together. Speeds are measured over as many updates,
because a GPU executes updates later than they are launched."""


@dataclass(frozen=True)
class RunLog:
    """The lines of a run's log, in order."""

    updates: tuple[dict[str, Any], ...]
    """One per update: ``update``, ``seconds``, ``lr``, ``total`` and ``losses`` by style and term."""
    validations: tuple[dict[str, Any], ...]
    """One per checkpoint: ``update``, ``seconds``, ``peak_memory`` and ``validation`` by style and term."""

    @classmethod
    def read(cls, path: Path) -> "RunLog":
        """Read a log. The last line may be incomplete if the run is still going on or was killed.

        Raises:
            UsageError: If the file is missing, holds no update yet, or a line before the last is damaged.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read ({type(error).__name__}); expected the log of a run") from error
        updates: list[dict[str, Any]] = []
        validations: list[dict[str, Any]] = []
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                kind = "validation" if "validation" in row else "losses"
                row["update"], row[kind].items()
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                if number == len(lines):
                    break
                raise UsageError(
                    f"line {number} of {path} is damaged ({type(error).__name__}); remove it, or give another run"
                ) from error
            (validations if kind == "validation" else updates).append(row)
        if not updates:
            raise UsageError(f"{path} holds no update yet; give the run time, or another run")
        return cls(tuple(updates), tuple(validations))

    @property
    def seconds(self) -> float | None:
        """The wall-clock time of the run so far with all resumptions; None if a part of the log lacks it."""
        rows = (*self.updates, *self.validations)
        return max(row["seconds"] for row in rows) if all("seconds" in row for row in rows) else None

    @property
    def updates_per_second(self) -> float | None:
        """The median speed over stretches of 20 updates, which excludes compilation and checkpoints; None if it is
        unknown."""
        times = [row["seconds"] for row in self.updates[FLUSH_EVERY - 1 :: FLUSH_EVERY] if "seconds" in row]
        steps = np.diff(times)
        return float(FLUSH_EVERY / np.median(steps)) if len(steps) and np.median(steps) > 0 else None

    @property
    def peak_memory(self) -> int | None:
        """The peak memory of training in bytes; see :func:`nstyle.system.memory.peak_memory`."""
        return max((row["peak_memory"] for row in self.validations if row.get("peak_memory")), default=None)


def cut_log(path: Path, update: int) -> None:
    """Drop the lines after ``update``, which are computed again, and the incomplete last line of a killed run."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["update"] <= update:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            continue
    write_atomically(path, "".join(f"{line}\n" for line in kept).encode())


def seconds_so_far(path: Path) -> float:
    """Return the seconds in the last line of a resumed run's log, which holds complete lines only."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return float(json.loads(lines[-1]).get("seconds", 0.0)) if lines else 0.0
