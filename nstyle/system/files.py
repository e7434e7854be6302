"""Write files completely or not at all, and find the folder for data that can be recreated."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_path

from nstyle.errors import NstyleError

LOCK_NAME = ".nstyle.lock"
"""The file in a folder that is locked while somebody writes to the folder; see :mod:`nstyle.system.locks`."""
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp", re.DOTALL)
"""The names of the temporary files of :func:`write_atomically`."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves either the old content or the new; see :func:`whole_file`.

    Args:
        path: The file. Its folder is created if it does not exist. Through a symbolic link its target is written.
        data: The content of the file.

    Raises:
        NstyleError: If the file cannot be written; no temporary file is left behind.
    """
    with whole_file(path) as temporary:
        try:
            temporary.write_bytes(data)
        except OSError as error:
            raise _failure(path, error) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Let the caller fill a temporary file beside a file, which it replaces at the end: fsync, rename. If the caller
    raises, there is only what was there before.

    Args:
        path: The file; see :func:`write_atomically`.

    Yields:
        The temporary file, which is empty.

    Raises:
        NstyleError: If the file cannot be created or replaced.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.open("xb").close()
    except OSError as error:
        raise NstyleError(f"cannot write {path}: {error.strerror}; check the folder and its permissions") from error
    try:
        yield temporary
        try:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise _failure(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _failure(path: Path, error: OSError) -> NstyleError:
    return NstyleError(f"cannot write {path}: {error.strerror or error}; check the disk space and the permissions")


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder to which nobody else writes."""
    with suppress(OSError):  # There may be no such folder. What cannot be removed does no harm.
        for path in folder.iterdir():
            if TEMPORARY.fullmatch(path.name) and path.is_file():
                path.unlink()


def is_of_work(path: Path) -> bool:
    """Tell whether a file in a folder counts as work, unlike a lock and what a killed process left."""
    return path.name != LOCK_NAME and not TEMPORARY.fullmatch(path.name)


class AppendedFile:
    """A file that grows at its end. Nothing waits in memory, so that closing it cannot fail.

    Args:
        path: The file, which is created if it does not exist. Its folder must exist.

    Raises:
        NstyleError: If the file cannot be written, here and from all methods.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise _failure(self._path, error) from error

    def append(self, data: bytes) -> None:
        """Write bytes at the end. After a failure some of them may be there."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _failure(self._path, error) from error

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _failure(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):  # What was written is lost or not; only sync can tell.
            self._file.close()


def cache_folder() -> Path | None:
    """Return the folder for data that can be recreated, on Linux ``$XDG_CACHE_HOME/nstyle`` or ``~/.cache/nstyle``.

    None where the user has no home, as in some containers.
    """
    try:
        folder = user_cache_path("nstyle", appauthor=False)
    except (RuntimeError, KeyError, OSError):
        return None
    return folder if folder.is_absolute() else None  # The user of an unknown home would get a folder named "~".
