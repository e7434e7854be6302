"""The report on blends of styles: ``nstyle.interpolate`` and ``nstyle interpolate`` (Early, Sian and Stonard, figure
5)."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nstyle.data.styles import find_styles, under_stored_names
from nstyle.errors import UsageError
from nstyle.imaging.animation import FRAMES_PER_SECOND, check_format, write_animation
from nstyle.imaging.pictures import PictureSource, open_picture, read_picture, resize, source_name
from nstyle.inference.mix import choose_styles
from nstyle.inference.stylizer import Stylizer
from nstyle.interpolation.follow import LegResult, Painter, follow
from nstyle.interpolation.loss_meter import make_meter
from nstyle.interpolation.options import WalkOptions
from nstyle.interpolation.sections import distance_section, grid_section, in_words, loss_section, strip_section
from nstyle.interpolation.walk import bilinear, round_trip, walk
from nstyle.models.locate import describe_model, find_model
from nstyle.models.model_file import load_model
from nstyle.renamed import renamed
from nstyle.reports.folder import check_folder, csv_text, write_folder
from nstyle.reports.formats import DEFAULT_FORMATS, check_formats
from nstyle.system.devices import choose_device

GRID = 5
"""The number of pictures on a side of the four-corner grid."""
FRAMES_PER_LEG = 20
CORNERS = 4
"""The number of styles in a grid."""


@renamed(report="progress")
def interpolate(
    photo: PictureSource,
    model: str | Path | None = None,
    *,
    out: str | Path,
    styles: Sequence[str] = (),
    style_images: Sequence[str | Path] = (),
    validation: str | Path | None = None,
    steps: int = WalkOptions.steps,
    size: int = WalkOptions.size,
    animate: str | Path | None = None,
    vgg: str = "",
    device: str = "auto",
    command: str = "",
    formats: Sequence[str] = DEFAULT_FORMATS,
    progress: Callable[[int], None] = lambda painted: None,
) -> Path:
    """Paint a photograph in blends from style to style, and measure how losses and pixels change along the path.

    Args:
        photo: The photograph: a file, a Pillow picture, an array or a tensor; see
            :func:`nstyle.imaging.pictures.open_picture`.
        model: The model; see :func:`nstyle.models.locate.find_model`.
        out: The folder of the report.
        styles: The names of at least two styles, in order. Four styles also give a grid with one in each corner. Empty
            for all styles of the model.
        style_images: The paintings of the styles, matched by name, for the loss curves. Empty for the targets of the
            model's run, or those that its file keeps (``keep_targets`` of :func:`nstyle.train`).
        validation: The folder of held-out photographs for the loss curves. None stands for those of the model's run, or
            the photograph if there are none.
        steps: The number of points on every leg, at least 2.
        size: The long side of the painted photograph, in pixels.
        animate: The file for a morph through the styles: ``.webp``, ``.gif`` or ``.mp4``.
        vgg: The encoder for the losses: a weights file, ``imagenet`` or ``lite``. Empty for that of the model's run,
            else ``NSTYLE_VGG``, else ``imagenet``.
        device: The device to paint on.
        command: The command line that is shown in the report.
        formats: The formats of the figures: ``png``, ``svg``, ``pdf``.
        progress: Called with the number of pictures painted so far.

    Returns:
        The page of the report.

    Raises:
        UsageError: If the model, a style, a painting or a setting is invalid, or ``animate`` is a file that is
            read.
        NstyleError: If a file cannot be read or written.
    """
    WalkOptions(steps=steps, size=size)  # Checks them.
    chosen = check_formats(formats)
    if animate is not None:
        check_format(Path(animate))
        read = {os.path.realpath(path) for path in (photo, *style_images) if isinstance(path, str | os.PathLike)}
        if os.path.realpath(animate) in read:
            raise UsageError(f"`animate` is {animate}, which is to be read; give another file")
    path = find_model(model)
    network, info = load_model(path)
    names = tuple(choose_styles(list(styles) or info.styles, info.styles, describe_model(path)))
    title = f"{Path(source_name(photo)).stem} between {len(names)} styles"
    folder = check_folder(out, title)
    legs, alphas = walk(names), np.linspace(0, 1, steps)
    picture = open_picture(photo, near_side=size).over_white()
    meter, about = make_meter(
        path, info, names, photo, style_images=style_images, validation=validation, vgg=vgg, device=device
    )
    stylizer = Stylizer(network, info, device=choose_device(device))
    painter = Painter(stylizer, resize(picture, long_side=size), names, {}, progress=progress)
    results = [follow(leg, alphas, painter, meter) for leg in legs]
    sections = [in_words(results, names, about)]
    if len(names) == CORNERS:
        cells = [[painter.paint(weights) for weights in row] for row in bilinear(GRID)]
        sections.append(grid_section(cells, names, _paintings(names, style_images)))
    sections += [strip_section(results), *([loss_section(results, about)] if meter else []), distance_section(results)]
    about_run = {
        "photo": source_name(photo),
        "model": str(path),
        "styles": list(names),
        "size": list(painter.photo.size),
        "losses": about,
    }
    numbers = {**about_run, "legs": [result.to_dict() for result in results]}
    page = write_folder(folder, title, sections, numbers, _tables(results), command, chosen)
    if animate is not None:
        write_animation(
            Path(animate),
            [painter.paint(weights) for weights in round_trip(names, FRAMES_PER_LEG)],
            rest=1 / FRAMES_PER_SECOND,
        )
    return page


def _tables(results: Sequence[LegResult]) -> dict[str, str]:
    """Return the CSV files by name: the distances, and the losses if they were measured."""
    tables = {
        "distance.csv": csv_text(
            ["leg", "alpha", "rms_levels", "of_the_way"], [row for r in results for row in r.distance_rows()]
        )
    }
    if results[0].losses is not None:
        columns = ["leg", "alpha", "style", "mean", "standard_deviation", "photographs"]
        tables["losses.csv"] = csv_text(columns, [row for r in results for row in r.loss_rows()])
    return tables


def _paintings(names: Sequence[str], style_images: Sequence[str | Path]) -> list[Image.Image | None]:
    files = under_stored_names(find_styles(style_images), names) if style_images else []
    by_name = {file.name: file.path for file in files}
    return [read_picture(by_name[name]).over_white() if name in by_name else None for name in names]
