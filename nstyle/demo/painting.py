"""The first chapter: what the shipped model paints, style by style and in blends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from nstyle.demo.folder import DemoFolder
from nstyle.demo.materials import CREDITS
from nstyle.demo.plan import DemoPlan
from nstyle.imaging.layout import contact_sheet, framed_grid, labelled_table
from nstyle.inference.stylizer import Stylizer
from nstyle.interpolation.walk import bilinear
from nstyle.models.locate import DEFAULT
from nstyle.reports.page import Figure, Section

Report = Callable[[str, float], None]
"""Told what is being painted, and which share of it is done."""
CORNERS = 4
ORIGINAL = "the photograph"
TABLE_SHAPE = (3, 2)
"""Width to height of the pictures in tables: all but one of the photographs have it."""
UPPER_PART = (0.5, 0.1)
"""Where the rest is cut out of: faces are above."""


@dataclass(frozen=True)
class Studio:
    """What every picture of the demo is made with."""

    folder: DemoFolder
    plan: DemoPlan
    photographs: Mapping[str, Image.Image]
    """RGB, by name."""
    report: Report

    def painted(self) -> str:
        """Return where commands put their pictures, as one would type it."""
        return f"--output {self.folder.shown('painted')}"

    def photograph(self, name: str) -> str:
        """Return the path of a photograph as one would type it."""
        return self.folder.shown("photographs", f"{name}.jpg")


def paint_section(studio: Studio, model: Stylizer) -> Section:
    """Paint with every style of the shipped model, and with blends of them."""
    styles, columns = model.styles, studio.plan.columns
    spread = [styles[i * len(styles) // columns] for i in range(min(columns, len(styles)))]
    figures = [
        all_styles(studio, model, "astronaut"),
        several_photographs(studio, model, spread),
        blend_strip(studio, "paint-blend", model, DEFAULT, "chelsea", (styles[0], styles[1])),
    ]
    if len(styles) >= CORNERS:
        corners = [styles[i * (len(styles) - 1) // (CORNERS - 1)] for i in range(CORNERS)]
        figures.append(four_styles(studio, model, "coffee", corners))
    figures.append(by_halves(studio, model, "rocket", styles[0]))
    text = (
        f"The model that comes with nstyle holds {len(styles)} styles. They share every convolution; a style is a scale and a shift of each "
        f"channel, and blends mix those, never pixels. {CREDITS}"
    )
    return Section("Painting with the shipped model", text, figures)


def cut(picture: Image.Image) -> Image.Image:
    """Cut a picture to the shape that those in a table share."""
    width, height = TABLE_SHAPE
    scale = min(picture.width / width, picture.height / height)
    return ImageOps.fit(picture, (round(width * scale), round(height * scale)), centering=UPPER_PART)


def all_styles(studio: Studio, model: Stylizer, photo: str) -> Figure:
    """Paint one photograph in every style."""

    def make() -> Image.Image:
        cells = []
        for i, name in enumerate(model.styles):
            studio.report("every style", i / len(model.styles))
            cells.append((name, model.stylize(studio.photographs[photo], name, size=studio.plan.cell)))
        return contact_sheet(cells, cell=studio.plan.cell)

    command = f"nstyle stylize {studio.photograph(photo)} --model {DEFAULT} --all {studio.painted()}"
    return studio.folder.picture("paint-all", f"One photograph in all {len(model.styles)} styles", command, make)


def several_photographs(studio: Studio, model: Stylizer, names: list[str]) -> Figure:
    """Paint all photographs in some of the styles."""

    def make() -> Image.Image:
        cells: list[list[Image.Image | str]] = []
        for i, (title, photo) in enumerate(studio.photographs.items()):
            studio.report(title, i / len(studio.photographs))
            part = cut(photo)
            cells.append([part, *(model.stylize(part, name, size=studio.plan.cell) for name in names)])
        return labelled_table([""] * len(cells), [ORIGINAL, *names], cells, cell=studio.plan.cell)

    command = f"nstyle stylize {studio.folder.shown('photographs')} --model {DEFAULT} --style {names[0]} {studio.painted()}"
    caption = f"{len(studio.photographs)} photographs in {len(names)} of them (the command paints one column)"
    return studio.folder.picture("paint-photographs", caption, command, make)


def blend_strip(studio: Studio, name: str, model: Stylizer, model_name: str, photo: str, ends: tuple[str, str]) -> Figure:
    """Paint a photograph all the way from one style to another.

    Args:
        studio: Of the demo.
        name: Of the picture.
        model: That has both styles.
        model_name: The model as one would type it.
        photo: Name of the photograph.
        ends: The two styles.
    """
    first, last = ends
    alphas = [float(alpha) for alpha in np.linspace(0, 1, studio.plan.steps)]

    def make() -> Image.Image:
        part = cut(studio.photographs[photo])
        cells: list[Image.Image | str] = []
        for alpha in alphas:
            studio.report(f"{first} to {last}", alpha)
            cells.append(model.stylize(part, {first: 1 - alpha, last: alpha}, size=studio.plan.cell))
        between = [f"{100 - round(100 * alpha)} : {round(100 * alpha)}" for alpha in alphas[1:-1]]
        return labelled_table([""], [first, *between, last], [cells], cell=studio.plan.cell)

    command = f"nstyle stylize {studio.photograph(photo)} --model {model_name} --weights {first}=0.5,{last}=0.5 {studio.painted()}"
    return studio.folder.picture(name, f"From {first} to {last} (the command paints the middle)", command, make)


def four_styles(studio: Studio, model: Stylizer, photo: str, corners: list[str]) -> Figure:
    """Paint a photograph in blends of four styles, one in each corner."""

    def make() -> Image.Image:
        cells = []
        for i, row in enumerate(bilinear(studio.plan.grid)):
            studio.report("four styles", i / studio.plan.grid)
            weights = [dict(zip(corners, (float(share) for share in shares), strict=True)) for shares in row]
            cells.append([model.stylize(studio.photographs[photo], mix, size=studio.plan.cell) for mix in weights])
        return framed_grid(cells, [None] * CORNERS, cell=studio.plan.cell)

    blends = studio.folder.shown("blends")
    command = f"nstyle interpolate {studio.photograph(photo)} --model {DEFAULT} --styles {','.join(corners)} --out {blends}"
    caption = f"Between four styles: {corners[0]} and {corners[1]} above, {corners[2]} and {corners[3]} below"
    return studio.folder.picture("paint-four", caption, command, make)


def by_halves(studio: Studio, model: Stylizer, photo: str, style: str) -> Figure:
    """Paint a photograph fully, at half strength, and in its own colours."""

    def make() -> Image.Image:
        picture, side = studio.photographs[photo], studio.plan.side
        studio.report(f"{style} by halves", 0.0)
        half = model.stylize(picture, style, strength=0.5, size=side)
        whole, own = model.stylize(picture, style, size=side), model.stylize(picture, style, keep_color="luminance", size=side)
        return labelled_table([""], [style, "--strength 0.5", "--keep-color luminance"], [[whole, half, own]], cell=side)

    command = f"nstyle stylize {studio.photograph(photo)} --model {DEFAULT} --style {style} --keep-color luminance {studio.painted()}"
    return studio.folder.picture("paint-halves", f"As much of {style} as one wants (the command paints the last)", command, make)
