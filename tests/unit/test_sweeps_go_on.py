"""Reconstructions and sweeps that are stopped, changed and asked for again: what is reused, and what reports show."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from nstyle.errors import NstyleError, UsageError
from nstyle.reconstruction import reconstruct as reconstruct_module
from nstyle.reconstruction.configure import make_config
from nstyle.reconstruction.engine import Progress, Reconstruction
from nstyle.reconstruction.finished_runs import group, read_runs
from nstyle.reconstruction.pictures import Pictures
from nstyle.reconstruction.reconstruct import reconstruct
from nstyle.reconstruction.run_description import command_line
from nstyle.reconstruction.run_folder import RunFolder
from nstyle.reconstruction.run_settings import captions, settings_of
from nstyle.reconstruction.sweep import SweepProgress, sweep
from nstyle.system.interrupts import InterruptedRunError

QUICK: dict[str, Any] = {
    "size": 32,
    "iterations": 4,
    "patience": 0,
    "vgg": "lite",
    "device": "cpu",
    "layers": "relu1_2",
}


@pytest.fixture
def painting(styles: Path) -> Path:
    return styles / "mosaic.png"


def test_a_run_that_goes_on_is_not_finished_until_it_is(painting: Path, tmp_path: Path) -> None:
    reconstruct(style=painting, out=tmp_path, **QUICK)
    assert RunFolder(tmp_path).description.exists()

    def stop(now: Progress) -> None:
        if now.iteration == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconstruct(style=painting, out=tmp_path, resume=True, progress=stop, **{**QUICK, "iterations": 8})
    assert not RunFolder(tmp_path).description.exists()
    done = reconstruct(style=painting, out=tmp_path, resume=True, **{**QUICK, "iterations": 8})
    assert done.iterations == RunFolder(tmp_path).read_description()["iterations"] == 8
    with pytest.raises(UsageError, match="`resume` and `overwrite` were given together; choose one"):
        reconstruct(style=painting, out=tmp_path, resume=True, overwrite=True, **QUICK)


def test_a_cell_that_would_have_stopped_otherwise_begins_anew(painting: Path, tmp_path: Path) -> None:
    begun: list[int] = []

    def note(now: SweepProgress) -> None:
        begun.append(now.iteration.iteration)

    for changes, first in (({}, 0), ({"iterations": 6}, 4), ({"iterations": 6, "patience": 3}, 0)):
        begun.clear()
        sweep({"style": [painting]}, out=tmp_path, progress=note, **{**QUICK, **changes})
        assert begun[0] == first


def test_an_interrupted_sweep_says_that_the_same_command_goes_on(painting: Path, tmp_path: Path) -> None:
    def stop(now: SweepProgress) -> None:
        raise InterruptedRunError("stopped at iteration 1 of 4; `resume` goes on", 15)

    with pytest.raises(InterruptedRunError, match=r"^stopped in run; .* the same command goes on$") as stopped:
        sweep({"style": [painting]}, out=tmp_path, progress=stop, **QUICK)
    assert stopped.value.exit_status == 143


def test_too_little_memory_fails_one_cell(painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Reconstruction.run

    def run_if_small(self: Reconstruction, *arguments: Any) -> Any:
        if self.config.size > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(self, *arguments)

    monkeypatch.setattr(reconstruct_module.Reconstruction, "run", run_if_small)
    axes = {"style": [painting], "size": [32, 48]}
    result = sweep(axes, out=tmp_path, **{name: value for name, value in QUICK.items() if name != "size"})
    assert result.failed == {
        "size-48": "there is not enough memory on cpu at 48 px; give a smaller `size` or fewer layers"
    }
    with pytest.raises(NstyleError, match="there is not enough memory on cpu at 48 px"):
        reconstruct(style=painting, **{**QUICK, "size": 48})


def test_runs_of_the_same_layers_and_loss_are_shown_apart(painting: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        reconstruct(style=painting, out=tmp_path / name / "run", **QUICK)
    reconstruct(style=painting, out=tmp_path / "a" / "other", **{**QUICK, "layers": "relu2_2"})
    folders = [
        tmp_path / "a" / "run",
        tmp_path / "b" / "run",
        tmp_path / "a" / "other",
        tmp_path / "b" / ".." / "a" / "run",
    ]
    runs, _ = read_runs(folders)
    assert len(runs) == 3
    assert [len(members) for members in group(runs)] == [2, 1]
    assert captions(runs[:2]) == [str(Path("a") / "run"), str(Path("b") / "run")]


def test_pictures_are_told_apart_by_what_they_show(tmp_path: Path) -> None:
    for folder, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (40, 40), colour).save(tmp_path / folder / "style.png")
    runs = []
    for number, picture in enumerate(
        [tmp_path / "a" / "style.png", tmp_path / "c" / "style.png", Image.new("RGB", (40, 40), "red")]
    ):
        reconstruct(style=picture, out=tmp_path / f"same-{number}", **QUICK)
        runs += read_runs([tmp_path / f"same-{number}"])[0]
    assert len({values["paintings"] for values in settings_of(runs)}) == 1
    runs = []
    for number, colour in enumerate(("red", "blue")):
        reconstruct(style=Image.new("RGB", (40, 40), colour), out=tmp_path / f"other-{number}", **QUICK)
        runs += read_runs([tmp_path / f"other-{number}"])[0]
    red, blue = (values["paintings"] for values in settings_of(runs))
    assert red != blue
    assert red.startswith("PICTURE (")


def test_the_command_of_a_run_makes_it_again(painting: Path) -> None:
    pictures = Pictures.read(styles=[painting])
    weighed = make_config(pictures, layers="relu1_2", style_weight=0.1)
    assert "--style-weight" not in command_line(weighed, pictures)
    scheduled = make_config(pictures, layers="relu1_1", schedule="inversion-table", feature_scale=1.0)
    assert "--schedule inversion-table" in command_line(scheduled, pictures)
    assert "--feature-scale 1.0" in command_line(scheduled, pictures)
    plain = make_config(pictures, layers="relu1_1", schedule="inversion-table")
    assert "--feature-scale" not in command_line(plain, pictures)
    assert "--lr" not in command_line(plain, pictures)


def test_the_inversion_table_leaves_another_optimizer_its_own_rate(painting: Path) -> None:
    pictures = Pictures.read(styles=[painting])
    rates = [
        make_config(pictures, layers="relu1_1", schedule="inversion-table", optimizer=name).lr
        for name in ("adam", "lbfgs")
    ]
    assert rates == [1e-3, make_config(pictures, layers="relu1_1", optimizer="lbfgs").lr]


def test_settings_without_effect_are_refused_in_a_sweep(painting: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`moments` was given, but no `loss` is moments"):
        sweep({"style": [painting], "loss": ["gram"], "moments": [3]}, out=tmp_path / "out", **QUICK)
