"""Reading and writing behind the painting: the same outcomes in the same order, bounded, and nothing left when it
ends."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nstyle.errors import NstyleError
from nstyle.imaging.picture import Picture
from nstyle.imaging.pictures import read_picture
from nstyle.inference.batch import PaintStatus, encoders_beside, stylize_files
from nstyle.inference.options import PaintOptions, Request
from nstyle.inference.reading import Reader
from nstyle.inference.writing import Failure, Painted, Result, Writer
from nstyle.system.files import write_atomically


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("nstyle-")]


@pytest.fixture
def overlapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read and write in threads, as beside a GPU."""
    monkeypatch.setattr("nstyle.inference.batch.encoders_beside", lambda device: 2)


def folder_of(folder: Path, count: int) -> Path:
    folder.mkdir()
    for i in range(count):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (24, 20 + i, 3), dtype=np.uint8)).save(
            folder / f"{i}.png"
        )
    return folder


def outcomes_of(request: Request) -> list[Result | Failure | str]:
    found: list[Result | Failure | str] = []
    try:
        found.extend(stylize_files(request, notice=found.append))
    except NstyleError as error:
        found.append(str(error))
    return found


def test_threads_change_nothing_but_the_time(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contact sheets, a photograph that is broken and the order of everything are what they are without threads."""
    folder = folder_of(tmp_path / "in", 5)
    (folder / "2.png").write_bytes(b"broken")
    told, pictures = [], []
    for encoders in (0, 2):
        monkeypatch.setattr("nstyle.inference.batch.encoders_beside", lambda device, count=encoders: count)
        out = tmp_path / str(encoders)
        found = outcomes_of(Request(photos=(str(folder),), model=str(model), all_styles=True, out=str(out)))
        told.append([Path(outcome.output).name if isinstance(outcome, Result) else outcome for outcome in found])
        pictures.append({path.name: np.asarray(Image.open(path)).tolist() for path in out.iterdir()})
    assert told[0] == told[1]
    assert len(told[0]) == 4 * 4 + 3
    assert isinstance(told[0][8], Failure)
    assert told[0][-1] == "1 of 5 files could not be painted"
    assert pictures[0] == pictures[1]


@pytest.mark.usefixtures("overlapping")
def test_a_photograph_whose_picture_cannot_be_written_fails_once(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path, data: bytes) -> None:
        time.sleep(0.02)
        if path.name == "1_hokusai-great-wave.png":
            raise NstyleError("no space left")
        write_atomically(path, data)

    monkeypatch.setattr("nstyle.inference.writing.write_atomically", write)
    out = tmp_path / "out"
    found = outcomes_of(
        Request(photos=(str(folder_of(tmp_path / "in", 3)),), model=str(model), all_styles=True, out=str(out))
    )
    assert [outcome.error for outcome in found if isinstance(outcome, Failure)] == ["no space left"]
    assert [path.name for path in out.glob("1_*")] == ["1_van-gogh-starry-night.png"]
    assert sum(isinstance(outcome, Result) for outcome in found) == len(list(out.iterdir())) == 4 + 1 + 4


@pytest.mark.usefixtures("overlapping")
def test_ctrl_c_leaves_whole_files_only(model: Path, tmp_path: Path) -> None:
    def report(status: PaintStatus) -> None:
        if Path(status.photo).name == "2.png":
            raise KeyboardInterrupt

    out = tmp_path / "out"
    request = Request(photos=(str(folder_of(tmp_path / "in", 4)),), model=str(model), style="plain", out=str(out))
    with pytest.raises(KeyboardInterrupt):
        list(stylize_files(request, notice=lambda text: None, progress=report))
    assert {path.name for path in out.glob("*")} <= {"0_plain.png", "1_plain.png"}
    for path in out.iterdir():
        read_picture(path)


def test_progress_counts_pictures_that_are_painted_or_failed(model: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", 3)
    (folder / "1.png").write_bytes(b"broken")
    request = Request(photos=(str(folder),), model=str(model), all_styles=True, out=str(tmp_path / "out"))
    told: list[PaintStatus] = []
    with pytest.raises(NstyleError, match="1 of 3"):
        list(stylize_files(request, notice=lambda text: None, progress=told.append))
    assert {status.total for status in told} == {9}
    starts = [(Path(status.photo).name, status.done) for status in told if status.share == 0]
    assert starts == [(name, done) for name, first in (("0.png", 0), ("2.png", 6)) for done in range(first, first + 3)]
    assert (told[-1].share, told[-1].done) == (1, 9)
    assert [status.index + status.share for status in told] == sorted(status.index + status.share for status in told)


def test_one_photograph_is_decoded_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, read = folder_of(tmp_path / "in", 4), []

    def note(source: Path, **limits: Any) -> Picture:
        read.append((source.stem, threading.current_thread() is threading.main_thread()))
        return read_picture(source, **limits)

    monkeypatch.setattr("nstyle.inference.reading.read_picture", note)
    monkeypatch.setattr("nstyle.inference.reading.MOST_AHEAD", 24 * 22)
    with Reader([str(folder / f"{i}.png") for i in range(4)], PaintOptions(), 10**6, ahead=True) as reader:
        reader.take()
        time.sleep(0.1)
        assert read == [("0", True), ("1", False)]
        sizes = [reader.take().rgb.width for _ in range(3)]
    assert sizes == [21, 22, 23]
    assert read[2:] == [("2", False), ("3", True)]  # The last has more pixels than may lie ready.


def test_pictures_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few small pictures wait to be written; a large one is written before the next is painted."""
    gate = threading.Semaphore(0)
    monkeypatch.setattr("nstyle.inference.writing.write_atomically", lambda path, data: gate.acquire())
    with Writer(2) as writer:
        for i in range(3):
            writer.put(Painted("a", f"{i}.png", {}, 8, 8, 0.0), Picture(Image.new("RGB", (8, 8)), None))
            assert not list(writer.results())
        gate.release(4)
        writer.put(Painted("a", "3.png", {}, 8, 8, 0.0), Picture(Image.new("RGB", (8, 8)), None))
        assert "0.png" in [result.output for result in writer.results() if isinstance(result, Result)]
        assert not [result for result in writer.results(rest=True) if isinstance(result, Failure)]
        monkeypatch.setattr("nstyle.inference.writing.MOST_WAITING", 63)
        gate.release()
        writer.put(Painted("a", "4.png", {}, 8, 8, 0.0), Picture(Image.new("RGB", (8, 8)), None))
        assert [result.output for result in writer.results() if isinstance(result, Result)] == ["4.png"]


def test_a_cpu_that_paints_is_left_alone() -> None:
    assert encoders_beside(torch.device("cpu")) == 0
    assert 1 <= encoders_beside(torch.device("cuda")) <= 4
