"""Write files completely or not at all, and find the folder for data that can be recreated."""

import os
import secrets
from pathlib import Path
from typing import IO, Any

from platformdirs import user_cache_path

from nstyle.errors import NstyleError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves either the old content or the new: temporary file, fsync, rename.

    Args:
        path: The file. Its folder is created if it does not exist. Through a symbolic link its target is written.
        data: The content of the file.

    Raises:
        NstyleError: If the file cannot be written; no temporary file is left behind.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("xb")
    except OSError as error:
        raise NstyleError(f"cannot write {path}: {error.strerror}; check the folder and its permissions") from error
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise NstyleError(
            f"cannot write {path}: {error.strerror or error}; check the disk space and the permissions"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def sync(file: IO[Any]) -> None:
    """Flush an open file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def cache_folder() -> Path:
    """Return the folder for data that can be recreated, on Linux ``$XDG_CACHE_HOME/nstyle`` or ``~/.cache/nstyle``."""
    return user_cache_path("nstyle", appauthor=False)
