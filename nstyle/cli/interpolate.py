"""``nstyle interpolate``."""

from typing import Annotated

import typer

from nstyle.cli import arguments as a


def interpolate(
    photo: Annotated[str, typer.Argument(metavar="PHOTO")],
    out: Annotated[str, typer.Option(help="Folder of the report.")],
    model: Annotated[
        str | None,
        typer.Option(help="default, a model file or a run directory. [default: the newest run, else default]"),
    ] = None,
    styles: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Styles to blend, in order; four make a grid too. [default: all of the model]"
        ),
    ] = None,
    style_images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE...",
            help="Paintings of the styles, named like them, for the loss curves. [default: the run's targets]",
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(help="Held-out photographs for the loss curves. [default: those of the model's run, else PHOTO]"),
    ] = None,
    steps: Annotated[int, typer.Option(help="Pictures from one style to the next.")] = 11,
    size: Annotated[int, typer.Option(help="Long side of the painted photograph in pixels.")] = 512,
    animate: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a morph through the styles: .webp, .gif or .mp4.")
    ] = None,
    vgg: a.Vgg = None,
    device: a.Device = None,
) -> None:
    """Paint a photograph from style to style and measure the way: nstyle interpolate PHOTO --styles starry,wave --out
    blends"""
    from nstyle.cli.progress import counted
    from nstyle.interpolation.interpolate import interpolate as paint_the_way

    with counted("pictures painted") as progress:
        page = paint_the_way(
            photo,
            model,
            out=out,
            styles=a.split(styles) or (),
            style_images=style_images or (),
            validation=validation,
            steps=steps,
            size=size,
            animate=animate,
            vgg=vgg or "",
            device=device or "auto",
            command=a.command_line(),
            report=progress,
        )
    typer.echo(page, err=True)
    if animate:
        typer.echo(animate, err=True)
