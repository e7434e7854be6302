"""Sweeps: reconstructions for all combinations of lists of settings, each in a folder, and together in a grid."""

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from nstyle.encoders.load import EncoderWeights
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.pictures import PictureSource, encode
from nstyle.reconstruction.cells import Cell
from nstyle.reconstruction.config_file import SETTINGS, read_settings
from nstyle.reconstruction.configure import make_config
from nstyle.reconstruction.engine import Progress
from nstyle.reconstruction.reconstruct import arguments, reconstruct
from nstyle.reconstruction.run_description import identity
from nstyle.reconstruction.run_folder import OtherRunError, RunFolder
from nstyle.reconstruction.sweep_grid import draw_grid
from nstyle.reconstruction.sweep_plan import Releases, load_releases, read_cells, release_of
from nstyle.renamed import renamed
from nstyle.settings import check_names
from nstyle.system.files import write_atomically
from nstyle.system.interrupts import InterruptedRunError
from nstyle.system.locks import FolderLock
from nstyle.system.output_folders import first_difference, output_folder

OF_CELLS = ("encoder", "resume", "overwrite")
"""Arguments of :func:`nstyle.reconstruct` that a sweep gives to each cell by itself."""
LENGTH = ("iterations", "patience", "threshold")
"""Settings that a resumed run may change, and a finished one of a sweep has as they were asked for."""
logger = logging.getLogger(__name__)


