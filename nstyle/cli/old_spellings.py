"""Spellings of version 0.1, which go on working until 0.3, each with one line."""

import sys
from collections.abc import Callable

UNTIL = "0.3"


def modern(args: list[str], say: Callable[[str], None]) -> list[str]:
    """Replace old spellings by new ones, and say so.

    >>> modern(["stylize", "a.jpg", "--output", "b.png", "--keep-color", "luminance"], lambda text: None)
    ['stylize', 'a.jpg', '--out', 'b.png', '--keep-color']
    """
    result: list[str] = []
    values = iter(args)
    for argument in values:
        name, equals, value = argument.partition("=")
        if name == "--output":
            result.append("--out" + equals + value)
            _tell(say, "--output", "--out")
        elif name == "--mix":
            result.append("--weights" + equals + value)
            _tell(say, "--mix", "--weights")
        elif argument == "--keep-color=luminance" or (argument == "--keep-color" and "luminance" in args):
            if not equals:
                following = next(values, None)
                if following not in (None, "luminance"):
                    result += [argument, following]
                    continue
            result.append("--keep-color")
            _tell(say, "--keep-color luminance", "--keep-color")
        elif (argument == "seed-000" and result and result[-1] == "--schedule") or argument == "--schedule=seed-000":
            result.append(argument.replace("seed-000", "inversion-table"))
            _tell(say, "--schedule seed-000", "--schedule inversion-table")
        else:
            result.append(argument)
    return result


def _tell(say: Callable[[str], None], old: str, new: str) -> None:
    say(f"{old} is now {new}; the old spelling goes on working until {UNTIL}")


def modernize_arguments() -> None:
    """Replace old spellings in the arguments of this process, and say so on standard error."""
    sys.argv[1:] = modern(sys.argv[1:], lambda text: print(f"nstyle: {text}", file=sys.stderr))
