"""``nstyle add-style``."""

from typing import Annotated

import typer

from nstyle.cli import arguments as a
from nstyle.cli.train import run_to_the_end


def add_style(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="default, a model file or a run directory.")],
    styles: Annotated[list[str], typer.Option(metavar="FILE...", help="Paintings, a quoted pattern or a folder. The order is kept.")],
    out: Annotated[str, typer.Option(help="Run directory for the grown model.")],
    content: a.Content = None,
    coco_annotations: a.CocoAnnotations = None,
    coco_categories: a.CocoCategories = None,
    validation: a.Validation = None,
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
    """Append styles to a model; the old ones stay exactly as they are: nstyle add-style default --styles new.jpg --out checkpoints/more

    Loss, crop and style size default to what the model was trained with. Continue an interrupted run with: nstyle train --resume --out DIR
    """
    options = a.TrainingOptions.given(locals())
    from nstyle.training.api import prepare_append

    run_to_the_end(prepare_append(model, styles, out=out, **options.named()))
