"""The names of the files that pictures are written to."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from nstyle.errors import UsageError
from nstyle.imaging.folders import Found

MOST_BYTES = 230
"""The longest name of a file in bytes; file systems allow 255, and a temporary file has a few more."""
STDIN = "stdin"
"""What stands for the name of a photograph from standard input, ``-``."""


def name_outputs(photos: Sequence[Found], labels: Sequence[str], extension: str) -> list[list[Path]]:
    """Name a file for every photograph and label: ``PHOTO_LABEL.png``, in the subfolder that the photograph lies in.

    Two photographs of one name in one folder keep their extensions, ``PHOTO.jpg_LABEL.png``. Photographs of one name
    that were asked for from several places get the name of their folder as a subfolder.

    Args:
        photos: The photographs.
        labels: The last part of the names of each photograph's files.
        extension: The extension of the files, with its dot.

    Returns:
        The files of each photograph, relative to the folder for all of them.

    Raises:
        UsageError: If two photographs would still have the same name.
    """
    bases = [(_below(photo), _stem(photo.path)) for photo in photos]
    places: dict[tuple[Path, str], set[Path]] = defaultdict(set)
    for photo, base in zip(photos, bases, strict=True):
        places[base].add(photo.path.parent)
    bases = [
        (_home(photo) / folder, stem) if len(places[folder, stem]) > 1 else (folder, stem)
        for photo, (folder, stem) in zip(photos, bases, strict=True)
    ]
    counts = Counter(bases)
    bases = [
        (base[0], photo.path.name) if counts[base] > 1 else base for photo, base in zip(photos, bases, strict=True)
    ]
    counts = Counter(bases)
    twice = [photo for photo, base in zip(photos, bases, strict=True) if counts[base] > 1]
    if twice:
        raise UsageError(
            f"{twice[0].path} and {twice[1].path} would both be written to the same file; stylize them into different "
            "folders"
        )
    return [[folder / _fitting(name, f"_{label}{extension}") for label in labels] for folder, name in bases]


def _below(photo: Found) -> Path:
    """Return the subfolder of the folder that was asked for in which a photograph lies."""
    return photo.path.parent.relative_to(photo.folder) if photo.folder is not None else Path()


def _home(photo: Found) -> Path:
    """Return the name of the folder that was asked for, or that a photograph lies in."""
    return Path((photo.folder or photo.path.parent).resolve().name)


def _stem(path: Path) -> str:
    return STDIN if str(path) == "-" else path.stem


def _fitting(name: str, end: str) -> str:
    """Return ``name`` and ``end``; a name that file systems do not allow is cut, with a digest of what was cut."""
    if len(os.fsencode(name + end)) <= MOST_BYTES:
        return name + end
    end = f"~{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}{end}"
    return os.fsencode(name)[: max(0, MOST_BYTES - len(os.fsencode(end)))].decode(errors="ignore") + end
