"""``nstyle report``."""

from typing import Annotated

import typer

from nstyle.cli.arguments import Formats, command_line
from nstyle.cli.arguments import out as out_option
from nstyle.cli.options import split


def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Run directories, or CSV files of losses in Early, Sian and Stonard's format."
        ),
    ],
    out: Annotated[str, out_option("The folder of the report.")],
    formats: Formats = "png,svg",
) -> None:
    """Draw learning curves, of one run or of several over each other."""
    from nstyle.training.report import write_report

    typer.echo(write_report(runs, out, command_line(), split(formats)), err=True)
