"""The ``nstyle`` command: errors as one line, exit status, and the commands by name."""

import logging
import os
import sys

import typer

from nstyle.cli import reconstruct
from nstyle.cli.add_style import add_style
from nstyle.cli.arguments import SpreadStyleImages, SpreadStyles
from nstyle.cli.compare import compare
from nstyle.cli.demo import demo
from nstyle.cli.interpolate import interpolate
from nstyle.cli.models import info, models
from nstyle.cli.reconstruct_check import check
from nstyle.cli.report import report
from nstyle.cli.stylize import stylize
from nstyle.cli.train import train
from nstyle.errors import NstyleError, UsageError
from nstyle.system.processes import Ranks

app = typer.Typer(
    name="nstyle",
    help="Train one network in n styles, and paint photographs in any blend of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=SpreadStyles)(train)
app.command("add-style", cls=SpreadStyles)(add_style)
app.command()(stylize)
app.command(cls=SpreadStyles)(compare)
app.command(cls=SpreadStyleImages)(interpolate)
app.command()(report)
app.command()(models)
app.command()(info)
app.command()(demo)

reconstruction = typer.Typer(
    help="Optimize pixels to see what each VGG layer and each loss captures.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
reconstruction.command()(reconstruct.style)
reconstruction.command()(reconstruct.content)
reconstruction.command()(reconstruct.transfer)
reconstruction.command()(reconstruct.sweep)
reconstruction.command()(check)
reconstruction.command()(reconstruct.report)
app.add_typer(reconstruction, name="reconstruct")


SHARED = ("train", "add-style", "stylize")
"""Commands whose work several processes can share."""


@app.callback()
def root(
    ctx: typer.Context,
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error. May stand anywhere."),
) -> None:
    """Train one network in n styles, and paint photographs in any blend of them."""
    size = Ranks.from_environment().size
    if size > 1 and ctx.invoked_subcommand not in SHARED:
        raise UsageError(
            f"nstyle {ctx.invoked_subcommand} runs in one process, but there are {size}; only {', '.join(SHARED)} can "
            "share work"
        )


def main() -> None:
    """Run the command line and exit: 0, 1 for a failure at work, 2 for bad usage, 130 after Ctrl-C."""
    speaks = (
        Ranks.from_environment().is_first
    )  # Processes that work together raise the same error; see nstyle.system.processes.
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    logging.basicConfig(level=logging.INFO, format="nstyle: %(message)s", stream=sys.stderr, force=True)
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("nstyle").setLevel(logging.INFO if speaks else logging.ERROR)
    try:
        app()
    except NstyleError as error:
        if debug:
            raise
        if speaks:
            print(f"nstyle: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe went away. Python would complain again at exit, so standard output goes nowhere from
        # here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        print(f"nstyle: {type(error).__name__}: {' '.join(str(error).split())} (--debug shows where)", file=sys.stderr)
        sys.exit(1)
