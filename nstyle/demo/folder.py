"""The folder of a demo. What is made is kept, so that a second run goes on where the first one stopped."""

import hashlib
import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from nstyle.demo.plan import DemoPlan, DemoTraining
from nstyle.errors import UsageError
from nstyle.imaging.pictures import encode
from nstyle.reports.page import Figure
from nstyle.strict_json import parse_json
from nstyle.system.files import write_atomically
from nstyle.system.memory import peak_memory
from nstyle.system.output_folders import first_difference, holds_work
from nstyle.version import __version__

RECORD = "demo.json"
PAGE = "index.html"


@dataclass
class DemoFolder:
    """The paths of a demo, and the record of what was chosen and measured."""

    path: Path
    identity: dict[str, str]
    """What decides the pictures. Another demo is not mixed into this one."""
    asked: str = ""
    """The VGG weights that the user named, or an empty string."""
    vgg: str = ""
    """The source of the VGG weights that this demo trains with, or an empty string until it is chosen."""
    seconds: dict[str, float] = field(default_factory=dict)
    """The time that each picture and training took, by name, added up over all runs of the demo."""
    peak: int = 0
    """The peak memory of all steps, in bytes."""

    @classmethod
    def open(cls, out: str | Path, plan: DemoPlan, model: Path) -> "DemoFolder":
        """Begin a demo, or go on with the one in the folder. Nothing is written yet.

        Raises:
            UsageError: If ``out`` is a file, or holds other files or another demo.
        """
        path = Path(out)
        settings = repr(plan).replace(
            DemoTraining.__name__, "Lesson"
        )  # The class's first name, which older folders hold.
        identity = {"nstyle": __version__, "model": hashlib.sha256(model.read_bytes()).hexdigest(), "plan": settings}
        if not holds_work(path, path / RECORD, "demo"):
            return cls(path, identity)
        found = _read(path / RECORD)
        if difference := first_difference(found["identity"], identity):
            other = f"the demo of another version of nstyle (its {difference.name} differs)"
            raise UsageError(f"{path} holds {other}; remove it, or choose another --out")
        return cls(path, **found)

    @property
    def photographs(self) -> Path:
        """``photographs/``: the photographs that are painted and trained on."""
        return self.path / "photographs"

    @property
    def styles(self) -> Path:
        """``styles/``: the drawn styles."""
        return self.path / "styles"

    @property
    def page(self) -> Path:
        """``index.html``: everything on one page."""
        return self.path / PAGE

    def run(self, name: str) -> Path:
        """Return the run directory of a training."""
        return self.path / name

    def save(self) -> None:
        """Write the record."""
        record = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "path"}
        write_atomically(self.path / RECORD, json.dumps(record, indent=2).encode())

    def picture(self, name: str, caption: str, command: str, make: Callable[[], Image.Image]) -> Figure:
        """Return a figure of the picture that an earlier run made, or else make and keep the picture first."""
        path = self.path / "pictures" / f"{name}.jpg"
        if not path.is_file():
            with self.timed(name):
                write_atomically(path, encode(make(), ".jpg"))
        return Figure(name, caption, path.read_bytes(), command=command)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of a picture or a training and its peak memory to the record, even if it is interrupted."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            self.peak = max(self.peak, peak_memory(torch.device("cpu")) or 0)
            self.save()

    def took(self, step: str) -> float:
        """Return the seconds of a step: the sum over all names ``<step>-<what>``."""
        return sum(seconds for name, seconds in self.seconds.items() if name.startswith(f"{step}-"))

    def shown(self, *parts: str) -> str:
        """Quote a path in the folder for a command line."""
        return shlex.quote(str(self.path.joinpath(*parts)))


def _read(path: Path) -> dict[str, Any]:
    """Read the record of a demo."""
    try:
        found: dict[str, Any] = parse_json(path.read_bytes())
        kinds = {"identity": dict, "asked": str, "vgg": str, "seconds": dict, "peak": int}
        typed = found.keys() == kinds.keys() and all(isinstance(found[name], kind) for name, kind in kinds.items())
        if typed and all(isinstance(seconds, int | float) for seconds in found["seconds"].values()):
            return found
    except (OSError, ValueError, AttributeError):
        pass
    raise UsageError(f"{path} cannot be read as the record of a demo; remove it, or choose another --out")
