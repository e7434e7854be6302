"""``nstyle stylize``."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from nstyle.cli.arguments import OUTPUT, Device, Model
from nstyle.cli.arguments import out as out_option
from nstyle.system.processes import joined

if TYPE_CHECKING:
    from nstyle.tiling.paint import Tiling

STYLES, PAINTING = "Styles", "Painting"
TILINGS = ("auto", "whole", "exact", "sampled", "thumbnail")


EXAMPLES = """nstyle stylize photo.jpg --style starry-night
nstyle stylize photo.jpg --weights starry-night=0.7,great-wave=0.3
nstyle stylize holiday/ --all --out painted"""


def stylize(
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO...", help="Photographs or folders; - reads standard input.")
    ],
    model: Model = None,
    style: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One style; a part of its name will do.", rich_help_panel=STYLES),
    ] = None,
    styles: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Several styles, in equal parts or as --weights says.", rich_help_panel=STYLES
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="W,W|NAME=W,...", help="How much of each style, by position or by name.", rich_help_panel=STYLES
        ),
    ] = None,
    all_styles: Annotated[
        bool, typer.Option("--all", help="One picture per style, and a contact sheet.", rich_help_panel=STYLES)
    ] = False,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="Paint a style only where a grey picture is white. May be repeated.",
            rich_help_panel=STYLES,
        ),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="0 for the photograph, 1 for the style. [default: 1]",
            show_default=False,
            rich_help_panel=PAINTING,
        ),
    ] = 1.0,
    keep_color: Annotated[
        bool, typer.Option("--keep-color", help="Keep the photograph's colours.", rich_help_panel=PAINTING)
    ] = False,
    size: Annotated[
        int | None,
        typer.Option(metavar="N", help="Resize to this long side in pixels first.", rich_help_panel=PAINTING),
    ] = None,
    grain: Annotated[
        float,
        typer.Option(
            metavar="LEVELS",
            help="Film grain put on first, 2 of 255 levels or so: strokes instead of a mesh in plain skies. "
            "[default: 0]",
            show_default=False,
            rich_help_panel=PAINTING,
        ),
    ] = 0.0,
    tile: Annotated[
        str,
        typer.Option(
            metavar="|".join(TILINGS),
            help="How large pictures are divided; auto paints 100 megapixels in 3 GB on the CPU: exactly up to about "
            "31 (63 with slim), then sampled. [default: auto]",
            show_default=False,
            rich_help_panel=PAINTING,
        ),
    ] = "auto",
    max_pixels: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Refuse pictures of more pixels. [default: 250000000]",
            show_default=False,
            rich_help_panel=PAINTING,
        ),
    ] = 250_000_000,
    out: Annotated[
        str | None,
        out_option(
            "A file, a folder, or - for standard output. [default: PHOTO_STYLE.png here]", metavar="FILE|FOLDER"
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Report on standard output as JSON.", rich_help_panel=OUTPUT)
    ] = False,
    device: Device = "auto",
) -> None:
    """Paint photographs."""
    import json
    from dataclasses import asdict

    from nstyle.cli.progress import painting_progress
    from nstyle.inference.batch import stylize_files
    from nstyle.inference.plan import Request
    from nstyle.inference.stylizer import PaintOptions
    from nstyle.inference.writing import Result
    from nstyle.system.memory import keep_freed_memory

    request = Request(
        photos=tuple(photos),
        model=model,
        weights=weights,
        styles=styles,
        style=style,
        all_styles=all_styles,
        masks=tuple(mask or []),
        options=PaintOptions(
            strength=strength,
            keep_color="luminance" if keep_color else None,
            size=size,
            grain=grain,
            tiling=cast("Tiling", tile),
        ),
        out=out,
        max_pixels=max_pixels,
        overwrite=overwrite,
        device=device,
        report_on_stdout=as_json,
    )
    keep_freed_memory(large_too=False)
    with joined() as group, painting_progress(quiet=not group.ranks.is_first) as progress:
        speaks = group.ranks.is_first

        def say(text: str) -> None:
            if speaks:
                typer.echo(text, err=True)

        results = []
        try:
            for result in stylize_files(request, lambda text: say(f"nstyle: {text}"), progress, group):
                results.append(asdict(result))
                if isinstance(result, Result) and not as_json and result.output != "-":
                    say(f"{result.output}  ({result.width}x{result.height}, {result.seconds:.1f} s)")
        finally:
            if as_json and results and speaks:
                typer.echo(json.dumps(results, indent=2))
