"""``nstyle compare``."""

from pathlib import Path
from typing import Annotated

import typer

from nstyle.cli import arguments as a


def compare(
    styles: Annotated[list[str], typer.Option(metavar="FILE...", help="Paintings, a quoted pattern or a folder.")],
    out: Annotated[str, typer.Option(help="Folder of the comparison. The same command again goes on where it stopped.")],
    seeds: Annotated[int, typer.Option(help="Train everything this many times, with seeds from --seed on.")] = 1,
    held_out: Annotated[
        int | None, typer.Option(help="Photographs that judge: kept out of training, or from --validation. [default: 128, 32 batches of 4]")
    ] = None,
    photos: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Photograph to paint with all networks. May be repeated.")] = None,
    content: a.Content = None,
    coco_annotations: a.CocoAnnotations = None,
    coco_categories: a.CocoCategories = None,
    validation: Annotated[str | None, typer.Option(help="Folder of photographs that judge. [default: held out of --content]")] = None,
    updates: Annotated[int | None, typer.Option(help="Updates of each network. [default: 40000]")] = None,
    batch_size: a.BatchSize = None,
    size: a.Size = None,
    style_size: a.StyleSize = None,
    preset: a.PresetName = None,
    content_weight: a.ContentWeight = None,
    style_weight: a.StyleWeight = None,
    tv_weight: a.TvWeight = None,
    style_factor: a.StyleFactor = None,
    content_layers: a.ContentLayers = None,
    style_layers: a.StyleLayers = None,
    style_scales: a.StyleScales = None,
    width: Annotated[float | None, typer.Option(help="Multiplier of the networks' channels. [default: 1]")] = None,
    lr: a.Lr = None,
    clip: a.Clip = None,
    vgg: a.Vgg = None,
    precision: a.PrecisionName = None,
    compile: a.Compile = None,
    device: a.Device = None,
    seed: a.Seed = None,
    checkpoint_every: a.CheckpointEvery = None,
) -> None:
    """Train one n-style network and n single-style networks alike, and report the gap: nstyle compare --styles styles/*.jpg --out gap"""
    options = a.TrainingOptions.given(locals())
    from nstyle.cli.compare_progress import comparison_progress
    from nstyle.comparison.api import HELD_OUT, prepare_comparison
    from nstyle.comparison.experiment import train_networks
    from nstyle.image import read_size
    from nstyle.reports.comparison import write_report

    for photo in photos or ():
        read_size(Path(photo))
    plan = prepare_comparison(styles, out=out, seeds=seeds, held_out=HELD_OUT if held_out is None else held_out, **options.named())
    networks = len(plan.members())
    typer.echo(f"{networks} networks of {plan.updates} updates each, on {plan.config.device}, into {plan.out}", err=True)
    with comparison_progress() as report:
        train_networks(plan, report)
    page = write_report(plan, photos or (), a.command_line(), lambda network: typer.echo(f"measuring {network}", err=True))
    typer.echo(page, err=True)
