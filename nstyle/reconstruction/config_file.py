"""``config.toml`` in the folder of a reconstruction: its settings and its pictures, from which it can be repeated."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nstyle.errors import UsageError
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.configure import configure
from nstyle.reconstruction.pictures import Pictures
from nstyle.settings import check_names
from nstyle.settings_file import read_toml, to_toml

SETTINGS = frozenset(f.name for f in dataclasses.fields(ReconstructionConfig))
PICTURES = ("style", "content")


def settings_text(config: ReconstructionConfig, pictures: Pictures, vgg: str) -> str:
    """Return all settings that have a value as TOML, with the pictures where they are files.

    Args:
        config: The settings.
        pictures: The pictures.
        vgg: Where the encoder comes from; empty for one from memory.
    """
    values = {name: value for name, value in {**config.to_dict(), "vgg": vgg}.items() if value not in ("", {}, [])}
    styles = [str(source.path) for source in pictures.styles if source.path]
    if styles and len(styles) == len(pictures.styles):
        values = {"style": styles, **values}
    if pictures.content and pictures.content.path:
        values = {"content": str(pictures.content.path), **values}
    return to_toml(values)


def read_settings(path: Path) -> dict[str, Any]:
    """Read what :func:`settings_text` wrote or a user did: keyword arguments of :func:`nstyle.reconstruct`.

    Raises:
        UsageError: If the file is missing or damaged, or a setting does not exist.
    """
    values = read_toml(path)
    try:
        check_names(values, [*PICTURES, "layers", *SETTINGS])
    except UsageError as error:
        raise UsageError(f"{path} cannot be read as the settings of a reconstruction: {error}") from error
    return values


def override(of_file: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Put settings over those of a file.

    Where a setting is given, those that the file only holds because they follow from it, such as the step size from the
    optimizer, follow anew.
    """
    kept = dict(of_file)
    if SETTINGS & given.keys() or any(name in given and name not in of_file for name in PICTURES):
        wanted = _configured(of_file)
        for name in of_file:
            rest = {other: value for other, value in kept.items() if other != name}
            if name in SETTINGS and wanted is not None and _configured(rest) == wanted:
                kept = rest
    return {**kept, **given}


def _configured(values: Mapping[str, Any]) -> ReconstructionConfig | None:
    try:
        return configure({name: value for name, value in values.items() if name not in PICTURES})
    except UsageError:
        return None
