"""The options of training, written once for train, add-style and compare."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from nstyle.cli import arguments

OPTIONS: dict[str, Any] = {
    "content": Annotated[
        str | None,
        typer.Option(help="Folder of photographs, searched recursively. [default: data/coco/train2017 or train2014]"),
    ],
    "coco_annotations": Annotated[
        str | None, typer.Option(help="COCO annotation file that lists the photographs in --content.")
    ],
    "coco_categories": Annotated[
        str | None, typer.Option(metavar="A,B", help="Take only photographs that show one of these.")
    ],
    "validation": Annotated[
        str | None, typer.Option(help="Folder of validation photographs. [default: 16 held out of --content]")
    ],
    "workers": Annotated[
        int | None, typer.Option(help="Threads that read photographs. [default: one per core, 2 to 16]")
    ],
    "updates": Annotated[int | None, typer.Option(help="Updates of the run. [default: 40000; add-style: 5000]")],
    "batch_size": Annotated[int | None, typer.Option(help="Photographs per update. [default: 4]")],
    "size": Annotated[int | None, typer.Option(help="Side of the crops in pixels. [default: 256]")],
    "style_size": Annotated[
        int | None,
        typer.Option(help="Short side of the paintings in pixels: larger for larger strokes. [default: 1.5 x --size]"),
    ],
    "schedule": Annotated[
        str | None,
        typer.Option(
            help="Which style when: round-robin (per update), round-robin-batch (per sample), random, sequential. "
            "[default: round-robin]"
        ),
    ],
    "preset": Annotated[
        str | None, typer.Option(help="Loss convention: relative, johnson or dumoulin. [default: relative]")
    ],
    "content_weight": Annotated[float | None, typer.Option(help="Overrides the preset's.")],
    "style_weight": Annotated[float | None, typer.Option(help="Overrides the preset's.")],
    "tv_weight": Annotated[float | None, typer.Option(help="Overrides the preset's weight of total variation.")],
    "style_factor": Annotated[
        list[str] | None, typer.Option(metavar="NAME=X", help="Make one style stronger or weaker. May be repeated.")
    ],
    "content_layers": Annotated[
        str | None, typer.Option(metavar="A,B", help="Overrides the preset's, such as relu3_3.")
    ],
    "style_layers": Annotated[
        str | None, typer.Option(metavar="A,B", help="Overrides the preset's, such as relu1_2,relu2_2.")
    ],
    "style_scales": Annotated[
        int | None, typer.Option(help="Octaves on which style is compared; overrides the preset's.")
    ],
    "width": Annotated[float | None, typer.Option(help="Multiplier of the channels. [default: 1]")],
    "lr": Annotated[float | None, typer.Option(help="Learning rate of Adam. [default: 0.001]")],
    "lr_schedule": Annotated[str | None, typer.Option(help="constant or one-cycle. [default: constant]")],
    "clip": Annotated[float | None, typer.Option(help="Largest norm of the gradient, 0 for none. [default: 10]")],
    "vgg": arguments.Vgg,
    "precision": Annotated[str | None, typer.Option(help="auto, fp32 or bf16. [default: auto]")],
    "compile": Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="Compile the update with torch.compile, and capture it as a graph on a GPU. On a CPU it needs a C++ "
            "compiler, and seldom "
            "pays. [default: on a GPU, in runs of more than 2000 updates, where it is faster]",
        ),
    ],
    "device": arguments.Device,
    "seed": Annotated[int | None, typer.Option(help="Decides weights, order and crops. [default: 0]")],
    "checkpoint_every": Annotated[
        int | None, typer.Option(help="Updates between checkpoints, validations and sample grids. [default: 1000]")
    ],
}
LISTS = ("coco_categories", "content_layers", "style_layers")
"""Options that hold names with commas between them."""


def with_training_options(
    *, without: tuple[str, ...] = (), **changed: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of training as keyword arguments, None where the user said nothing.

    Args:
        without: Options that make no sense for the command.
        changed: Annotations of options that mean something else to it.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command).parameters
        wanted = {
            name: kind for name, kind in {**OPTIONS, **changed}.items() if name not in without and name not in own
        }
        keyword = inspect.Parameter.KEYWORD_ONLY
        arguments.add_parameters(
            command, [inspect.Parameter(n, keyword, default=None, annotation=kind) for n, kind in wanted.items()]
        )
        return command

    return decorate


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the user said, as keyword arguments of :func:`nstyle.train`.

    Raises:
        UsageError: If a style factor is no NAME=X.
    """
    settings = {name: value for name, value in options.items() if value is not None and value != []}
    for name in LISTS:
        if name in settings:
            settings[name] = arguments.split(settings[name])
    if "style_factor" in settings:
        settings["style_factors"] = dict(_factor(text) for text in settings.pop("style_factor"))
    return settings


def _factor(text: str) -> tuple[str, float]:
    from nstyle.errors import UsageError

    name, equals, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        got = text if equals else f"{text} (without '=')"
        raise UsageError(f"--style-factor is {got}; expected NAME=X such as great-wave=1.5") from None
