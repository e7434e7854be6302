"""The content photographs: an index of the files, and checks that they can be read."""

import hashlib
import json
import logging
import os
import stat
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.folders import list_pictures
from nstyle.imaging.pictures import read_picture, read_size
from nstyle.system.files import cache_folder, write_atomically

logger = logging.getLogger(__name__)

MIN_SIDE = 32
"""Photographs with a shorter side than this many pixels are skipped as tiny."""
PROBE_SAMPLE = 500
"""The number of files decoded at the start of a run."""
MAX_BROKEN = 0.05
"""The largest fraction of broken files, in the probe or over WINDOW reads, that does not end the run."""
WINDOW = 1000
BROKEN = "broken"
"""The first word of the reason for a file that could not be read, unlike one that is too small. Such a file is tried
again next time."""
LISTED = 10
"""The largest number of broken files named in an error."""


class BrokenPhotosError(NstyleError):
    """Too many photographs cannot be read."""


@dataclass(frozen=True)
class PhotoIndex:
    """The readable photographs of a folder or a COCO annotation file, in a fixed order."""

    root: Path
    files: tuple[Path, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    """The reasons by file for files that cannot be used as content."""

    @property
    def fingerprint(self) -> str:
        """A hash of the names and sizes of the photographs, which does not depend on where their folder is."""
        names = [path.relative_to(self.root) if path.is_relative_to(self.root) else path for path in self.files]
        listed = [f"{name.as_posix()} {path.stat().st_size}" for name, path in zip(names, self.files, strict=True)]
        return hashlib.sha256(os.fsencode("\n".join(listed))).hexdigest()

    def summary(self) -> str:
        """Summarize the index in one line."""
        text = f"{len(self.files)} photographs in {self.root}"
        return f"{text}, {len(self.skipped)} skipped" if self.skipped else text


def index_folder(folder: Path) -> PhotoIndex:
    """Read the headers of all pictures in a folder and its subfolders.

    The results are cached by path, size and modification time, so that the next start is fast.

    Raises:
        UsageError: If the folder does not exist or holds no usable photograph.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; expected a folder of photographs (`content`)")
    return index_files(folder, list_pictures(folder))


def index_files(root: Path, files: list[Path]) -> PhotoIndex:
    """Read the headers of the given files; see :func:`index_folder`."""
    cache_path = _cache_path(root)
    known = _read_cache(cache_path) if cache_path else {}
    seen: dict[str, tuple[int, int, str]] = {}
    with ThreadPoolExecutor(max_workers=min(8, 2 * (os.cpu_count() or 1))) as pool:
        for path, entry in zip(files, pool.map(lambda path: _check_header(path, known), files), strict=True):
            seen[str(path.absolute())] = entry
    if cache_path and any(known.get(name) != entry for name, entry in seen.items()):
        try:
            write_atomically(cache_path, json.dumps(known | seen).encode())
        except NstyleError as error:
            logger.warning("the index of %s is not kept: %s", root, error)
    skipped = {str(path): seen[str(path.absolute())][2] for path in files if seen[str(path.absolute())][2]}
    for name, reason in skipped.items():
        logger.info("skipped %s: %s", name, reason)
    usable = tuple(path for path in files if str(path) not in skipped)
    if not usable:
        raise UsageError(
            f"{root} holds no usable photograph ({len(files)} files looked at); expected JPEG, PNG or WebP pictures"
        )
    return PhotoIndex(root=root, files=usable, skipped=skipped)


def _cache_path(root: Path) -> Path | None:
    """Return where the index of a folder is kept, or None if there is no place for it."""
    folder = cache_folder()
    return folder / "index" / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.json" if folder else None


def _read_cache(path: Path) -> dict[str, tuple[int, int, str]]:
    try:
        return {name: (entry[0], entry[1], entry[2]) for name, entry in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, LookupError, TypeError):
        return {}  # Without a cache, or with a damaged one, the headers are read again.


def _check_header(path: Path, known: dict[str, tuple[int, int, str]]) -> tuple[int, int, str]:
    """Return (size in bytes, modification time in ns, reason to skip or "") of a file."""
    try:
        status = path.stat()
    except OSError as error:
        return 0, 0, error.strerror or "cannot be read"
    if not stat.S_ISREG(status.st_mode):
        return 0, 0, "no regular file"  # Opening a pipe would wait for its other end.
    entry = known.get(str(path.absolute()))
    if entry is not None and not entry[2].startswith(BROKEN) and entry[:2] == (status.st_size, status.st_mtime_ns):
        return entry
    try:
        with harmless(path):
            size = read_size(path)
        reason = "" if min(size) >= MIN_SIDE else f"tiny ({size[0]}x{size[1]} px)"
    except NstyleError as error:
        reason = f"{BROKEN} ({error})"
    return status.st_size, status.st_mtime_ns, reason


def probe(index: PhotoIndex, seed: int) -> None:
    """Decode a seeded sample of the photographs, to detect a broken data set before training.

    Raises:
        BrokenPhotosError: If more than 5 % of the sample, or of all headers, are broken.
    """
    chosen = np.random.default_rng((seed, 500)).permutation(len(index.files))[:PROBE_SAMPLE]
    broken = {name: reason for name, reason in index.skipped.items() if reason.startswith(BROKEN)}
    if len(broken) > MAX_BROKEN * (len(index.files) + len(index.skipped)):
        raise BrokenPhotosError(_too_many_broken(broken, len(index.files) + len(index.skipped)))
    failures = {}
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        files = [index.files[i] for i in chosen]
        for path, reason in zip(files, pool.map(decode_failure, files), strict=True):
            if reason:
                failures[str(path)] = reason
                logger.warning("broken photograph: %s", reason)
    if len(failures) > MAX_BROKEN * len(files):
        raise BrokenPhotosError(_too_many_broken(failures, len(files)))


def read_photograph(path: Path, near_side: int) -> Image.Image:
    """Decode a photograph on white; see :func:`nstyle.imaging.pictures.read_picture`.

    Raises:
        NstyleError: Whatever is wrong with the file, so that it harms nothing but itself.
    """
    with harmless(path):
        return read_picture(path, near_side=near_side).over_white()


@contextmanager
def harmless(path: Path) -> Iterator[None]:
    """Turn everything that the work with one photograph raises into an :class:`NstyleError` about it."""
    try:
        yield
    except NstyleError:
        raise
    except Exception as error:  # Decoders raise anything, up to MemoryError for sizes that only a damaged file has.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NstyleError(f"{path}: cannot be used ({reason})") from error


def decode_failure(path: Path) -> str:
    """Decode a photograph, and say why it cannot be; empty if it can."""
    try:
        read_photograph(path, MIN_SIDE)
    except NstyleError as error:
        return str(error)
    return ""


def _too_many_broken(broken: dict[str, str], total: int) -> str:
    names = ", ".join(list(broken)[:LISTED])
    more = f" and {len(broken) - LISTED} more" if len(broken) > LISTED else ""
    return (
        f"{len(broken)} of {total} photographs cannot be read, more than {MAX_BROKEN:.0%}: {names}{more}; "
        "remove or replace them (was a download cut short?)"
    )


class ReadMonitor:
    """Count broken reads, and end the run if there are too many. The monitor is thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window: deque[bool] = deque(maxlen=WINDOW)
        self.broken: dict[str, str] = {}

    def record(self, path: Path, failure: str | None) -> None:
        """Record one read.

        Raises:
            BrokenPhotosError: If more than 5 % of the last 1,000 reads failed.
        """
        with self._lock:
            self._window.append(failure is not None)
            if failure is None:
                return
            if str(path) not in self.broken:
                self.broken[str(path)] = failure
                logger.warning("skipped a broken photograph: %s", failure)
            if sum(self._window) > MAX_BROKEN * WINDOW:
                raise BrokenPhotosError(_too_many_broken(self.broken, WINDOW))
