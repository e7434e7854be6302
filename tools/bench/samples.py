"""Keep samples in a file to which every sample is appended, so that a bench that was stopped can go on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rows import Bench, Row, Sample

from nstyle.errors import UsageError


class Samples:
    """The samples of earlier calls with the same device, crop size and ``quick`` setting.

    Args:
        path: The file of JSON lines, or None to keep nothing.
        bench: The settings of the bench.
    """

    def __init__(self, path: Path | None, bench: Bench) -> None:
        self._path = path
        self._asked = {"device": bench.device, "quick": bench.quick, "crop": bench.crop}
        self._known: dict[tuple[str, str, int], Sample] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else []:
            try:
                kept: dict[str, Any] = json.loads(line)
                if kept["asked"] == self._asked:
                    self._known[kept["subject"], kept["name"], kept["round"]] = Sample(**kept["sample"])
            except (ValueError, LookupError, TypeError) as error:
                raise UsageError(
                    f"{path} holds a line that is no sample ({error}); expected a file of --resume"
                ) from error

    def recall(self, row: Row, number: int) -> Sample | None:
        """Return the sample of a row in a round, or None if there is none."""
        return self._known.get((row.subject, row.name, number))

    def keep(self, row: Row, number: int, sample: Sample) -> None:
        """Append a sample to the file."""
        if self._path is not None:
            line = {
                "asked": self._asked,
                "subject": row.subject,
                "name": row.name,
                "round": number,
                "sample": asdict(sample),
            }
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
