"""Construction of a trainer from settings, for a new run, a resumed run, or styles appended to a model."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from nstyle.data.choice import choose_sampler
from nstyle.data.coco import DEFAULT_FOLDERS
from nstyle.data.photos import PhotoIndex
from nstyle.data.styles import StyleFile, TrainedStyles, compute_targets, logit_colors, under_stored_names
from nstyle.encoders.load import EncoderWeights, load_encoder_weights
from nstyle.encoders.vgg_weights import default_source
from nstyle.errors import UsageError
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.models.model_file import ModelInfo, load_model
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.devices import choose_device, choose_dtype
from nstyle.system.processes import ALONE, Group, note_begun, was_begun
from nstyle.training.config import TrainingConfig
from nstyle.training.kept_targets import targets_to_keep
from nstyle.training.photographs import check_output, read_photographs
from nstyle.training.precision import check_can_compile
from nstyle.training.run_directory import RunDirectory
from nstyle.training.run_log import cut_log
from nstyle.training.trainer import Hardware, Photographs, Trainer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """The checked and loaded inputs that a run starts or continues from."""

    run: RunDirectory
    config: TrainingConfig
    network: TransformerNetwork
    info: ModelInfo
    styles: TrainedStyles
    encoder_weights: EncoderWeights
    photos: PhotoIndex
    validation: Tensor
    """The validation photographs, RGB (N, 3, H, W) in [0, 1]."""
    update: int = 0
    """The number of updates that are already done."""
    source: Path | None = None
    """The model that styles come from which the run does not train."""

    def trainer(self, device: torch.device, group: Group) -> Trainer:
        """Move the network and the loss to the device, and choose how photographs are read."""
        config = self.config
        hardware = Hardware(device, choose_dtype(config.precision, device), group)
        keeps = config.keep_targets and group.ranks.is_first
        batch_size = config.batch_size // group.ranks.size
        crops = (config.updates - self.update) * batch_size
        network = self.network.train().to(memory_format=torch.channels_last).to(device)
        perceptual = PerceptualLoss(config.preset, self.encoder_weights, dtype=hardware.dtype).to(device)
        sampler = choose_sampler(
            self.photos, config.size, config.seed, device, crops=crops, batch_size=batch_size, workers=config.workers
        )
        return Trainer(
            run=self.run,
            config=config,
            network=network,
            info=self.info,
            styles=self.styles,
            perceptual=perceptual,
            photographs=Photographs(sampler, self.validation),
            hardware=hardware,
            kept=targets_to_keep(self.styles, self.info, self.source) if keeps else None,
        )


def new_run(path: Path, config: TrainingConfig, styles: Sequence[StyleFile], group: Group = ALONE) -> Trainer:
    """Prepare a new run: check all inputs, compute the style targets, and write the directory.

    Args:
        path: The run directory, which must not hold a run.
        config: The settings. With ``init_from`` the weights of a model are used, its rows matched by style name, and
            new styles start at the mean of the old ones. With ``rows_only`` the styles are appended to that model.
        styles: The paintings, in the order of the style ids.
        group: The processes that train together. Rank 0 creates the directory, and the others follow.

    Raises:
        UsageError: If the settings, the paintings, the photographs or the weights are invalid.
    """
    run = RunDirectory(path)
    return _while_locked(run, group, lambda: _new_run(run, config, styles, group))


def _while_locked(run: RunDirectory, group: Group, prepare: Callable[[], Trainer]) -> Trainer:
    """Prepare a trainer while no other process writes to the run directory. The trainer keeps the lock."""
    if not group.ranks.is_first:
        return prepare()
    lock = run.lock()
    try:
        trainer = prepare()
    except BaseException:
        lock.release()
        raise
    trainer.lock = lock
    return trainer


def _new_run(run: RunDirectory, config: TrainingConfig, styles: Sequence[StyleFile], group: Group) -> Trainer:
    if group.ranks.is_first:
        run.refuse_if_taken()
    group.ranks.check_batch(config.batch_size)
    config = resolve(replace(config, styles=tuple(str(style.path.absolute()) for style in styles)))
    check_output(run.path, config)
    device = group.ranks.place(choose_device(config.device))
    encoder_weights = load_encoder_weights(config.vgg)
    _warn_of_release(config, encoder_weights)
    perceptual = PerceptualLoss(config.preset, encoder_weights).to(device)
    network, info = _initial_network(config, styles)
    photos, validation = read_photographs(config)
    if config.size < perceptual.min_side:
        raise UsageError(
            f"`size` is {config.size}; expected at least {perceptual.min_side} px for {config.preset.style_scales} "
            f"scales{' and the power spectrum' if config.preset.spectrum_weight else ''}"
        )
    targets = compute_targets(styles, perceptual, config.style_size, device)
    trained = TrainedStyles(tuple(style.name for style in styles), targets)
    if group.ranks.is_first:
        run.create(config, trained)
        note_begun(run.path)
    vgg = {name: getattr(encoder_weights, name) for name in ("architecture", "release", "sha256")}
    info = replace(info, size=config.size, style_size=config.style_size, grain=config.grain)
    info = replace(info, preset=config.preset.to_dict(), vgg=vgg)
    source = Path(config.init_from) if config.rows_only else None
    start = Start(run, config, network, info, trained, encoder_weights, photos, validation, source=source)
    return start.trainer(device, group)


def resume_run(path: Path, config: TrainingConfig, group: Group = ALONE) -> Trainer:
    """Prepare to continue a run from its last checkpoint, to which the logs are truncated.

    Args:
        path: The run directory.
        config: The settings of the run, possibly with other ``updates``, ``content`` or ``validation``.
        group: The processes that train together. Their number may differ from before.

    Raises:
        UsageError: If there is no checkpoint, or the VGG weights differ from before.
    """
    run = RunDirectory(path)
    return _while_locked(run, group, lambda: _resume_run(run, config, group))


def _resume_run(run: RunDirectory, config: TrainingConfig, group: Group) -> Trainer:
    network, info, optimizer, update = run.load_checkpoint()
    if update >= config.updates and not was_begun(run.path):  # Restarted processes may find nothing left to do.
        raise UsageError(
            f"{run.path} is finished: {update} of {config.updates} updates are done; give more `updates` to go on"
        )
    styles = run.read_styles()
    styles.check_terms(config.preset.target_names)
    if unknown := [name for name in styles.names if name not in info.styles]:
        raise UsageError(f"{run.targets} has a style {unknown[0]}, which {run.model} lacks; they are of two runs")
    group.ranks.check_batch(config.batch_size)
    config = resolve(config)
    device = group.ranks.place(choose_device(config.device))
    encoder_weights = load_encoder_weights(config.vgg)
    if encoder_weights.sha256 != info.vgg_sha256:
        raise UsageError(f"the run was started with other VGG weights ({info.vgg_in_words}); give them with `vgg`")
    photos, validation = read_photographs(config)
    if group.ranks.is_first:
        run.write_config(config)
        cut_log(run.metrics, update)
        note_begun(run.path)
    base = replace(info, updates=info.updates - info.run_updates, run_updates=0)
    start = Start(run, config, network, base, styles, encoder_weights, photos, validation, update, run.model)
    trainer = start.trainer(device, group)
    try:
        trainer.restore(optimizer, update)
    except ValueError as error:
        raise run.broken_state(update, error) from error
    return trainer


def resolve(config: TrainingConfig) -> TrainingConfig:
    """Resolve the settings that depend on the machine and the environment, so that a resumed run uses the same ones.

    Raises:
        UsageError: If the device or a folder does not exist, no photographs are named or found, a path cannot be
            stored, or --compile fails.
    """
    device = choose_device(config.device)
    if config.compile:
        check_can_compile(device)
    folder = Path(config.content) if config.content else next((path for path in DEFAULT_FOLDERS if path.is_dir()), None)
    if folder is None:
        expected = " or ".join(str(path) for path in DEFAULT_FOLDERS)
        raise UsageError(
            f"no photographs to train on: {expected} is not there; give a folder with `content`, or run 'python "
            "tools/download_coco.py'"
        )
    for name, named in (("content", str(folder)), ("validation", config.validation)):
        if named and not Path(named).is_dir():
            raise UsageError(f"`{name}` is {named}: no such folder; expected a folder of photographs")
    resolved = replace(
        config,
        content=str(folder.absolute()),
        validation=str(Path(config.validation).absolute()) if config.validation else "",
        vgg=default_source(config.vgg),
        device=str(device),
        precision="bf16" if choose_dtype(config.precision, device) == torch.bfloat16 else "fp32",
    )
    resolved.to_toml()
    return resolved


def _initial_network(config: TrainingConfig, styles: Sequence[StyleFile]) -> tuple[TransformerNetwork, ModelInfo]:
    names = tuple(style.name for style in styles)
    if not config.init_from:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = TransformerNetwork(len(names), width=config.width)
        network.set_output_colors(*logit_colors(styles))
        return network, ModelInfo(styles=names, width=config.width)
    source, info = load_model(Path(config.init_from))
    if source.width != config.width:
        raise UsageError(
            f"{config.init_from} has width {source.width}, but `width` is {config.width}; leave `width` out"
        )
    rows = [style.name for style in under_stored_names(styles, info.styles)] if not config.rows_only else names
    known = [name for name in rows if name in info.styles]
    new = [name for name in rows if name not in info.styles]
    if config.rows_only:
        if known:
            raise UsageError(
                f"style '{known[0]}' is in {config.init_from} already; rename the painting to append it again"
            )
        return source.grow_styles(len(new)), replace(info, styles=(*info.styles, *new), run_updates=0)
    grown = source.grow_styles(len(new)) if new else source
    order = [(*info.styles, *new).index(name) for name in rows]
    return grown.select_styles(order), replace(info, styles=names, run_updates=0)


def _warn_of_release(config: TrainingConfig, encoder_weights: EncoderWeights) -> None:
    wanted = config.preset.release
    if wanted is not None and encoder_weights.release != wanted:
        logger.warning(
            "preset %s was tuned on %s weights, but these are %s: the balance will be off",
            config.preset.name,
            wanted,
            encoder_weights.release,
        )
