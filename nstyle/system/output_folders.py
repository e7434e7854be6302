"""The folders that commands write to, whose files are replaced or whose work is continued."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nstyle.errors import UsageError
from nstyle.system.files import is_of_work


class Difference(NamedTuple):
    """The first value in which earlier work differs from the current request."""

    name: str
    was: Any
    now: Any

    def __str__(self) -> str:
        return f"with {self.name} {self.was}, not {self.now}"


def first_difference(was: Mapping[str, Any], now: Mapping[str, Any]) -> Difference | None:
    """Compare the values of earlier work with the current request. The work may go on only if there is no difference.

    Both map names to values, which are compared as JSON stores them. A missing value counts as None, and names that
    only the earlier work has are not compared, so that work of earlier versions can go on.
    """
    was, now = json.loads(json.dumps([was, now]))
    return next((Difference(name, was.get(name), value) for name, value in now.items() if was.get(name) != value), None)


def output_folder(out: str | Path, what: str) -> Path:
    """Return the folder ``out``, which need not exist yet. ``what`` names what is written there, such as ``"report"``.

    Raises:
        UsageError: If ``out`` is a file, or has bytes that are no UTF-8, as not every library can open files there.
    """
    path = Path(out)
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UsageError(f"`out` is {path}, which is no UTF-8; give the {what} a folder of another name") from None
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file; expected a folder for the {what} (`out`)")
    return path


def check_outside(out: Path, folder: Path, setting: str) -> None:
    """Refuse an output folder that lies inside a folder of photographs: pictures in it would become such photographs.

    Args:
        out: The output folder, which need not exist yet.
        folder: The folder of photographs.
        setting: The setting that names it, such as ``content``.

    Raises:
        UsageError: If ``out`` is ``folder`` or lies below it.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"`out` is {out}, inside the photographs of `{setting}` ({folder}), so that pictures in it would count "
            f"among them; give another `out`, or a `{setting}` that holds photographs only"
        )


def holds_work(folder: Path, record: Path, what: str) -> bool:
    """Tell whether a folder holds work that may go on, such as a ``"comparison"``, which is recognized by its record.

    Raises:
        UsageError: If ``folder`` is a file, or holds other files.
    """
    if not record.exists() and output_folder(folder, what).exists() and any(map(is_of_work, folder.iterdir())):
        raise UsageError(f"{folder} holds other files and no {what}; give the {what} a folder of its own (`out`)")
    return record.exists()
