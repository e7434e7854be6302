"""``nstyle demo``."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nstyle.cli.arguments import out as out_option
from nstyle.cli.options import say

if TYPE_CHECKING:
    from pathlib import Path


def demo(
    out: Annotated[
        str, out_option("The folder for everything; a demo that is there goes on where it stopped. [default: demo]")
    ] = "demo",
    vgg: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|imagenet|lite",
            help="The encoder behind the losses. "
            "[default: $NSTYLE_VGG, else imagenet if it was downloaded before, else lite]",
        ),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser where there is one.")
    ] = True,
) -> None:
    """Paint, train two styles into the model and a small network from nothing, and show it all on one page."""
    from nstyle.cli.progress import training_progress
    from nstyle.demo.run_demo import Display, run_demo
    from nstyle.system.memory import keep_freed_memory

    keep_freed_memory()
    page = run_demo(
        out,
        vgg=vgg,
        display=Display(
            notice=lambda text: say(f"nstyle: {text}"),
            painting=_pictures,
            training=training_progress,
        ),
    )
    typer.echo(page)
    if open_page and _has_browser():
        _open(page)


@contextmanager
def _pictures() -> Iterator[Callable[[str, float], None]]:
    """Show how far each picture of the demo is, one after the other."""
    from nstyle.cli.painting_progress import painting_progress
    from nstyle.inference.batch import PaintStatus

    with painting_progress() as show:
        yield lambda title, share: show(PaintStatus(title, share, index=0, total=1))


def _has_browser() -> bool:
    """Tell whether the command runs in a terminal on a machine with a display."""
    has_display = sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return sys.stdout.isatty() and has_display


def _open(page: "Path") -> None:
    import webbrowser

    webbrowser.open(page.absolute().as_uri())
