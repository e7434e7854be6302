"""Options of the command line, derived from the settings that dataclasses declare with ``nstyle.settings.setting``."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Annotated, Any, get_args, get_origin

import typer

from nstyle.errors import UsageError, one_line
from nstyle.settings import METADATA_KEY, Setting, choices_of, settings_of, types_of

FLAGS = {
    "style_factors": "--style-factor",
    "style_mix": "--weights",
    "encoder": "--vgg",
    "masks": "--mask",
    "keyframes": "--keyframe",
    "value_range": "--range",
    "all_styles": "--all",
    "tiling": "--tile",
    "as_json": "--json",
}
"""Flags that are not named as their settings."""


def flag(name: str) -> str:
    """Return the flag of a setting."""
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def with_flags(message: str) -> str:
    """Name settings in a message of the library, which stand in backticks, by their flags.

    >>> with_flags("`style_weight` is -1; try another `preset`, or `compile=False`")
    '--style-weight is -1; try another --preset, or --no-compile'
    """
    message = re.sub(r"`(\w+)=False`", lambda match: flag(match[1]).replace("--", "--no-", 1), message)
    return re.sub(r"`([a-z]\w*)`", lambda match: flag(match[1]), message)


def say(text: str) -> None:
    """Print a line of the library on standard error, with settings named by their flags."""
    typer.echo(one_line(with_flags(text)), err=True)


def options_of(kind: type, *, without: Sequence[str] = (), **changed: Mapping[str, Any]) -> list[inspect.Parameter]:
    """Return an option for every setting of a dataclass, None where the user gives nothing.

    Args:
        kind: The dataclass.
        without: Settings that make no sense for the command.
        changed: Details of settings that are different for the command, such as their ``default_text``.
    """
    kinds = types_of(kind)
    defaults = {f.name: f.default for f in fields(kind) if METADATA_KEY in f.metadata}
    return [
        option(name, kinds[name][0], defaults[name], replace(details, **changed.get(name, {})))
        for name, details in settings_of(kind).items()
        if name not in without
    ]


def option(name: str, kind: Any, default: Any, details: Setting) -> inspect.Parameter:
    """Return the parameter that typer makes an option of."""
    choices = choices_of(kind) or details.choices
    metavar = details.metavar or "|".join(choices) or {int: "N", float: "X", str: "TEXT"}.get(kind)
    kept = kind if kind in (int, float, bool) else list[str] if get_origin(kind) is Mapping else str
    names = [f"{flag(name)}/{flag(name).replace('--', '--no-', 1)}"] if kind is bool else [flag(name)]
    info = typer.Option(*names, metavar=metavar, help=_help(default, details), rich_help_panel=details.group)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kept | None, info]
    )


def _help(default: Any, details: Setting) -> str:
    words = details.default_text
    if not words and isinstance(default, int | float | str) and not isinstance(default, bool) and default != "":
        words = f"{default:g}" if isinstance(default, float) else str(default)
    notes = [f"default: {words}"] if words else []
    notes += [details.range] if details.range else []
    return with_flags(f"{details.help} [{'; '.join(notes)}]" if notes else details.help)


def add_options(
    *parameters: inspect.Parameter,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, which takes them as ``**options``, further options. Its own ones of the same name win."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        added = [p for p in parameters if p.name not in signature.parameters]
        command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in [*own, *added]}
        return command

    return decorate


def given(kind: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the user gave, in the types of a dataclass's settings.

    Raises:
        UsageError: If NAME=X is expected and not given.
    """
    kinds = types_of(kind)
    return {
        name: _typed(name, kinds[name][0] if name in kinds else None, value)
        for name, value in options.items()
        if value is not None and value != []
    }


def _typed(name: str, kind: Any, value: Any) -> Any:
    if get_origin(kind) is tuple and isinstance(value, str):
        return _numbers(name, value) if get_args(kind)[0] is float else split(value)
    if get_origin(kind) is Mapping and isinstance(value, list):
        return dict(_named_number(name, text) for text in value)
    return value


def split(text: str) -> tuple[str, ...]:
    """Split ``A,B`` into its parts."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def names(name: str, text: str | None) -> tuple[str, ...]:
    """Split ``A,B`` into names. None, an option that is not given, has none.

    Raises:
        UsageError: If the option is given and names nothing.
    """
    if text is not None and not split(text):
        raise UsageError(f"`{name}` is '{text}'; expected names with commas between them, or no such option")
    return split(text or "")


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in split(text))
    except ValueError:
        raise UsageError(f"`{name}` is {text}; expected numbers with commas between them") from None


def _named_number(name: str, text: str) -> tuple[str, float]:
    key, equals, value = text.partition("=")
    try:
        return key.strip(), float(value)
    except ValueError:
        got = text if equals else f"{text} (without '=')"
        raise UsageError(f"`{name}` is {got}; expected NAME=X such as great-wave=1.5") from None
