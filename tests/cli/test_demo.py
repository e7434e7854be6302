"""The demo through its plan, shrunk until it is quick, and the styles that come with it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nstyle.data.samples import sample_styles, write_photographs, write_styles
from nstyle.demo import encoder
from nstyle.demo.encoder import choose_vgg
from nstyle.demo.folder import DemoFolder
from nstyle.demo.plan import PLAN
from nstyle.demo.run_demo import Display, run_demo
from nstyle.demo.training import train, training_command
from nstyle.encoders.vgg_weights import IMAGENET, LITE
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.pictures import read_picture
from nstyle.inference.stylizer import load
from nstyle.models.locate import shipped_models
from nstyle.models.model_file import read_info
from nstyle.system.interrupts import InterruptedRunError

ROOT = Path(__file__).parents[2]
TINY: dict[str, Any] = {"seconds": 0, "min_updates": 2, "max_updates": 2, "size": 64, "style_size": 96, "batch_size": 1}
SMALL = replace(
    PLAN,
    side=64,
    cell=48,
    columns=2,
    steps=3,
    grid=2,
    append=replace(PLAN.append, **TINY),
    scratch=replace(PLAN.scratch, **TINY, width=0.25),
)


@contextmanager
def quiet() -> Iterator[Any]:
    yield lambda *progress: None


def display(said: list[str]) -> Display:
    return Display(said.append, quiet, quiet)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, vgg_file: Path) -> Path:
    folder = tmp_path_factory.mktemp("first") / "demo"
    assert run_demo(folder, vgg=str(vgg_file), plan=SMALL, display=display([])) == folder / "index.html"
    return folder


def test_page_shows_every_picture_and_both_trainings_by_themselves(demo: Path) -> None:
    page = (demo / "index.html").read_text(encoding="utf-8")
    pictures = list((demo / "pictures").iterdir())
    assert len(pictures) >= 8
    assert page.count('src="data:image/jpeg;base64,') == len(pictures)
    assert page.count('src="data:image/png;base64,') == 2, "two plots of losses"
    assert not re.search(r"""(src|href)=["'](?!data:)""", page), "one file, nothing beside it"
    styles = read_info(shipped_models()["default"]).styles
    for text in (
        styles[0],
        styles[-1],
        "nstyle stylize",
        "nstyle interpolate",
        "nstyle add-style default",
        "nstyle train",
        "sha256",
        "cores",
    ):
        assert text in page
    assert "bit for bit as they were" in page


def test_appended_styles_leave_the_old_ones_bit_identical(demo: Path) -> None:
    old, new = load(shipped_models()["default"]), load(demo / "more-styles")
    assert new.styles == (*old.styles, *SMALL.append.styles)
    photo = read_picture(demo / "photographs" / "chelsea.jpg", near_side=64).over_white()
    for name in old.styles:
        assert np.array_equal(
            np.asarray(old.stylize(photo, name, size=64)), np.asarray(new.stylize(photo, name, size=64))
        )


