"""Work that trains networks: a run, a comparison of one network with several, and blends that a run paints."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from nstyle.comparison.compare import compare
from nstyle.encoders.load import load_encoder_weights, reaches
from nstyle.interpolation.interpolate import interpolate
from nstyle.losses.presets import PRESETS
from nstyle.models.model_file import read_info
from nstyle.reports.folder import NUMBERS
from nstyle.reports.formats import FORMATS
from nstyle.reproduction.clock import Clock
from nstyle.reproduction.figures import amount
from nstyle.reproduction.work import Display, WorkOfOneResult
from nstyle.training.run_directory import RunDirectory
from nstyle.training.train import train


@dataclass(frozen=True)
class Trained(WorkOfOneResult):
    """Networks that are trained under a preset."""

    trains: ClassVar[bool] = True
    styles: tuple[Path, ...]
    """The paintings."""
    settings: Mapping[str, Any]
    """Settings of :func:`nstyle.train` or :func:`nstyle.compare`, with ``preset``, ``updates`` and ``size``."""

    @cached_property
    def lack(self) -> str:
        weights, preset = load_encoder_weights(self.settings["vgg"] or None), self.settings["preset"]
        deep = [layer for layer in PRESETS[preset].layers if not reaches(weights, [layer])]
        if not deep:
            return ""
        return f"preset {preset} compares {deep[0]}, but these {weights.architecture} weights stop at {weights.deepest}"


@dataclass(frozen=True)
class Training(Trained):
    """One network, trained in all styles; see :func:`nstyle.train`."""

    @property
    def extent(self) -> str:
        settings = self.settings
        return f"{amount(len(self.styles), 'style')}, {settings['updates']:,} updates, {settings['size']} px"

    def seconds(self, clock: Clock) -> float:
        return clock.training(self.styles, self.settings)

    def is_done(self, folder: Path) -> bool:
        run = RunDirectory(folder)
        return run.has_run and read_info(run.model).run_updates >= self.settings["updates"]

    def make(self, folder: Path, display: Display) -> None:
        with display.training() as progress:
            if RunDirectory(folder).has_run:
                moved = {name: self.settings[name] for name in ("content", "vgg", "device") if self.settings.get(name)}
                train(out=folder, resume=True, progress=progress, **moved)
            else:
                train(self.styles, out=folder, progress=progress, **self.settings)


@dataclass(frozen=True)
class Comparison(Trained):
    """One network in all styles against one for each; see :func:`nstyle.compare`."""

    @property
    def extent(self) -> str:
        settings = self.settings
        return f"{len(self.styles) + 1} networks, {settings['updates']:,} updates each, {settings['size']} px"

    def seconds(self, clock: Clock) -> float:
        trained = {name: value for name, value in self.settings.items() if name not in ("photos", "held_out")}
        return (len(self.styles) + 1) * clock.training(self.styles, trained)

    def is_done(self, folder: Path) -> bool:
        return (folder / NUMBERS).exists()

    def make(self, folder: Path, display: Display) -> None:
        with display.comparison() as progress:
            compare(self.styles, out=folder, progress=progress, notice=display.notice, formats=FORMATS, **self.settings)


@dataclass(frozen=True)
class Blends(WorkOfOneResult):
    """Blends of styles along a way between them, and how their losses change; see :func:`nstyle.interpolate`."""

    photo: Path
    model: Training
    """The network that paints, which lies beside this work."""
    styles: int
    """How many of its styles are blended, from the first on."""
    settings: Mapping[str, Any]
    """Settings of :func:`nstyle.interpolate`."""

    @property
    def lack(self) -> str:
        few = "it blends styles, and one painting was given" if len(self.model.styles) < 2 else ""
        return self.model.lack or few

    @property
    def extent(self) -> str:
        return f"blends of {amount(min(self.styles, len(self.model.styles)), 'style')}, {self.settings['size']} px"

    def seconds(self, clock: Clock) -> float:
        return 0.0  # A few pictures, beside the training of the network that paints them.

    def is_done(self, folder: Path) -> bool:
        return (folder / NUMBERS).exists()

    def make(self, folder: Path, display: Display) -> None:
        model = folder.parent / self.model.name
        styles = read_info(RunDirectory(model).model).styles[: self.styles]
        paintings = self.model.styles  # All of them, as files of one name get their names by the others.
        interpolate(
            self.photo, model, out=folder, styles=styles, style_images=paintings, formats=FORMATS, **self.settings
        )
