"""The options that the commands of ``nstyle reconstruct`` share, with single values, or lists of values for a sweep."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from nstyle.cli.options import add_options
from nstyle.errors import UsageError


@dataclass(frozen=True)
class Option:
    """A setting on the command line."""

    name: str
    """The name of the setting, such as ``style_weight``."""
    kind: type
    help: str
    metavar: str | None = None

    @property
    def flag(self) -> str:
        """The flag of the setting, such as ``--style-weight``."""
        return "--" + self.name.replace("_", "-")


LAYERS = Option(
    "layers",
    str,
    "Layers to match: relu1_1,relu2_1 or with weights relu1_1=0.5,relu2_1. Their losses are added up.",
    "A,B",
)
TRANSFER_LAYERS = (
    Option("content_layers", str, "Layers whose features are matched. [default: relu4_2]", "A,B"),
    Option(
        "style_layers",
        str,
        "Layers whose style is matched. [default: relu1_1,relu2_1,relu3_1,relu4_1,relu5_1, a fifth each]",
        "A,B",
    ),
)
STYLE = (
    Option(
        "loss",
        str,
        "gram (the style-inversion chapter), gram-gatys (1 / 4N2M2), moments, mmd, mmd-shuffled or mean-std. [default: "
        "gram]",
    ),
    Option("moments", int, "How many moments, 1 to 4, for --loss moments. [default: 2]"),
    Option("style_size", str, "Style pictures at the result's size (content) or their own. [default: content]"),
    Option("mix", str, "Weights of several style pictures. [default: equal parts]", "W,W"),
)
CONTENT = (Option("content_loss", str, "mean, or half-sum (1/2 sum of squares). [default: mean]"),)
TRANSFER = (
    Option("style_weight", float, "k: the style loss counts k times the content loss. [default: 0.002 for gram]"),
)
COMMON = (
    Option("optimizer", str, "lbfgs, adam or sgd. [default: lbfgs]"),
    Option("lr", float, "Step size. [default: 1 for lbfgs, 0.001 for adam, 0.05 for sgd]"),
    Option("iterations", int, "Updates (at each size of a ladder). [default: 300 for lbfgs, else 3000]"),
    Option("patience", int, "Stop after so many updates without progress; 0 for never. [default: 200]"),
    Option("threshold", float, "Stop below this loss."),
    Option("size", int, "Long side of the result in pixels. [default: 256]"),
    Option("min_size", int, "Start at this long side and grow by the root of 2 up to --size: a scale ladder."),
    Option("start", str, "noise, white, black, mean, content, style or average. [default: noise; transfer: content]"),
    Option("seed", int, "Of the noise. [default: 0]"),
    Option("tv_weight", float, "Weight of total variation. [default: 0]"),
    Option("tv", str, "squared or power-1.25. [default: squared]"),
    Option("pooling", str, "max or average. [default: max]"),
    Option("feature_scale", float, "Factor on all features; seed-000 uses 1/255. [default: 1]"),
    Option("schedule", str, "seed-000: Adam 0.001, that table's iterations, stop below 1e-5."),
    Option(
        "vgg", str, "VGG weights: a file, imagenet for torchvision's, or lite. [default: $NSTYLE_VGG, else imagenet]"
    ),
    Option(
        "network",
        str,
        "vgg16 or vgg19: which one imagenet means, or what a file must hold. [default: vgg16, or the file's]",
    ),
    Option("precision", str, "auto, fp32 or bf16. [default: auto]"),
    Option("device", str, "auto, cpu, cuda, cuda:N or mps. [default: auto]"),
)
OUTPUT: dict[str, Any] = {
    "out": Annotated[str, typer.Option(help="Folder for the result, losses.csv, run.json and the state.")],
    "resume": Annotated[bool, typer.Option("--resume", help="Continue the run in --out, for more --iterations.")],
    "overwrite": Annotated[bool, typer.Option("--overwrite", help="Replace a run that is in --out.")],
    "snapshots_every": Annotated[int, typer.Option(metavar="K", help="Write a snapshot every K updates.")],
    "animation": Annotated[str | None, typer.Option(metavar="FORMAT", help="Make the snapshots a gif, webp or mp4.")],
    "tensorboard": Annotated[bool, typer.Option("--tensorboard", help="Write event files to OUT/tensorboard.")],
}
OUTPUT_DEFAULTS = {
    "out": inspect.Parameter.empty,
    "resume": False,
    "overwrite": False,
    "snapshots_every": 0,
    "animation": None,
    "tensorboard": False,
}


def with_options(
    options: tuple[Option, ...], *, output: bool = True, lists: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options as keyword arguments, which are None unless the user gives them.

    Args:
        options: The options.
        output: Whether to add the options of OUTPUT.
        lists: Whether each option may be given several times. Values are then lists of strings, for :func:`values`.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        added = []
        for option in options:
            kind: Any = list[str] | None if lists else option.kind | None
            annotated = Annotated[kind, typer.Option(option.flag, metavar=option.metavar, help=option.help)]
            added.append(
                inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotated)
            )
        for name, annotation in OUTPUT.items() if output else ():
            default = OUTPUT_DEFAULTS[name]
            added.append(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            )
        return add_options(*added)(command)

    return decorate


def given(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the options that the user gave, under the names of :func:`nstyle.reconstruct`."""
    settings = {name: value for name, value in arguments.items() if value is not None}
    if "mix" in settings:
        settings["style_mix"] = _numbers(settings.pop("mix"))
    return settings


def values(option: Option, texts: list[str]) -> list[Any]:
    """Read the values of an option in a sweep, which are repeated, or separated by commas if they have none themselves.

    Raises:
        UsageError: If the option takes numbers and a value is none.
    """
    parts = texts if option.metavar else [part.strip() for text in texts for part in text.split(",") if part.strip()]
    if option.name == "mix":
        return [_numbers(part) for part in parts]
    try:
        return [option.kind(part) for part in parts]
    except ValueError:
        raise UsageError(f"{option.flag} is {','.join(texts)}; expected numbers") from None


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--mix is {text}; expected numbers such as 0.7,0.3") from None
