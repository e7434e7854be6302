"""The options of training, which train, add-style and compare share: those of the run and those of its loss."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nstyle.cli.options import add_options, given, options_of
from nstyle.losses.presets import PRESETS, RELATIVE, Preset
from nstyle.training.config import LOSS, TrainingConfig, read_settings

CONFIG = inspect.Parameter(
    "config",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Settings in TOML, such as the config.toml of a run. Options that are given override it.",
        ),
    ],
)


def with_training_options(
    *, without: tuple[str, ...] = (), inherited: str = "", **changed: Mapping[str, Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of training as keyword arguments, None where the user gives nothing.

    Args:
        without: Settings that make no sense for the command.
        inherited: Where the loss comes from, where it is not that of the default preset.
        changed: Details of settings that are different for the command.
    """
    presets = "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items())
    preset = inspect.Parameter(
        "preset",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            str | None,
            typer.Option(
                metavar="|".join(PRESETS),
                help=f"The convention of the loss. {presets}. [default: {inherited or RELATIVE.name}]",
                rich_help_panel=LOSS,
            ),
        ],
    )
    of_loss: dict[str, Any] = {
        name: {"default_text": inherited or "the preset's"} for name in Preset.__dataclass_fields__
    }
    run = options_of(TrainingConfig, without=without, **changed)
    return add_options(CONFIG, preset, *options_of(Preset, **of_loss), *run)


def settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the user gave, over what the file of --config says, as keyword arguments of :func:`nstyle.train`.

    Raises:
        UsageError: If the file cannot be read, or an option is invalid.
    """
    options = dict(options)
    path = options.pop("config", None)
    of_file = read_settings(path) if path else {}
    of_loss: dict[str, Any] = {name: value for name, value in options.items() if name in Preset.__dataclass_fields__}
    of_run = {name: value for name, value in options.items() if name not in of_loss}
    return {**of_file, **given(Preset, of_loss), **given(TrainingConfig, of_run)}
