"""``nstyle reconstruct check``."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nstyle.cli.arguments import out as out_option
from nstyle.cli.options import add_options, given, options_of, say
from nstyle.reconstruction.check_config import CheckConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nstyle.encoders.check import Finding


EXAMPLES = """nstyle reconstruct check
nstyle reconstruct check painting.jpg --vgg vgg16.safetensors --out check.png"""


@add_options(*options_of(CheckConfig))
def check(
    picture: Annotated[
        str | None, typer.Argument(metavar="[PICTURE]", help="What to reconstruct. [default: a built-in picture]")
    ] = None,
    out: Annotated[
        str, out_option("Where to write the pictures side by side. [default: vgg-check.png]", metavar="FILE")
    ] = "vgg-check.png",
    **options: Any,
) -> None:
    """Check VGG weights before training with them.

    Their origin, layers and features are checked, and pictures are reconstructed. The exit status is 1 if they fail.
    Sets of layers are cut to those that the file holds, and marked so.
    """
    from pathlib import Path

    from nstyle.encoders.check import Finding
    from nstyle.encoders.vgg_weights import LITE, default_source, load_vgg_weights
    from nstyle.errors import UsageError
    from nstyle.imaging.formats import WRITABLE
    from nstyle.imaging.layout import contact_sheet
    from nstyle.imaging.pictures import encode
    from nstyle.reconstruction.check import check_vgg
    from nstyle.reconstruction.pictures import read_source
    from nstyle.system.files import write_atomically
    from nstyle.system.memory import keep_freed_memory

    config = CheckConfig(**given(CheckConfig, options))
    target = Path(out)
    if target.suffix.lower() not in WRITABLE:
        raise UsageError(f"`out` is {out}; expected a picture's name such as vgg-check.png")
    if default_source(config.vgg) == LITE:
        raise UsageError("`vgg` is lite, which is no VGG: expected VGG16 or VGG19 weights to check")
    image = None if picture is None else read_source(picture).image
    keep_freed_memory()
    try:
        weights = load_vgg_weights(config.vgg or None, architecture=config.network)
    except UsageError as error:
        if not Path(default_source(config.vgg)).is_file():
            raise
        _print_table("VGG weights", [Finding("file", False, str(error))])
        raise typer.Exit(1) from error
    verdict = check_vgg(weights, image, size=config.size, iterations=config.iterations, notice=say)
    _print_table(f"{weights.architecture}, sha256 {weights.sha256[:12]}", verdict.findings)
    write_atomically(
        target, encode(contact_sheet([(shown.label, shown.image) for shown in verdict.pictures]), target.suffix)
    )
    failed = sum(not finding.ok for finding in verdict.findings)
    typer.echo(
        f"{'good' if verdict.ok else f'{failed} of {len(verdict.findings)} checks failed'}; pictures: {target}",
        err=True,
    )
    if not verdict.ok:
        raise typer.Exit(1)


def _print_table(title: str, findings: "Sequence[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("check")
    table.add_column("found", overflow="fold")
    for finding in findings:
        table.add_row("ok" if finding.ok else "FAIL", finding.what, finding.detail)
    Console(file=sys.stdout).print(table)
