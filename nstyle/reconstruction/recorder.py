"""The records of a reconstruction, written to its folder while it runs."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nstyle.errors import NstyleError
from nstyle.imaging.animation import write_animation
from nstyle.imaging.pictures import encode, read_picture, to_image
from nstyle.reconstruction.engine import Progress, Reconstruction
from nstyle.reconstruction.run_folder import FORMAT, RunFolder
from nstyle.system.event_file import EventFile
from nstyle.system.files import AppendedFile, write_atomically

SAVE_EVERY = 60.0
"""Seconds between saves of the state."""
WRITE_EVERY = 1.0
"""The most seconds for which rows wait to be written."""


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
    _written_at: float = field(default_factory=time.monotonic)
    _rows: list[str] = field(default_factory=list)
    _file: AppendedFile | None = None
    _events: EventFile | None = None

    def _open(self) -> None:
        """Open the logs, at the first iteration, so that a run that fails before it leaves an earlier one as it was."""
        try:
            self.folder.path.mkdir(parents=True, exist_ok=True)
            if self.resumed:
                self.folder.description.unlink(missing_ok=True)  # It describes what is no longer there.
            else:
                self.folder.clear()
            write_atomically(self.folder.settings, self.settings.encode())
            names = ["iteration", "size", "loss", *self.run.config.term_weights]
            lines = [names, *self._kept_rows()]
            write_atomically(self.folder.losses, "".join(",".join(line) + "\n" for line in lines).encode())
        except OSError as error:
            raise NstyleError(
                f"cannot write to {self.folder.path}: {error.strerror}; check the folder and its permissions"
            ) from error
        if self.tensorboard:
            self._events = EventFile(self.folder.path / "tensorboard", purge_from=self.run.iteration)
        self._file = AppendedFile(self.folder.losses)

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
        self._rows.append(",".join(_row(values)) + "\n")
        if self._events:
            self._events.add_values({"loss": progress.loss, **progress.terms}, progress.iteration)
        if self.snapshots_every and progress.iteration % self.snapshots_every == 0:
            name = f"{progress.iteration:06d}" + (f"-{progress.size}px" if len(self.run.sizes) > 1 else "")
            picture = to_image(progress.image)
            encoded = encode(picture, ".png")
            write_atomically(self.folder.snapshots / f"{name}.png", encoded)
            if self._events:
                self._events.add_picture("picture", encoded, picture.size, progress.iteration)
        if time.monotonic() - self._written_at > WRITE_EVERY:
            self._write_rows()
        if time.monotonic() - self._saved_at > SAVE_EVERY:
            self.save()

    def _write_rows(self) -> None:
        data, self._rows = "".join(self._rows).encode(), []
        if self._file:
            self._file.append(data)
        if self._events:
            self._events.flush()
        self._written_at = time.monotonic()

    def save(self) -> None:
        """Write the best picture and the state. To be called between two iterations only."""
        self.save_picture()
        self.folder.write_state(self.identity, self.run)
        self._saved_at = time.monotonic()

    def save_picture(self) -> None:
        """Write the best picture, if there is one."""
        if self._file is not None and self.run.best is not None:
            self._write_rows()
            write_atomically(self.folder.result, encode(to_image(self.run.picture()), ".png"))

    def finish(self, description: Mapping[str, Any], animation: str | None) -> None:
        """Write the animation of the snapshots, and last the description of the run."""
        self.save()
        if animation:
            frames = [read_picture(path).rgb for path in sorted(self.folder.snapshots.glob("*.png"))]
            frames.append(to_image(self.run.picture()))
            write_animation(self.folder.path / f"animation.{animation}", frames)
        write_atomically(
            self.folder.description, (json.dumps({"format": FORMAT, **description}, indent=2) + "\n").encode()
        )

    def close(self) -> None:
        """Close the logs."""
        if self._file:
            self._file.close()
        if self._events:
            self._events.close()


def _row(values: Sequence[float]) -> list[str]:
    """Format iteration and size as whole numbers, and losses so that they are read back exactly."""
    return [str(int(value)) for value in values[:2]] + [repr(float(value)) for value in values[2:]]
