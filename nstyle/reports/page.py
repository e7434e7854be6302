"""A report as one self-contained HTML page: pictures embedded, readable on a phone, light and dark, no script and no network."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from nstyle.imaging.pictures import encode
from nstyle.reports.plots import Plot

TEMPLATE = "page.html.jinja"
JPEG_START = b"\xff\xd8"
WIDE = 1.1
"""Width over height, above which a picture counts as wide."""


@dataclass(frozen=True)
class Figure:
    """A picture with its caption."""

    name: str
    """Of its files beside the page, without the extension."""
    caption: str
    image: bytes
    """PNG, or JPEG for what is as large as photographs."""
    svg: bytes | None = None
    """The same as a drawing, for plots."""
    command: str = ""
    """That makes it, if there is one."""

    @classmethod
    def of_plot(cls, name: str, caption: str, plot: Plot) -> "Figure":
        """Show a plot."""
        return cls(name, caption, plot.png, plot.svg)

    @classmethod
    def of_picture(cls, name: str, caption: str, picture: Image.Image) -> "Figure":
        """Show pixels, which no drawing would serve better."""
        return cls(name, caption, encode(picture, ".png"))

    @property
    def wide(self) -> bool:
        """Tell whether the picture is so wide that a phone should scroll it instead of shrinking it."""
        width, height = Image.open(io.BytesIO(self.image)).size
        return width > WIDE * height

    @property
    def kind(self) -> str:
        """``png`` or ``jpeg``."""
        return "jpeg" if self.image.startswith(JPEG_START) else "png"

    @property
    def data(self) -> str:
        """The picture as the page holds it."""
        return f"data:image/{self.kind};base64," + base64.b64encode(self.image).decode()


@dataclass(frozen=True)
class Table:
    """Numbers, as text, with a header."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    title: str
    text: str = ""
    """Paragraphs, with empty lines between them."""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    commands: Sequence[str] = field(default=())


def number(value: float) -> str:
    """Write a number with four digits, and without an exponent as long as people read it so."""
    if not 1e-4 <= abs(value) < 1e9:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def render(title: str, sections: Sequence[Section], footer: str) -> str:
    """Render a page; every text is escaped."""
    environment = Environment(loader=PackageLoader("nstyle.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template(TEMPLATE).render(title=title, sections=sections, footer=footer)
