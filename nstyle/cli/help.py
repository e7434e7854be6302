"""How help is laid out: options and commands under headings, and examples at the end."""

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

ARGUMENTS, OPTIONS = "Arguments", "Options"
HEADINGS = (
    *(ARGUMENTS, "Styles", "Paintings", "Photographs", "Painting", "Layers", "Loss", "Schedule", "Optimization"),
    *("Picture", "Video", "Network", "Hardware", "Output", OPTIONS),
)
"""The headings of all commands, in order: what goes in, what is made of it, where it goes."""
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class GroupedCommand(TyperCommand):
    """A command whose options stand under the heading of their ``rich_help_panel``, in the order of ``HEADINGS``."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then the options by heading."""
        sections: dict[str, list[tuple[str, str]]] = {heading: [] for heading in HEADINGS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                record = (re.sub(r" <.*>", "", record[0]), record[1])  # Arguments would show their Python types.
                heading = getattr(parameter, "rich_help_panel", None) or OPTIONS
                is_argument = parameter.param_type_name == "argument"
                sections[ARGUMENTS if is_argument else heading].append(record)
        for heading, rows in sections.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows, col_max=34)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the arguments as they are typed, without the brackets around types."""
        pieces = [re.sub(r"(?<=\.\.\.})\.\.\.|[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]
        return [re.sub(r"^\[(\[.*\])\]$", r"\1", piece) for piece in pieces]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, one command on a line."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"  {line}\n")


class SpreadStyles(GroupedCommand):
    """A command whose ``--styles`` takes all values up to the next option, in order, as ``styles/*.jpg`` expands."""

    spread_option = "--styles"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each of its values, then parse as ever."""
        return super().parse_args(ctx, spread(args, self.spread_option))


class SpreadStyleImages(SpreadStyles):
    """The same for ``--style-images``."""

    spread_option = "--style-images"


class GroupedCommands(TyperGroup):
    """Commands under the heading of their ``rich_help_panel``, each with its whole first sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by heading."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                heading = getattr(command, "rich_help_panel", None) or "Commands"
                sections.setdefault(heading, []).append((name, _first_paragraph(command.help or "")))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands before the few options of their own."""
        self.format_commands(ctx, formatter)
        rows = [record for p in self.get_params(ctx) if (record := p.get_help_record(ctx)) is not None]
        with formatter.section(OPTIONS):
            formatter.write_dl(rows)


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


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def new_group(help: str, **details: Any) -> typer.Typer:
    """Return a group of commands whose help is laid out here."""
    return typer.Typer(
        help=help,
        cls=GroupedCommands,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=CONTEXT,
        **details,
    )
