"""The folder of a demo: what is made is kept, so that a second run goes on where the first one stopped."""

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

from nstyle.demo.plan import DemoPlan
from nstyle.errors import UsageError
from nstyle.imaging.pictures import encode
from nstyle.reports.page import Figure
from nstyle.system.files import write_atomically
from nstyle.system.memory import peak_memory
from nstyle.system.output_folders import first_difference, holds_work
from nstyle.version import __version__

RECORD = "demo.json"
PAGE = "index.html"


@dataclass
class DemoFolder:
    """Paths of a demo, and what is known about it."""

    path: Path
    identity: dict[str, str]
    """What decides the pictures: another demo is not mixed into this one."""
    asked: str = ""
    """VGG weights that the user named, if any."""
    vgg: str = ""
    """Source of the VGG weights that this demo trains with, once it is chosen."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time that each picture and training took, by name, over all runs of the demo."""
    peak: int = 0
    """Most memory that a step took, in bytes."""

    @classmethod
    def open(cls, out: str | Path, plan: DemoPlan, model: Path) -> "DemoFolder":
        """Begin a demo, or go on with the one that is there. Nothing is written yet.

        Raises:
            UsageError: If ``out`` is a file, or holds other files or another demo.
        """
        path = Path(out)
        identity = {"nstyle": __version__, "model": hashlib.sha256(model.read_bytes()).hexdigest(), "plan": repr(plan)}
        if not holds_work(path, path / RECORD, "demo"):
            return cls(path, identity)
        found = _read(path / RECORD)
        if difference := first_difference(found["identity"], identity):
            other = f"the demo of another version of nstyle (its {difference.name} differs)"
            raise UsageError(f"{path} holds {other}; remove it, or choose another --out")
        return cls(path, **found)

    @property
    def photographs(self) -> Path:
        """``photographs/``: what is painted and trained on."""
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
        """Return a run directory of the demo."""
        return self.path / name

    def save(self) -> None:
        """Write down what is known."""
        record = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "path"}
        write_atomically(self.path / RECORD, json.dumps(record, indent=2).encode())

    def picture(self, name: str, caption: str, command: str, make: Callable[[], Image.Image]) -> Figure:
        """Show a picture: the one that an earlier run made, else a new one."""
        path = self.path / "pictures" / f"{name}.jpg"
        if not path.is_file():
            with self.timed(name):
                write_atomically(path, encode(make(), ".jpg"))
        return Figure(name, caption, path.read_bytes(), command=command)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of a picture or a training to the record, and note the memory, even if it is interrupted."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            self.peak = max(self.peak, peak_memory(torch.device("cpu")) or 0)
            self.save()

    def took(self, step: str) -> float:
        """Return the seconds of all that belongs to a step: names are ``<step>-<what>``."""
        return sum(seconds for name, seconds in self.seconds.items() if name.startswith(f"{step}-"))

    def shown(self, *parts: str) -> str:
        """Write a path in the folder as one would type it."""
        return shlex.quote(str(self.path.joinpath(*parts)))


def _read(path: Path) -> dict[str, Any]:
    """Read the record of a demo."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if set(found) == {f.name for f in fields(DemoFolder)} - {"path"} and isinstance(found["identity"], dict):
            return found
    except (OSError, ValueError, TypeError):
        pass
    raise UsageError(f"{path} cannot be read as the record of a demo; remove it, or choose another --out")
