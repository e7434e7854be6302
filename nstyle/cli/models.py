"""``nstyle models`` and ``nstyle info``."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def models(as_json: Json = False) -> None:
    """List the models that are shipped, and the runs of the current folder."""
    from nstyle.errors import UsageError, one_line
    from nstyle.models.locate import find_model, run_models, shipped_models
    from nstyle.models.model_info import read_info

    listed = shipped_models()
    listed |= {str(path.parent): path for path in run_models()}
    rows: list[dict[str, Any]] = []
    for name, path in listed.items():
        try:
            description, size = read_info(path), path.stat().st_size
        except (UsageError, OSError) as error:
            typer.echo(f"nstyle: {one_line(str(error))}", err=True)
            continue
        rows.append(
            {
                "model": name,
                "path": str(path),
                "styles": description.styles,
                "updates": description.updates,
                "grain": description.grain,
                "bytes": size,
                "target_bytes": description.target_bytes,
            }
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    default = find_model()
    for row in rows:
        mark = "*" if row["path"] == str(default) else " "
        grain = f", grain up to {row['grain']:g}" if row["grain"] else ""
        typer.echo(
            f"{mark} {row['model']}: {len(row['styles'])} styles, {row['updates']} updates{grain}, "
            f"{row['bytes'] / 1e6:.1f} MB{_of_targets(row['target_bytes'])}"
        )
        typer.echo(f"    {', '.join(row['styles'])}")
    typer.echo("* is used where no --model is given", err=True)


def _of_targets(size: int) -> str:
    """Say how much of a file is style targets; empty if it has none."""
    return f" (style targets: {size / 1e6:.1f} MB)" if size else ""


def info(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="default, a model file or a run directory.")
    ] = "default",
    as_json: Json = False,
) -> None:
    """Describe a model: styles, updates, loss, VGG, sizes."""
    from nstyle.losses.presets import Preset
    from nstyle.models.locate import find_model
    from nstyle.models.model_file import load_model

    path = find_model(model)
    network, description = load_model(path)
    values = {
        **description.to_dict(),
        "path": str(path),
        "bytes": path.stat().st_size,
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    if as_json:
        typer.echo(json.dumps(values, indent=2))
        return
    typer.echo(f"model       {path}")
    typer.echo(
        f"size        {values['bytes'] / 1e6:.2f} MB{_of_targets(description.target_bytes)}, "
        f"{values['parameters']:,} parameters, width {description.width:g}"
    )
    typer.echo(
        f"trained     {description.updates} updates, crops of {description.size} px, paintings of "
        f"{description.style_size} px (short side)"
    )
    if description.grain:
        typer.echo(
            f"grain       up to {description.grain:g} levels of 255 in training; pictures get "
            f"{description.painting_grain:g} unless --grain says otherwise"
        )
    typer.echo(f"saved       {datetime.fromtimestamp(description.created, UTC):%Y-%m-%d %H:%M} UTC")
    if description.preset:
        loss = Preset.of_model(path, description.preset)
        typer.echo(f"loss        {loss.name}: content {loss.content_weight:g} x {'+'.join(loss.content_layers)}")
        typer.echo(
            f"            style {loss.style_weight:g} x {'+'.join(loss.style_layers)} on {loss.style_scales} scales"
        )
    if description.vgg:
        architecture = description.vgg.get("architecture", "unknown")
        typer.echo(f"VGG         {architecture}, {description.vgg_in_words}")
    for i, name in enumerate(description.styles):
        typer.echo(f"{'styles' if i == 0 else '':<12}{i} {name}")
