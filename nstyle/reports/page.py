"""The page of a report: HTML with embedded pictures, light or dark, for phones too, without scripts or a network."""

import base64
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from nstyle.imaging.pictures import encode
from nstyle.reports.formats import Format
from nstyle.reports.plots import DPI, Plot

CODE = re.compile("`([^`]+)`")
TEMPLATE = "page.html.jinja"
JPEG_START = b"\xff\xd8"
PDF_QUALITY = 95
"""The JPEG quality of pictures in PDF."""
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
    plot: Plot | None = None
    """The drawing behind the picture, for plots."""
    command: str = ""
    """The command that makes the picture, if there is one."""

    @classmethod
    def of_plot(cls, name: str, caption: str, plot: Plot) -> "Figure":
        """Return the figure of a plot."""
        return cls(name, caption, plot.png, plot)

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

    def files(self, formats: Sequence[Format]) -> dict[str, bytes]:
        """Return its files by name in some formats. A picture is not drawn, so it is PNG in the place of SVG.

        JPEG stays JPEG.
        """
        if self.plot:
            return {f"{self.name}.{format}": getattr(self.plot, format) for format in formats}
        wanted = dict.fromkeys("png" if format == "svg" else format for format in formats)
        return {
            f"{self.name}.{self.kind if format == 'png' else format}": self.image if format == "png" else self._pdf()
            for format in wanted
        }

    def _pdf(self) -> bytes:
        """Return the picture as a page of PDF, the same bytes every time."""
        buffer = io.BytesIO()
        picture = Image.open(io.BytesIO(self.image)).convert("RGB")
        picture.save(buffer, "PDF", resolution=DPI, quality=PDF_QUALITY, creationDate=None, modDate=None)
        return buffer.getvalue()

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


def named_tables(sections: Sequence[Section]) -> dict[str, Table]:
    """Return the tables of a page in their order, by the names of their files, such as ``table-all-runs``."""
    named: dict[str, Table] = {}
    for section in sections:
        words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in section.title.lower())
        for table in section.tables:
            name = "-".join(["table", *words.split()])
            numbered = (f"{name}-{number}" for number in itertools.count(2))
            named[name if name not in named else next(other for other in numbered if other not in named)] = table
    return named


def render(title: str, sections: Sequence[Section], footer: str, of_tables: Sequence[Mapping[str, bytes]] = ()) -> str:
    """Render the page as HTML. All text is escaped, and what stands in backticks is set as code.

    Args:
        title: The title of the page.
        sections: The contents.
        footer: The line at the end.
        of_tables: For every table in the order of the page, files by name in which the reader can have it. They are
            embedded, so that the page stays one file.
    """
    environment = Environment(
        loader=PackageLoader("nstyle.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["code"] = lambda text: Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))
    downloads = iter([{name: _data_url(name, data) for name, data in files.items()} for files in of_tables])
    shown = [(section, [(table, next(downloads, {})) for table in section.tables]) for section in sections]
    return environment.get_template(TEMPLATE).render(title=title, sections=shown, footer=footer)


def _data_url(name: str, data: bytes) -> str:
    kind = "text/csv" if name.endswith(".csv") else "text/x-tex"
    return f"data:{kind};charset=utf-8;base64," + base64.b64encode(data).decode()
