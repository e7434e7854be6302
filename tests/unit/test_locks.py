"""Nobody writes to a folder that somebody else writes to, and what killed processes left goes."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nstyle.errors import NstyleError, UsageError
from nstyle.system.files import AppendedFile, write_atomically
from nstyle.system.locks import FolderLock
from nstyle.system.output_folders import holds_work

HOLD = """
import sys, time
from pathlib import Path
from nstyle.system.locks import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(60)
"""


def test_another_process_keeps_out_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        for _ in range(2):
            with pytest.raises(
                UsageError,
                match=rf"run is being written by process {holder.pid}; wait, or choose another `out`",
            ):
                FolderLock(folder)
        holder.send_signal(signal.SIGKILL)
    (folder / ".model.safetensors.0123abcd.tmp").write_text("half")
    assert not holds_work(folder, folder / "record.json", "run")
    with FolderLock(folder):
        assert [path.name for path in folder.iterdir()] == [".nstyle.lock"]
    assert folder.exists()
    assert not list(folder.iterdir())


def test_a_lock_is_released_and_taken_again_in_one_process(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(UsageError, match=f"being written by process {os.getpid()}"):
        FolderLock(tmp_path)
    lock.release()
    lock.release()
    lock = FolderLock(tmp_path)
    del lock
    gc.collect()
    FolderLock(tmp_path).release()
    assert not list(tmp_path.iterdir())


def test_a_folder_into_which_nothing_was_written_is_gone(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "a" / "b"):
        pass
    assert not list(tmp_path.iterdir())
    with FolderLock(tmp_path / "a" / "b"):
        (tmp_path / "a" / "kept").touch()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]


def test_only_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    ours = [".model.safetensors.0123abcd.tmp", ".new\nline.jpg.00000000.tmp"]
    others = [".model.tmp", "model.0123abcd.tmp", ".x.0123ABCD.tmp", ".x.0123abcd.tmp.txt", "a.txt"]
    for folder in (tmp_path, tmp_path / "samples", tmp_path / "elsewhere"):
        folder.mkdir(exist_ok=True)
        for name in ours + others:
            (folder / name).touch()
    with FolderLock(tmp_path, subfolders=("samples", "missing")):
        pass
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == set(others)
    assert {path.name for path in (tmp_path / "samples").iterdir()} == set(others)
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == {*ours, *others}


@pytest.mark.skipif(not Path("/proc").exists(), reason="a folder that nobody can write to")
def test_folders_that_cannot_be_written_to_are_named(tmp_path: Path) -> None:
    with pytest.raises(NstyleError, match=r"cannot write to /proc/nothing: .*; check the folder"):
        FolderLock(Path("/proc/nothing"))
    (tmp_path / "file").touch()
    with pytest.raises(NstyleError, match=r"cannot write to .*: Not a directory"):
        FolderLock(tmp_path / "file" / "run")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk")
def test_a_full_disk_is_named_and_closing_cannot_fail() -> None:
    file = AppendedFile(Path("/dev/full"))
    with pytest.raises(NstyleError, match="cannot write /dev/full: No space left on device; check the disk space"):
        file.append(b"line\n")
    file.close()
    file.close()


def test_whole_files_leave_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
