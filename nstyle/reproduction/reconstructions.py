"""Work that optimizes pixels: a sweep of reconstructions, and one that is stopped halfway and picked up again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nstyle.encoders.load import EncoderWeights, can_build
from nstyle.errors import NstyleError
from nstyle.reconstruction.cells import Cell
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.configure import make_config
from nstyle.reconstruction.engine import Progress
from nstyle.reconstruction.pictures import Pictures
from nstyle.reconstruction.run_folder import RunFolder
from nstyle.reconstruction.sweep import SUMMARY, SweepProgress, make_cell, sweep_cells
from nstyle.reconstruction.sweep_plan import load_release, load_releases, read_cells, release_of
from nstyle.reproduction.clock import Clock
from nstyle.reproduction.figures import amount
from nstyle.reproduction.work import Display, Work
from nstyle.system.interrupts import InterruptedRunError

Axes = Mapping[str, Sequence[Any]]
Planned = tuple[ReconstructionConfig, Pictures, str]
"""A reconstruction with its settings, its pictures and the network of its encoder, such as ``vgg16``."""


@dataclass(frozen=True)
class Reconstructions(Work):
    """Reconstructions in every combination of lists of settings; see :func:`nstyle.reconstruction.sweep.sweep`."""

    axes: Axes
    """Lists of settings of :func:`nstyle.reconstruct`. Under ``style`` and ``content`` they are paintings and
    photographs."""
    snapshots_every: int = 0
    """The iterations between snapshots; 0 for none."""
    style: tuple[Path, ...] = ()
    """Paintings that every reconstruction mixes, where they are no axis."""
    dependent: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda settings: {}
    """Settings of a reconstruction that follow from its others, such as iterations from layer and loss."""

    @cached_property
    def cells(self) -> list[Cell]:
        """Every combination, with the settings that follow from it."""
        return [
            replace(cell, settings={**cell.settings, **self.dependent(cell.settings)})
            for cell in read_cells(self.axes, style=self.style or None)
        ]

    @cached_property
    def planned(self) -> list[Planned]:
        """The reconstructions that can be made. The results will say why others cannot."""
        releases = load_releases(self.cells)
        return [planned for cell in self.cells if (planned := _plan(cell, releases[release_of(cell)]))]

    @property
    def extent(self) -> str:
        iterations, sizes = ([int(cell.settings[name]) for cell in self.cells] for name in ("iterations", "size"))
        return f"{amount(len(self.cells), 'reconstruction')}, {span(iterations)} iterations, {span(sizes)} px"

    @property
    def shortage(self) -> str:
        count = len(self.planned)
        return f", of which {count or 'none'} can be made" if count < len(self.cells) else ""

    def seconds(self, clock: Clock) -> float:
        return sum(clock.reconstruction(*planned) for planned in self.planned)

    def is_done(self, folder: Path) -> bool:
        return (folder / SUMMARY).exists()

    def run(self, folder: Path, display: Display) -> None:
        with display.sweep() as progress:
            sweep_cells(
                self.cells,
                out=folder,
                snapshots_every=self.snapshots_every,
                progress=progress,
                notice=lambda text: display.notice(f"{self.name}: {text}"),
            )


def _plan(cell: Cell, release: EncoderWeights | NstyleError) -> Planned | None:
    """Plan a reconstruction; None if its settings, its pictures and its encoder do not fit together."""
    if isinstance(release, NstyleError):
        return None
    try:
        config = make_config(cell.pictures, networks=(release.architecture,), **cell.settings)
        cell.pictures.check(config)
    except NstyleError:
        return None
    fits = can_build(release, [*config.style_layers, *config.content_layers], config.pooling)
    return (config, cell.pictures, release.architecture) if fits else None


@dataclass(frozen=True)
class Halved(Work):
    """One reconstruction that ends at half its iterations, and is picked up again from what was stored."""

    settings: Mapping[str, Any]
    """Settings of :func:`nstyle.reconstruct`, with pictures and iterations."""

    @cached_property
    def whole(self) -> Reconstructions:
        """The same reconstruction as a sweep of one."""
        return Reconstructions(self.name, {name: [value] for name, value in self.settings.items()})

    @property
    def extent(self) -> str:
        return f"{self.whole.extent}, in two halves"

    @property
    def shortage(self) -> str:
        return self.whole.shortage

    def seconds(self, clock: Clock) -> float:
        return self.whole.seconds(clock)

    def is_done(self, folder: Path) -> bool:
        run = RunFolder(folder)
        if not run.description.exists():
            return False
        description = run.read_description()
        is_whole = int(description["iterations"]) >= int(self.settings["iterations"])
        return is_whole or description["stopped"] != "iterations"

    def run(self, folder: Path, display: Display) -> None:
        total = int(self.settings["iterations"])
        (cell,) = self.whole.cells
        try:
            release = load_release(cell)
            with display.sweep() as show:
                for left, which, iterations in ((1, "first", total // 2), (0, "second", total)):
                    if self.is_done(folder) or (left and _iterations_done(RunFolder(folder)) >= iterations):
                        continue
                    display.notice(f"{self.name}: the {which} half")
                    half = replace(cell, settings={**cell.settings, "iterations": iterations})

                    def progress(now: Progress, left: int = left) -> None:
                        show(SweepProgress(cell, left, now))

                    make_cell(half, folder, release, progress=progress)
        except InterruptedRunError:
            raise
        except NstyleError as error:
            display.notice(f"{self.name} cannot be made: {error}")


def _iterations_done(folder: RunFolder) -> int:
    """Return the iteration that an interrupted reconstruction stands at; 0 where it would begin anew."""
    rows = folder.read_rows()[1] if folder.state.exists() else []
    return int(rows[-1][0]) if rows else 0


def span(numbers: Sequence[float]) -> str:
    """Return the least and the largest of some numbers: ``300``, or ``300 to 3,000``."""
    if not numbers:
        return "0"
    least, most = min(numbers), max(numbers)
    return f"{least:,.0f}" if least == most else f"{least:,.0f} to {most:,.0f}"
