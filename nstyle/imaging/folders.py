"""The pictures in folders, and what is left out of them."""

import glob
import logging
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nstyle.imaging.formats import EXTENSIONS
from nstyle.imaging.heic import HEIC_EXTENSIONS, INSTALL, can_read_heic

logger = logging.getLogger(__name__)

NAMED = 6
"""The largest number of extensions that are named when files are left out."""


@dataclass(frozen=True)
class Found:
    """A picture that was found, and where."""

    path: Path
    folder: Path | None = None
    """The folder that was asked for; None if the file itself was."""


def pictures_named(argument: str | Path, also: frozenset[str] = frozenset()) -> list[Found]:
    """Find the pictures that a user names by a file, a folder or a pattern such as ``holiday/*.jpg``.

    Args:
        argument: What the user names.
        also: Further extensions that count in folders; see :func:`list_pictures`.

    Returns:
        The pictures, sorted by path. Empty if there is nothing of this name. A file that is named by itself is returned
        whatever it is, as reading it tells what is wrong with it.
    """
    path = Path(argument)
    if path.is_dir():
        return [Found(picture, path) for picture in list_pictures(path, also)]
    if os.path.lexists(path):
        return [Found(path)]
    matches = [Path(name) for name in sorted(glob.glob(str(argument), recursive=True))]
    return [found for match in matches for found in (pictures_named(match, also) if match.is_dir() else [Found(match)])]


def list_pictures(folder: Path, also: frozenset[str] = frozenset()) -> list[Path]:
    """List the pictures in a folder and its subfolders by extension, sorted by path, without hidden ones.

    Symbolic links to folders are followed, every folder once. One line is logged about what is left out: files of other
    extensions, whatever is no regular file, links that lead nowhere and folders that cannot be read.

    Args:
        folder: The folder.
        also: Extensions that count beside those of pictures.
    """
    found: list[Path] = []
    left_out: Counter[str] = Counter()
    for path in _walk(folder, left_out):
        reason = _reason_to_leave_out(path, also)
        if reason:
            left_out[reason] += 1
        else:
            found.append(path)
    if left_out:
        hint = f"; to read HEIC: {INSTALL}" if HEIC_EXTENSIONS & set(left_out) else ""
        logger.warning("%s: %s left out (%s)%s", folder, sum(left_out.values()), _in_words(left_out), hint)
    return sorted(found)


def _walk(folder: Path, left_out: Counter[str]) -> Iterator[Path]:
    """Yield everything in a folder and its subfolders that is no folder and not hidden."""
    seen: set[tuple[int, int]] = set()

    def count(error: OSError) -> None:
        left_out["unreadable folders"] += 1

    for directory, folders, files in os.walk(folder, followlinks=True, onerror=count):
        here = Path(directory).stat()
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(directory, name) for name in files if not name.startswith("."))


def _reason_to_leave_out(path: Path, also: frozenset[str]) -> str:
    extensions = EXTENSIONS | also | (HEIC_EXTENSIONS if can_read_heic() else frozenset())
    if path.suffix.lower() not in extensions:
        return path.suffix.lower() or "without extension"
    try:
        mode = path.stat().st_mode
    except OSError:
        return "broken links" if path.is_symlink() else "unreadable files"
    return "" if stat.S_ISREG(mode) else "pipes or devices"


def _in_words(left_out: Counter[str]) -> str:
    most = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))[:NAMED]
    rest = sum(left_out.values()) - sum(count for _, count in most)
    words = [f"{count} {reason}" for reason, count in most]
    return ", ".join([*words, f"{rest} others"] if rest else words)
