"""Reading of ``metrics.jsonl``, the log of a run, and its truncation to the last checkpoint when the run is resumed.

Lines that are damaged are left out, and a warning says which.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.errors import UsageError
from nstyle.models.style_names import check_style_names
from nstyle.settings import is_finite
from nstyle.strict_json import parse_json
from nstyle.system.files import write_atomically

logger = logging.getLogger(__name__)

FLUSH_EVERY = 20
"""The number of updates whose losses are fetched and written together. Speeds are measured over as many updates,
because a GPU executes updates later than they are launched."""

MOST_NAMED = 5
"""The number of damaged lines that a warning names."""
MOST_UPDATES = 2**53
"""The largest number of an update; beyond it JSON has no whole numbers."""


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
            UsageError: If the file is missing, or holds no update yet.
        """
        try:
            rows = [row for _, row in sound_lines(path)]
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({type(error).__name__}); expected the log of a run") from error
        updates, validations = ([row for row in rows if kind in row] for kind in ("losses", "validation"))
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


def sound_lines(path: Path) -> list[tuple[bytes, dict[str, Any]]]:
    """Read the lines of a log that are as a run writes them, with their values, and warn of others.

    The incomplete last line of a run that goes on or was killed is left out without a warning.

    Raises:
        OSError: If the file cannot be read.
    """
    lines = path.read_bytes().split(b"\n")
    sound, broken = [], []
    for number, line in enumerate(lines, start=1):
        row = _parsed(line)
        if row is not None:
            sound.append((line, row))
        elif line.strip() and number < len(lines):
            broken.append(number)
    if broken:
        more = f" and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
        named = f"line{'s' if len(broken) > 1 else ''} {', '.join(map(str, broken[:MOST_NAMED]))}{more}"
        logger.warning("%s: %s cannot be read and %s left out", path, named, "are" if len(broken) > 1 else "is")
    return sound


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the values of a line, or None if a run would not have written it."""
    try:
        row = parse_json(line)
        if (
            not isinstance(row, dict)
            or not _is_number(row.get("update"), int)
            or not 1 <= row["update"] <= MOST_UPDATES
        ):
            return None
        numbers = [row[name] for name in ("seconds", "lr", "total", "gradient_norm") if name in row]
        memory = row.get("peak_memory")
        by_style = row["validation" if "validation" in row else "losses"]
        check_style_names(by_style)
        numbers += [value for terms in by_style.values() for value in terms.values()]
        complete = "validation" in row or all({"content", "style"} <= terms.keys() for terms in by_style.values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    known = memory is None or _is_number(memory, int)
    return row if complete and known and all(_is_number(value, int, float) for value in numbers) else None


def _is_number(value: Any, *kinds: type) -> bool:
    return type(value) in kinds and is_finite(value)


def cut_log(path: Path, update: int) -> None:
    """Drop the lines after ``update``, which are computed again, and those that are damaged or incomplete."""
    if path.exists():
        kept = [line for line, row in sound_lines(path) if row["update"] <= update]
        write_atomically(path, b"".join(line + b"\n" for line in kept))


def seconds_so_far(path: Path) -> float:
    """Return the seconds in the last line of a resumed run's log, which holds complete lines only."""
    lines = sound_lines(path) if path.exists() else []
    return float(lines[-1][1].get("seconds", 0.0)) if lines else 0.0
