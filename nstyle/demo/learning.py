"""The trainings of the demo: as many updates as fit into the time, gone on with where they were interrupted."""

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
from nstyle.demo.plan import Lesson
from nstyle.models.locate import DEFAULT
from nstyle.models.model_file import read_info
from nstyle.training.config import TrainingConfig
from nstyle.training.run_directory import RunDirectory
from nstyle.training.train import prepare_append, prepare_training
from nstyle.training.trainer import Progress, Trainer

PROBE = 5
"""Updates that are timed first; the first of them is left out."""

TrainingProgress = Callable[[], AbstractContextManager[Callable[[Progress], None]]]
"""Opens a display of progress."""


class _EnoughError(Exception):
    """Ends a training that was only timed."""


def learn(folder: DemoFolder, lesson: Lesson, model: Path, notice: Callable[[str], None], progress: TrainingProgress) -> Path:
    """Train a lesson into its run directory of the demo, unless that was done before.

    Args:
        folder: Of the demo; photographs and styles are there.
        lesson: What to train.
        model: The shipped model, which styles are appended to.
        notice: Told in a line what is begun.
        progress: Shows the updates.

    Returns:
        The run directory.
    """
    run = RunDirectory(folder.run(lesson.run))
    if is_finished(run):
        notice(f"{run.path} is trained already")
        return run.path
    with folder.timed(f"{lesson.run}-training"):
        if run.has_run:
            trainer = prepare_training([], out=run.path, resume=True, vgg=folder.vgg)
        else:
            rate = seconds_per_update(lambda path, updates: _prepare(folder, lesson, model, path, updates))
            updates = int(np.clip(lesson.seconds / rate, lesson.min_updates, lesson.max_updates))
            trainer = _prepare(folder, lesson, model, run.path, updates)
        notice(f"{trainer.config.updates - trainer.update} updates, {', '.join(trainer.styles.names)}, into {run.path}")
        with progress() as report:
            trainer.train(report)
    return run.path


def is_finished(run: RunDirectory) -> bool:
    """Tell whether a run has made all its updates."""
    return run.has_run and read_info(run.model).run_updates >= TrainingConfig.from_toml(run.config).updates


def training_command(folder: DemoFolder, lesson: Lesson) -> str:
    """Write the command that trains a lesson as the demo did."""
    config = TrainingConfig.from_toml(RunDirectory(folder.run(lesson.run)).config)
    settings = lesson.settings() | {"updates": config.updates}
    styles = " ".join(folder.shown("styles", f"{name}.jpg") for name in lesson.styles)
    photographs = folder.shown("photographs")
    options = [f"--{name.replace('_', '-')} {value}" for name, value in settings.items()]
    command = f"add-style {DEFAULT}" if lesson.width is None else "train"
    return (
        f"nstyle {command} --styles {styles} \\\n    --content {photographs} --validation {photographs} \\\n"
        f"    {' '.join(options[:4])} \\\n    {' '.join(options[4:])} \\\n    --vgg {shlex.quote(folder.vgg)} --out {folder.shown(lesson.run)}"
    )


def seconds_per_update(prepare: Callable[[Path, int], Trainer]) -> float:
    """Time a few updates of a run that is thrown away."""
    times: list[float] = []

    def note(progress: Progress) -> None:
        times.append(time.perf_counter())
        if len(times) == PROBE:
            raise _EnoughError

    logging.disable(logging.WARNING)  # The run itself says the same again.
    try:
        with tempfile.TemporaryDirectory() as scratch, suppress(_EnoughError):
            prepare(Path(scratch) / "probe", PROBE + 1).train(note)
    finally:
        logging.disable(logging.NOTSET)
    return float(np.median(np.diff(times)))


def _prepare(folder: DemoFolder, lesson: Lesson, model: Path, path: Path, updates: int) -> Trainer:
    styles = [folder.styles / f"{name}.jpg" for name in lesson.styles]
    photographs = str(folder.photographs)
    settings: dict[str, Any] = lesson.settings() | {"updates": updates, "content": photographs, "validation": photographs, "vgg": folder.vgg}
    if lesson.width is None:
        return prepare_append(model, styles, out=path, **settings)
    return prepare_training(styles, out=path, resume=False, **settings)
