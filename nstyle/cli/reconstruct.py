"""``nstyle reconstruct``: ``style``, ``content``, ``transfer``, ``sweep`` and ``report``."""

from typing import Annotated, Any

import typer

from nstyle.cli import reconstruct_options as o
from nstyle.cli.arguments import command_line
from nstyle.cli.help import GroupedCommand, new_group
from nstyle.cli.reconstruct_check import EXAMPLES as CHECK_EXAMPLES
from nstyle.cli.reconstruct_check import check

STYLE_EXAMPLES = "nstyle reconstruct style painting.jpg --layers relu1_1,relu2_1,relu3_1 --out out"
CONTENT_EXAMPLES = "nstyle reconstruct content photo.jpg --layers relu3_3 --out out"
TRANSFER_EXAMPLES = "nstyle reconstruct transfer photo.jpg painting.jpg --size 640 --min-size 160 --out out"
SWEEP_EXAMPLES = (
    """nstyle reconstruct sweep style painting.jpg --layers relu1_1 --layers relu2_1 --loss gram,mmd --out out"""
)

Picture = Annotated[str, typer.Argument(metavar="IMAGE", help="A picture.")]


@o.with_options((o.LAYERS, *o.STYLE, *o.COMMON))
def style(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="The style picture, or several.")],
    **options: Any,
) -> None:
    """Show what layers and a loss keep of a style."""
    _run({"style": images}, options)


@o.with_options((o.LAYERS, *o.CONTENT, *o.COMMON))
def content(image: Picture, **options: Any) -> None:
    """Show what layers keep of a picture's content."""
    _run({"content": image}, options)


@o.with_options((*o.TRANSFER_LAYERS, *o.TRANSFER, *o.STYLE, *o.CONTENT, *o.COMMON))
def transfer(
    content: Annotated[str, typer.Argument(metavar="CONTENT", help="The photograph.")],
    styles: Annotated[list[str], typer.Argument(metavar="STYLE...", help="The style picture, or several.")],
    **options: Any,
) -> None:
    """Paint one photograph in a style by optimization (Gatys et al. 2016)."""
    _run({"content": content, "style": styles}, options)


SWEEP = (o.LAYERS, *o.TRANSFER_LAYERS, *o.TRANSFER, *o.STYLE, *o.CONTENT, *o.COMMON)


@o.with_options(SWEEP, output=False, lists=True)
def sweep(
    task: Annotated[str, typer.Argument(metavar="TASK", help="style, content or transfer.")],
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="As for that command.")],
    out: Annotated[str, typer.Option(help="Folder: one folder per cell, grid.png and sweep.json.")],
    per_layer: Annotated[
        str | None,
        typer.Option(
            help="Take --layers one by one (single) or the first n of them (cumulative, Early, Sian and Stonard's tau)."
        ),
    ] = None,
    snapshots_every: Annotated[int, typer.Option(metavar="K", help="Write a snapshot every K updates.")] = 0,
    **options: Any,
) -> None:
    """Reconstruct every combination of lists of options, as one labelled grid.

    Every option may be given several times, and numbers and names as a list with commas; layers and mixes, which have
    commas themselves, are repeated. Cells that are done already are kept.
    """
    from nstyle.cli.progress import reconstruction_progress
    from nstyle.errors import UsageError
    from nstyle.reconstruction.sweep import expand_layers, sweep
    from nstyle.system.memory import keep_freed_memory

    if task not in ("style", "content", "transfer"):
        raise UsageError(f"the task is '{task}'; expected style, content or transfer")
    if (task == "content" and len(images) > 1) or (task == "transfer" and len(images) < 2):
        raise UsageError(
            f"{task} got {len(images)} pictures; expected "
            f"{'one' if task == 'content' else 'a content and one style or more'}"
        )
    content, styles = (None, images) if task == "style" else (images[0], images[1:])
    axes = {option.name: o.values(option, options[option.name]) for option in SWEEP if options[option.name]}
    if per_layer is not None:
        if len(axes.get("layers", ())) != 1:
            raise UsageError("--per-layer needs one list of --layers, such as --layers relu1_1,relu2_1")
        axes["layers"] = expand_layers(axes["layers"][0], per_layer)
    if "mix" in axes:
        axes["style_mix"] = axes.pop("mix")
    keep_freed_memory()
    with reconstruction_progress() as progress:
        result = sweep(
            axes,
            out=out,
            style=styles or None,
            content=content,
            snapshots_every=snapshots_every,
            callback=lambda cell, now: progress(now),
            notice=lambda text: typer.echo(f"cell {text}", err=True),
        )
    made = len(result.cells) - result.reused - len(result.failed)
    typer.echo(
        f"{result.grid}  ({made} cells made, {result.reused} done already, {len(result.failed)} failed)", err=True
    )
    if result.failed:
        raise typer.Exit(1)


def report(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Folders of reconstructions and sweeps.")],
    out: Annotated[str, typer.Option(help="Folder of the report.")],
) -> None:
    """Lay finished runs out as figures, on one page, with the commands that made them."""
    from nstyle.reconstruction.report import write_report

    typer.echo(write_report(runs, out, command_line()), err=True)


def _run(pictures: dict[str, Any], options: dict[str, Any]) -> None:
    from nstyle.cli.progress import reconstruction_progress
    from nstyle.reconstruction.reconstruct import reconstruct
    from nstyle.system.memory import keep_freed_memory

    settings = o.given(options)
    keep_freed_memory()
    with reconstruction_progress() as progress:
        result = reconstruct(**pictures, callback=progress, **settings)
    for name, value in result.terms.items():
        start = result.initial.get(name, 0.0)
        fell = f", {start / value:.4g} times less than at the start" if value > 0 and start > 0 else ""
        typer.echo(f"{name}: {value:.4g}{fell}", err=True)
    reasons = {
        "iterations": "after its iterations",
        "plateau": "on a plateau",
        "threshold": "below the threshold",
        "converged": "converged",
    }
    best = f"best picture at iteration {result.iteration} of {result.iterations}"
    typer.echo(
        f"{settings['out']}/result.png  ({best}, {result.seconds:.0f} s, stopped {reasons[result.stopped]})", err=True
    )


app = new_group("Optimize pixels, to see what each layer of the encoder and each loss keeps.")
app.command(cls=GroupedCommand, epilog=STYLE_EXAMPLES)(style)
app.command(cls=GroupedCommand, epilog=CONTENT_EXAMPLES)(content)
app.command(cls=GroupedCommand, epilog=TRANSFER_EXAMPLES)(transfer)
app.command(cls=GroupedCommand, epilog=SWEEP_EXAMPLES)(sweep)
app.command(cls=GroupedCommand, epilog=CHECK_EXAMPLES)(check)
app.command(cls=GroupedCommand, epilog="nstyle reconstruct report out/sweep --out out/report")(report)
