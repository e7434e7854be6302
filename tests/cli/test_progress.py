"""What is shown while something is painted, trained or reconstructed."""

import io
import sys

import pytest
import torch

from nstyle.cli import painting_progress, progress
from nstyle.inference.batch import PaintStatus
from nstyle.reconstruction.cells import Cell
from nstyle.reconstruction.engine import Progress
from nstyle.reconstruction.pictures import Pictures
from nstyle.reconstruction.sweep import SweepProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until it is set."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_time_left_comes_from_the_pictures_that_are_done(clock: list[float]) -> None:
    count = painting_progress.Count()
    said = []
    for seconds, index, share in ((0, 0, 0.0), (10, 0, 0.9), (12, 0, 1.0), (16, 1, 0.3), (500, 1, 0.9), (501, 2, 1.0)):
        clock[0] = 100.0 + seconds
        said.append(count.text(PaintStatus("a.jpg", share, index, 80)))
    assert said == [
        "0 of 80 pictures",
        "0 of 80 pictures",
        "1 of 80 pictures, 16 min left",
        "1 of 80 pictures, 16 min left",
        "1 of 80 pictures, 16 min left",
        "3 of 80 pictures, 3.6 h left",
    ]
    assert count.text(PaintStatus("a.jpg", 1.0, 79, 80)) == "80 of 80 pictures"


def test_a_log_gets_a_line_every_half_minute(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with painting_progress.painting_progress() as show:
        for picture in range(80):
            show(PaintStatus(f"{picture}.jpg", 0.0, picture, 80))
            clock[0] += 9
            show(PaintStatus(f"{picture}.jpg", 1.0, picture, 80))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "4 of 80 pictures, 11 min left"
    assert len(lines) == 80 * 9 // (4 * 9)
    with painting_progress.painting_progress() as show:
        clock[0] += progress.LINE_EVERY + 1
        show(PaintStatus("alone.jpg", 0.37, 0, 1))
    assert capsys.readouterr().err == "alone.jpg: 37%\n"


@pytest.mark.parametrize(("total", "text"), [(80, "5 of 80 pictures, 40 s left"), (1, " 50%")])
def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, total: int, text: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(painting_progress, "in_words", lambda seconds: "40 s")
    with painting_progress.painting_progress() as show:
        show(PaintStatus("photos/a.jpg", 0.0, 0, total))
        show(PaintStatus("photos/a.jpg", 0.5, 5 if total > 1 else 0, total))
        shown = sys.stderr
    written = shown.getvalue()
    assert text in written
    assert "a.jpg" in written
    assert "photos" not in written


def test_the_time_of_all_updates_is_said_once_after_a_few(clock: list[float]) -> None:
    estimate = progress.Estimate()
    lines = []
    for update in range(1, 20):
        clock[0] += 60 if update == 1 else 2  # The first update starts everything, and tells nothing about the others.
        lines.append(estimate.line(update, 1000))
    assert [line for line in lines if line] == [lines[progress.ESTIMATED_AFTER]]
    assert lines[progress.ESTIMATED_AFTER] == "995 more updates take about 33 min (0.50 updates/s)"


def test_the_time_of_a_sweep_counts_the_cells_that_are_left(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    cell = Cell({}, {}, Pictures())
    with progress.sweep_progress() as show:
        for number in (1, 2):
            for iteration in range(1, 11):
                clock[0] += 0.5
                now = Progress(iteration, 10, 8, 1.0, {}, torch.zeros(3, 8, 8))
                show(SweepProgress(cell, 12 - number, now))
    said = [line for line in capsys.readouterr().err.splitlines() if "more" in line]
    assert said == ["115 more iterations take about 58 s (2.00 iterations/s), for this one and 11 more like it"]
