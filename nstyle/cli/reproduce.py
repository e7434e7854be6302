"""``nstyle reproduce``."""

from typing import Annotated

import typer

from nstyle.cli.arguments import Device, Formats, command_line
from nstyle.cli.arguments import out as out_option
from nstyle.cli.options import names, say, split

EXAMPLES = """nstyle reproduce
nstyle reproduce gatys --scale 0.1
nstyle reproduce early --styles styles/*.jpg --content photos --scale 0.05 --out early"""


def reproduce(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The source. Without it, all are listed.", show_default=False)
    ] = None,
    *,
    styles: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE...",
            help="The paintings, in the source's order: files, a quoted pattern or a folder. [default: drawn samples]",
            rich_help_panel="Paintings",
        ),
    ] = None,
    photos: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="A photograph to paint and to reconstruct. May be repeated. [default: scikit-image's samples]",
            rich_help_panel="Photographs",
        ),
    ] = None,
    content: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="The folder of photographs to train on. [default: that of the first of --photos]",
            rich_help_panel="Photographs",
        ),
    ] = None,
    scale: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="The part of the source's iterations and updates; sides of pictures go by its fourth root. "
            "[default: 1; more than 0 and at most 1]",
            show_default=False,
            rich_help_panel="Schedule",
        ),
    ] = 1.0,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY,...", help="Make only these figures and tables. [default: all]", rich_help_panel="Schedule"
        ),
    ] = None,
    vgg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|imagenet",
            help="The encoder; several for a source that compares them. [default: $NSTYLE_VGG, else imagenet]",
            rich_help_panel="Network",
        ),
    ] = None,
    device: Device = "auto",
    out: Annotated[
        str | None,
        out_option("The folder for everything; the same command goes on where it stopped. [default: reproduced/NAME]"),
    ] = None,
    formats: Formats = "png,svg",
) -> None:
    """Make the experiments of a source again, and show what it found beside what is seen here.

    How long it takes is said before it begins. What was done is kept.
    """
    from nstyle.cli.progress import comparison_progress, sweep_progress, training_progress
    from nstyle.reproduction.reproduce import reproduce
    from nstyle.reproduction.work import Display
    from nstyle.system.memory import keep_freed_memory

    if name is None:
        _list()
        return
    keep_freed_memory()
    page = reproduce(
        name,
        out=out or f"reproduced/{name}",
        scale=scale,
        styles=styles or (),
        photos=photos or (),
        content=content,
        only=[key for text in only or () for key in names("only", text)],
        vgg=vgg or (),
        device=device,
        formats=split(formats),
        command=command_line(),
        display=Display(say, sweep_progress, training_progress, comparison_progress),
    )
    typer.echo(page, err=True)


def _list() -> None:
    """List the recipes, with the keys of their exhibits."""
    from nstyle.reproduction.recipes import RECIPES

    for recipe in RECIPES.values():
        typer.echo(f"{recipe.name}: {recipe.source}")
        typer.echo(f"    {recipe.summary}")
        for key, title in recipe.titles.items():
            typer.echo(f"    {key:24}{title}")
