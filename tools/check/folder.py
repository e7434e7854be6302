"""Record the outcomes of the steps, in one file each, in the folder of a check."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

State = Literal["done", "failed", "unfinished", "missing"]


@dataclass(frozen=True)
class Record:
    """The outcome of a step."""

    step: str
    state: State = "missing"
    """The state of the step. An unfinished one stopped cleanly, and goes on when it is called again."""
    note: str = ""
    seconds: float = 0.0
    command: tuple[str, ...] = ()


class OtherCheckError(Exception):
    """The folder holds a check of something else."""


class Folder:
    """A folder with a record of every step: ``STEP.json`` if the step is done, else ``STEP.not-done.json``.

    Args:
        path: The folder, which is created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def claim(self, about: dict[str, str]) -> None:
        """Note what is checked, so that the figures of one machine are never shown as those of another.

        Raises:
            OtherCheckError: If something else was checked here.
        """
        path = self.path / "about.json"
        if not path.exists():
            write_text(path, json.dumps(about, indent=2))
            return
        was = json.loads(path.read_text(encoding="utf-8"))
        for name, value in about.items():
            if was.get(name) != value:
                raise OtherCheckError(f"{self.path} holds a check with {name} {was.get(name)}, not {value}")

    def is_done(self, step: str) -> bool:
        """Tell whether a step succeeded."""
        return (self.path / f"{step}.json").exists()

    def read(self, step: str) -> Record:
        """Return the record of a step."""
        for name in (f"{step}.json", f"{step}.not-done.json"):
            if (self.path / name).exists():
                return Record(**json.loads((self.path / name).read_text(encoding="utf-8")))
        return Record(step)

    def write(self, record: Record) -> None:
        """Write a record in place of the last one of its step."""
        other = self.path / f"{record.step}.not-done.json"
        write_text(
            self.path / f"{record.step}.json" if record.state == "done" else other, json.dumps(asdict(record), indent=2)
        )
        if record.state == "done":
            other.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file completely or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
