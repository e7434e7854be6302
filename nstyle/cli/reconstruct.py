"""``nstyle reconstruct``: ``style``, ``content``, ``transfer``, ``sweep`` and ``report``."""

from typing import Annotated, Any

import typer

from nstyle.cli import reconstruct_options as o
from nstyle.cli.arguments import Formats, command_line
from nstyle.cli.arguments import out as out_option
from nstyle.cli.help import GroupedCommand, new_group
from nstyle.cli.options import add_options, say, split
from nstyle.cli.reconstruct_check import EXAMPLES as CHECK_EXAMPLES
from nstyle.cli.reconstruct_check import check
from nstyle.cli.training_options import CONFIG
from nstyle.reconstruction.config import LAYERS

STYLE_EXAMPLES = """nstyle reconstruct style painting.jpg --layers relu1_1,relu2_1,relu3_1 --out out
nstyle reconstruct style painting.jpg --layers relu2_1 --loss moments --moments 3 --out out
nstyle reconstruct style painting.jpg --layers relu2_1 --iterations 600 --out out --resume
nstyle reconstruct style --config out/config.toml --seed 1 --out other"""
CONTENT_EXAMPLES = """nstyle reconstruct content photo.jpg --layers relu3_3 --out out"""
TRANSFER_EXAMPLES = """nstyle reconstruct transfer photo.jpg painting.jpg --size 640 --min-size 160 --out out
nstyle reconstruct transfer photo.jpg one.jpg other.jpg --weights 0.7,0.3 --out out"""
SWEEP_EXAMPLES = """nstyle reconstruct sweep style painting.jpg --layers relu1_1,relu2_1 --per-layer single --out out
nstyle reconstruct sweep style one.jpg other.jpg --layers relu2_1 --vgg vgg16.pth --vgg vgg19.pth --out out
nstyle reconstruct sweep transfer photo.jpg painting.jpg --style-weight 0.0002,0.002,0.02 --out out"""
REPORT_EXAMPLES = "nstyle reconstruct report out/sweep --out out/report"

Photo = Annotated[
    str | None,
    typer.Argument(
        metavar="PHOTO", help="The photograph whose content is kept. May stand in --config.", show_default=False
    ),
]
Paintings = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PAINTING...",
        help="The painting whose style is matched, or several. May stand in --config.",
        show_default=False,
    ),
]


@add_options(CONFIG, *o.STYLE, *o.OUTPUTS)
def style(paintings: Paintings = None, **options: Any) -> None:
    """Show what layers and a loss keep of a style."""
    _run({"style": paintings}, options)


@add_options(CONFIG, *o.CONTENT, *o.OUTPUTS)
def content(photo: Photo = None, **options: Any) -> None:
    """Show what layers keep of a picture's content."""
    _run({"content": photo}, options)


@add_options(CONFIG, *o.TRANSFER, *o.OUTPUTS)
def transfer(photo: Photo = None, paintings: Paintings = None, **options: Any) -> None:
    """Paint one photograph in a style by optimization (Gatys et al. 2016)."""
    _run({"content": photo, "style": paintings}, options)