SUMMARY = "sweep.json"
"""The file of a sweep that is written last: what became of every cell."""


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep, after an iteration."""

    cell: Cell
    left: int
    """How many cells are still to be made after this one."""
    iteration: Progress
    """The progress of the cell."""


@dataclass
class SweepResult:
    """The result of a sweep."""

    cells: list[Cell]
    grid: Path
    """``grid.png``."""
    folders: dict[str, Path] = field(default_factory=dict)
    """The folder of each cell, by the name of the cell."""
    reused: int = 0
    """The number of cells that were made before."""
    failed: dict[str, str] = field(default_factory=dict)
    """The reason why a cell could not be made, by the name of the cell."""


@renamed(callback="progress")
def sweep(
    axes: Mapping[str, Sequence[Any]],
    *,
    out: str | Path,
    style: PictureSource | Sequence[PictureSource] | None = None,
    content: PictureSource | None = None,
    progress: Callable[[SweepProgress], None] = lambda now: None,
    notice: Callable[[str], None] | None = None,
    **options: Any,
) -> SweepResult:
    """Reconstruct every combination of lists of settings.

    A cell that was finished with the same settings, pictures and encoder is not made again, and one that was
    interrupted is resumed. A cell that cannot be made is noted in the grid, and the others are made.

    Args:
        axes: A list of values for each setting of :func:`nstyle.reconstruct`. Under ``style`` and ``content``, a list
            of pictures, of which each cell has one.
        out: Folder for one folder per cell, ``grid.png`` and ``sweep.json``.
        style: The painting of all cells, or several that every cell mixes.
        content: The photograph of all cells.
        progress: Called after every iteration.
        notice: Called with a line of text about every cell.
        options: Arguments of :func:`nstyle.reconstruct` for all cells, such as ``snapshots_every``.

    Returns:
        The cells, and which of them were reused or failed.

    Raises:
        UsageError: If a picture or the encoder cannot be read, a setting or a layer does not exist, a list is empty,
            ``out`` is a file, or another process writes to it.
        NstyleError: If the encoder cannot be downloaded.
    """
    check_names({**axes, **options}, [name for name in arguments() if name not in OF_CELLS])
    out = output_folder(out, "sweep")
    common = {name: [options.pop(name)] for name in [*options] if name in SETTINGS or name == "layers"}
    cells = read_cells({**axes, **common}, style=style, content=content)
    return sweep_cells(cells, out=out, progress=progress, notice=notice or (lambda text: None), **options)


def sweep_cells(
    cells: Sequence[Cell],
    *,
    out: str | Path,
    progress: Callable[[SweepProgress], None],
    notice: Callable[[str], None],
    **options: Any,
) -> SweepResult:
    """Reconstruct cells that were read already, whose settings need not be every combination of lists.

    Args:
        cells: The cells, from :func:`nstyle.reconstruction.sweep_plan.read_cells`.
        out: See :func:`sweep`, as are the others.
        progress: Called after every iteration.
        notice: Called with a line of text about every cell.
        options: Arguments of :func:`nstyle.reconstruct` for all cells that are no settings.

    Raises:
        UsageError: If ``out`` is a file, or another process writes to it.
        NstyleError: If no encoder of the cells can be loaded.
    """
    out = output_folder(out, "sweep")
    result = SweepResult(list(cells), out / "grid.png")
    with FolderLock(out):
        releases = load_releases(cells)
        names = [cell.name for cell in cells]
        waiting = [number for number, cell in enumerate(cells, start=1) if _is_waiting(out, cell, names, releases)]
        for number, cell in enumerate(cells, start=1):
            where = f"{number} of {len(cells)}: {cell.name}"

            def show(now: Progress, cell: Cell = cell, number: int = number) -> None:
                progress(SweepProgress(cell, sum(other > number for other in waiting), now))

            try:
                release = releases[release_of(cell)]
                if isinstance(release, NstyleError):
                    raise release
                if done := _find_done(out, cell, names, release):
                    result.folders[cell.name] = done
                    result.reused += 1
                    notice(f"{where} (done already)")
                    continue
                notice(where)
                result.folders[cell.name] = out / cell.name
                make_cell(cell, out / cell.name, release, progress=show, **options)
            except InterruptedRunError as error:
                stopped = f"stopped in {cell.name}; what is done is kept, and the same command goes on"
                raise InterruptedRunError(stopped, error.signal_number) from error
            except NstyleError as error:
                result.failed[cell.name] = str(error)
                notice(f"{where} cannot be made: {error}")
        _write(result, out)
        return result


def make_cell(cell: Cell, folder: Path, release: EncoderWeights, **options: Any) -> None:
    """Resume a cell if it was interrupted or had fewer iterations, or else make it from the start.

    It begins anew too if it would have stopped by another rule, as that might have been earlier.

    Args:
        cell: The cell.
        folder: The folder of the cell.
        release: Its encoder.
        options: Arguments of :func:`nstyle.reconstruct` that are no settings.

    Raises:
        NstyleError: If it cannot be made, or is interrupted. What was done stays.
    """
    pictures: dict[str, Any] = {"style": cell.pictures.styles, "content": cell.pictures.content}
    given: dict[str, Any] = {**cell.settings, **options, **pictures, "encoder": release, "out": folder}
    if RunFolder(folder).state.exists() and _stops_alike(cell, RunFolder(folder), release):
        try:
            reconstruct(**given, resume=True)
            return
        except OtherRunError as error:
            logger.info("%s; it is replaced", error)
    reconstruct(**given, overwrite=True)


def _stops_alike(cell: Cell, folder: RunFolder, release: EncoderWeights) -> bool:
    """Tell whether the run in a folder stopped by the patience and the threshold of a cell."""
    wanted = make_config(cell.pictures, networks=(release.architecture,), **cell.settings)
    try:
        made = read_settings(folder.settings)
    except UsageError:
        return False
    return all(made.get(name) == getattr(wanted, name) for name in ("patience", "threshold"))


def _is_waiting(out: Path, cell: Cell, names: Collection[str], releases: Releases) -> bool:
    """Tell whether a cell is still to be made, and can be."""
    release = releases[release_of(cell)]
    try:
        return not isinstance(release, NstyleError) and _find_done(out, cell, names, release) is None
    except NstyleError:
        return False


def _find_done(out: Path, cell: Cell, names: Collection[str], release: EncoderWeights) -> Path | None:
    """Find the finished run of these settings, in the folder of the cell or under the name from another sweep.

    Folders with the ``names`` of other cells do not count, as those cells will replace what is in them.

    Raises:
        UsageError: If the settings do not fit the pictures or the network.
    """
    config = make_config(cell.pictures, networks=(release.architecture,), **cell.settings)
    wanted = {**identity(config, cell.pictures, release), **{name: getattr(config, name) for name in LENGTH}}
    others = sorted(path.parent for path in out.glob("*/run.json") if path.parent.name not in names)
    return next((folder for folder in [out / cell.name, *others] if _is_done(RunFolder(folder), wanted)), None)


def _is_done(folder: RunFolder, wanted: Mapping[str, Any]) -> bool:
    try:
        description = folder.read_description()
    except UsageError:
        return False
    made = {**description["identity"], **{name: description["config"].get(name) for name in LENGTH}}
    return first_difference(made, wanted) is None and folder.result.exists()


def _write(result: SweepResult, out: Path) -> None:
    """Write ``grid.png`` and ``sweep.json``."""

    def outcome(cell: Cell) -> Image.Image | str:
        reason = result.failed.get(cell.name)
        return RunFolder(result.folders[cell.name]).read_result() if reason is None else reason.split(";")[0]

    write_atomically(result.grid, encode(draw_grid(result.cells, outcome), ".png"))
    cells = [
        {
            "folder": result.folders.get(cell.name, out / cell.name).name,
            "labels": dict(cell.labels),
            "failed": result.failed.get(cell.name),
        }
        for cell in result.cells
    ]
    write_atomically(out / SUMMARY, (json.dumps({"cells": cells}, indent=2) + "\n").encode())
