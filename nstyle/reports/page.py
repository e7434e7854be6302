"""A report as one self-contained HTML page: pictures embedded, readable on a phone, light and dark, no script and no network."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined

TEMPLATE = "page.html.jinja"


@dataclass(frozen=True)
class Figure:
    """A picture with its caption."""

    file: str
    """Name of its PNG file beside the page."""
    png: bytes
    caption: str

    @property
    def data(self) -> str:
        """The picture as the page holds it."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


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
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    commands: Sequence[str] = field(default=())


def render(title: str, sections: Sequence[Section], footer: str) -> str:
    """Render a page; every text is escaped."""
    environment = Environment(loader=PackageLoader("nstyle.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template(TEMPLATE).render(title=title, sections=sections, footer=footer)
