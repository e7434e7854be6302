"""Style targets in the model file: kept by training, by what grows from the model, and used far from the run."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import nstyle
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import UsageError
from nstyle.interpolation.known_targets import KnownTargets
from nstyle.losses.packed_targets import unpack_targets
from nstyle.losses.presets import RELATIVE
from nstyle.models.model_file import load_targets, read_info
from nstyle.training.run_directory import RunDirectory
from nstyle.training.train import prepare_training
from tests.conftest import SMALL_RUN, Run, write_vgg


@pytest.fixture(scope="module")
def settings(photos: Path, vgg_file: Path) -> dict[str, Any]:
    return {"content": str(photos), "vgg": str(vgg_file), "updates": 2, **SMALL_RUN}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, styles: Path, settings: dict[str, Any]) -> Path:
    """A run of two styles that keeps its targets."""
    out = tmp_path_factory.mktemp("kept") / "run"
    return nstyle.train([styles / "waves.png", styles / "mosaic.png"], out=out, keep_targets=True, **settings)


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """The model file alone, as it is passed on."""
    return Path(shutil.copy(run / "model.safetensors", tmp_path / "passed-on.safetensors"))


def grown(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in ("width", "size")} | more


def test_the_model_keeps_the_targets_of_its_run(run: Path) -> None:
    info = read_info(run / "model.safetensors")
    kept = unpack_targets(load_targets(run / "model.safetensors"), RELATIVE.term_names, 2)
    own = RunDirectory(run).read_styles()
    assert info.format_version == 3
    for term, value in own.targets.items():
        largest = value.abs().amax(dim=(1, 2), keepdim=True)
        assert ((kept[term] - value).abs() <= 2**-11 * largest).all()


def test_added_styles_join_the_targets_and_resume_keeps_them(
    run: Path, styles: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    new = nstyle.add_style(run, [styles / "hatching.png"], out=tmp_path / "new", **grown(settings))
    before, after = (load_targets(path / "model.safetensors") for path in (run, new))
    assert all(torch.equal(value, after[name][:2]) for name, value in before.items())
    for choice in ({}, {"keep_targets": False}):
        trainer = prepare_training((), out=new, resume=True, updates=3, **choice)
        assert trainer.lock is not None
        trainer.lock.release()
        if choice:
            assert trainer.kept is None
        else:
            assert trainer.kept is not None
            assert all(torch.equal(value, trainer.kept[name]) for name, value in after.items())


def test_targets_that_do_not_fit_old_ones_are_left_out_with_a_line(
    run: Path, styles: Path, tmp_path: Path, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    hatching = [styles / "hatching.png"]
    with caplog.at_level(logging.WARNING):
        new = nstyle.add_style(run, hatching, out=tmp_path / "new", **grown(settings, style_size=64))
    assert "no style targets are kept: those of the old styles" in caplog.text
    assert "are of paintings of 48 px, and these of 64" in caplog.text
    assert read_info(new / "model.safetensors").target_bytes == 0


def test_targets_are_not_kept_beside_styles_that_have_none(model: Path, photo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"`keep_targets`: .* has no targets of its 3 styles; leave it out"):
        nstyle.add_style(model, [photo], out=tmp_path / "new", content=photo.parent, keep_targets=True)
    assert not (tmp_path / "new").exists()


def test_a_run_that_starts_from_a_model_keeps_targets_as_it_does(
    run: Path, styles: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    new = nstyle.train([styles / "hatching.png"], out=tmp_path / "new", init_from=run, **grown(settings, size=32))
    kept = unpack_targets(load_targets(new / "model.safetensors"), RELATIVE.term_names, 1)
    own = RunDirectory(new).read_styles().targets
    torch.testing.assert_close(kept["relu4_1@2"], own["relu4_1@2"], rtol=1e-3, atol=1e-6)


def losses_of(page: Path) -> list[float]:
    rows = (page.parent / "losses.csv").read_text().splitlines()[1:]
    return [float(row.split(",")[3]) for row in rows]


def test_curves_without_the_paintings_are_those_with_them(
    copied: Path, styles: Path, photo: Path, tmp_path: Path, vgg_file: Path
) -> None:
    asked = {"steps": 2, "size": 64, "vgg": str(vgg_file)}
    kept = nstyle.interpolate(photo, copied, out=tmp_path / "kept", **asked)
    paintings = nstyle.interpolate(photo, copied, out=tmp_path / "paintings", style_images=[styles], **asked)
    assert "against the targets in the model file" in json.loads((kept.parent / "report.json").read_text())["losses"]
    assert losses_of(kept) == pytest.approx(losses_of(paintings), rel=1e-3)


def test_targets_of_another_encoder_are_passed_over_with_one_line(
    copied: Path, photo: Path, tmp_path: Path, nstyle: Run
) -> None:
    other = write_vgg(tmp_path / "other.safetensors", VGGWeights.random(seed=1), last=17)
    options = ["--model", copied, "--steps", 2, "--size", 64]
    done = nstyle("interpolate", photo, *options, "--out", "blends", NSTYLE_VGG=str(other))
    lines = [line for line in done.stderr.decode().splitlines() if "no loss curves" in line]
    assert len(lines) == 1
    assert "the targets in the model file were made with other VGG weights (vgg16, unknown, sha256 " in lines[0]
    assert lines[0].endswith("give them with --vgg, or --style-images")
    assert (tmp_path / "blends" / "report.html").exists()
    assert not (tmp_path / "blends" / "losses.csv").exists()


def test_weights_of_the_release_that_stop_early_are_passed_over_with_one_line(
    copied: Path, photo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSTYLE_VGG", str(write_vgg(tmp_path / "short.safetensors", VGGWeights.random(), last=14)))
    monkeypatch.setattr(KnownTargets, "check", lambda *of_the_release: None)
    nstyle.interpolate(photo, copied, out=tmp_path / "blends", steps=2, size=64)
    (line,) = [record.getMessage() for record in caplog.records if "no loss curves" in record.getMessage()]
    assert line.endswith("but these vgg16 weights stop at relu3_3; give deeper ones with `vgg`")
    assert not (tmp_path / "blends" / "losses.csv").exists()


def test_another_encoder_that_is_asked_for_is_refused(copied: Path, photo: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"than these \(lite, nstyle, sha256 .*; give them with `vgg`, or `style_images`"
    ):
        nstyle.interpolate(photo, copied, out=tmp_path / "asked", steps=2, size=64, vgg="lite")
    assert not (tmp_path / "asked").exists()


def test_info_and_models_say_how_much_of_the_file_is_targets(copied: Path, run: Path, nstyle: Run) -> None:
    size = f"(style targets: {read_info(copied).target_bytes / 1e6:.1f} MB)"
    assert size in nstyle("info", copied).stdout.decode()
    shutil.copytree(run, copied.parent / "checkpoints" / "run")
    assert f"MB {size}" in nstyle("models").stdout.decode()


def test_training_says_how_much_of_the_file_is_targets(copied: Path, run: Path, nstyle: Run) -> None:
    shutil.copytree(run, copied.parent / "checkpoints" / "run")
    size = f"style targets: {read_info(copied).target_bytes / 1e6:.1f} MB"
    done = nstyle("train", "--resume", "--out", "checkpoints/run", "--updates", 3)
    assert f"{size}, in checkpoints/run/model.safetensors" in done.stderr.decode()
