"""The training loop: one transformer network, n styles, one frozen VGG (Johnson et al. 2016; Dumoulin et al. 2017).

Shape suffixes: B batch, S styles of the network.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.data.crops import CropSampler
from nstyle.data.photos import BrokenPhotosError
from nstyle.data.styles import TrainedStyles
from nstyle.imaging.pictures import encode, to_image
from nstyle.losses.packed_targets import PackedTargets
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.models.model_file import ModelInfo
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.devices import training_on
from nstyle.system.files import write_atomically
from nstyle.system.interrupts import InterruptedRunError, caught_signals
from nstyle.system.locks import FolderLock
from nstyle.system.memory import peak_memory, reset_peak_memory
from nstyle.system.processes import ALONE, Group
from nstyle.training.augmentation import Augmentation
from nstyle.training.captured import TakeUpdate
from nstyle.training.config import TrainingConfig
from nstyle.training.metrics import MetricsLog
from nstyle.training.precision import triton_version
from nstyle.training.run_directory import RunDirectory
from nstyle.training.schedule import learning_rate
from nstyle.training.style_ids import StyleIds
from nstyle.training.update import StyleTable, Update, value_names
from nstyle.training.validation import sample_grid, validate
from nstyle.training.ways import WayChooser
from nstyle.version import __version__


@dataclass(frozen=True)
class Progress:
    """The progress of a run."""

    update: int
    updates: int
    content: float | None
    """The mean content loss of a recent update."""
    style: float | None
    """The mean style loss of a recent update."""
    validation: dict[str, dict[str, float]] | None = None
    """The validation losses by style, only right after they were measured."""


@dataclass(frozen=True)
class Photographs:
    """The photographs that a run is trained and validated on."""

    sampler: CropSampler
    """The sampler that draws the crops of every update."""
    validation: Tensor
    """The validation photographs, RGB (N, 3, H, W) in [0, 1]."""


@dataclass(frozen=True)
class Hardware:
    """The hardware that a process trains on."""

    device: torch.device
    dtype: torch.dtype
    """The dtype of the network's convolutions."""
    group: Group = ALONE
    """The processes that train together, each on its part of every batch. Rank 0 writes."""


