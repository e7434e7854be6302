"""Models from the Hugging Face Hub, against a server on this machine that answers as the Hub does."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import nstyle as package
from nstyle.errors import NstyleError, UsageError
from nstyle.models.hub import address_of, fetch_model

pytest.importorskip("huggingface_hub")
COMMITS = {"main": "a" * 40, "v1": "b" * 40}


class Hub:
    """Repositories with one model each, by revision."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked = files, []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(with_body=False)

            def do_GET(self) -> None:
                self.answer(with_body=True)

            def answer(self, *, with_body: bool) -> None:
                hub.asked.append(self.path)
                repository, _, place = self.path.strip("/").partition("/resolve/")
                revision, _, file = place.partition("/")
                commit = COMMITS.get(revision, revision if revision in COMMITS.values() else "")
                content = hub.files.get(file) if commit else None
                error = (
                    "RepoNotFound"
                    if repository != "painters/waves"
                    else "EntryNotFound"
                    if commit
                    else "RevisionNotFound"
                )
                content = None if repository != "painters/waves" else content
                self.send_response(200 if content is not None else 404)
                if content is None:
                    self.send_header("X-Error-Code", error)
                    content = b""
                self.send_header("X-Repo-Commit", commit or COMMITS["main"])
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if with_body:
                    self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(model: Path) -> Iterator[Hub]:
    hub = Hub({"model.safetensors": model.read_bytes(), "evil.bin": b"pickle"})
    thread = threading.Thread(target=hub.server.serve_forever, daemon=True)
    thread.start()
    yield hub
    hub.server.shutdown()
    hub.server.server_close()
    thread.join()


def test_a_model_is_loaded_by_revision_and_kept(nstyle, hub: Hub, tmp_path: Path) -> None:
    environment = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for address, commit in (("hf://painters/waves", COMMITS["main"]), ("hf://painters/waves@v1", COMMITS["v1"])):
        done = nstyle("info", address, "--json", **environment)
        assert done.returncode == 0, done.stderr.decode()
        described = json.loads(done.stdout)
        assert described["styles"] == ["van-gogh-starry-night", "hokusai-great-wave", "plain"]
        assert f"/{commit}/" in described["path"]
    offline = nstyle("info", "hf://painters/waves", **environment, HF_HUB_OFFLINE="1")
    assert offline.returncode == 0, offline.stderr.decode()
    assert all(path.endswith("/model.safetensors") for path in hub.asked if "/resolve/" in path)


@pytest.mark.parametrize(
    ("address", "status", "what"),
    [
        ("hf://painters/nobody", 2, "no such repository"),
        ("hf://painters/waves@v9", 2, "no such revision"),
        ("hf://painters/waves/other.safetensors", 2, "no such file other.safetensors"),
        ("hf://painters/waves/evil.bin", 2, "is no address on the Hub; expected hf://OWNER/NAME"),
    ],
)
def test_what_is_not_there_is_one_line(nstyle, hub: Hub, tmp_path: Path, address: str, status: int, what: str) -> None:
    done = nstyle("info", address, HF_ENDPOINT=hub.address, HF_HOME=str(tmp_path / "hf"))
    assert done.returncode == status
    assert what in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1
    assert not any("evil" in path for path in hub.asked)


def test_a_hub_that_cannot_be_reached_is_one_line(nstyle, tmp_path: Path) -> None:
    done = nstyle("info", "hf://painters/waves", HF_HOME=str(tmp_path / "hf"), HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert "hf://painters/waves is not in the cache" in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1


def test_whatever_breaks_a_connection_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("the proxy\nsaid no")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(NstyleError, match=r"is not in the cache, and .* cannot be reached \(the proxy said no\)"):
        fetch_model("hf://painters/waves")


def test_models_of_the_cache_are_named_by_their_address() -> None:
    folder = Path("/home/me/.cache/huggingface/hub/models--painters--waves/snapshots") / COMMITS["v1"]
    assert address_of(folder / "model.safetensors") == "hf://painters/waves@bbbbbbb"
    assert address_of(folder / "slim.safetensors") == "hf://painters/waves/slim.safetensors@bbbbbbb"
    assert address_of(Path("checkpoints/mine/model.safetensors")) is None


@pytest.mark.parametrize("address", ["hf://waves", "hf://a/b/../c.safetensors", "hf://a/b@", "hf:///", "hf://a/b c"])
def test_addresses_are_checked(address: str) -> None:
    with pytest.raises(UsageError, match="is no address on the Hub"):
        fetch_model(address)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"pip install 'nstyle\[hub\]'"):
        package.load("hf://painters/waves")
