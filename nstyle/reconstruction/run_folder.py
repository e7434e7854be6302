"""The folder of one reconstruction: result, settings and losses, snapshots, and the state to continue from."""

import csv
import io
import json
import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from nstyle.animation import write_animation
from nstyle.errors import NstyleError, UsageError
from nstyle.image import encode, to_image, write_atomically
from nstyle.reconstruction.engine import Progress, Reconstruction

FORMAT = 1
SAVE_EVERY = 60.0
"""Seconds between saves of the state."""


@dataclass(frozen=True)
class RunFolder:
    """Paths of a reconstruction, and what is read from them."""

    path: Path

    @property
    def result(self) -> Path:
        """``result.png``: the best picture."""
        return self.path / "result.png"

    @property
    def description(self) -> Path:
        """``run.json``: settings, pictures, weights, and how it ended. Written last."""
        return self.path / "run.json"

    @property
    def losses(self) -> Path:
        """``losses.csv``: one row per iteration."""
        return self.path / "losses.csv"

    @property
    def state(self) -> Path:
        """``state.pt``: what a resumed run goes on from."""
        return self.path / "state.pt"

    @property
    def snapshots(self) -> Path:
        """``snapshots/``: pictures by iteration."""
        return self.path / "snapshots"

    def read_description(self) -> dict[str, Any]:
        """Read ``run.json``.

        Raises:
            UsageError: If it is missing or damaged.
        """
        try:
            values: dict[str, Any] = json.loads(self.description.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise UsageError(
                    f"{self.description} has format {values['format']}; expected {FORMAT}, so it was made by another version of nstyle"
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{self.path} is no finished reconstruction ({type(error).__name__} at {self.description.name})") from error
        return values

    def read_losses(self) -> dict[str, list[float]]:
        """Read ``losses.csv`` as columns.

        Raises:
            UsageError: If it is missing or damaged.
        """
        try:
            with self.losses.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            return {name: [float(row[name]) for row in rows] for name in rows[0]}
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise UsageError(f"{self.losses} cannot be read ({type(error).__name__}); expected iteration, size, loss and terms") from error

    def read_result(self) -> Image.Image:
        """Read the best picture.

        Raises:
            UsageError: If it is missing or damaged.
        """
        try:
            with Image.open(self.result) as image:
                return image.convert("RGB")
        except OSError as error:
            raise UsageError(f"{self.result} cannot be read as a picture") from error

    def write_state(self, identity: Mapping[str, Any], run: Reconstruction) -> None:
        """Save where the run stands, with what it is about."""
        buffer = io.BytesIO()
        torch.save({"identity": json.dumps(identity, sort_keys=True), "run": run.state_dict()}, buffer)
        write_atomically(self.state, buffer.getvalue())

    def read_state(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """Read what a resumed run goes on from.

        Raises:
            UsageError: If there is none, or it is about something else.
        """
        try:
            state = torch.load(self.state, map_location="cpu", weights_only=True)
            saved, run = json.loads(state["identity"]), state["run"]
        except FileNotFoundError:
            raise UsageError(f"{self.path} has nothing to resume; expected {self.state}") from None
        except (OSError, RuntimeError, pickle.UnpicklingError, KeyError, ValueError, EOFError) as error:
            raise UsageError(f"{self.state} is damaged ({type(error).__name__}); start anew in another --out") from error
        wanted = json.loads(json.dumps(identity, sort_keys=True))
        different = [name for name in wanted if saved.get(name) != wanted[name]]
        if different:
            name = different[0]
            raise UsageError(
                f"{self.path} was made with {name} {saved.get(name)}, not {wanted[name]}; resume with the same, or choose another --out"
            )
        return dict(run)


@dataclass
class Recorder:
    """Write a reconstruction to its folder while it runs.

    Args:
        folder: Where to.
        run: What is recorded.
        identity: What the state is about; a resumed run must match it.
        snapshots_every: Iterations between snapshots; 0 for none.
        tensorboard: Also write event files to ``tensorboard/``.
    """

    folder: RunFolder
    run: Reconstruction
    identity: Mapping[str, Any]
    snapshots_every: int = 0
    tensorboard: bool = False
    _saved_at: float = field(default_factory=time.monotonic)
    _file: Any = None
    _writer: Any = None

    def open(self) -> None:
        """Open the logs; rows of a resumed run that it will write again are dropped."""
        try:
            self.folder.path.mkdir(parents=True, exist_ok=True)
            resumed = self.run.iteration > 0 or self.run.scale > 0
            kept = self._kept_rows() if resumed else []
            names = ["iteration", "size", "loss", *self._term_names()]
            write_atomically(self.folder.losses, "".join(f"{line}\n" for line in [",".join(names), *kept]).encode())
            self._file = self.folder.losses.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise NstyleError(f"cannot write to {self.folder.path}: {error.strerror}; check the folder and its permissions") from error
        if not resumed:
            for path in self.folder.snapshots.glob("*.png"):
                path.unlink()
            self.folder.description.unlink(missing_ok=True)
        if self.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder.path / "tensorboard"), purge_step=self.run.iteration)

    def _term_names(self) -> list[str]:
        config = self.run.config
        names = [f"style/{name}" for name in config.style_layers] + [f"content/{name}" for name in config.content_layers]
        return names + (["tv"] if config.tv_weight else [])

    def _kept_rows(self) -> list[str]:
        """Return the rows up to where the run stands: it goes on after them."""
        now = (self.run.sizes[self.run.scale], self.run.iteration)
        rows = self.folder.read_losses() if self.folder.losses.exists() else {"iteration": [], "size": []}
        positions = list(zip(rows["size"], rows["iteration"], strict=True))
        lines = self.folder.losses.read_text(encoding="utf-8").splitlines()[1:] if positions else []
        return [line for line, position in zip(lines, positions, strict=True) if position <= now]

    def __call__(self, progress: Progress) -> None:
        """Record an iteration: a row, and a snapshot or a save when they are due."""
        values = [progress.iteration, progress.size, progress.loss, *progress.terms.values()]
        self._file.write(",".join(repr(value) for value in values) + "\n")
        if self._writer:
            for name, value in {"loss": progress.loss, **progress.terms}.items():
                self._writer.add_scalar(name, value, progress.iteration)
        if self.snapshots_every and progress.iteration % self.snapshots_every == 0:
            write_atomically(self.folder.snapshots / f"{progress.iteration:06d}.png", encode(to_image(progress.image), ".png"))
            if self._writer:
                self._writer.add_image("picture", progress.image.cpu(), progress.iteration)
        if time.monotonic() - self._saved_at > SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the best picture and the state."""
        self._file.flush()
        if self.run.best is None:
            return
        write_atomically(self.folder.result, encode(to_image(self.run.picture()), ".png"))
        self.folder.write_state(self.identity, self.run)
        self._saved_at = time.monotonic()

    def finish(self, description: Mapping[str, Any], animation: str | None) -> None:
        """Write the animation of the snapshots, then what the run was and how it ended."""
        self.save()
        if animation:
            frames = []
            for path in sorted(self.folder.snapshots.glob("*.png")):
                with Image.open(path) as image:
                    frames.append(image.convert("RGB"))
            frames.append(to_image(self.run.picture()))
            write_animation(self.folder.path / f"animation.{animation}", frames)
        write_atomically(self.folder.description, (json.dumps({"format": FORMAT, **description}, indent=2) + "\n").encode())

    def close(self) -> None:
        """Close the logs."""
        if self._file:
            self._file.close()
        if self._writer:
            self._writer.close()
