"""``nstyle interpolate``."""

from typing import Annotated, Any

import typer

from nstyle.cli.arguments import Device, Formats, Model, Vgg, command_line, out
from nstyle.cli.options import add_options, given, names, options_of, split
from nstyle.interpolation.options import OUTPUT, PHOTOGRAPHS, WalkOptions

EXAMPLES = """nstyle interpolate photo.jpg --styles starry,wave,kandinsky,scream --out blends
nstyle interpolate photo.jpg --styles starry,wave --out blends --animate morph.webp"""
PAINTINGS = "Paintings"


@add_options(*options_of(WalkOptions))
def interpolate(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="The photograph.")],
    *,
    model: Model = None,
    styles: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="The styles to blend, in order; four make a grid too. [default: all of the model]",
            rich_help_panel=PAINTINGS,
        ),
    ] = None,
    style_images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE...",
            help="The paintings, named like the styles, for the loss curves. [default: the model's own targets]",
            rich_help_panel=PAINTINGS,
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="The folder of photographs to measure on. [default: those of the model's run, else PHOTO]",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = None,
    out: Annotated[str, out("The folder of the report.")],
    animate: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write a morph through the styles: .webp, .gif or .mp4.", rich_help_panel=OUTPUT
        ),
    ] = None,
    formats: Formats = "png,svg",
    vgg: Vgg = None,
    device: Device = "auto",
    **options: Any,
) -> None:
    """Paint a photograph from style to style, and measure the way."""
    from nstyle.cli.progress import counted
    from nstyle.interpolation.interpolate import interpolate as paint_the_way

    with counted("pictures painted") as progress:
        page = paint_the_way(
            photo,
            model,
            out=out,
            styles=names("styles", styles),
            style_images=style_images or (),
            validation=validation,
            animate=animate,
            vgg=vgg or "",
            device=device,
            command=command_line(),
            formats=split(formats),
            progress=progress,
            **given(WalkOptions, options),
        )
    typer.echo(page, err=True)
    if animate:
        typer.echo(animate, err=True)
