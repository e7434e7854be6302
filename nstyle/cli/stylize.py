"""``nstyle stylize``."""

import inspect
from typing import Annotated, Any

import typer

from nstyle.cli.arguments import Device, Model
from nstyle.cli.arguments import out as out_option
from nstyle.cli.options import add_options, flag, given, options_of, with_flags
from nstyle.errors import one_line
from nstyle.inference.options import PaintOptions, Request
from nstyle.settings import Setting, settings_of
from nstyle.system.processes import joined
from nstyle.video.options import VideoOptions

EXAMPLES = """nstyle stylize photo.jpg --style starry-night
nstyle stylize photo.jpg --weights starry-night=0.7,great-wave=0.3
nstyle stylize holiday/ --all --out painted
nstyle stylize clip.mp4 --style scream --out painted.mp4
nstyle stylize clip.mp4 --keyframe 0:scream --keyframe 0:05:udnie --out painted.mp4"""
SWITCHES = ("keep_color", "all_styles", "keep_place", "overwrite", "skip_existing", "as_json")
"""Settings that are on where their flag is given, and have no other."""
REPEATED = ("masks", "keyframes")
"""Settings whose flag may be given several times."""


def _options() -> list[inspect.Parameter]:
    """Return the options of painting, of clips and of the request, and the device."""
    kinds = (PaintOptions, VideoOptions, Request)
    details = {name: setting for kind in kinds for name, setting in settings_of(kind).items()}
    parameters = {parameter.name: parameter for kind in kinds for parameter in options_of(kind)}
    for name in SWITCHES:
        parameters[name] = _parameter(name, bool, False, _info(name, details[name]))
    for name in REPEATED:
        parameters[name] = _parameter(name, list[str] | None, None, _info(name, details[name]))
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
        list[str], typer.Argument(metavar="PHOTO...", help="Photographs, clips or folders; - reads standard input.")
    ],
    model: Model = None,
    **options: Any,
) -> None:
    """Paint photographs and clips."""
    import json
    from contextlib import ExitStack
    from dataclasses import asdict, replace

    from nstyle.cli.painting_progress import painting_progress
    from nstyle.inference.batch import stylize_files
    from nstyle.inference.writing import Failure, Result
    from nstyle.system.memory import keep_freed_memory
    from nstyle.video.clips import Clips

    video = _video_options(options)
    request = _request(photos, model, options)
    keep_freed_memory(large_too=False)
    with joined() as group, ExitStack() as stack:
        speaks = group.ranks.is_first
        progress = stack.enter_context(painting_progress(quiet=not speaks, alone=group.ranks.size == 1))

        def say(text: str) -> None:
            if speaks:
                typer.echo(text, err=True)

        def notice(text: str) -> None:
            say(f"nstyle: {one_line(with_flags(text))}")

        results, is_done = [], False
        try:
            for result in stylize_files(request, notice, progress, group, Clips(video, notice)):
                if isinstance(result, Failure):
                    result = replace(result, error=with_flags(result.error))
                results.append(asdict(result))
                if isinstance(result, Result) and not request.as_json and result.output != "-":
                    say(f"{result.output}  ({result.width}x{result.height}, {result.seconds:.1f} s)")
            is_done = True
        finally:
            if request.as_json and (results or is_done) and speaks:
                typer.echo(json.dumps(results, indent=2))


def _video_options(options: dict[str, Any]) -> VideoOptions:
    """Take what the user gave about clips out of the options."""
    video = {name: options.pop(name) for name in settings_of(VideoOptions)}
    video["keyframes"] = tuple(video["keyframes"] or ())
    return VideoOptions(**given(VideoOptions, video))


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
