"""The painted pictures of the demo."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from nstyle.demo.folder import DemoFolder
from nstyle.demo.plan import DemoPlan
from nstyle.imaging.layout import contact_sheet, framed_grid, labelled_table
from nstyle.inference.stylizer import Stylizer
from nstyle.interpolation.walk import bilinear
from nstyle.models.locate import DEFAULT
from nstyle.reports.page import Figure

PaintingProgress = Callable[[str, float], None]
"""Called with what is being painted, and which share of it is done."""
CORNERS = 4
ORIGINAL = "the photograph"
TABLE_SHAPE = (3, 2)
"""Width and height, as a ratio, of the pictures in tables. All photographs but one have it."""
UPPER_PART = (0.5, 0.1)
"""Where a picture of another ratio is cut out: in the upper part, where the faces are."""


@dataclass(frozen=True)
class PictureMaker:
    """Paints the pictures of the demo, each unless it is in the folder already."""

    folder: DemoFolder
    plan: DemoPlan
    photographs: Mapping[str, Image.Image]
    """RGB, by name."""
    progress: PaintingProgress

    def painted(self) -> str:
        """Return the option that says where a command writes its pictures."""
        return f"--out {self.folder.shown('painted')}"

    def photograph(self, name: str) -> str:
        """Return the path of a photograph, quoted for a command line."""
        return self.folder.shown("photographs", f"{name}.jpg")

    def all_styles(self, model: Stylizer, photo: str) -> Figure:
        """Paint one photograph in every style."""

        def make() -> Image.Image:
            cells = []
            for i, name in enumerate(model.styles):
                self.progress("every style", i / len(model.styles))
                cells.append((name, model.stylize(self.photographs[photo], name, size=self.plan.cell)))
            return contact_sheet(cells, cell=self.plan.cell)

        command = f"nstyle stylize {self.photograph(photo)} --model {DEFAULT} --all {self.painted()}"
        return self.folder.picture("paint-all", f"One photograph in all {len(model.styles)} styles", command, make)

    def several_photographs(self, model: Stylizer, names: list[str]) -> Figure:
        """Paint all photographs in some of the styles."""

        def make() -> Image.Image:
            cells: list[list[Image.Image | str]] = []
            for i, (title, photo) in enumerate(self.photographs.items()):
                self.progress(title, i / len(self.photographs))
                part = cut(photo)
                cells.append([part, *(model.stylize(part, name, size=self.plan.cell) for name in names)])
            return labelled_table([""] * len(cells), [ORIGINAL, *names], cells, cell=self.plan.cell)

        command = (
            f"nstyle stylize {self.folder.shown('photographs')} --model {DEFAULT} --style {names[0]} {self.painted()}"
        )
        caption = f"{len(self.photographs)} photographs in {len(names)} of them (the command paints one column)"
        return self.folder.picture("paint-photographs", caption, command, make)

    def blend_strip(self, name: str, model: Stylizer, model_name: str, photo: str, ends: tuple[str, str]) -> Figure:
        """Paint a photograph in steps from one style to another.

        Args:
            name: The name of the picture.
            model: A model that has both styles.
            model_name: The model as the command names it.
            photo: The name of the photograph.
            ends: The two styles.
        """
        first, last = ends
        alphas = [float(alpha) for alpha in np.linspace(0, 1, self.plan.steps)]

        def make() -> Image.Image:
            part = cut(self.photographs[photo])
            cells: list[Image.Image | str] = []
            for alpha in alphas:
                self.progress(f"{first} to {last}", alpha)
                cells.append(model.stylize(part, {first: 1 - alpha, last: alpha}, size=self.plan.cell))
            between = [f"{100 - round(100 * alpha)} : {round(100 * alpha)}" for alpha in alphas[1:-1]]
            return labelled_table([""], [first, *between, last], [cells], cell=self.plan.cell)

        painting = f"nstyle stylize {self.photograph(photo)} --model {model_name}"
        command = f"{painting} --weights {first}=0.5,{last}=0.5 {self.painted()}"
        return self.folder.picture(name, f"From {first} to {last} (the command paints the middle)", command, make)

    def four_styles(self, model: Stylizer, photo: str, corners: list[str]) -> Figure:
        """Paint a photograph in blends of four styles, one in each corner."""

        def make() -> Image.Image:
            cells = []
            for i, row in enumerate(bilinear(self.plan.grid)):
                self.progress("four styles", i / self.plan.grid)
                mixes = [dict(zip(corners, (float(share) for share in shares), strict=True)) for shares in row]
                cells.append([model.stylize(self.photographs[photo], mix, size=self.plan.cell) for mix in mixes])
            return framed_grid(cells, [None] * CORNERS, cell=self.plan.cell)

        blends = self.folder.shown("blends")
        command = (
            f"nstyle interpolate {self.photograph(photo)} --model {DEFAULT} --styles {','.join(corners)} --out {blends}"
        )
        caption = f"Between four styles: {corners[0]} and {corners[1]} above, {corners[2]} and {corners[3]} below"
        return self.folder.picture("paint-four", caption, command, make)

    def by_halves(self, model: Stylizer, photo: str, style: str) -> Figure:
        """Paint a photograph fully, at half strength, and in its own colours."""

        def make() -> Image.Image:
            picture, side = self.photographs[photo], self.plan.side
            self.progress(f"{style} by halves", 0.0)
            half = model.stylize(picture, style, strength=0.5, size=side)
            whole, own = (
                model.stylize(picture, style, size=side),
                model.stylize(picture, style, keep_color="luminance", size=side),
            )
            return labelled_table([""], [style, "--strength 0.5", "--keep-color"], [[whole, half, own]], cell=side)

        painting = f"nstyle stylize {self.photograph(photo)} --model {DEFAULT} --style {style}"
        command = f"{painting} --keep-color {self.painted()}"
        return self.folder.picture(
            "paint-halves", f"As much of {style} as one wants (the command paints the last)", command, make
        )


def cut(picture: Image.Image) -> Image.Image:
    """Cut a picture to TABLE_SHAPE, as large as it can be."""
    width, height = TABLE_SHAPE
    scale = min(picture.width / width, picture.height / height)
    return ImageOps.fit(picture, (round(width * scale), round(height * scale)), centering=UPPER_PART)
