"""A run directory: the model, the style targets, the training state, the settings and the logs of one run."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from nstyle.data.styles import TrainedStyles
from nstyle.errors import NstyleError, UsageError, in_short
from nstyle.models.model_file import ModelInfo, load_model, save_model
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.files import write_atomically
from nstyle.system.locks import FolderLock
from nstyle.system.output_folders import holds_work, output_folder
from nstyle.training.config import TrainingConfig
from nstyle.training.optimizer_state import packed_state, unpacked_state
from nstyle.training.targets_file import read_targets, targets_file


@dataclass(frozen=True)
class RunDirectory:
    """The files of a run, each of which is written atomically.

    A checkpoint is two files. The training state, which has the update in its name, is written first. The model is
    renamed into place second and is decisive: the run has reached the update that the model records.
    """

    path: Path

    @property
    def model(self) -> Path:
        """``model.safetensors``: the weights and the description."""
        return self.path / "model.safetensors"

    @property
    def targets(self) -> Path:
        """``styles.safetensors``: the style targets."""
        return self.path / "styles.safetensors"

    @property
    def config(self) -> Path:
        """``config.toml``: the resolved settings."""
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        """``metrics.jsonl``: one line per update, and one per validation."""
        return self.path / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        """``samples/``: the grids of styles x validation photographs."""
        return self.path / "samples"

    @property
    def tensorboard(self) -> Path:
        """``tensorboard/``: the event files."""
        return self.path / "tensorboard"

    def training_state(self, update: int) -> Path:
        """Return ``training-N.pt``, the state of the optimizer at update N."""
        return self.path / f"training-{update}.pt"

    @property
    def has_run(self) -> bool:
        """Whether there is a checkpoint. A run that died before its first checkpoint leaves nothing worth keeping."""
        return self.model.exists()

    def refuse_if_taken(self) -> None:
        """Check that the directory can be used for a new run.

        Raises:
            UsageError: If the directory already holds a run or other files, or is not a directory.
        """
        if self.has_run:
            raise UsageError(f"{self.path} holds a run already; continue it with `resume`, or choose another `out`")
        holds_work(self.path, self.targets, "run")

    def lock(self) -> FolderLock:
        """Keep other processes from writing to the directory, which is created if it does not exist.

        Raises:
            UsageError: If another process is writing to it, or it is not a directory.
            NstyleError: If it cannot be written to.
        """
        return FolderLock(output_folder(self.path, "run"), subfolders=(self.samples.name,))

    def create(self, config: TrainingConfig, styles: TrainedStyles) -> None:
        """Write settings and style targets, and remove what a run that died before its first checkpoint left.

        Raises:
            UsageError: If the directory already holds a run.
            NstyleError: If a file cannot be written.
        """
        self.refuse_if_taken()
        self.metrics.unlink(missing_ok=True)
        for folder in (self.tensorboard, self.samples):
            shutil.rmtree(folder, ignore_errors=True)
        write_atomically(self.targets, targets_file(styles))
        self.write_config(config)

    def write_config(self, config: TrainingConfig) -> None:
        """Write the settings that the run continues with."""
        write_atomically(self.config, config.to_toml().encode())

    def read_styles(self) -> TrainedStyles:
        """Read the names and the targets of the styles that the run trains.

        Raises:
            UsageError: If the file is missing or damaged.
        """
        return read_targets(self.targets)

    def save_checkpoint(
        self,
        network: TransformerNetwork,
        info: ModelInfo,
        optimizer: dict[str, Any],
        update: int,
        targets: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Write the training state, then the model with the style targets that it keeps, then remove older training
        states.

        Raises:
            NstyleError: If a weight is not finite, or a file cannot be written. The last checkpoint is kept.
        """
        state_path = self.training_state(update)
        is_there = state_path.exists()  # Of the last checkpoint, if nothing was trained since.
        write_atomically(state_path, packed_state(optimizer, update))
        try:
            save_model(self.model, network, info, targets=targets)
        except NstyleError:
            if not is_there:
                state_path.unlink(missing_ok=True)
            raise
        for path in self.path.glob("training-*.pt"):
            if path != state_path:
                path.unlink(missing_ok=True)

    def load_checkpoint(self) -> tuple[TransformerNetwork, ModelInfo, dict[str, Any], int]:
        """Read network, description, optimizer state and update of the last checkpoint.

        Raises:
            UsageError: If there is no checkpoint, or a file is damaged.
        """
        if not self.model.exists():
            raise UsageError(f"{self.path} has no checkpoint to resume from; expected {self.model}")
        network, info = load_model(self.model)
        update = info.run_updates
        try:
            optimizer = unpacked_state(self.training_state(update).read_bytes(), update)
        except (OSError, ValueError) as error:
            raise self.broken_state(update, getattr(error, "strerror", None) or error) from error
        return network, info, optimizer, update

    def broken_state(self, update: int, reason: object) -> UsageError:
        """Return the error for a training state that a run cannot go on from."""
        return UsageError(
            f"{self.training_state(update)} is missing or damaged ({in_short(reason, 300)}); start anew with "
            f"`init_from` {self.model}"
        )
