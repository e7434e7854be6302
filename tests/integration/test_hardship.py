"""Training where things go wrong around it: other writers, full disks, no home, odd names, files that are no pictures.

The small encoder keeps it fast.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import nstyle
from nstyle.comparison.prepare import prepare_comparison
from nstyle.errors import NstyleError, UsageError
from nstyle.models.model_file import load_model, read_info
from nstyle.reconstruction.sweep import sweep
from nstyle.training.run_directory import RunDirectory
from nstyle.training.train import prepare_append, prepare_training
from tests.conftest import SMALL_RUN

NOBODY = """
import pwd
def nobody(*arguments): raise KeyError("uid not found")
pwd.getpwuid = nobody
"""
"""A ``sitecustomize`` under which the user has no entry in the database of users."""


@pytest.fixture
def settings(photos: Path) -> dict[str, Any]:
    return {
        "content": str(photos),
        "vgg": "lite",
        "updates": 6,
        "checkpoint_every": 2,
        **SMALL_RUN,
    }


@pytest.fixture
def painting(styles: Path) -> list[Path]:
    return [styles / "waves.png"]


def updates(run: Path) -> list[dict[str, Any]]:
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [{name: row[name] for name in ("update", "losses")} for row in rows if "losses" in row]


def test_a_second_writer_is_refused_and_readers_are_not(
    tmp_path: Path, settings: dict[str, Any], painting: list[Path]
) -> None:
    out, refused = tmp_path / "run", []

    def try_to_write(progress: Any) -> None:
        if progress.update != 3:
            return
        assert read_info(out / "model.safetensors").run_updates == 2
        assert nstyle.load(out).styles == ("waves",)
        for write in (
            lambda: nstyle.train(painting, out=out, **settings),
            lambda: nstyle.train(out=out, resume=True, updates=9),
            lambda: nstyle.add_style(out, painting, out=out, content=settings["content"]),
            lambda: nstyle.compare(painting, out=out, **settings),
            lambda: nstyle.reconstruct(style=painting[0], layers="relu1_2", vgg="lite", out=out),
            lambda: sweep({"layers": ["relu1_2"], "vgg": ["lite"]}, style=painting[0], out=out),
        ):
            with pytest.raises(UsageError, match=f"run is being written by process {os.getpid()}; wait, or choose"):
                write()
            refused.append(write)

    nstyle.train(painting, out=out, progress=try_to_write, **settings)
    assert len(refused) == 6
    nstyle.train(out=out, resume=True, updates=8)
    assert [row["update"] for row in updates(out)] == list(range(1, 9))
    assert not (out / ".nstyle.lock").exists()


def test_what_is_refused_leaves_no_folder(tmp_path: Path, settings: dict[str, Any], painting: list[Path]) -> None:
    with pytest.raises(UsageError, match="`size` is 32; expected at least 128"):
        prepare_training(painting, out=tmp_path / "a" / "run", resume=False, style_scales=5, style_size=128, **settings)
    assert not list(tmp_path.iterdir())


@contextmanager
def file_sizes_restored() -> Iterator[None]:
    """Take the limit on the size of files back. Files that reach it fail as those on a full disk do."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_run_goes_on(
    tmp_path: Path, settings: dict[str, Any], painting: list[Path]
) -> None:
    whole = nstyle.train(painting, out=tmp_path / "whole", **settings)
    for stands_at, limit in ((3, 100), (3, 100_000)):
        run = tmp_path / f"{stands_at}-{limit}"

        def fill(progress: Any, stands_at: int = stands_at, limit: int = limit) -> None:
            if progress.update == stands_at:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

        with file_sizes_restored(), pytest.raises(NstyleError, match=r"^cannot write .*; check the disk space"):
            nstyle.train(painting, out=run, progress=fill, **settings)
        assert not (run / ".nstyle.lock").exists()
        nstyle.train(out=run, resume=True)
        assert updates(run) == updates(whole)
        a, b = (load_model(path / "model.safetensors")[0].state_dict() for path in (run, whole))
        assert all(a[name].equal(b[name]) for name in b)


def test_the_grid_is_there_before_the_checkpoint_that_counts_it(
    tmp_path: Path, settings: dict[str, Any], painting: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    there = []

    def note(self: RunDirectory, *arguments: Any) -> None:
        there.append((self.samples / f"{arguments[3]:06d}.jpg").exists())
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunDirectory, "save_checkpoint", note)
        with pytest.raises(KeyboardInterrupt):
            nstyle.train(painting, out=run, **settings)
    assert there == [True]
    nstyle.train(painting, out=run, **settings | {"checkpoint_every": 3})
    assert sorted(path.name for path in (run / "samples").iterdir()) == ["000003.jpg", "000006.jpg"]


Nobody = Callable[..., str]


