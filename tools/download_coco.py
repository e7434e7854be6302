"""Download and unpack COCO's training photographs into data/coco, where nstyle train finds them.

    python tools/download_coco.py                  # train2017: 118,287 photographs, 18 GB
    python tools/download_coco.py train2014        # train2014: 82,783 photographs, 13 GB

An interrupted download continues where it was. The archive is checked against its md5, unpacked photograph by
photograph, and removed at the end. Nothing but the Python standard library is needed.
"""

import argparse
import hashlib
import http.client
import shutil
import sys
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

BASE_URL = "http://images.cocodataset.org/zips/"
MD5 = {"train2017": "cced6f7f71b7629ddf16f17bbcfab6b2", "train2014": "0da8c0bd3d6becc4dcb32757491aca88"}
CHUNK = 1 << 20
RETRIES = 8
TIMEOUT = 30.0
"""The seconds without a byte after which a connection counts as broken."""
UNPACKED_FACTOR = 1.02
"""The size of the photographs relative to the archive; JPEGs hardly compress."""


class DownloadError(Exception):
    """An error that the user has to resolve, described in one line."""


@dataclass(frozen=True)
class Archive:
    """A file on the server."""

    name: str
    md5: str
    url: str

    @classmethod
    def coco(cls, name: str, base_url: str = BASE_URL) -> "Archive":
        """Describe train2017 or train2014."""
        return cls(name, MD5[name], f"{base_url}{name}.zip")


def fetch(archive: Archive, folder: Path, *, wait: float = 2.0) -> Path:
    """Download an archive to ``folder``, resuming a partial file, until it is complete.

    Args:
        archive: The archive to download.
        folder: The folder to download to, which is created if missing.
        wait: The seconds before the first retry, doubled with each retry that receives nothing.

    Returns:
        The complete file, not yet checked.

    Raises:
        DownloadError: If the server refuses, the disk is too small, or retries receive nothing any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, partial = folder / f"{archive.name}.zip", folder / f"{archive.name}.zip.part"
    if path.exists():
        return path
    failures = 0
    while True:
        have = partial.stat().st_size if partial.exists() else 0
        try:
            if _continue(archive, partial, have):
                partial.replace(path)
                return path
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise DownloadError(
                    f"{archive.url}: the server answers {error.code} {error.reason}; check the address"
                ) from error
            reason = f"{error.code} {error.reason}"
        except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        got = (partial.stat().st_size if partial.exists() else 0) - have
        failures = 1 if got > 0 else failures + 1
        if failures > RETRIES:
            raise DownloadError(
                f"{archive.url}: no byte after {RETRIES} tries ({reason}); try again later, what is there is kept"
            )
        print(f"{reason}; trying again", file=sys.stderr)
        time.sleep(wait * 2 ** (failures - 1))


def _continue(archive: Archive, partial: Path, have: int) -> bool:
    """Append the bytes of one connection, and tell whether the file is complete."""
    request = urllib.request.Request(archive.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # There are no more bytes: the file is complete, or longer than the server's, which the md5 will show.
        return True
    with response:
        resumed = response.status == 206
        total = int(response.headers.get("Content-Length") or 0) + (have if resumed else 0)
        if total:
            check_free_space(partial.parent, needed=total - (have if resumed else 0) + int(total * UNPACKED_FACTOR))
        with partial.open("ab" if resumed else "wb") as file:
            done = have if resumed else 0
            while chunk := response.read(CHUNK):
                file.write(chunk)
                done += len(chunk)
                _show(f"{archive.name}: {done / 1e9:.2f} of {total / 1e9:.2f} GB")
    return done >= total


def check_free_space(folder: Path, *, needed: int) -> None:
    """Check that the disk has enough free space.

    Raises:
        DownloadError: If less than ``needed`` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadError(
            f"{folder} has {free / 1e9:.1f} GB free, but {needed / 1e9:.1f} GB are needed; choose another --folder"
        )


def check(archive: Archive, path: Path) -> None:
    """Check the md5 of a file, and remove the file if it differs.

    Raises:
        DownloadError: If it differs.
    """
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != archive.md5:
        path.unlink()
        raise DownloadError(
            f"{path.name} has md5 {digest.hexdigest()}, expected {archive.md5}; it was removed, start again"
        )


def unpack(archive: Archive, path: Path, folder: Path) -> int:
    """Unpack the photographs into a temporary folder, then move it into place, so that the final folder is complete.

    Returns:
        The number of photographs.

    Raises:
        DownloadError: If the archive is damaged or would write outside ``folder``.
    """
    try:
        with zipfile.ZipFile(path) as zipped:
            members = [member for member in zipped.infolist() if not member.is_dir()]
            beside = folder / f".{archive.name}.part"
            for i, member in enumerate(members):
                target = beside / member.filename
                if not target.resolve().is_relative_to((beside / archive.name).resolve()):
                    raise DownloadError(
                        f"{path.name} names {member.filename}, which lies outside of {archive.name}; it was not "
                        "unpacked"
                    )
                if not (target.exists() and target.stat().st_size == member.file_size):
                    zipped.extract(member, beside)
                if i % 1000 == 0:
                    _show(f"{archive.name}: {i} of {len(members)} photographs unpacked")
    except zipfile.BadZipFile as error:
        raise DownloadError(f"{path.name} is damaged ({error}); remove it and start again") from error
    (beside / archive.name).replace(folder / archive.name)
    beside.rmdir()
    return len(members)


def _show(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}  ", end="", file=sys.stderr, flush=True)


def download(archive: Archive, folder: Path, *, wait: float = 2.0) -> int:
    """Fetch, check and unpack an archive, and remove it; see the functions above. Photographs that are already there
    are only counted."""
    if (folder / archive.name).is_dir():
        return sum(1 for _ in (folder / archive.name).iterdir())
    path = fetch(archive, folder, wait=wait)
    check(archive, path)
    count = unpack(archive, path, folder)
    path.unlink()
    return count


def main() -> None:
    """Read the arguments and download."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="train2017", choices=list(MD5))
    parser.add_argument(
        "--folder", type=Path, default=Path("data/coco"), help="where the photographs go (default: data/coco)"
    )
    parser.add_argument("--base-url", default=BASE_URL, help="a mirror that holds NAME.zip")
    arguments = parser.parse_args()
    try:
        count = download(Archive.coco(arguments.name, arguments.base_url), arguments.folder)
    except (DownloadError, OSError) as error:
        print(f"download_coco: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ndownload_coco: stopped; what is there is kept, run the same command to go on", file=sys.stderr)
        sys.exit(130)
    print(f"\n{count} photographs in {arguments.folder / arguments.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
