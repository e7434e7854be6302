"""Sweeps: the same reconstruction over lists of settings, one folder per cell, laid out as one labelled grid."""

import itertools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from nstyle.errors import NstyleError, UsageError
from nstyle.image import encode, write_atomically
from nstyle.layout import labelled_table
from nstyle.models.vgg import Architecture, VGGWeights
from nstyle.models.vgg_weights import load_vgg_weights
from nstyle.reconstruction.api import make_config, reconstruct
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.engine import Progress
from nstyle.reconstruction.pictures import Pictures, PictureSource
from nstyle.reconstruction.record import identity
from nstyle.reconstruction.run_folder import RunFolder

logger = logging.getLogger(__name__)

LAYER_SETTINGS = ("layers", "style_layers", "content_layers")


@dataclass(frozen=True)
class Cell:
    """One reconstruction of a sweep."""

    labels: Mapping[str, str]
    """What it is, by axis: ``{"layers": "relu1_1", "loss": "moments-2"}``."""
    settings: Mapping[str, Any]
    """Settings of :func:`nstyle.reconstruct`."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        text = "_".join(f"{axis}-{label}" for axis, label in self.labels.items()) or "run"
        return "".join(character if character.isalnum() or character in "+-_.=" else "-" for character in text)


@dataclass
class SweepResult:
    """What a sweep gave."""

    cells: list[Cell]
    grid: Path
    """``grid.png``."""
    reused: int = 0
    """Cells that were there already."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why a cell could not be made, by its name."""


def make_cells(axes: Mapping[str, Sequence[Any]]) -> list[Cell]:
    """Combine lists of settings. Losses and numbers of moments make one axis, as only one loss has moments.

    Args:
        axes: Values by setting. An axis with one value is no axis, but a setting of all cells.

    Returns:
        Every combination once, the last axis running fastest.
    """
    choices: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, options in axes.items():
        if name == "moments" and "loss" in axes:
            continue
        if name == "loss":
            numbers = axes.get("moments", [2])
            losses = [{"loss": loss, "moments": n} if loss == "moments" else {"loss": loss} for loss in options for n in numbers]
            unique = {_label(loss.get("loss")) + (f"-{loss['moments']}" if "moments" in loss else ""): loss for loss in losses}
            choices[name] = list(unique.items())
        else:
            choices[name] = list({_label(value): {name: value} for value in options}.items())
    varied = [name for name, choice in choices.items() if len(choice) > 1]
    cells = []
    for combination in itertools.product(*choices.values()):
        labels = {name: label for name, (label, _) in zip(choices, combination, strict=True) if name in varied}
        settings: dict[str, Any] = {}
        for _, chosen in combination:
            settings |= chosen
        cells.append(Cell(labels, settings))
    return cells