@pytest.fixture
def nobody(tmp_path: Path) -> Nobody:
    """Run the command line as a user who has neither a home nor an entry in the database of users."""
    if sys.platform != "linux":
        pytest.skip("users are looked up in another way")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NOBODY)
    (tmp_path / "cwd").mkdir()
    package = Path(nstyle.__file__).parents[1]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{package}{os.pathsep}{tmp_path / 'site'}"}

    def run(*arguments: object, **more: str) -> str:
        command = [sys.executable, "-m", "nstyle", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path / "cwd", env=environment | more, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    return run


def command_line(settings: dict[str, Any], painting: list[Path]) -> list[object]:
    return ["train", "--styles", *painting, *[f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]]


@pytest.mark.slow
def test_a_user_without_a_home_trains(
    tmp_path: Path, settings: dict[str, Any], painting: list[Path], nobody: Nobody
) -> None:
    assert "cannot" not in nobody(*command_line(settings, painting), "--out", "run")
    assert [path.name for path in (tmp_path / "cwd").iterdir()] == ["run"]


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_costs_one_line(
    tmp_path: Path, settings: dict[str, Any], painting: list[Path], nobody: Nobody
) -> None:
    said = nobody(*command_line(settings, painting), "--out", "run", XDG_CACHE_HOME="/proc/nowhere")
    assert said.count("cannot write /proc/nowhere") == 1
    nobody("report", "run", "--out", "report")
    assert sorted(path.name for path in (tmp_path / "cwd").iterdir()) == ["report", "run"]


@pytest.fixture
def odd_names(tmp_path: Path, photos: Path) -> Path:
    """A folder of photographs whose names are no UTF-8 or break lines, and of what only looks like photographs."""
    folder = tmp_path / "odd"
    folder.mkdir()
    originals = sorted(photos.rglob("*.jpg"))
    for name, original in zip((b"caf\xe9.jpg", b"new\nline.jpg", b"del\x7f.jpg", b"plain.jpg"), originals, strict=True):
        try:
            shutil.copy(os.fsencode(original), os.fsencode(folder) + b"/" + name)
        except OSError:
            pytest.skip("file names must be UTF-8 here")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "zero.jpg").symlink_to("/dev/zero")
    (folder / "folder.jpg").mkdir()
    (folder / "broken\n.jpg").write_bytes(b"\xff\xd8 broken")
    return folder


@pytest.mark.slow
def test_odd_names_are_trained_on_and_pipes_are_not_waited_for(
    tmp_path: Path, settings: dict[str, Any], painting: list[Path], odd_names: Path, nstyle: Any
) -> None:
    (odd_names / "broken\n.jpg").unlink()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in (settings | {"content": odd_names}).items()]
    for out in ("one", "two"):  # The second run reads the cache of the first.
        done = nstyle("train", "--styles", *painting, "--out", out, *options, PYTHONIOENCODING="ascii:strict")
        assert done.returncode == 0, done.stderr.decode()
        assert b"2 pipes or devices" in done.stderr
        assert b"content: 2 photographs in" in done.stderr  # Two of the four are held out.
    assert updates(tmp_path / "one") == updates(tmp_path / "two")


def test_names_that_no_settings_file_holds_are_refused_first(
    tmp_path: Path, settings: dict[str, Any], painting: list[Path], photos: Path, odd_names: Path
) -> None:
    bad = Path(os.fsdecode(os.fsencode(tmp_path) + b"/f\xf6lder"))
    shutil.copytree(photos, bad)
    shutil.copy(painting[0], bad / "waves.png")
    unlocked = {"held_out": 2, **settings}
    for refuse in (
        lambda: prepare_training(painting, out=tmp_path / "r", resume=False, **settings | {"content": str(bad)}),
        lambda: prepare_training(painting, out=tmp_path / "r", resume=False, **settings | {"validation": str(bad)}),
        lambda: prepare_training([bad / "waves.png"], out=tmp_path / "r", resume=False, **settings),
        lambda: prepare_training(painting, out=bad / "run", resume=False, **settings),
        lambda: prepare_comparison(painting, out=tmp_path / "r", **unlocked | {"content": str(bad)}),
        lambda: prepare_comparison([bad / "waves.png"], out=tmp_path / "r", **unlocked),
    ):
        with pytest.raises(UsageError, match="which is no UTF-8"):
            refuse()
    assert not (tmp_path / "r").exists()
    control = tmp_path / "a\x7f\n\x1b\t"
    shutil.copytree(photos, control)
    run = nstyle.train(painting, out=tmp_path / "run", **settings | {"content": str(control)})
    nstyle.train(out=run, resume=True, updates=8)


def test_paintings_are_looked_at_before_any_work(
    tmp_path: Path, settings: dict[str, Any], styles: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "paintings"
    folder.mkdir()
    Image.new("RGB", (1, 1), "red").save(folder / "dot.png")
    Image.new("RGB", (400, 31), "red").save(folder / "ribbon.png")
    Image.new("RGB", (60_000, 32), "red").save(folder / "endless.png")
    Image.new("RGB", (64, 64), "red").save(folder / "red.jpg")
    data = (styles / "waves.png").read_bytes()
    (folder / "half.png").write_bytes(data[: len(data) // 2])
    os.mkfifo(folder / "pipe.png")
    settings |= {"vgg": str(tmp_path / "no-vgg")}  # Loading it would be work.
    for name, reason in {
        "dot.png": "dot.png has 1x1 px; expected at least 32 px on every side",
        "ribbon.png": "ribbon.png has 400x31 px; expected at least 32 px",
        "endless.png": "endless.png would have .* px at `style_size` 2000; expected at most 250 megapixels",
        "half.png": "half.png: cannot be read as a picture",
        "pipe.png": "pipe.png is no regular file; expected a painting",
    }.items():
        chosen = {"out": tmp_path / "r", "style_size": 2000}
        with pytest.raises(NstyleError, match=reason):
            prepare_training([folder / name], resume=False, **settings | chosen)
        with pytest.raises(NstyleError, match=reason):
            prepare_comparison([folder / name], **settings | chosen)
        with pytest.raises(NstyleError, match=reason):
            prepare_append("slim", [folder / name], content=settings["content"], **chosen)
    with pytest.raises(UsageError, match="no-vgg"):
        prepare_training([folder / "red.jpg"], out=tmp_path / "r", resume=False, **settings)
    assert caplog.text.count("red.jpg has one colour only") == 1
    assert not (tmp_path / "r").exists()