@add_options(*o.SWEEP, o.SNAPSHOTS)
def sweep(
    task: Annotated[str, typer.Argument(metavar="TASK", help="style, content or transfer.")],
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...",
            help="As for that command; of several paintings each cell has one, or with --weights all, mixed.",
        ),
    ],
    out: Annotated[str, out_option("The folder: one folder per cell, grid.png and sweep.json.")],
    per_layer: Annotated[
        str | None,
        typer.Option(
            metavar="single|cumulative",
            help="Take --layers one by one, or the first n of them (Early, Sian and Stonard's tau).",
            rich_help_panel=LAYERS,
        ),
    ] = None,
    **options: Any,
) -> None:
    """Reconstruct every combination of paintings and lists of options, as one labelled grid.

    Every option may be given several times, and numbers and names as a list with commas; layers and weights, which
    have commas themselves, are repeated. Cells that are done already are kept.
    """
    from nstyle.cli.progress import sweep_progress
    from nstyle.errors import UsageError
    from nstyle.reconstruction.cells import expand_layers
    from nstyle.reconstruction.run_description import NOT_OF
    from nstyle.reconstruction.sweep import sweep
    from nstyle.system.memory import keep_freed_memory

    if task not in ("style", "content", "transfer"):
        raise UsageError(f"the task is '{task}'; expected style, content or transfer")
    if (task == "content" and len(pictures) > 1) or (task == "transfer" and len(pictures) < 2):
        raise UsageError(
            f"{task} got {len(pictures)} pictures; expected "
            f"{'one photograph' if task == 'content' else 'a photograph and one painting or more'}"
        )
    photo, paintings = (None, pictures) if task == "style" else (pictures[0], pictures[1:])
    snapshots_every = options.pop("snapshots_every")
    axes = o.axes(options)
    if useless := [name for name in axes if name in NOT_OF[task] or (name == "layers" and task == "transfer")]:
        raise UsageError(f"a sweep of {task} has no use for `{useless[0]}`; leave it out")
    if per_layer is not None:
        if len(axes.get("layers", ())) != 1:
            raise UsageError("`per_layer` needs one list of `layers`, such as relu1_1,relu2_1")
        axes["layers"] = expand_layers(axes["layers"][0], per_layer)
    are_mixed = "style_mix" in axes
    if paintings and not are_mixed:
        axes = {"style": paintings, **axes}
    keep_freed_memory()
    with sweep_progress() as progress:
        result = sweep(
            axes,
            out=out,
            style=paintings if are_mixed else None,
            content=photo,
            snapshots_every=snapshots_every,
            progress=progress,
            notice=lambda text: say(f"cell {text}"),
        )
    made = len(result.cells) - result.reused - len(result.failed)
    typer.echo(
        f"{result.grid}  ({made} cells made, {result.reused} done already, {len(result.failed)} failed)", err=True
    )
    if result.failed:
        raise typer.Exit(1)


def report(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Folders of reconstructions and sweeps.")],
    out: Annotated[str, out_option("The folder of the report.")],
    formats: Formats = "png,svg",
) -> None:
    """Lay finished runs out as figures, on one page, with the commands that made them."""
    from nstyle.reconstruction.report import write_report

    typer.echo(write_report(runs, out, command_line(), split(formats)), err=True)


def _run(pictures: dict[str, Any], options: dict[str, Any]) -> None:
    from nstyle.cli.progress import reconstruction_progress
    from nstyle.reconstruction.reconstruct import reconstruct
    from nstyle.system.memory import keep_freed_memory

    settings = _settings(pictures, options)
    keep_freed_memory()
    with reconstruction_progress() as progress:
        result = reconstruct(progress=progress, **settings)
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


def _settings(pictures: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return what the user gave, over what the file of --config says.

    Raises:
        UsageError: If the file is of another task, or a picture is missing.
    """
    from nstyle.errors import UsageError
    from nstyle.reconstruction.config_file import PICTURES, override, read_settings

    path = options.pop("config")
    given = {name: picture for name, picture in pictures.items() if picture} | o.chosen(options)
    of_file = read_settings(path) if path else {}
    if "layers" in given and len(pictures) == 1:
        given[f"{next(iter(pictures))}_layers"] = given.pop("layers")
        of_file.pop("layers", None)
    for task in PICTURES:
        if task not in pictures and (task in of_file or f"{task}_layers" in of_file):
            raise UsageError(f"{path} is about a {task} too; repeat it with nstyle reconstruct transfer or {task}")
    settings = override(of_file, given)
    for name in pictures:
        if not settings.get(name):
            what = "PHOTO" if name == "content" else "PAINTING"
            raise UsageError(f"no {what} was given; name one, or a file that does with `config`")
    return settings


app = new_group("Optimize pixels, to see what each layer of the encoder and each loss keeps.")
app.command(cls=GroupedCommand, epilog=STYLE_EXAMPLES)(style)
app.command(cls=GroupedCommand, epilog=CONTENT_EXAMPLES)(content)
app.command(cls=GroupedCommand, epilog=TRANSFER_EXAMPLES)(transfer)
app.command(cls=GroupedCommand, epilog=SWEEP_EXAMPLES)(sweep)
app.command(cls=GroupedCommand, epilog=CHECK_EXAMPLES)(check)
app.command(cls=GroupedCommand, epilog=REPORT_EXAMPLES)(report)
