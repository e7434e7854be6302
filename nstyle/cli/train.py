"""``nstyle train``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nstyle.cli.arguments import OUTPUT, Styles, out
from nstyle.cli.training_options import settings, with_training_options
from nstyle.system.processes import joined

if TYPE_CHECKING:
    from nstyle.training.trainer import Trainer


EXAMPLES = """nstyle train --styles styles/*.jpg --content photos
nstyle train --resume --out checkpoints/mine --updates 80000
nstyle train --config checkpoints/mine/config.toml --out checkpoints/again"""


@with_training_options()
def train(
    styles: Styles = None,
    out: Annotated[str | None, out("The run directory. [default: checkpoints/NAME-OF-THE-STYLES]")] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the run in --out, else the newest one.", rich_help_panel=OUTPUT),
    ] = False,
    **options: Any,
) -> None:
    """Train one network in n styles."""
    from nstyle.training.train import prepare_training

    chosen = settings({"styles": styles, **options})
    with joined() as group:
        run_to_the_end(prepare_training(chosen.pop("styles", ()), out=out, resume=resume, group=group, **chosen))


def run_to_the_end(trainer: "Trainer") -> None:
    """Train with progress on standard error, then say what to do with the result. Of several processes, the first one
    speaks."""
    from nstyle.cli.progress import training_progress
    from nstyle.system.interrupts import InterruptedRunError
    from nstyle.system.memory import keep_freed_memory

    keep_freed_memory()
    if not trainer.hardware.group.ranks.is_first:
        trainer.train()
        trainer.broken_photographs()
        return
    config = trainer.config
    start = f"from update {trainer.update} " if trainer.update else ""
    precision = "bfloat16" if "bfloat16" in str(trainer.hardware.dtype) else "float32"
    names = ", ".join(trainer.styles.names)
    size = trainer.hardware.group.ranks.size
    where = f"{trainer.hardware.device.type} in {size} processes," if size > 1 else f"{trainer.hardware.device} in"
    typer.echo(
        f"training {len(trainer.styles.names)} styles {start}to update {config.updates} on {where} {precision}: "
        f"{names}",
        err=True,
    )
    try:
        with training_progress() as progress:
            trainer.train(progress)
    except InterruptedRunError as error:
        where = shlex.quote(str(trainer.run.path))
        raise InterruptedRunError(
            f"{error}, continue with: nstyle train --resume --out {where}", error.signal_number
        ) from error
    broken = trainer.broken_photographs()
    if broken:
        typer.echo(f"{len(broken)} photographs could not be read and were skipped: {', '.join(broken[:10])}", err=True)
    if trainer.kept:
        size = sum(value.nbytes for value in trainer.kept.values())
        typer.echo(f"style targets: {size / 1e6:.1f} MB, in {trainer.run.model}", err=True)
    model = trainer.run.path
    weights = f"--style {trainer.styles.names[0]}" if len(trainer.info.styles) > 1 else ""
    typer.echo(f"done: {Path(model)}; paint with: nstyle stylize PHOTO --model {model} {weights}".rstrip(), err=True)
