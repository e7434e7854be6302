"""What the commands share: ``--styles`` as the shell expands it, numbers and names in lists, training options."""

import shlex
import sys
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer
from typer.core import TyperCommand


class SpreadStyles(TyperCommand):
    """A command whose ``--styles`` takes all the values up to the next option, in order, as ``styles/*.jpg`` expands."""

    spread_option = "--styles"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args, self.spread_option))


class SpreadStyleImages(SpreadStyles):
    """The same for ``--style-images``."""

    spread_option = "--style-images"


def spread(args: list[str], option: str) -> list[str]:
    """Repeat an option before each of its values.

    >>> spread(["--styles", "c.jpg", "a.jpg", "--size", "256"], "--styles")
    ['--styles', 'c.jpg', '--styles', 'a.jpg', '--size', '256']
    """
    result: list[str] = []
    spreading = False
    for argument in args:
        if argument == option or argument.startswith(f"{option}="):
            spreading = True
            result += [option, argument.partition("=")[2]] if "=" in argument else []
        elif argument.startswith("-") and argument != "-":
            spreading = False
            result.append(argument)
        else:
            result += [option, argument] if spreading else [argument]
    return result


def command_line() -> str:
    """Return the command that was given, as a shell would take it again."""
    return shlex.join(["nstyle", *sys.argv[1:]])


def split(text: str | None) -> tuple[str, ...] | None:
    """Split ``A,B`` into its parts; None stays None."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


Content = Annotated[str | None, typer.Option(help="Folder of photographs, searched recursively. [default: data/coco/train2017 or train2014]")]
CocoAnnotations = Annotated[str | None, typer.Option(help="COCO annotation file that lists the photographs in --content.")]
CocoCategories = Annotated[str | None, typer.Option(metavar="A,B", help="Take only photographs that show one of these.")]
Validation = Annotated[str | None, typer.Option(help="Folder of validation photographs. [default: 16 held out of --content]")]
Updates = Annotated[int | None, typer.Option(help="Updates of the run. [default: 40000; add-style: 5000]")]
BatchSize = Annotated[int | None, typer.Option(help="Photographs per update. [default: 4]")]
Size = Annotated[int | None, typer.Option(help="Side of the crops in pixels. [default: 256]")]
StyleSize = Annotated[
    int | None, typer.Option(help="Short side of the paintings in pixels: larger for larger strokes. [default: 1.5 x --size]")
]
ScheduleName = Annotated[
    str | None,
    typer.Option(help="Which style when: round-robin (per update), round-robin-batch (per sample), random, sequential. [default: round-robin]"),
]
PresetName = Annotated[str | None, typer.Option(help="Loss convention: relative, johnson or dumoulin. [default: relative]")]
ContentWeight = Annotated[float | None, typer.Option(help="Overrides the preset's.")]
StyleWeight = Annotated[float | None, typer.Option(help="Overrides the preset's.")]
TvWeight = Annotated[float | None, typer.Option(help="Overrides the preset's weight of total variation.")]
StyleFactor = Annotated[list[str] | None, typer.Option(metavar="NAME=X", help="Make one style stronger or weaker. May be repeated.")]
ContentLayers = Annotated[str | None, typer.Option(metavar="A,B", help="Overrides the preset's, such as relu3_3.")]
StyleLayers = Annotated[str | None, typer.Option(metavar="A,B", help="Overrides the preset's, such as relu1_2,relu2_2.")]
StyleScales = Annotated[int | None, typer.Option(help="Octaves on which style is compared; overrides the preset's.")]
Lr = Annotated[float | None, typer.Option(help="Learning rate of Adam. [default: 0.001]")]
LrScheduleName = Annotated[str | None, typer.Option(help="constant or one-cycle. [default: constant]")]
Clip = Annotated[float | None, typer.Option(help="Largest norm of the gradient, 0 for none. [default: 10]")]
Vgg = Annotated[str | None, typer.Option(help="VGG weights: a file, or imagenet for torchvision's. [default: $NSTYLE_VGG, else imagenet]")]
PrecisionName = Annotated[str | None, typer.Option(help="auto, fp32 or bf16. [default: auto]")]
Compile = Annotated[bool | None, typer.Option("--compile", help="Compile the update first: slower to start, then faster.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps. [default: auto]")]
Seed = Annotated[int | None, typer.Option(help="Decides weights, order and crops. [default: 0]")]
CheckpointEvery = Annotated[int | None, typer.Option(help="Updates between checkpoints, validations and sample grids. [default: 1000]")]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The options of train and add-style as they were given; None where the user said nothing."""

    content: str | None = None
    coco_annotations: str | None = None
    coco_categories: str | None = None
    validation: str | None = None
    updates: int | None = None
    batch_size: int | None = None
    size: int | None = None
    style_size: int | None = None
    schedule: str | None = None
    preset: str | None = None
    content_weight: float | None = None
    style_weight: float | None = None
    tv_weight: float | None = None
    style_factor: list[str] | None = None
    content_layers: str | None = None
    style_layers: str | None = None
    style_scales: int | None = None
    width: float | None = None
    lr: float | None = None
    lr_schedule: str | None = None
    clip: float | None = None
    vgg: str | None = None
    precision: str | None = None
    compile: bool | None = None
    device: str | None = None
    seed: int | None = None
    checkpoint_every: int | None = None
    init_from: str | None = None

    @classmethod
    def given(cls, values: dict[str, Any]) -> "TrainingOptions":
        """Pick the options out of a command's arguments."""
        return cls(
            **{f.name: values[f.name] or None if isinstance(values[f.name], list) else values[f.name] for f in fields(cls) if f.name in values}
        )

    def named(self) -> dict[str, Any]:
        """Return what was given, as keyword arguments of :func:`nstyle.train`."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        for name in ("coco_categories", "content_layers", "style_layers"):
            if name in values:
                values[name] = split(values[name])
        if "style_factor" in values:
            values["style_factors"] = dict(_factor(text) for text in values.pop("style_factor"))
        return values


def _factor(text: str) -> tuple[str, float]:
    from nstyle.errors import UsageError

    name, equals, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        got = text if equals else f"{text} (without '=')"
        raise UsageError(f"--style-factor is {got}; expected NAME=X such as great-wave=1.5") from None
