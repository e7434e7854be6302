"""What several commands share: arguments, the device, where output goes, the command line itself."""

import shlex
import sys
from typing import Annotated, Any

import typer

OUTPUT = "Output"
"""The heading of options that say where output goes."""
DEVICES = "auto|cpu|cuda|cuda:N|mps"

Styles = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE...",
        help="The paintings: files, a quoted pattern or a folder. Their order is the style id.",
        rich_help_panel="Paintings",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="default, slim, a model file, a run directory or hf://OWNER/NAME. [default: the newest run in "
        "checkpoints/, else default]",
    ),
]
Vgg = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|imagenet|lite",
        help="The encoder behind the losses. [default: $NSTYLE_VGG, else imagenet]",
        rich_help_panel="Network",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar=DEVICES, help="Where to work. [default: auto]", show_default=False, rich_help_panel="Hardware"
    ),
]


def out(help: str, *, metavar: str = "FOLDER") -> Any:
    """Return the option -o/--out. Its default stands in ``help``."""
    return typer.Option("--out", "-o", metavar=metavar, help=help, show_default=False, rich_help_panel=OUTPUT)


Formats = Annotated[
    str,
    typer.Option(
        metavar="F,F",
        help="The formats of the figures: png, svg, pdf. Pictures have no svg. [default: png,svg]",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]


def command_line() -> str:
    """Return the command that was given, as a shell would take it again."""
    return shlex.join(["nstyle", *sys.argv[1:]])
