"""What the commands share: ``--styles`` as the shell expands it, names in lists, options that several of them take."""

import inspect
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

Vgg = Annotated[
    str | None,
    typer.Option(
        help="VGG weights: a file, imagenet for torchvision's, or lite, a small encoder that comes along. [default: "
        "$NSTYLE_VGG, else imagenet]"
    ),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps. [default: auto]")]


class SpreadStyles(TyperCommand):
    """A command whose ``--styles`` takes all the values up to the next option, in order, as ``styles/*.jpg``
    expands."""

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


def add_parameters(command: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> None:
    """Give a command, which takes them as ``**options``, further parameters that typer turns into options."""
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *parameters])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*own, *parameters]}
