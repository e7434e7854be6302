"""``nstyle reproduce`` of a transfer's recipe, as a user calls it."""

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nstyle.encoders.vgg import VGGWeights
from tests.conftest import write_vgg

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.mark.slow
def test_two_networks_side_by_side(
    nstyle: Run, short_vgg_file: Path, styles: Path, photo: Path, tmp_path: Path
) -> None:
    deeper = write_vgg(tmp_path / "deeper.safetensors", VGGWeights.random("vgg19"), last=16)
    command = (
        "reproduce", "nikulina", "--only", "networks", "--scale", 0.0001, "--styles", styles / "mosaic.png",
        "--photos", photo, "--vgg", short_vgg_file, "--vgg", deeper, "--out", "out",
    )  # fmt: skip
    done = nstyle(*command)
    assert done.returncode == 0, done.stderr.decode()
    with (tmp_path / "out" / "table-vgg16-against-vgg19.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    assert [[*row[:2], row[3]] for row in rows] == [
        ["short", "vgg16", "5"], ["deeper", "vgg19", "5"], ["short", "vgg16", "7"], ["deeper", "vgg19", "8"]
    ]  # fmt: skip
    page = (tmp_path / "out" / "report.html").read_text()
    assert "with the last layer of each block up to block 3, what is left of the loss of the start is" in page
    made = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert made == {"networks.png", "networks-loss.png", "networks-deep.png", "networks-deep-loss.png"}
    again = nstyle(*command)
    assert again.returncode == 0
    assert again.stderr.count(b"(done already)") == 4


def test_weights_that_are_not_deep_enough_leave_a_line_for_each_exhibit(
    nstyle: Run, short_vgg_file: Path, styles: Path, photo: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reproduce", "kang", "--scale", 0.0001, "--styles", styles / "mosaic.png", "--photos", photo,
        "--vgg", short_vgg_file, "--out", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("Not made: ") == 8
    assert "relu4_2" in page