class Trainer:
    """Train a network in one run directory.

    Args:
        run: The run directory, which must exist.
        config: The settings.
        network: The network, on the device.
        info: Its description at the start; ``updates`` counts the updates of the weights before this run.
        styles: The styles to train.
        perceptual: The loss, on the device.
        photographs: The photographs to train and validate on.
        hardware: The hardware to train on.
        kept: The style targets that the model file keeps; None to keep none.
    """

    def __init__(
        self,
        *,
        run: RunDirectory,
        config: TrainingConfig,
        network: TransformerNetwork,
        info: ModelInfo,
        styles: TrainedStyles,
        perceptual: PerceptualLoss,
        photographs: Photographs,
        hardware: Hardware,
        kept: PackedTargets | None = None,
    ) -> None:
        device = hardware.device
        self.run, self.config, self.network, self.info = run, config, network, info
        self.styles = TrainedStyles(styles.names, {term: value.to(device) for term, value in styles.targets.items()})
        self.perceptual, self.photographs, self.hardware, self.kept = perceptual, photographs, hardware, kept
        self.rows = torch.tensor([info.styles.index(name) for name in styles.names], device=device)
        if config.rows_only:
            for name, parameter in network.named_parameters():
                parameter.requires_grad_(name.endswith(("gamma_SC", "beta_SC")))
        factors = torch.tensor([config.style_factors.get(name, 1.0) for name in styles.names], device=device)
        table = StyleTable(F.one_hot(self.rows, network.num_styles).float(), self.styles.targets, factors)
        self.work = Update(
            network,
            perceptual,
            table,
            clip=config.clip,
            dtype=hardware.dtype,
            device=device,
            augmentation=Augmentation(config.grain, config.plain),
            stability_weight=config.stability_weight,
        )
        self.ids = StyleIds(config, len(styles.names), device, hardware.group.ranks)
        self.update = 0
        self.take: TakeUpdate | None = None
        """The function that takes an update, once it is chosen."""
        self.lock: FolderLock | None = None
        """The lock of the run directory, in the process that writes to it, until the training ends."""

    def restore(self, optimizer: dict[str, object], update: int) -> None:
        """Continue from a checkpoint of this run."""
        self.work.load_state_dict(optimizer)
        self.update = update

    def train(self, progress: Callable[[Progress], None] = lambda standing: None) -> int | None:
        """Train up to the last update, and save checkpoints on the way.

        Args:
            progress: A function that is called after every update.

        Returns:
            The signal that arrived during the last update, when there was nothing left to stop, or None.

        Raises:
            NstyleError: If a file cannot be written; the last checkpoint is kept.
            NonFiniteLossError: If a loss is not finite; the last checkpoint is kept.
            ZeroGradientError: If all gradients are zero; the last checkpoint is kept.
            BrokenPhotosError: If too many photographs are broken; the state is saved.
            InterruptedRunError: After Ctrl-C or SIGTERM; the state is saved.
        """
        try:
            return self._train(progress)
        finally:
            if self.lock is not None:
                self.lock.release()

    def _train(self, progress: Callable[[Progress], None]) -> int | None:
        config = self.config
        reset_peak_memory(self.hardware.device)
        names = value_names(config.preset, config.stability_weight)
        log = MetricsLog(self.run.metrics, self.run.tensorboard, self.update, names, self.hardware.group)
        pin = self.hardware.device.type == "cuda"
        batches = self.photographs.sampler.batches(
            self.update,
            config.updates,
            config.batch_size,
            ranks=self.hardware.group.ranks,
            workers=config.workers,
            pin=pin,
        )
        try:
            with training_on(self.hardware.device), caught_signals() as caught:
                while self.update < config.updates:
                    self._update(self._next(batches, caught, log), log)
                    validation = None
                    if self.update % config.checkpoint_every == 0 or self.update == config.updates:
                        validation = self._checkpoint(log)
                    latest = log.latest
                    progress(
                        Progress(self.update, config.updates, latest.get("content"), latest.get("style"), validation)
                    )
                return caught[0] if caught else None
        finally:
            batches.close()
            log.close()

    def _next(self, batches: Iterator[Tensor], caught: Sequence[int], log: MetricsLog) -> Tensor:
        """Fetch this rank's photographs of the next update, or save and stop on all ranks if any rank has to stop."""
        photos, broken = None, None
        if not caught:
            try:
                photos = next(batches)
            except BrokenPhotosError as error:
                broken = error
        try:
            signal_number = self.hardware.group.agree(caught[0] if caught else 0, broken)
            if signal_number or photos is None:
                raise InterruptedRunError(
                    f"stopped at update {self.update} of {self.config.updates}; everything is saved", signal_number
                )
        except (BrokenPhotosError, InterruptedRunError):
            log.flush()
            self._save()
            # The first process that ends terminates the others, so none may end before everything is saved.
            self.hardware.group.agree()
            raise
        return photos

    def _update(self, photos: Tensor, log: MetricsLog) -> None:
        config = self.config
        photos = photos.to(self.hardware.device, non_blocking=self.hardware.device.type == "cuda")
        ids, ids_B = self.ids.at(self.update)
        lr = learning_rate(config.lr_schedule, self.update, peak=config.lr, updates=config.updates)
        self.work.set_rate(lr)
        if self.take is None:
            chooser = WayChooser(self.work, photos, ids_B, self.hardware.group)
            self.take = chooser.choose(config.compile, config.updates - self.update, self._identity()).take
        taken = self.take(photos, ids_B)
        self.update += 1
        log.add(self.update, lr, [self.styles.names[i] for i in ids], taken.values, taken.gradient_norm)

    def _identity(self) -> dict[str, Any]:
        """Return what the time of an update depends on."""
        config = self.config
        name = (
            torch.cuda.get_device_name(self.hardware.device)
            if self.hardware.device.type == "cuda"
            else self.hardware.device.type
        )
        loss = {key: value for key, value in config.preset.to_dict().items() if "weight" not in key and key != "name"}
        shapes = {
            "batch": config.batch_size,
            "size": config.size,
            "width": config.width,
            "styles": len(self.styles.names),
            "rows": config.rows_only,
            "grain": config.grain > 0,
            "plain": config.plain > 0,
            "spectrum": config.preset.spectrum_weight > 0,
            "stability": config.stability_weight > 0,
        }
        versions = {"nstyle": __version__, "torch": torch.__version__, "triton": triton_version()}
        return {
            "device": name,
            **versions,
            "encoder": type(self.perceptual.encoder).__name__,
            "dtype": str(self.hardware.dtype),
            "loss": loss,
            **shapes,
        }

    def _checkpoint(self, log: MetricsLog) -> dict[str, dict[str, float]] | None:
        """Write the logs, validate, write the grid, and save last, so that a checkpoint is never ahead of the others.

        Rank 0 validates and saves; the other ranks continue.
        """
        log.flush()
        if not self.hardware.group.ranks.is_first:
            return None
        self.network.eval()
        photos, grain = self.photographs.validation, self.info.painting_grain
        factors = [self.config.style_factors.get(name, 1.0) for name in self.styles.names]
        losses = validate(
            self.network, self.perceptual, photos, self.styles, self.rows, self.hardware.dtype, grain, factors
        )
        log.add_validation(self.update, losses, peak_memory(self.hardware.device))
        grid = sample_grid(self.network, photos, self.rows, grain)
        log.add_grid(self.update, grid)
        self.network.train()
        write_atomically(self.run.samples / f"{self.update:06d}.jpg", encode(to_image(grid), ".jpg"))
        self._save()
        return losses

    def _save(self) -> None:
        if not self.hardware.group.ranks.is_first:
            return
        base = self.info.updates
        info = replace(self.info, updates=base + self.update, run_updates=self.update, created=time.time())
        self.run.save_checkpoint(self.network, info, self.work.state_dict(), self.update, self.kept)

    def broken_photographs(self) -> list[str]:
        """List the photographs that could not be read on any rank. All ranks must call this."""
        shares = self.hardware.group.gather_objects(list(self.photographs.sampler.monitor.broken))
        return list(dict.fromkeys(path for share in shares for path in share))
