"""``nstyle stylize``."""

import inspect
from typing import Annotated, Any

import typer

from nstyle.cli.arguments import Device, Model
from nstyle.cli.arguments import out as out_option
from nstyle.cli.options import add_options, flag, given, options_of, with_flags
from nstyle.inference.options import PaintOptions, Request
from nstyle.settings import Setting, settings_of
from nstyle.system.processes import joined

EXAMPLES = """nstyle stylize photo.jpg --style starry-night
nstyle stylize photo.jpg --weights starry-night=0.7,great-wave=0.3
nstyle stylize holiday/ --all --out painted"""
SWITCHES = ("keep_color", "all_styles", "keep_place", "overwrite", "skip_existing", "as_json")
"""Settings that are on where their flag is given, and have no other."""


def _options() -> list[inspect.Parameter]:
    """Return the options of painting and of the request, and the device."""
    details = {**settings_of(PaintOptions), **settings_of(Request)}
    parameters = {parameter.name: parameter for kind in (PaintOptions, Request) for parameter in options_of(kind)}
    for name in SWITCHES:
        parameters[name] = _parameter(name, bool, False, _info(name, details[name]))
    parameters["masks"] = _parameter("masks", list[str] | None, None, _info("masks", details["masks"]))
    out = details["out"]
    words = f"{out.help} [default: {out.default_text}]"
    parameters["out"] = _parameter("out", str | None, None, out_option(words, metavar=out.metavar))
    return [
        *parameters.values(),
        inspect.Parameter("device", inspect.Parameter.KEYWORD_ONLY, default="auto", annotation=Device),
    ]


def _info(name: str, details: Setting) -> Any:
    return typer.Option(
        flag(name), metavar=details.metavar or None, help=with_flags(details.help), rich_help_panel=details.group
    )


def _parameter(name: str, kind: Any, default: Any, info: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


@add_options(*_options())
def stylize(
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO...", help="Photographs or folders; - reads standard input.")
    ],
    model: Model = None,
    **options: Any,
) -> None:
    """Paint photographs."""
    import json
    from contextlib import ExitStack
    from dataclasses import asdict, replace

    from nstyle.cli.painting_progress import painting_progress
    from nstyle.inference.batch import stylize_files
    from nstyle.inference.writing import Failure, Result
    from nstyle.system.memory import keep_freed_memory

    request = _request(photos, model, options)
    keep_freed_memory(large_too=False)
    with joined() as group, ExitStack() as stack:
        speaks = group.ranks.is_first
        progress = stack.enter_context(painting_progress(quiet=not speaks, alone=group.ranks.size == 1))

        def say(text: str) -> None:
            if speaks:
                typer.echo(text, err=True)

        results = []
        try:
            for result in stylize_files(request, lambda text: say(f"nstyle: {with_flags(text)}"), progress, group):
                if isinstance(result, Failure):
                    result = replace(result, error=with_flags(result.error))
                results.append(asdict(result))
                if isinstance(result, Result) and not request.as_json and result.output != "-":
                    say(f"{result.output}  ({result.width}x{result.height}, {result.seconds:.1f} s)")
        finally:
            if request.as_json and results and speaks:
                typer.echo(json.dumps(results, indent=2))


def _request(photos: list[str], model: str | None, options: dict[str, Any]) -> Request:
    """Return what the user gave as a request. The only way to keep colours has no name on the command line."""
    options = {**options, "keep_color": "luminance" if options["keep_color"] else None}
    options["masks"] = tuple(options["masks"] or ())
    painting = {name: options.pop(name) for name in settings_of(PaintOptions)}
    return Request(
        photos=tuple(photos),
        model=model,
        options=PaintOptions(**given(PaintOptions, painting)),
        **given(Request, options),
    )
