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
from nstyle.distributed import ALONE, Group
from nstyle.image import encode, to_image, write_atomically
from nstyle.interrupt import InterruptedRunError, caught_signals
from nstyle.losses.perceptual import Losses, PerceptualLoss, StyleTargets
from nstyle.models.memory import peak_memory, reset_peak_memory
from nstyle.models.model_file import ModelInfo
from nstyle.models.transformer import TransformerNetwork
from nstyle.training.config import TrainingConfig
from nstyle.training.data_parallel import average_gradients
from nstyle.training.metrics import MetricsLog
from nstyle.training.precision import autocast
from nstyle.training.run_directory import RunDirectory
from nstyle.training.schedule import learning_rate, style_ids
from nstyle.training.validation import sample_grid, validate

AFFINE_LR_FACTOR = 10.0
"""Learning rate of gamma and beta as a multiple of that of the convolutions."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    update: int
    updates: int
    content: float | None
    """Mean content loss of a recent update."""
    style: float | None
    """Mean style loss of a recent update."""
    validation: dict[str, dict[str, float]] | None = None
    """Validation losses by style, right after they were measured."""


def step_losses(
    network: torch.nn.Module,
    perceptual: PerceptualLoss,
    photos: Tensor,
    mix: Tensor,
    targets: StyleTargets,
    style_factor: Tensor,
    dtype: torch.dtype,
) -> tuple[Tensor, Losses]:
    """Stylize photographs and compare them with their targets: the forward half of an update.

    Args:
        network: The transformer network.
        perceptual: The loss.
        photos: RGB (B, 3, H, W) in [0, 1].
        mix: (B, S).
        targets: Gram matrices (B, C, C) by term.
        style_factor: (B,).
        dtype: Of the network's convolutions; statistics and losses are float32.

    Returns:
        The weighted total (B,) and the unweighted losses.
    """
    content_target = perceptual.content_features(photos)
    with autocast(photos.device, dtype):
        output = network(photos, mix)
    losses = perceptual(output, content_target, targets)
    return perceptual.total(losses, style_factor), losses


def parameter_groups(network: TransformerNetwork) -> list[dict[str, Any]]:
    """Split the trainable parameters into convolutions, and gamma and beta, which learn faster.

    Departure from Johnson et al. 2016 and Dumoulin et al. 2017, who use one rate: Adam moves every number by about its rate.
    Convolutions start at 0.01 and norms make their scale irrelevant, but gamma and beta are of order 1 and have far to go.
    """
    affine: list[torch.nn.Parameter] = []
    convolutions: list[torch.nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            (affine if name.endswith(("gamma_SC", "beta_SC")) else convolutions).append(parameter)
    groups = [{"params": convolutions, "lr_factor": 1.0}, {"params": affine, "lr_factor": AFFINE_LR_FACTOR}]
    return [group for group in groups if group["params"]]


class Trainer:
    """Train a network in one run directory.

    Args:
        run: The directory, created already.
        config: The settings.
        network: On ``device``.
        info: Its description at the start; ``updates`` counts what the weights have seen before this run.
        trained: Names of the styles to train, in the order of the rows of ``targets``.
        targets: (len(trained), C, C) by term.
        perceptual: The loss, on ``device``.
        sampler: The photographs.
        validation: Photographs (N, 3, H, W) in [0, 1].
        device: Where to train.
        dtype: Of the network's convolutions.
        group: The processes that train together, each with its part of every batch. Rank 0 writes.
    """

    def __init__(
        self,
        *,
        run: RunDirectory,
        config: TrainingConfig,
        network: TransformerNetwork,
        info: ModelInfo,
        trained: Sequence[str],
        targets: StyleTargets,
        perceptual: PerceptualLoss,
        sampler: CropSampler,
        validation: Tensor,
        device: torch.device,
        dtype: torch.dtype,
        group: Group = ALONE,
    ) -> None:
        self.run, self.config, self.network, self.info = run, config, network, info
        self.trained = tuple(trained)
        self.targets = {term: value.to(device) for term, value in targets.items()}
        self.perceptual, self.sampler, self.validation = perceptual, sampler, validation
        self.device, self.dtype, self.group = device, dtype, group
        self.rows = torch.tensor([info.styles.index(name) for name in trained], device=device)
        factors = [config.style_factors.get(name, 1.0) for name in trained]
        self.style_factors = torch.tensor(factors, device=device)
        if config.rows_only:
            for name, parameter in network.named_parameters():
                parameter.requires_grad_(name.endswith(("gamma_SC", "beta_SC")))
        # Without weight decay, rows of styles that are not trained have zero gradients and moments: they never move.
        self.optimizer = torch.optim.Adam(parameter_groups(network), fused=device.type in {"cpu", "cuda"})
        self.update = 0
        if config.compile:
            # The graphs of earlier trainers of this process count against a limit, past which torch quietly stops compiling.
            torch.compiler.reset()
        self.step_losses = torch.compile(step_losses) if config.compile else step_losses

    def restore(self, optimizer: dict[str, object], update: int) -> None:
        """Continue from a checkpoint of this run."""
        self.optimizer.load_state_dict(optimizer)
        self.update = update

    def train(self, report: Callable[[Progress], None] = lambda progress: None) -> int | None:
        """Run to the last update, with checkpoints on the way.

        Args:
            report: Called after every update.

        Returns:
            The signal that came with the last update, when there was nothing left to stop; None if none did.

        Raises:
            NonFiniteLossError: If a loss is not finite; the last checkpoint is kept.
            BrokenPhotosError: If too many photographs turn out to be broken, with the state saved.
            InterruptedRunError: After Ctrl-C or SIGTERM, with the state saved.
        """
        config = self.config
        reset_peak_memory(self.device)
        if self.group.ranks.size > 1:
            self.step_losses = average_gradients(self.network, self.step_losses, self.device)
        log = MetricsLog(self.run.metrics, self.run.tensorboard, self.update, self.group)
        pin = self.device.type == "cuda"
        batches = self.sampler.batches(self.update, config.updates, config.batch_size, ranks=self.group.ranks, workers=config.workers, pin=pin)
        try:
            with caught_signals() as caught:
                while self.update < config.updates:
                    self._update(self._next(batches, caught, log), log)
                    validation = None
                    if self.update % config.checkpoint_every == 0 or self.update == config.updates:
                        validation = self._checkpoint(log)
                    latest = log.latest
                    report(Progress(self.update, config.updates, latest.get("content"), latest.get("style"), validation))
                return caught[0] if caught else None
        finally:
            batches.close()
            log.close()

    def _next(self, batches: Iterator[Tensor], caught: Sequence[int], log: MetricsLog) -> Tensor:
        """Fetch this rank's photographs of the next update, unless some rank has to stop: then save, and stop on all."""
        photos, broken = None, None
        if not caught:
            try:
                photos = next(batches)
            except BrokenPhotosError as error:
                broken = error
        try:
            signal_number = self.group.agree(caught[0] if caught else 0, broken)
            if signal_number or photos is None:
                raise InterruptedRunError(
                    f"stopped at update {self.update} of {self.config.updates}; everything is saved, continue with: "
                    f"nstyle train --resume --out {self.run.path}",
                    signal_number,
                )
        except (BrokenPhotosError, InterruptedRunError):
            log.flush()
            self._save()
            self.group.agree()  # The first process that ends takes the others with it: none may before all is saved.
            raise
        return photos

    def _update(self, photos: Tensor, log: MetricsLog) -> None:
        config = self.config
        all_ids = style_ids(
            config.schedule,
            self.update,
            num_styles=len(self.trained),
            batch_size=config.batch_size,
            updates=config.updates,
            seed=config.seed,
        )
        lr = learning_rate(config.lr_schedule, self.update, peak=config.lr, updates=config.updates)
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["lr_factor"]
        ids_B = torch.tensor(self.group.ranks.part(all_ids), device=self.device)
        total, losses = self.step_losses(
            self.network,
            self.perceptual,
            self._to_device(photos),
            F.one_hot(self.rows[ids_B], self.network.num_styles).float(),
            {term: value[ids_B] for term, value in self.targets.items()},
            self.style_factors[ids_B],
            self.dtype,
        )
        self.optimizer.zero_grad()
        total.mean().backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.clip) if config.clip > 0 else None
        self.optimizer.step()
        self.update += 1
        log.add(self.update, lr, [self.trained[i] for i in all_ids], total, losses, norm)

    def _to_device(self, photos: Tensor) -> Tensor:
        """Move uint8 (B, 3, H, W) over and convert it there to float32 in [0, 1], channels_last."""
        moved = photos.to(self.device, non_blocking=True)
        return moved.contiguous(memory_format=torch.channels_last).float().div(255)

    def _checkpoint(self, log: MetricsLog) -> dict[str, dict[str, float]] | None:
        """Write logs, validate, then save: a checkpoint never runs ahead of its logs. Rank 0 does it all, and the others go on."""
        log.flush()
        if not self.group.ranks.is_first:
            return None
        self.network.eval()
        losses = validate(self.network, self.perceptual, self.validation, self.trained, self.rows, self.targets, self.dtype)
        log.add_validation(self.update, losses, peak_memory(self.device))
        grid = sample_grid(self.network, self.validation, self.rows)
        log.add_grid(self.update, grid)
        self.network.train()
        self._save()
        write_atomically(self.run.samples / f"{self.update:06d}.jpg", encode(to_image(grid), ".jpg"))
        return losses

    def _save(self) -> None:
        if not self.group.ranks.is_first:
            return
        base = self.info.updates
        info = replace(self.info, updates=base + self.update, run_updates=self.update, created=time.time())
        self.run.save_checkpoint(self.network, info, self.optimizer.state_dict(), self.update)

    def broken_photographs(self) -> list[str]:
        """List the photographs that could not be read, on whichever rank. All ranks must ask."""
        shares = self.group.gather_objects(list(self.sampler.monitor.broken))
        return list(dict.fromkeys(path for share in shares for path in share))
