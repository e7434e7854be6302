"""The page of a report: HTML with embedded pictures, light or dark, for phones too, without scripts or a network."""

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
"""The ratio of width to height above which a picture counts as wide."""


@dataclass(frozen=True)
class Figure:
    """A picture with its caption."""

    name: str
    """The name of its files beside the page, without the extension."""
    caption: str
    image: bytes
    """PNG, or JPEG for large photographs."""
    svg: bytes | None = None
    """The same picture as SVG, for plots."""
    command: str = ""
    """The command that makes the picture, if there is one."""

    @classmethod
    def of_plot(cls, name: str, caption: str, plot: Plot) -> "Figure":
        """Return the figure of a plot."""
        return cls(name, caption, plot.png, plot.svg)

    @classmethod
    def of_picture(cls, name: str, caption: str, picture: Image.Image) -> "Figure":
        """Return the figure of a picture, as PNG."""
        return cls(name, caption, encode(picture, ".png"))

    @property
    def wide(self) -> bool:
        """Whether the picture is so wide that a phone scrolls it instead of shrinking it."""
        width, height = Image.open(io.BytesIO(self.image)).size
        return width > WIDE * height

    @property
    def kind(self) -> str:
        """The format of the picture: ``png`` or ``jpeg``."""
        return "jpeg" if self.image.startswith(JPEG_START) else "png"

    @property
    def data(self) -> str:
        """The picture as a data URL, as it is embedded in the page."""
        return f"data:image/{self.kind};base64," + base64.b64encode(self.image).decode()


@dataclass(frozen=True)
class Table:
    """A table of text, with a header."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    title: str
    text: str = ""
    """Paragraphs, separated by empty lines."""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    commands: Sequence[str] = field(default=())


def number(value: float) -> str:
    """Format a number with four digits, and without an exponent unless it is very small or large."""
    if not 1e-4 <= abs(value) < 1e9:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def render(title: str, sections: Sequence[Section], footer: str) -> str:
    """Render the page as HTML. All text is escaped."""
    environment = Environment(
        loader=PackageLoader("nstyle.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(TEMPLATE).render(title=title, sections=sections, footer=footer)
