"""Sweeps: reconstructions for all combinations of lists of settings, each in a folder, and together in a grid."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from nstyle.encoders.layers import Architecture
from nstyle.encoders.load import EncoderWeights, load_encoder_weights
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.layout import labelled_table
from nstyle.imaging.pictures import PictureSource, encode
from nstyle.reconstruction.cells import Cell, make_cells
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.configure import make_config
from nstyle.reconstruction.engine import Progress
from nstyle.reconstruction.inputs import Cells, Labelled, beside, inputs_of
from nstyle.reconstruction.layer_weights import layer_weights
from nstyle.reconstruction.pictures import Pictures
from nstyle.reconstruction.reconstruct import arguments, as_sequence, reconstruct
from nstyle.reconstruction.run_description import identity
from nstyle.reconstruction.run_folder import OtherRunError, RunFolder
from nstyle.renamed import renamed
from nstyle.settings import check_names
from nstyle.system.files import write_atomically
from nstyle.system.interrupts import InterruptedRunError
from nstyle.system.locks import FolderLock
from nstyle.system.output_folders import first_difference, output_folder

LAYERS = ("layers", "style_layers", "content_layers")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep, after an iteration."""

    cell: Cell
    number: int
    """The number of the cell, from 1."""
    cells: int
    """The number of all cells."""
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
        axes: A list of values for each setting of :func:`nstyle.reconstruct`.
        out: Folder for one folder per cell, ``grid.png`` and ``sweep.json``.
        style: See :func:`nstyle.reconstruct`.
        content: See :func:`nstyle.reconstruct`.
        progress: Called after every iteration.
        notice: Called with a line of text about every cell.
        options: Arguments of :func:`nstyle.reconstruct` such as ``snapshots_every``.

    Returns:
        The cells, and which of them were reused or failed.

    Raises:
        UsageError: If a picture or the encoder cannot be read, a setting or a layer does not exist, ``out`` is a file,
            or another process writes to it.
        NstyleError: If the encoder cannot be downloaded.
    """
    check_names({**axes, **options}, arguments())
    out = output_folder(out, "sweep")
    styles = as_sequence(style)
    pictures = Pictures.read(styles=styles, content=content)
    layers = {name: [layer_weights(value) for value in axes[name]] for name in LAYERS if name in axes}
    result = SweepResult(make_cells({**axes, **layers}), out / "grid.png")
    notice = notice or (lambda text: None)
    with FolderLock(out):
        releases = _load_releases(result.cells)
        for number, cell in enumerate(result.cells, start=1):
            where = f"{number} of {len(result.cells)}: {cell.name}"
            try:
                release = releases[_release(cell)]
                if isinstance(release, NstyleError):
                    raise release
                config = make_config(pictures, networks=(release.architecture,), **cell.settings)
                done = _find_done(out, cell, config, pictures, release)
                result.folders[cell.name] = done or out / cell.name
                if done:
                    result.reused += 1
                    notice(f"{where} (done already)")
                    continue
                notice(where)

                def show(now: Progress, cell: Cell = cell, number: int = number) -> None:
                    progress(SweepProgress(cell, number, len(result.cells), now))

                _run_cell(
                    cell, out / cell.name, release, progress=show, style=styles or None, content=content, **options
                )
            except InterruptedRunError:
                raise
            except NstyleError as error:
                result.failed[cell.name] = str(error)
                notice(f"{where} cannot be made: {error}")
        write_atomically(result.grid, encode(draw_grid(result, inputs_of(pictures)), ".png"))
        cells = [
            {
                "folder": result.folders.get(cell.name, out / cell.name).name,
                "labels": dict(cell.labels),
                "failed": result.failed.get(cell.name),
            }
            for cell in result.cells
        ]
        write_atomically(out / "sweep.json", (json.dumps({"cells": cells}, indent=2) + "\n").encode())
        return result


def _release(cell: Cell) -> tuple[str, Architecture | None]:
    return cell.settings.get("vgg", ""), cell.settings.get("network")


def _load_releases(cells: Sequence[Cell]) -> dict[tuple[str, Architecture | None], EncoderWeights | NstyleError]:
    """Load every VGG release that the cells name once, before any work.

    Returns:
        Each release, or the error if it cannot be loaded.

    Raises:
        NstyleError: If none of them can be loaded.
    """
    releases: dict[tuple[str, Architecture | None], EncoderWeights | NstyleError] = {}
    for source, network in dict.fromkeys(map(_release, cells)):
        try:
            releases[source, network] = load_encoder_weights(source or None, architecture=network)
        except NstyleError as error:
            releases[source, network] = error
    errors = [release for release in releases.values() if isinstance(release, NstyleError)]
    if len(errors) == len(releases):
        raise errors[0]
    return releases


def _run_cell(cell: Cell, folder: Path, release: EncoderWeights, **options: Any) -> None:
    """Resume the cell if it was interrupted, or else make it from the start."""
    given: dict[str, Any] = {**cell.settings, **options, "encoder": release, "out": folder}
    if RunFolder(folder).state.exists():
        try:
            reconstruct(**given, resume=True)
            return
        except OtherRunError as error:
            logger.info("%s; it is replaced", error)
    reconstruct(**given, overwrite=True)


def _find_done(
    out: Path, cell: Cell, config: ReconstructionConfig, pictures: Pictures, release: EncoderWeights
) -> Path | None:
    """Find the finished run of these settings, in the folder of the cell or under the name from another sweep."""
    others = sorted(path.parent for path in out.glob("*/run.json"))
    for folder in [out / cell.name, *others]:
        if _is_done(RunFolder(folder), config, pictures, release):
            return folder
    return None


def _is_done(folder: RunFolder, config: ReconstructionConfig, pictures: Pictures, release: EncoderWeights) -> bool:
    try:
        description = folder.read_description()
    except UsageError:
        return False
    length = ("iterations", "patience", "threshold")
    wanted = {**identity(config, pictures, release), **{name: getattr(config, name) for name in length}}
    made = {**description["identity"], **{name: description["config"].get(name) for name in length}}
    return first_difference(made, wanted) is None and folder.result.exists()


def draw_grid(result: SweepResult, inputs: Sequence[Labelled] = ()) -> Image.Image:
    """Draw the cells, with the first axis down and the others across, or a single axis across.

    Args:
        result: The sweep.
        inputs: The pictures that it was made from, with labels, which stand on the left of the first row.
    """
    axes = list(dict.fromkeys(name for cell in result.cells for name in cell.labels))
    down, across = ([], axes) if len(axes) == 1 else (axes[:1], axes[1:])

    def key(cell: Cell, names: list[str]) -> str:
        return ",\n".join(f"{name.replace('_', ' ')} {cell.labels[name]}" for name in names)

    rows = list(dict.fromkeys(key(cell, down) for cell in result.cells))
    columns = list(dict.fromkeys(key(cell, across) for cell in result.cells))
    table: Cells = [[None for _ in columns] for _ in rows]
    for cell in result.cells:
        reason = result.failed.get(cell.name)
        picture = reason.split(";")[0] if reason is not None else RunFolder(result.folders[cell.name]).read_result()
        table[rows.index(key(cell, down))][columns.index(key(cell, across))] = picture
    return labelled_table(rows, *beside(inputs, columns, table))
