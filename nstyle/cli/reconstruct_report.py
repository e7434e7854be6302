"""``nstyle reconstruct report``."""

from typing import Annotated

import typer

from nstyle.cli.arguments import command_line


def report(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Folders of reconstructions and sweeps.")],
    out: Annotated[str, typer.Option(help="Folder of the report.")],
) -> None:
    """Lay out finished runs as the figures of seeds 000 and 003, in one HTML page and as PNG files, with the commands that made them."""
    from nstyle.reports.reconstruction import write_report

    typer.echo(write_report(runs, out, command_line()), err=True)
