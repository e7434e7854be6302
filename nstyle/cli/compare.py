"""``nstyle compare``."""

from typing import Annotated, Any

import typer

from nstyle.cli.arguments import command_line
from nstyle.cli.training_options import given, with_training_options


@with_training_options(
    without=("schedule", "lr_schedule"),
    updates=Annotated[int | None, typer.Option(help="Updates of each network. [default: 40000]")],
    validation=Annotated[
        str | None, typer.Option(help="Folder of photographs that judge. [default: held out of --content]")
    ],
    held_out=Annotated[
        int | None,
        typer.Option(
            help="Photographs that judge: kept out of training, or from --validation. [default: 128, 32 batches of 4]"
        ),
    ],
)
def compare(
    styles: Annotated[list[str], typer.Option(metavar="FILE...", help="Paintings, a quoted pattern or a folder.")],
    out: Annotated[
        str, typer.Option(help="Folder of the comparison. The same command again goes on where it stopped.")
    ],
    seeds: Annotated[int, typer.Option(help="Train everything this many times, with seeds from --seed on.")] = 1,
    photos: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Photograph to paint with all networks. May be repeated.")
    ] = None,
    **options: Any,
) -> None:
    """Train one n-style network and n single-style networks alike, and report the gap:
    nstyle compare --styles styles/*.jpg --out gap"""
    from nstyle.cli.progress import comparison_progress
    from nstyle.comparison.compare import compare

    def notice(text: str) -> None:
        typer.echo(text, err=True)

    with comparison_progress() as progress:
        page = compare(
            styles,
            out=out,
            seeds=seeds,
            photos=photos or (),
            command=command_line(),
            report=progress,
            notice=notice,
            **given(options),
        )
    typer.echo(page, err=True)
