"""Locks of folders that commands write to, so that no two of them write into one at the same time.

The system drops a lock when its process ends, however it ends. Readers take none.
"""

import errno
import logging
import os
import sys
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from nstyle.errors import NstyleError, UsageError
from nstyle.system.files import LOCK_NAME, remove_leftovers

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

logger = logging.getLogger(__name__)

TAKEN = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
"""The errors of locking that say that somebody else holds the lock."""
UNKNOWN = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""The errors of locking that say that the file system has no locks."""
LOCKED_BYTE = 2**30
"""The byte that is locked on Windows: one beyond the number of the process, which others must be able to read."""


class FolderLock:
    """The right to write to a folder, until :meth:`release`, the end of a ``with`` block or the end of the process.

    The folder is created if it does not exist, and removed again on release if it is still empty. What killed processes
    left of files that they were writing is removed.

    Args:
        folder: The folder.
        subfolders: The names of the folders in it that the owner of the lock writes to as well.

    Raises:
        UsageError: If somebody else holds the lock.
        NstyleError: If the folder cannot be written to.
    """

    def __init__(self, folder: Path, subfolders: Sequence[str] = ()) -> None:
        created = [path for path in (folder, *folder.parents) if not path.exists()]
        try:
            descriptor = _take(folder)
        except OSError as error:
            _remove_empty(created)
            raise NstyleError(
                f"cannot write to {folder}: {error.strerror or error}; check the folder, the disk space and the "
                "permissions"
            ) from error
        self._finalize = weakref.finalize(self, _release, descriptor, folder / LOCK_NAME, created, os.getpid())
        for name in ("", *subfolders):
            remove_leftovers(folder / name)

    def release(self) -> None:
        """Let others write to the folder. Further calls do nothing."""
        self._finalize()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _take(folder: Path) -> int:
    """Open and lock the file in a folder, and note this process in it."""
    path = folder / LOCK_NAME
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # The owner of the lock has just removed the folder, which was empty.
        try:
            _lock(descriptor, folder)
            if _is_at(descriptor, path):
                with suppress(OSError):  # On a full disk the number is missing, and the lock holds all the same.
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, str(os.getpid()).encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # The owner of the lock has just removed the file, which nobody else can find.


def _lock(descriptor: int, folder: Path) -> None:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in TAKEN:
            os.lseek(descriptor, 0, os.SEEK_SET)
            number = os.read(descriptor, 20).decode("ascii", "replace").strip()
            who = f"process {number}" if number.isdigit() else "another process"
            raise UsageError(f"{folder} is being written by {who}; wait, or choose another `out`") from None
        if error.errno not in UNKNOWN:
            raise
        logger.warning("the file system of %s has no locks; see that no other process writes there", folder)


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _release(descriptor: int, path: Path, created: Sequence[Path], owner: int) -> None:
    if os.getpid() != owner:  # A copy of the process, which must leave the lock to the original.
        return
    if sys.platform != "win32":
        with suppress(OSError):
            path.unlink()
    os.close(descriptor)
    if sys.platform == "win32":  # There, an open file cannot be removed.
        with suppress(OSError):
            path.unlink()
    _remove_empty(created)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the innermost first, as long as they are empty."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
