"""The trainings of the demo: as many updates as fit into the time, resumed after an interruption."""

import logging
import shlex
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.demo.folder import DemoFolder
from nstyle.demo.plan import DemoTraining
from nstyle.encoders.load import load_encoder_weights, reaches
from nstyle.losses.presets import RELATIVE, Preset
from nstyle.models.locate import DEFAULT
from nstyle.models.model_file import read_info
from nstyle.system.interrupts import InterruptedRunError
from nstyle.training.config import TrainingConfig
from nstyle.training.run_directory import RunDirectory
from nstyle.training.train import prepare_append, prepare_training
from nstyle.training.trainer import Progress, Trainer

PROBE = 5
"""Number of updates that are timed in advance. The first of them is left out."""

TrainingDisplay = Callable[[], AbstractContextManager[Callable[[Progress], None]]]
"""Opens a display, which is called with the progress after every update."""


class _EnoughError(Exception):
    """Ends a training that is only timed."""


def train(
    folder: DemoFolder,
    training: DemoTraining,
    model: Path,
    notice: Callable[[str], None],
    open_display: TrainingDisplay,
) -> Path:
    """Train into a run directory of the demo, unless an earlier run of the demo did.

    Args:
        folder: The folder of the demo, which holds photographs and styles.
        training: What to train.
        model: The shipped model, to which styles are appended.
        notice: Called with a line of text about what begins.
        open_display: Shows the updates.

    Returns:
        The run directory.
    """
    run = RunDirectory(folder.run(training.run))
    if is_finished(run):
        notice(f"{run.path} is trained already")
        return run.path
    with folder.timed(f"{training.run}-training"):
        if run.has_run:
            trainer = prepare_training([], out=run.path, resume=True, vgg=folder.vgg)
        else:
            rate = seconds_per_update(lambda path, updates: _prepare(folder, training, model, path, updates))
            updates = int(np.clip(training.seconds / rate, training.min_updates, training.max_updates))
            trainer = _prepare(folder, training, model, run.path, updates)
        notice(f"{trainer.config.updates - trainer.update} updates, {', '.join(trainer.styles.names)}, into {run.path}")
        with open_display() as progress:
            signal_number = trainer.train(progress)
        if signal_number:
            raise InterruptedRunError(f"stopped after the last update; {run.path} is finished", signal_number)
    return run.path


def is_finished(run: RunDirectory) -> bool:
    """Tell whether a run has made all its updates."""
    return run.has_run and read_info(run.model).run_updates >= TrainingConfig.from_toml(run.config).updates


def training_command(folder: DemoFolder, training: DemoTraining) -> str:
    """Return the command that trains as the demo did."""
    config = TrainingConfig.from_toml(RunDirectory(folder.run(training.run)).config)
    settings = training.settings() | {"updates": config.updates, "style_layers": ",".join(config.preset.style_layers)}
    styles = " ".join(folder.shown("styles", f"{name}.jpg") for name in training.styles)
    photographs = folder.shown("photographs")
    options = [f"--{name.replace('_', '-')} {value}" for name, value in settings.items()]
    command = f"add-style {DEFAULT}" if training.width is None else "train"
    return (
        f"nstyle {command} --styles {styles} \\\n    --content {photographs} --validation {photographs} \\\n"
        f"    {' '.join(options[:4])} \\\n    {' '.join(options[4:])} \\\n"
        f"    --vgg {shlex.quote(folder.vgg)} --out {folder.shown(training.run)}"
    )


def seconds_per_update(prepare: Callable[[Path, int], Trainer]) -> float:
    """Measure the time of an update in a short run that is discarded."""
    times: list[float] = []

    def note(progress: Progress) -> None:
        times.append(time.perf_counter())
        if len(times) == PROBE:
            raise _EnoughError

    logging.disable(logging.WARNING)  # The training itself gives the same warnings again.
    try:
        with tempfile.TemporaryDirectory() as scratch, suppress(_EnoughError):
            prepare(Path(scratch) / "probe", PROBE + 1).train(note)
    finally:
        logging.disable(logging.NOTSET)
    return float(np.median(np.diff(times)))


def _prepare(folder: DemoFolder, training: DemoTraining, model: Path, path: Path, updates: int) -> Trainer:
    styles = [folder.styles / f"{name}.jpg" for name in training.styles]
    photographs = str(folder.photographs)
    base = Preset.from_dict(read_info(model).preset) if training.width is None else RELATIVE
    encoder_weights = load_encoder_weights(folder.vgg)
    settings: dict[str, Any] = training.settings() | {
        "updates": updates,
        "style_layers": tuple(layer for layer in base.style_layers if reaches(encoder_weights, [layer])),
        "content": photographs,
        "validation": photographs,
        "vgg": folder.vgg,
    }
    if training.width is None:
        return prepare_append(model, styles, out=path, **settings)
    return prepare_training(styles, out=path, resume=False, **settings)