def _label(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ":".join(f"{part:g}" for part in value)
    if isinstance(value, str) and ("/" in value or "\\" in value):
        return Path(value).stem
    return str(value).replace(",", "+").replace(" ", "")


def expand_layers(text: str, how: str) -> list[str]:
    """Expand ``relu1_1,relu2_1`` into its layers one by one (``single``) or its first n (``cumulative``, seed 003's tau_n).

    Raises:
        UsageError: If ``how`` is neither.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if how == "single":
        return parts
    if how == "cumulative":
        return [",".join(parts[: n + 1]) for n in range(len(parts))]
    raise UsageError(f"--per-layer is {how}; expected single or cumulative")


def sweep(
    axes: Mapping[str, Sequence[Any]],
    *,
    out: str | Path,
    style: PictureSource | Sequence[PictureSource] | None = None,
    content: PictureSource | None = None,
    callback: Callable[[Cell, Progress], None] | None = None,
    notice: Callable[[str], None] | None = None,
    **options: Any,
) -> SweepResult:
    """Reconstruct every combination of lists of settings.

    A cell that was finished with the same settings, pictures and weights is not made again, and one that was interrupted goes
    on. A cell that cannot be made is noted in the grid, and the others are made.

    Args:
        axes: Lists by setting of :func:`nstyle.reconstruct`.
        out: Folder: one folder per cell, ``grid.png`` and ``sweep.json``.
        style: See :func:`nstyle.reconstruct`.
        content: See :func:`nstyle.reconstruct`.
        callback: Called after every update of a cell.
        notice: Called with a line about every cell.
        options: ``snapshots_every`` and the like, of :func:`nstyle.reconstruct`.

    Returns:
        What was made, reused, and failed.

    Raises:
        UsageError: If a picture or weights cannot be read, or the folder is a file.
        NstyleError: If weights cannot be downloaded.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; expected a folder (--out)")
    styles = () if style is None else (style,) if isinstance(style, str | Path | Image.Image) else tuple(style)
    pictures = Pictures.read(styles=styles, content=content)
    result = SweepResult(make_cells(axes), out / "grid.png")
    say = notice or (lambda text: None)
    releases = _load_releases(result.cells)
    for number, cell in enumerate(result.cells, start=1):
        where = f"{number} of {len(result.cells)}: {cell.name}"
        try:
            config = make_config(pictures, **cell.settings)
            weights = releases[_release(cell)]
            if _is_done(RunFolder(out / cell.name), config, pictures, weights):
                result.reused += 1
                say(f"{where} (done already)")
                continue
            say(where)
            _run_cell(cell, out / cell.name, weights, style=styles or None, content=content, callback=callback, **options)
        except NstyleError as error:
            result.failed[cell.name] = str(error)
            say(f"{where} cannot be made: {error}")
    write_atomically(result.grid, encode(draw_grid(result, out), ".png"))
    cells = [{"folder": cell.name, "labels": dict(cell.labels), "failed": result.failed.get(cell.name)} for cell in result.cells]
    write_atomically(out / "sweep.json", (json.dumps({"cells": cells}, indent=2) + "\n").encode())
    return result


def _release(cell: Cell) -> tuple[str, Architecture | None]:
    return cell.settings.get("vgg", ""), cell.settings.get("network")


def _load_releases(cells: Sequence[Cell]) -> dict[tuple[str, Architecture | None], VGGWeights]:
    """Load every VGG release that the cells name, once and before any work."""
    return {release: load_vgg_weights(release[0] or None, architecture=release[1]) for release in dict.fromkeys(map(_release, cells))}


def _run_cell(cell: Cell, folder: Path, weights: VGGWeights, *, callback: Callable[[Cell, Progress], None] | None, **options: Any) -> None:
    report = None if callback is None else (lambda progress: callback(cell, progress))
    arguments: dict[str, Any] = {**cell.settings, **options, "weights": weights, "out": folder, "callback": report}
    if RunFolder(folder).state.exists():
        try:
            reconstruct(**arguments, resume=True)
            return
        except UsageError:
            logger.info("%s holds another reconstruction, which is replaced", folder)
    reconstruct(**arguments, overwrite=True)


def _is_done(folder: RunFolder, config: ReconstructionConfig, pictures: Pictures, weights: VGGWeights) -> bool:
    """Tell whether the folder holds the finished run of exactly these settings."""
    try:
        description = folder.read_description()
    except UsageError:
        return False
    length = ("iterations", "patience", "threshold")
    wanted = {**identity(config, pictures, weights), **{name: getattr(config, name) for name in length}}
    made = {**description["identity"], **{name: description["config"][name] for name in length}}
    return bool(made == json.loads(json.dumps(wanted))) and folder.result.exists()


def draw_grid(result: SweepResult, out: Path) -> Image.Image:
    """Draw the cells: the first axis down and the others across, or a single one across."""
    axes = list(dict.fromkeys(name for cell in result.cells for name in cell.labels))
    down, across = ([], axes) if len(axes) == 1 else (axes[:1], axes[1:])

    def key(cell: Cell, names: list[str]) -> str:
        return "  ".join(f"{name.replace('_', ' ')} {cell.labels[name]}" for name in names)

    rows = list(dict.fromkeys(key(cell, down) for cell in result.cells))
    columns = list(dict.fromkeys(key(cell, across) for cell in result.cells))
    table: list[list[Image.Image | str]] = [["" for _ in columns] for _ in rows]
    for cell in result.cells:
        reason = result.failed.get(cell.name)
        picture = reason.split(";")[0] if reason is not None else RunFolder(out / cell.name).read_result()
        table[rows.index(key(cell, down))][columns.index(key(cell, across))] = picture
    return labelled_table(rows, columns, table)
