"""The COCO downloader against a local server that breaks connections."""

import hashlib
import importlib.util
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    import sys

    spec = importlib.util.spec_from_file_location("download_coco", ROOT / "tools" / "download_coco.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["download_coco"] = module
    spec.loader.exec_module(module)
    return module


def zipped(names: tuple[str, ...] = ("train2017/1.jpg", "train2017/2.jpg", "train2017/3.jpg")) -> bytes:
    buffer = io.BytesIO()
    draw = np.random.default_rng(0)
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, draw.bytes(50_000))
    return buffer.getvalue()


class Server:
    """Serve one file; every connection breaks after ``limit`` bytes."""

    def __init__(self, content: bytes) -> None:
        self.content, self.limit, self.ranges, self.requests, self.status = content, len(content), True, 0, 200
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                if server.status != 200:
                    self.send_error(server.status)
                    return
                start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if server.ranges else 0
                if start >= len(server.content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(server.content) - start))
                self.end_headers()
                self.wfile.write(server.content[start : start + server.limit])
                self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/train2017.zip"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(zipped())
    yield server
    server.http.shutdown()
    server.http.server_close()


def archive(tool: ModuleType, server: Server, md5: str | None = None) -> object:
    return tool.Archive("train2017", md5 or hashlib.md5(server.content).hexdigest(), server.url)


def test_download_resumes_over_broken_connections(tool: ModuleType, server: Server, tmp_path: Path) -> None:
    server.limit = 40_000
    assert tool.download(archive(tool, server), tmp_path, wait=0.01) == 3
    assert server.requests == -(-len(server.content) // 40_000)
    assert sorted(path.name for path in (tmp_path / "train2017").iterdir()) == ["1.jpg", "2.jpg", "3.jpg"]
    assert [path.name for path in tmp_path.iterdir()] == ["train2017"], "the archive is removed"


def test_partial_file_of_an_earlier_session_is_continued(tool: ModuleType, server: Server, tmp_path: Path) -> None:
    (tmp_path / "train2017.zip.part").write_bytes(server.content[:100_000])
    assert tool.download(archive(tool, server), tmp_path) == 3
    assert server.requests == 1
    assert tool.download(archive(tool, server), tmp_path) == 3
    assert server.requests == 1, "what is there is not downloaded again"


def test_complete_file_that_was_not_yet_renamed(tool: ModuleType, server: Server, tmp_path: Path) -> None:
    (tmp_path / "train2017.zip.part").write_bytes(server.content)
    assert tool.download(archive(tool, server), tmp_path) == 3


def test_interrupted_unpacking_is_not_taken_for_the_data_set(
    tool: ModuleType, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, count = zipfile.ZipFile.extract, []

    def stop(self: zipfile.ZipFile, *arguments: object) -> object:
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(zipfile.ZipFile, "extract", stop)
    with pytest.raises(KeyboardInterrupt):
        tool.download(archive(tool, server), tmp_path)
    assert not (tmp_path / "train2017").exists()
    assert tool.download(archive(tool, server), tmp_path) == 3
    assert server.requests == 1
    assert len(count) == 4, "the photograph that was there is not unpacked again"


def test_server_without_ranges_starts_over(tool: ModuleType, server: Server, tmp_path: Path) -> None:
    (tmp_path / "train2017.zip.part").write_bytes(b"x" * 1000)
    server.ranges = False
    assert tool.download(archive(tool, server), tmp_path) == 3


def test_wrong_checksum_is_removed(tool: ModuleType, server: Server, tmp_path: Path) -> None:
    with pytest.raises(tool.DownloadError, match=f"expected {'0' * 32}; it was removed"):
        tool.download(archive(tool, server, "0" * 32), tmp_path)
    assert not list(tmp_path.iterdir())


def test_dead_server_gives_up_with_one_line(
    tool: ModuleType, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "RETRIES", 2)
    server.limit = 0
    with pytest.raises(tool.DownloadError, match="no byte after 2 tries"):
        tool.fetch(archive(tool, server), tmp_path, wait=0.01)
    assert server.requests == 3
    server.status = 404
    with pytest.raises(tool.DownloadError, match="404"):
        tool.fetch(archive(tool, server), tmp_path)


def test_full_disk_is_refused_before_the_download(
    tool: ModuleType, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 200_000}))
    with pytest.raises(tool.DownloadError, match=r"0\.0 GB free"):
        tool.fetch(archive(tool, server), tmp_path)
    assert not (tmp_path / "train2017.zip").exists()


def test_archive_may_not_write_elsewhere(tool: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    path.write_bytes(zipped(("../escaped.jpg",)))
    with pytest.raises(tool.DownloadError, match="lies outside"):
        tool.unpack(tool.Archive("train2017", "", ""), path, tmp_path / "inner")
    assert not (tmp_path / "escaped.jpg").exists()


def test_checksums_are_the_published_ones(tool: ModuleType) -> None:
    assert tool.Archive.coco("train2017").md5 == "cced6f7f71b7629ddf16f17bbcfab6b2"
    assert tool.Archive.coco("train2014").md5 == "0da8c0bd3d6becc4dcb32757491aca88"
