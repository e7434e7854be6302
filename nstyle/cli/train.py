"""``nstyle train``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nstyle.cli import arguments as a

if TYPE_CHECKING:
    from nstyle.training.trainer import Trainer


def train(
    styles: Annotated[
        list[str] | None, typer.Option(metavar="FILE...", help="Paintings, a quoted pattern or a folder. The order is kept.")
    ] = None,
    content: a.Content = None,
    coco_annotations: a.CocoAnnotations = None,
    coco_categories: a.CocoCategories = None,
    validation: a.Validation = None,
    out: Annotated[str | None, typer.Option(help="Run directory. [default: checkpoints/NAME-OF-THE-STYLES]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out (else the newest) with its own settings.")] = False,
    init_from: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Start from the weights of a model; rows are matched by style name.")
    ] = None,
    updates: a.Updates = None,
    batch_size: a.BatchSize = None,
    size: a.Size = None,
    style_size: a.StyleSize = None,
    schedule: a.ScheduleName = None,
    preset: a.PresetName = None,
    content_weight: a.ContentWeight = None,
    style_weight: a.StyleWeight = None,
    tv_weight: a.TvWeight = None,
    style_factor: a.StyleFactor = None,
    content_layers: a.ContentLayers = None,
    style_layers: a.StyleLayers = None,
    style_scales: a.StyleScales = None,
    width: Annotated[float | None, typer.Option(help="Multiplier of the network's channels. [default: 1]")] = None,
    lr: a.Lr = None,
    lr_schedule: a.LrScheduleName = None,
    clip: a.Clip = None,
    vgg: a.Vgg = None,
    precision: a.PrecisionName = None,
    compile: a.Compile = None,
    device: a.Device = None,
    seed: a.Seed = None,
    checkpoint_every: a.CheckpointEvery = None,
) -> None:
    """Train one network in n styles: nstyle train --styles styles/*.jpg --content photos"""
    options = a.TrainingOptions.given(locals())
    from nstyle.training.api import prepare_training

    run_to_the_end(prepare_training(styles or [], out=out, resume=resume, **options.named()))


def run_to_the_end(trainer: "Trainer") -> None:
    """Train with progress on standard error, then say what to do with the result."""
    from nstyle.cli.progress import training_progress

    config = trainer.config
    start = f"from update {trainer.update} " if trainer.update else ""
    precision = "bfloat16" if "bfloat16" in str(trainer.dtype) else "float32"
    names = ", ".join(trainer.trained)
    typer.echo(
        f"training {len(trainer.trained)} styles {start}to update {config.updates} on {trainer.device} in {precision}: {names}", err=True
    )
    with training_progress() as report:
        trainer.train(report)
    broken = trainer.sampler.monitor.broken
    if broken:
        typer.echo(f"{len(broken)} photographs could not be read and were skipped: {', '.join(map(str, list(broken)[:10]))}", err=True)
    model = trainer.run.path
    weights = f"--style {trainer.trained[0]}" if len(trainer.info.styles) > 1 else ""
    typer.echo(f"done: {Path(model)}; paint with: nstyle stylize PHOTO --model {model} {weights}".rstrip(), err=True)
