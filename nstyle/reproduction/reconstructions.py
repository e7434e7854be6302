"""Work that optimizes pixels: a sweep of reconstructions, and one that is stopped halfway and picked up again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nstyle.encoders.load import EncoderWeights, reaches
from nstyle.errors import NstyleError
from nstyle.reconstruction.cells import Cell
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.configure import make_config
from nstyle.reconstruction.pictures import Pictures
from nstyle.reconstruction.reconstruct import reconstruct
from nstyle.reconstruction.run_folder import RunFolder
from nstyle.reconstruction.sweep import SUMMARY, SweepProgress, sweep_cells
from nstyle.reconstruction.sweep_plan import load_releases, read_cells, release_of
from nstyle.reproduction.clock import Clock
from nstyle.reproduction.figures import amount
from nstyle.reproduction.work import Display, Work

Axes = Mapping[str, Sequence[Any]]


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
    def planned(self) -> list[tuple[ReconstructionConfig, Pictures, EncoderWeights]]:
        """The reconstructions that can be made: an encoder may lack the layers of some, which the results will say."""
        releases = load_releases(self.cells)

        def configs() -> Iterator[tuple[ReconstructionConfig, Pictures, EncoderWeights]]:
            for cell in self.cells:
                release = releases[release_of(cell)]
                if isinstance(release, NstyleError):
                    continue
                try:
                    config = make_config(cell.pictures, networks=(release.architecture,), **cell.settings)
                except NstyleError:
                    continue
                if reaches(release, [*config.style_layers, *config.content_layers]):
                    yield config, cell.pictures, release

        return list(configs())

    @property
    def extent(self) -> str:
        iterations, sizes = ([int(cell.settings[name]) for cell in self.cells] for name in ("iterations", "size"))
        return f"{amount(len(self.cells), 'reconstruction')}, {span(iterations)} iterations, {span(sizes)} px"

    @property
    def shortage(self) -> str:
        count = len(self.planned)
        return f", of which this encoder can make {count or 'none'}" if count < len(self.cells) else ""

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
        return _iterations_done(RunFolder(folder)) >= int(self.settings["iterations"])

    def run(self, folder: Path, display: Display) -> None:
        if not self.whole.planned:
            display.notice(f"{self.name}: {self.extent}")
            return
        total = int(self.settings["iterations"])
        with display.sweep() as show:
            (cell,) = read_cells(self.whole.axes)
            for half, iterations in enumerate((total // 2, total)):
                at = _iterations_done(RunFolder(folder))
                if at >= iterations:
                    continue
                display.notice(f"{self.name}: iterations {at} to {iterations}")
                reconstruct(
                    **{**self.settings, "iterations": iterations},
                    out=folder,
                    resume=at > 0 or half > 0,
                    progress=lambda now, half=half: show(SweepProgress(cell, 1 - half, now)),  # type: ignore[misc]
                )


def _iterations_done(folder: RunFolder) -> int:
    """Return how far a reconstruction was finished, 0 if it was not."""
    return int(folder.read_description()["iterations"]) if folder.description.exists() else 0


def span(numbers: Sequence[float]) -> str:
    """Return the least and the largest of some numbers: ``300``, or ``300 to 3,000``."""
    if not numbers:
        return "0"
    least, most = min(numbers), max(numbers)
    return f"{least:,.0f}" if least == most else f"{least:,.0f} to {most:,.0f}"
