"""The ``nstyle`` command: errors as one line, exit status, and the commands by name."""

import logging
import sys
import warnings
from collections.abc import Callable

import typer

from nstyle.cli import (
    add_style,
    compare,
    demo,
    export,
    interpolate,
    models,
    reconstruct,
    report,
    reproduce,
    stylize,
    train,
)
from nstyle.cli.help import GroupedCommand, SpreadStyleImages, SpreadStyles, new_group
from nstyle.cli.old_spellings import modernize_arguments
from nstyle.cli.options import with_flags
from nstyle.cli.streams import take_streams
from nstyle.errors import NstyleError, UsageError, one_line
from nstyle.system.interrupts import noted_interrupts
from nstyle.system.ranks import Ranks
from nstyle.version import __version__

app = new_group("Train one network in n styles, and paint photographs in any blend of them.", name="nstyle")
COMMANDS: dict[str, tuple[tuple[str, Callable[..., None], type[GroupedCommand], str], ...]] = {
    "Paint": (
        ("stylize", stylize.stylize, GroupedCommand, stylize.EXAMPLES),
        ("interpolate", interpolate.interpolate, SpreadStyleImages, interpolate.EXAMPLES),
        ("models", models.models, GroupedCommand, ""),
        ("info", models.info, GroupedCommand, "nstyle info default"),
        ("export", export.export, GroupedCommand, export.EXAMPLES),
        ("demo", demo.demo, GroupedCommand, "nstyle demo --out demo"),
    ),
    "Train": (
        ("train", train.train, SpreadStyles, train.EXAMPLES),
        ("add-style", add_style.add_style, SpreadStyles, add_style.EXAMPLES),
    ),
    "Measure": (
        ("compare", compare.compare, SpreadStyles, compare.EXAMPLES),
        ("report", report.report, GroupedCommand, "nstyle report checkpoints/mine --out curves"),
        ("reproduce", reproduce.reproduce, SpreadStyles, reproduce.EXAMPLES),
    ),
}
for heading, rows in COMMANDS.items():
    for name, command, kind, examples in rows:
        app.command(name, cls=kind, epilog=examples, rich_help_panel=heading)(command)
app.add_typer(reconstruct.app, name="reconstruct", rich_help_panel="Measure")


SHARED = ("train", "add-style", "stylize")
"""Commands whose work several processes can share."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nstyle {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error. May stand anywhere."),
    version: bool = typer.Option(
        False, "--version", help="Print the version.", is_eager=True, callback=_print_version, expose_value=True
    ),
) -> None:
    """Train one network in n styles, and paint photographs in any blend of them."""
    size = Ranks.from_environment().size
    if size > 1 and ctx.invoked_subcommand not in SHARED:
        raise UsageError(
            f"nstyle {ctx.invoked_subcommand} runs in one process, but there are {size}; only {', '.join(SHARED)} can "
            "share work"
        )


def _name_flags(record: logging.LogRecord) -> bool:
    """Let a message of the library name options by their flags, on one line."""
    if record.name.startswith("nstyle"):
        record.msg, record.args = one_line(with_flags(record.getMessage())), ()
    return True


def _said_once() -> Callable[[logging.LogRecord], bool]:
    """Return a filter that lets every line through once: a comparison trains on the same photographs many times."""
    said: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        line = record.getMessage()
        known = line in said
        said.add(line)
        return not known

    return is_new


def main() -> None:
    """Run the command line and exit: 0, 1 for a failure at work, 2 for bad usage, 130 after Ctrl-C."""
    take_streams()
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    if not (debug or sys.warnoptions):
        warnings.simplefilter("ignore")  # Those of libraries are for programmers.
    with noted_interrupts() as interrupts:
        _exit_as_told(debug=debug, interrupts=interrupts)


def _exit_as_told(*, debug: bool, interrupts: list[int]) -> None:
    """Run the command, and exit with a status and one line if it fails. ``interrupts`` grows with every Ctrl-C."""
    try:
        _run(debug=debug)
    except NstyleError as error:
        if debug:
            raise
        if _speaks():
            _say(with_flags(str(error)))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)  # The reader of a pipe went away.
    except Exception as error:
        if interrupts:
            sys.exit(130)  # A library that was interrupted while it was imported may raise anything.
        if debug:
            raise
        _say(f"{type(error).__name__}: {' '.join(str(error).split())} (--debug shows where)")
        sys.exit(1)


def _run(*, debug: bool) -> None:
    """Run the command, and write what it printed before the interpreter ends, where a failure would be ignored."""
    speaks = Ranks.from_environment().is_first
    modernize_arguments()
    logging.basicConfig(level=logging.INFO, format="nstyle: %(message)s", stream=sys.stderr, force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_name_flags)
        handler.addFilter(_said_once())
    logging.getLogger().setLevel(logging.ERROR)  # What other packages warn of is not for users of the command line.
    logging.getLogger("nstyle").setLevel(logging.DEBUG if debug else logging.INFO if speaks else logging.ERROR)
    try:
        app()
    finally:
        sys.stdout.flush()


def _speaks() -> bool:
    """Tell whether this process shows errors: those that work together raise the same; see nstyle.system.processes."""
    try:
        return Ranks.from_environment().is_first
    except UsageError:
        return True


def _say(text: str) -> None:
    print(f"nstyle: {one_line(text)}", file=sys.stderr)
