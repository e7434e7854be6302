"""The folder of a reconstruction: its result, settings, losses and snapshots, and the state that it is resumed from."""

import csv
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from nstyle.errors import UsageError
from nstyle.imaging.pictures import read_picture
from nstyle.models.pickle_file import unpickle
from nstyle.reconstruction.config import modern
from nstyle.reconstruction.engine import Reconstruction
from nstyle.strict_json import parse_json
from nstyle.system.files import write_atomically
from nstyle.system.locks import FolderLock
from nstyle.system.output_folders import first_difference

FORMAT = 1
KEYS = frozenset(
    "command config styles content identity vgg initial best iterations stopped seconds device versions".split()
)
"""The keys that ``run.json`` must have."""


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

    def lock(self) -> FolderLock:
        """Keep other processes from writing to the folder, which is created if it does not exist.

        Raises:
            UsageError: If another process is writing to it.
            NstyleError: If it cannot be written to.
        """
        return FolderLock(self.path, subfolders=(self.snapshots.name,))

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
            UsageError: If it is missing.
            NstyleError: If it is damaged.
        """
        return read_picture(self.result).rgb

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