def test_second_run_keeps_what_is_there_and_refuses_other_weights(demo: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*") if path.suffix in (".jpg", ".safetensors")}
    said: list[str] = []
    run_demo(demo, plan=SMALL, display=display(said))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert sum("trained already" in line for line in said) == 2
    with pytest.raises(UsageError, match="choose another --out"):
        run_demo(demo, vgg=str(tmp_path / "other.safetensors"), plan=SMALL, display=display([]))
    with pytest.raises(UsageError, match="another version"):
        run_demo(demo, plan=replace(SMALL, cell=40), display=display([]))


def test_demo_compares_the_layers_that_the_weights_have(short_vgg_file: Path, tmp_path: Path) -> None:
    model = shipped_models()["default"]
    folder = DemoFolder.open(tmp_path / "demo", SMALL, model)
    folder.vgg = str(short_vgg_file)
    write_photographs(folder.photographs)
    write_styles(folder.styles)
    for training in (SMALL.append, SMALL.scratch):
        run = train(folder, training, model, print, quiet)
        assert tuple(read_info(run / "model.safetensors").preset["style_layers"]) == ("relu1_2", "relu2_2", "relu3_3")
        assert "--style-layers relu1_2,relu2_2,relu3_3" in training_command(folder, training)


def test_interrupted_demo_goes_on(vgg_file: Path, tmp_path: Path) -> None:
    """Ctrl-C between two updates: the same command ends what was begun."""
    plan = replace(SMALL, append=replace(SMALL.append, min_updates=30, max_updates=30))
    trainings = 0

    @contextmanager
    def impatient() -> Iterator[Any]:
        nonlocal trainings
        trainings += 1
        yield lambda progress: os.kill(os.getpid(), signal.SIGINT) if progress.update == 2 else None

    with pytest.raises(InterruptedRunError, match="the same command goes on") as caught:
        run_demo(tmp_path / "demo", vgg=str(vgg_file), plan=plan, display=Display(lambda text: None, quiet, impatient))
    assert (caught.value.exit_status, trainings) == (130, 1)
    assert read_info(tmp_path / "demo" / "more-styles" / "model.safetensors").run_updates == 2
    said: list[str] = []
    run_demo(tmp_path / "demo", plan=plan, display=display(said))
    assert any(line.startswith("28 updates") for line in said)
    assert (tmp_path / "demo" / "index.html").exists()


def test_folder_with_other_files_is_left_alone(tmp_path: Path, vgg_file: Path) -> None:
    (tmp_path / "novel.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        run_demo(tmp_path, vgg=str(vgg_file), plan=SMALL, display=display([]))
    (tmp_path / "demo.json").write_text(json.dumps(["mine, too"]))
    with pytest.raises(UsageError, match=r"demo\.json cannot be read as the record of a demo"):
        DemoFolder.open(tmp_path, SMALL, shipped_models()["default"])
    with pytest.raises(UsageError, match="is a file"):
        DemoFolder.open(tmp_path / "novel.txt", SMALL, shipped_models()["default"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.json", "novel.txt"]


def test_demo_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    """The record holds the plan as it was written when its trainings were called lessons."""
    folder = DemoFolder.open(tmp_path / "demo", PLAN, shipped_models()["default"])
    first = "append=Lesson(run='more-styles', styles=('hatching', 'mosaic'), seconds=70, size=160, style_size=416, "
    assert f"DemoPlan(side=480, cell=288, columns=4, steps=5, grid=5, {first}" in folder.identity["plan"]
    folder.save()
    assert DemoFolder.open(tmp_path / "demo", PLAN, shipped_models()["default"]) == folder


def test_missing_scikit_image_is_one_line(tmp_path: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(NstyleError, match=r'pip install "nstyle\[demo\]"') as caught:
        run_demo(tmp_path / "demo", vgg=str(vgg_file), plan=SMALL, display=display([]))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 1
    assert not list(tmp_path.iterdir())


def test_bad_weights_exit_2_and_leave_nothing(nstyle, tmp_path: Path) -> None:
    done = nstyle("demo", "--vgg", "nothing.pth")
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert "nothing.pth: no such file" in done.stderr.decode()
    assert not list(tmp_path.iterdir())


def test_weights_at_hand_are_taken_and_our_own_encoder_without_any(
    vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setenv("NSTYLE_VGG", str(vgg_file))
    assert choose_vgg(None, said.append) == str(vgg_file)
    monkeypatch.delenv("NSTYLE_VGG")
    monkeypatch.setattr(encoder, "imagenet_is_here", lambda: True)
    assert choose_vgg(None, said.append) == IMAGENET
    assert not said
    monkeypatch.setattr(encoder, "imagenet_is_here", lambda: False)
    assert choose_vgg(None, said.append) == LITE

    def offline(source: str) -> None:
        raise NstyleError("vgg16 weights cannot be downloaded")

    monkeypatch.setattr(encoder, "load_encoder_weights", offline)
    assert choose_vgg(IMAGENET, said.append) == LITE
    assert len(said) == 2
    assert all(LITE in line for line in said)


@pytest.mark.parametrize("name", ["mosaic", "hatching", "waves", pytest.param("strokes", marks=pytest.mark.slow)])
def test_sample_styles_are_what_the_tool_draws(tmp_path: Path, name: str) -> None:
    """Up to what JPEG and other versions of the drawing libraries change."""
    tool = [sys.executable, str(ROOT / "tools" / "draw_styles"), name, "--out", str(tmp_path)]
    done = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(sample_styles()) == ["hatching", "mosaic", "strokes", "waves"]
    drawn, shipped = (
        np.asarray(Image.open(path), dtype=float) for path in (tmp_path / f"{name}.jpg", sample_styles()[name])
    )
    assert min(shipped.shape[:2]) >= 512
    assert np.abs(drawn - shipped).mean() < 2
