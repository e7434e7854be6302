"""``nstyle stylize``."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from nstyle.system.processes import joined

if TYPE_CHECKING:
    from nstyle.inference.color import KeepColor
    from nstyle.tiling.paint import Tiling


def stylize(
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO...", help="Photographs or folders; - reads standard input.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="A shipped name, model file or run directory. [default: newest run in checkpoints/, else default]"
        ),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="W,W|NAME=W,...", help="How much of each style, by position or by name.")
    ] = None,
    styles: Annotated[
        str | None, typer.Option(metavar="A,B", help="The styles that --weights is about; equal parts without it.")
    ] = None,
    style: Annotated[str | None, typer.Option(metavar="NAME", help="One style; a part of its name will do.")] = None,
    all_styles: Annotated[bool, typer.Option("--all", help="One picture per style, and a contact sheet.")] = False,
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Paint a style where a grey picture is white only. May be repeated."),
    ] = None,
    strength: Annotated[float, typer.Option(help="0 for the photograph, 1 for the style.")] = 1.0,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="File, folder or - for standard output. [default: PHOTO_STYLE.png here]"),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Resize to this long side in pixels first.")] = None,
    grain: Annotated[
        float,
        typer.Option(
            metavar="LEVELS",
            help="Film grain put on first, 2 of 255 levels or so: strokes instead of a mesh in plain skies.",
        ),
    ] = 0.0,
    tile: Annotated[
        str,
        typer.Option(
            metavar="auto|whole|exact|sampled|thumbnail",
            help="How large pictures are divided; auto paints 100 megapixels in 3 GB on the CPU: exactly up to about "
            "31 "
            "(63 with slim), then sampled.",
        ),
    ] = "auto",
    max_pixels: Annotated[int, typer.Option(help="Refuse pictures of more pixels than this.")] = 250_000_000,
    keep_color: Annotated[str | None, typer.Option(metavar="luminance", help="Keep the photograph's colours.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Report on standard output as JSON.")] = False,
) -> None:
    """Paint photographs: nstyle stylize photo.jpg --weights 0.5,0.5"""
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
            keep_color=cast("KeepColor | None", keep_color),
            size=size,
            grain=grain,
            tiling=cast("Tiling", tile),
        ),
        output=output,
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
