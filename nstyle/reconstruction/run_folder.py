"""The folder of a reconstruction: its result, settings, losses and snapshots, and the state that it is resumed from."""

import csv
import io
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.animation import write_animation
from nstyle.imaging.pictures import encode, to_image
from nstyle.models.pickle_file import unpickle
from nstyle.reconstruction.config import modern
from nstyle.reconstruction.engine import Progress, Reconstruction
from nstyle.strict_json import parse_json
from nstyle.system.files import write_atomically
from nstyle.system.output_folders import first_difference

FORMAT = 1
KEYS = frozenset(
    "command config styles content identity vgg initial best iterations stopped seconds device versions".split()
)
"""The keys that ``run.json`` must have."""
SAVE_EVERY = 60.0
"""Seconds between saves of the state."""


class OtherRunError(UsageError):
    """The folder holds another run, or one that cannot be continued."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of a reconstruction, and how they are read."""

    path: Path

    @property
    def result(self) -> Path:
        """``result.png``: the best picture."""
        return self.path / "result.png"

    @property
    def description(self) -> Path:
        """``run.json``: settings, pictures, encoder, and how the run ended. It is written last."""
        return self.path / "run.json"

    @property
    def settings(self) -> Path:
        """``config.toml``: settings and pictures, from which the run can be repeated."""
        return self.path / "config.toml"

    @property
    def losses(self) -> Path:
        """``losses.csv``: one row per iteration."""
        return self.path / "losses.csv"

    @property
    def state(self) -> Path:
        """``state.pt``: the state that a resumed run continues from."""
        return self.path / "state.pt"

    @property
    def snapshots(self) -> Path:
        """``snapshots/``: pictures, named by their iteration."""
        return self.path / "snapshots"

    def read_description(self) -> dict[str, Any]:
        """Read ``run.json``.

        Raises:
            UsageError: If it is missing or damaged.
        """
        try:
            values: dict[str, Any] = parse_json(self.description.read_bytes())
            if values["format"] != FORMAT:
                raise UsageError(
                    f"{self.description} has format {values['format']}; expected {FORMAT}, so it was made by another "
                    "version of nstyle"
                )
            missing = sorted(KEYS - values.keys())
            values |= {name: modern(values[name]) for name in ("config", "identity") if name in values}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self.path} is no finished reconstruction ({type(error).__name__} at {self.description.name})"
            ) from error
        if missing:
            raise UsageError(f"{self.description} is damaged: it lacks {missing[0]}")
        return values

    def read_rows(self) -> tuple[list[str], list[list[float]]]:
        """Read ``losses.csv`` up to the first incomplete row, which a killed run may leave at the end.

        Returns:
            The names of the columns and the rows.
        """
        try:
            with self.losses.open(encoding="utf-8", newline="") as file:
                names, *lines = list(csv.reader(file)) or [[]]
        except OSError:
            return [], []
        rows: list[list[float]] = []
        for line in lines:
            try:
                row = [float(value) for value in line]
            except ValueError:
                break
            if len(row) != len(names):
                break
            rows.append(row)
        return names, rows

    def read_losses(self) -> dict[str, list[float]]:
        """Read ``losses.csv`` as columns.

        Raises:
            UsageError: If it is missing or holds no row.
        """
        names, rows = self.read_rows()
        if not rows:
            raise UsageError(f"{self.losses} cannot be read; expected iteration, size, loss and terms")
        return {name: [row[i] for row in rows] for i, name in enumerate(names)}

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
        """Save the state of the run, together with what the run is about."""
        buffer = io.BytesIO()
        torch.save({"identity": json.dumps(identity, sort_keys=True), "run": run.state_dict()}, buffer)
        write_atomically(self.state, buffer.getvalue())

    def read_state(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """Read the state that a resumed run continues from.

        Raises:
            UsageError: If there is no state.
            OtherRunError: If it is of another run, or damaged.
        """
        try:
            state = unpickle(self.state.read_bytes())
            saved, run = modern(parse_json(state["identity"])), dict(state["run"])
        except FileNotFoundError:
            raise UsageError(f"{self.path} has nothing to resume; expected {self.state}") from None
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise self.broken_state(error) from error
        if difference := first_difference(saved, identity):
            raise OtherRunError(f"{self.path} was made {difference}; resume with the same, or choose another `out`")
        return run

    def broken_state(self, error: Exception) -> OtherRunError:
        """Return the error for a state that a run cannot go on from."""
        return OtherRunError(f"{self.state} is damaged ({type(error).__name__}); start anew in another `out`")

    def clear(self) -> None:
        """Remove the files of an earlier run."""
        for path in [
            *self.snapshots.glob("*.png"),
            *self.path.glob("animation.*"),
            self.description,
            self.state,
            self.result,
            self.losses,
            self.settings,
        ]:
            path.unlink(missing_ok=True)
        shutil.rmtree(self.path / "tensorboard", ignore_errors=True)


@dataclass
class Recorder:
    """Write a reconstruction to its folder while it runs.

    Args:
        folder: The folder.
        run: The reconstruction.
        identity: What the run is about. A run that resumes it must have the same.
        settings: The content of ``config.toml``.
        snapshots_every: Iterations between snapshots; 0 for none.
        tensorboard: Also write event files to ``tensorboard/``.
        resumed: Whether the run continues from the state in the folder. Otherwise an earlier run in the folder is
            replaced.
    """

    folder: RunFolder
    run: Reconstruction
    identity: Mapping[str, Any]
    settings: str
    snapshots_every: int = 0
    tensorboard: bool = False
    resumed: bool = False
    _saved_at: float = field(default_factory=time.monotonic)
    _file: Any = None
    _writer: Any = None

    def _open(self) -> None:
        """Open the logs, at the first iteration, so that a run that fails before it leaves an earlier one as it was."""
        try:
            self.folder.path.mkdir(parents=True, exist_ok=True)
            if not self.resumed:
                self.folder.clear()
            write_atomically(self.folder.settings, self.settings.encode())
            names = ["iteration", "size", "loss", *self.run.config.term_weights]
            lines = [names, *self._kept_rows()]
            write_atomically(self.folder.losses, "".join(",".join(line) + "\n" for line in lines).encode())
            self._file = self.folder.losses.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise NstyleError(
                f"cannot write to {self.folder.path}: {error.strerror}; check the folder and its permissions"
            ) from error
        if self.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder.path / "tensorboard"), purge_step=self.run.iteration)

    def _kept_rows(self) -> list[list[str]]:
        """Return the rows before the one that a resumed run stands at, which it writes again."""
        if not self.resumed:
            return []
        now = (self.run.sizes[self.run.scale], self.run.iteration)
        _, rows = self.folder.read_rows()
        return [_row(row) for row in rows if (row[1], row[0]) < now]

    def __call__(self, progress: Progress) -> None:
        """Record an iteration: write a row, and a snapshot or the state when they are due."""
        if self._file is None:
            self._open()
        values = [progress.iteration, progress.size, progress.loss, *progress.terms.values()]
        self._file.write(",".join(_row(values)) + "\n")
        if self._writer:
            for name, value in {"loss": progress.loss, **progress.terms}.items():
                self._writer.add_scalar(name, value, progress.iteration)
        if self.snapshots_every and progress.iteration % self.snapshots_every == 0:
            name = f"{progress.iteration:06d}" + (f"-{progress.size}px" if len(self.run.sizes) > 1 else "")
            write_atomically(self.folder.snapshots / f"{name}.png", encode(to_image(progress.image), ".png"))
            if self._writer:
                self._writer.add_image("picture", progress.image.cpu(), progress.iteration)
        if time.monotonic() - self._saved_at > SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the best picture and the state. To be called between two iterations only."""
        self.save_picture()
        self.folder.write_state(self.identity, self.run)
        self._saved_at = time.monotonic()

    def save_picture(self) -> None:
        """Write the best picture, if there is one."""
        if self._file is not None and self.run.best is not None:
            self._file.flush()
            write_atomically(self.folder.result, encode(to_image(self.run.picture()), ".png"))

    def finish(self, description: Mapping[str, Any], animation: str | None) -> None:
        """Write the animation of the snapshots, and last the description of the run."""
        self.save()
        if animation:
            frames = []
            for path in sorted(self.folder.snapshots.glob("*.png")):
                with Image.open(path) as image:
                    frames.append(image.convert("RGB"))
            frames.append(to_image(self.run.picture()))
            write_animation(self.folder.path / f"animation.{animation}", frames)
        write_atomically(
            self.folder.description, (json.dumps({"format": FORMAT, **description}, indent=2) + "\n").encode()
        )

    def close(self) -> None:
        """Close the logs."""
        if self._file:
            self._file.close()
        if self._writer:
            self._writer.close()


def _row(values: Sequence[float]) -> list[str]:
    """Format iteration and size as whole numbers, and losses so that they are read back exactly."""
    return [str(int(value)) for value in values[:2]] + [repr(float(value)) for value in values[2:]]
