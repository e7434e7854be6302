"""The options that the commands of ``nstyle reconstruct`` share, with single values, or lists of values for a sweep."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, get_args

import typer

from nstyle.cli.arguments import OUTPUT, out
from nstyle.cli.options import flag, given, option, options_of, split
from nstyle.errors import UsageError
from nstyle.reconstruction.config import TRANSFER_CONTENT_LAYERS, TRANSFER_STYLE_LAYERS, ReconstructionConfig, Start
from nstyle.settings import Setting, choices_of, settings_of, types_of

SETTINGS = settings_of(ReconstructionConfig)
LAYERS = ("layers", "style_layers", "content_layers")
OF_STYLE = ("loss", "moments", "style_size", "style_mix")
"""Settings that only a painting needs."""
OF_TRANSFER = ("style_layers", "content_layers", "style_weight")
NO_START = {"style": ("content", "average"), "content": ("style", "average")}
"""What the optimization cannot start from, by task."""


def _layers(name: str, details: Setting, **changed: Any) -> inspect.Parameter:
    return option(name, str, None, replace(details, at_least=-math.inf, **changed))


def _start(task: str) -> dict[str, str]:
    starts = [name for name in choices_of(Start) if name not in NO_START[task]]
    return {"metavar": "|".join(starts), "default_text": "noise"}


STYLE = [
    _layers("layers", SETTINGS["style_layers"]),
    *options_of(ReconstructionConfig, without=(*OF_TRANSFER, "content_loss"), start=_start("style")),
]
CONTENT = [
    _layers("layers", SETTINGS["content_layers"]),
    *options_of(
        ReconstructionConfig,
        without=(*OF_TRANSFER, *OF_STYLE, "schedule"),
        start=_start("content"),
        optimizer={"default_text": "lbfgs"},
    ),
]
_TRANSFER = [
    _layers("content_layers", SETTINGS["content_layers"], default_text=", ".join(TRANSFER_CONTENT_LAYERS)),
    _layers("style_layers", SETTINGS["style_layers"], default_text=f"{','.join(TRANSFER_STYLE_LAYERS)}, a fifth each"),
]
TRANSFER = [*_TRANSFER, *options_of(ReconstructionConfig, without=LAYERS, start={"default_text": "content"})]


def _listed(parameter: inspect.Parameter) -> inspect.Parameter:
    """Let an option be given several times, and unless its values have commas, several values at once."""
    info = get_args(parameter.annotation)[1]
    metavar = info.metavar if "," in info.metavar or parameter.name in LAYERS else f"{info.metavar},..."
    repeated = typer.Option(
        flag(parameter.name), metavar=metavar, help=info.help, rich_help_panel=info.rich_help_panel, show_default=False
    )
    return parameter.replace(annotation=Annotated[list[str] | None, repeated])


SWEEP = [
    _listed(parameter)
    for parameter in (
        _layers("layers", SETTINGS["style_layers"], help="The layers to match, in a sweep of style or content."),
        *_TRANSFER,
        *options_of(ReconstructionConfig, without=LAYERS),
    )
]


def _output(name: str, kind: Any, default: Any, info: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _flag(help: str, name: str) -> Any:
    return typer.Option(f"--{name}", help=help, rich_help_panel=OUTPUT)


SNAPSHOTS = _output(
    "snapshots_every",
    int,
    0,
    typer.Option(
        metavar="N",
        help="Write a snapshot every N updates. [default: 0 for none]",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
)
OUTPUTS = [
    _output(
        "out",
        str,
        inspect.Parameter.empty,
        out("The folder for result.png, config.toml, losses.csv, run.json and the state."),
    ),
    _output("resume", bool, False, _flag("Continue the run in --out, for more --iterations.", "resume")),
    _output("overwrite", bool, False, _flag("Replace a run that is in --out.", "overwrite")),
    SNAPSHOTS,
    _output(
        "animation",
        str | None,
        None,
        typer.Option(metavar="gif|webp|mp4", help="Write the snapshots as an animation too.", rich_help_panel=OUTPUT),
    ),
    _output("tensorboard", bool, False, _flag("Write event files to OUT/tensorboard.", "tensorboard")),
]


def chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the user gave, under the names of :func:`nstyle.reconstruct`.

    Raises:
        UsageError: If a weight is no number.
    """
    settings = given(ReconstructionConfig, options)
    if "style_mix" in settings:
        settings["style_mix"] = _numbers(options["style_mix"])
    return settings


def axes(options: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return lists of values by setting. Values are repeated, or separated by commas if they have none themselves.

    Raises:
        UsageError: If a setting takes numbers and a value is none.
    """
    kinds = {name: kind for name, (kind, _) in types_of(ReconstructionConfig).items()}
    result: dict[str, list[Any]] = {}
    for name, texts in options.items():
        if not texts:
            continue
        if name in LAYERS:
            result[name] = texts
        elif name == "style_mix":
            result[name] = [_numbers(text) for text in texts]
        else:
            kind = kinds[name] if kinds[name] in (int, float) else str
            try:
                result[name] = [kind(part) for text in texts for part in split(text)]
            except ValueError:
                raise UsageError(f"`{name}` is {','.join(texts)}; expected numbers") from None
    return result


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"`style_mix` is {text}; expected numbers such as 0.7,0.3") from None
