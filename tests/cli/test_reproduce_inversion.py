"""``nstyle reproduce inversion`` as a user calls it, at its least length and on random weights."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.mark.slow
def test_the_page_says_what_was_seen_and_a_second_call_makes_nothing_again(
    nstyle: Run, short_vgg_file: Path, styles: Path, photo: Path, tmp_path: Path
) -> None:
    call = (
        "reproduce", "inversion", "--scale", 1e-6, "--only", "figure-1.5,optimizer", "--styles",
        styles / "mosaic.png", "--photos", photo, "--vgg", short_vgg_file, "--device", "cpu", "--out", "out",
    )  # fmt: skip
    done = nstyle(*call)
    assert done.returncode == 0, done.stderr.decode()
    page = (tmp_path / "out" / "report.html").read_text()
    assert " of 4 losses went below 1e-5" in page
    assert "no further one was given" in page
    for name in ("optimizers.png", "optimizers-loss.svg"):
        assert (tmp_path / "out" / name).exists()
    runs = [json.loads(path.read_text()) for path in (tmp_path / "out" / "optimizers").glob("*/run.json")]
    counts = {run["config"]["optimizer"]: (run["evaluations"], run["iterations"]) for run in runs}
    assert counts["adam"] == (20, 20)
    assert counts["lbfgs"][0] >= counts["lbfgs"][1]
    again = nstyle(*call)
    assert again.returncode == 0
    assert again.stderr.decode().count("(done already)") == 4
