"""``nstyle compare``."""

from typing import Annotated, Any

import typer

from nstyle.cli.arguments import Formats, Styles, command_line, out
from nstyle.cli.options import say, split
from nstyle.cli.training_options import settings, with_training_options

EXAMPLES = """nstyle compare --styles styles/*.jpg --content photos --updates 10000 --seeds 2 --out gap"""


@with_training_options(
    without=("schedule", "lr_schedule", "init_from", "keep_targets"),
    updates={"help": "The number of updates of each network."},
    validation={"help": "The folder of photographs that judge.", "default_text": "held out of `content`"},
    held_out={
        "help": "How many photographs judge: kept out of training, or from `validation`.",
        "default_text": "128, 32 batches of 4",
    },
)
def compare(
    out: Annotated[str, out("The folder of the comparison. The same command goes on where it stopped.")],
    styles: Styles = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Train everything N times, with seeds from --seed on. [default: 1]",
            rich_help_panel="Schedule",
        ),
    ] = None,
    photos: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="A photograph to paint with all networks. May be repeated.", rich_help_panel="Output"
        ),
    ] = None,
    formats: Formats = "png,svg",
    **options: Any,
) -> None:
    """Train one n-style network and n single-style ones alike, and report the gap."""
    from nstyle.cli.progress import comparison_progress
    from nstyle.comparison.compare import compare

    chosen = settings({"styles": styles, "seeds": seeds, "photos": photos, **options})
    with comparison_progress() as progress:
        page = compare(
            chosen.pop("styles", ()),
            out=out,
            command=command_line(),
            formats=split(formats),
            progress=progress,
            notice=say,
            **chosen,
        )
    typer.echo(page, err=True)
