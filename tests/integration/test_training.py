"""Runs of training: checkpoints, resume, append, interruptions, failures. Small crops, a small network, random VGG."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nstyle
from nstyle.comparison.prepare import prepare_comparison
from nstyle.data.crops import CropSampler
from nstyle.data.resident import ResidentSampler
from nstyle.encoders.vgg_weights import load_vgg_weights
from nstyle.errors import NonFiniteLossError, NstyleError, UsageError
from nstyle.imaging.grain import add_grain
from nstyle.imaging.pictures import to_image
from nstyle.losses.presets import JOHNSON, JOHNSON_OXFORD
from nstyle.models.model_file import load_model, read_info
from nstyle.system.interrupts import InterruptedRunError
from nstyle.training.config import TrainingConfig, read_settings
from nstyle.training.run_directory import RunDirectory
from nstyle.training.train import PRESET_OVERRIDES, make_config, prepare_append, prepare_training
from nstyle.training.trainer import Progress
from nstyle.training.validation import sample_grid, validate
from tests.conftest import SMALL_RUN

Train = Callable[..., Path]


@pytest.fixture
def settings(photos: Path, vgg_file: Path) -> dict[str, Any]:
    return {
        "content": str(photos),
        "vgg": str(vgg_file),
        "updates": 12,
        "checkpoint_every": 4,
        **SMALL_RUN,
    }


@pytest.fixture
def paintings(styles: Path) -> list[Path]:
    return [styles / "waves.png", styles / "mosaic.png"]


def lines(run: Path) -> list[dict[str, Any]]:
    """Read the log of a run without what the machine decides."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all(earlier["seconds"] <= later["seconds"] for earlier, later in pairwise(rows))
    return [{name: value for name, value in row.items() if name not in ("seconds", "peak_memory")} for row in rows]


def test_a_run_holds_what_it_promises(tmp_path: Path, settings: dict[str, Any], paintings: list[Path]) -> None:
    run = nstyle.train(paintings, out=tmp_path / "run", **settings)
    names = {path.name for path in run.iterdir()}
    assert names == {
        "model.safetensors",
        "styles.safetensors",
        "training-12.pt",
        "metrics.jsonl",
        "config.toml",
        "tensorboard",
        "samples",
    }
    assert sorted(path.name for path in (run / "samples").iterdir()) == ["000004.jpg", "000008.jpg", "000012.jpg"]
    assert list((run / "tensorboard").iterdir())
    info = read_info(run / "model.safetensors")
    assert info.styles == ("waves", "mosaic")
    assert (info.updates, info.run_updates, info.size, info.style_size) == (12, 12, 32, 48)
    updates = [line for line in lines(run) if "losses" in line]
    assert [line["update"] for line in updates] == list(range(1, 13))
    assert [next(iter(line["losses"])) for line in updates[:4]] == ["waves", "mosaic", "waves", "mosaic"]
    assert {"content", "style", "tv", "relu1_2@0", "relu3_3@2"} <= set(updates[0]["losses"]["waves"])
    validations = [line for line in lines(run) if "validation" in line]
    assert [line["update"] for line in validations] == [4, 8, 12]
    assert set(validations[0]["validation"]) == {"waves", "mosaic"}


def test_training_learns(tmp_path: Path, settings: dict[str, Any], paintings: list[Path]) -> None:
    run = nstyle.train(paintings, out=tmp_path / "run", **settings | {"updates": 60, "checkpoint_every": 30})
    start = sum(line["total"] for line in lines(run)[:4]) / 4
    first, last = (
        sum(v["total"] for v in line["validation"].values()) / 2 for line in lines(run) if "validation" in line
    )
    assert max(first, last) < 0.95 * start, (first, last, start)


@pytest.mark.parametrize("schedule", ["round-robin", pytest.param("random", marks=pytest.mark.slow)])
def test_resume_after_a_kill_is_bit_identical(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], schedule: str
) -> None:
    """lengstrom#105 and MSG-Net#5: a restart lost the run, or the optimizer."""
    settings |= {"updates": 60, "checkpoint_every": 5, "schedule": schedule, "lr_schedule": "one-cycle"}
    whole = nstyle.train(paintings, out=tmp_path / "whole", **settings)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    killed = tmp_path / "killed"
    command = [
        sys.executable,
        "-m",
        "nstyle",
        "train",
        "--styles",
        *map(str, paintings),
        *options,
        "--out",
        str(killed),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(killed.glob("training-*.pt")):
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(random.uniform(0, 1.0))
    process.kill()
    process.communicate()
    stands_at = RunDirectory(killed).load_checkpoint()[3]
    assert stands_at % 5 == 0
    if stands_at < 60:
        nstyle.train(out=killed, resume=True)
    assert lines(killed) == lines(whole)
    a, b = (load_model(run / "model.safetensors")[0].state_dict() for run in (whole, killed))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert [path.name for path in killed.glob("training-*.pt")] == ["training-60.pt"]


def test_resume_longer_and_what_may_not_change(tmp_path: Path, settings: dict[str, Any], paintings: list[Path]) -> None:
    run = nstyle.train(paintings, out=tmp_path / "run", **settings)
    with pytest.raises(UsageError, match="is finished: 12 of 12 updates"):
        nstyle.train(out=run, resume=True)
    with pytest.raises(UsageError, match=r"`lr` is 0\.5, but the run was started with 0\.001"):
        nstyle.train(out=run, resume=True, updates=16, lr=0.5)
    with pytest.raises(UsageError, match=r"`style_weight` is 9\.0"):
        nstyle.train(out=run, resume=True, updates=16, style_weight=9.0)
    with pytest.raises(UsageError, match=r"the run trains waves, mosaic, in this order"):
        nstyle.train(paintings[::-1], out=run, resume=True, updates=16)
    with pytest.raises(UsageError, match="holds a run already"):
        nstyle.train(paintings, out=run, **settings)
    nstyle.train(paintings, out=run, resume=True, updates=16, lr=1e-3)
    assert read_info(run / "model.safetensors").updates == 16
    assert [line["update"] for line in lines(run) if "losses" in line] == list(range(1, 17))


def test_kept_photographs_are_chosen_by_the_updates_left_and_resume_bit_identically(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nstyle.data.choice._spare", lambda device, reserved: 10**8)
    settings |= {"validation": settings["content"], "updates": 4}
    whole = nstyle.train(paintings, out=tmp_path / "whole", **settings)
    run = nstyle.train(paintings, out=tmp_path / "run", **settings | {"updates": 2, "workers": 1})
    resumed = prepare_training([], out=run, resume=True, updates=4, workers=3)
    assert type(resumed.photographs.sampler) is ResidentSampler
    resumed.train()
    assert lines(run)[-1]["validation"] == lines(whole)[-1]["validation"]
    assert type(prepare_training([], out=run, resume=True, updates=5).photographs.sampler) is CropSampler


def test_plain_areas_grain_the_spectrum_and_stability_resume_bit_identically(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path]
) -> None:
    settings |= {"size": 64, "updates": 4, "checkpoint_every": 4, "grain": 4.0, "plain": 0.5, "spectrum_weight": 2.0}
    settings |= {"stability_weight": 3.0}
    whole = nstyle.train(paintings, out=tmp_path / "whole", **settings)
    run = nstyle.train(paintings, out=tmp_path / "run", **settings | {"updates": 2})
    nstyle.train(out=run, resume=True, updates=4)
    assert [line for line in lines(run) if "losses" in line] == [line for line in lines(whole) if "losses" in line]
    first = lines(whole)[0]["losses"]["waves"]
    expected = first["content"] + 10 * first["style"] + 2 * first["spectrum"] + 3 * first["stability"]
    assert first["total"] == pytest.approx(expected, rel=1e-5)
    assert read_info(run / "model.safetensors").preset["spectrum_weight"] == 2


def test_resumed_settings_are_kept_for_the_next_resume(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSTYLE_VGG", settings.pop("vgg"))
    settings |= {"style_factors": {"wav": 2.0}, "precision": "auto"}
    run = nstyle.train(paintings, out=tmp_path / "run", **settings)
    monkeypatch.delenv("NSTYLE_VGG")
    config = TrainingConfig.from_toml(run / "config.toml")
    assert config.vgg == str(vgg_file)
    assert config.precision in ("fp32", "bf16")
    trainer = prepare_training(paintings, out=run, resume=True, **settings | {"updates": 20})
    trainer.train(lambda progress: trainer.run.metrics.touch())
    assert TrainingConfig.from_toml(run / "config.toml").updates == 20
    with pytest.raises(UsageError, match="is finished: 20 of 20 updates"):
        nstyle.train(out=run, resume=True)


def test_a_run_that_died_before_its_first_checkpoint_can_be_started_again(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path]
) -> None:
    trainer = prepare_training(paintings, out=tmp_path / "run", resume=False, **settings)

    def die(progress: Any) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        trainer.train(die)
    with pytest.raises(UsageError, match="has no checkpoint to resume from"):
        nstyle.train(out=tmp_path / "run", resume=True)
    run = nstyle.train(paintings, out=tmp_path / "run", **settings)
    assert [line["update"] for line in lines(run) if "losses" in line] == list(range(1, 13))


def test_what_cannot_work_is_refused_before_the_run_begins(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="`size` is 32; expected at least 128 px for 5 scales"):
        prepare_training(paintings, out=tmp_path / "run", resume=False, style_scales=5, style_size=128, **settings)
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UsageError, match=r"no C\+\+ compiler was found"):
        prepare_training(paintings, out=tmp_path / "run", resume=False, compile=True, **settings)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file; expected a folder"):
        prepare_training(paintings, out=tmp_path / "file", resume=False, **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_new_run_touches_no_files_of_others(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], photos: Path
) -> None:
    shutil.copytree(photos, tmp_path / "samples")
    with pytest.raises(UsageError, match="holds other files and no run; give the run a folder of its own"):
        nstyle.train(paintings, out=tmp_path, **{**settings, "content": str(tmp_path / "samples")})
    assert len(list((tmp_path / "samples").rglob("*.jpg"))) == 4


def test_the_settings_of_a_run_resume_it(tmp_path: Path, settings: dict[str, Any], paintings: list[Path]) -> None:
    given = {**settings, "style_layers": ("block1_conv2",)}
    run = nstyle.train(paintings, out=tmp_path / "run", **given)
    stored = read_settings(run / "config.toml")
    styles = stored.pop("styles")
    nstyle.train(styles, out=run, resume=True, **{**stored, "updates": 13})
    nstyle.train(paintings, out=run, resume=True, **{**given, "updates": 14})
    assert read_info(run / "model.safetensors").updates == 14
    with pytest.raises(UsageError, match=r"`init_from` is .*, but the run was started with "):
        nstyle.train(out=run, resume=True, updates=16, init_from=str(run))


def test_photographs_that_judge_and_are_trained_on_are_named(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = {**settings, "validation": str(photos / "more")}
    prepare_training(paintings, out=tmp_path / "run", resume=False, **given)
    assert "2 of 2 validation photographs are trained on too, such as " in caplog.text


def test_resume_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run to resume"):
        nstyle.train(out=tmp_path / "nothing", resume=True)


def test_crash_between_the_two_files_of_a_checkpoint(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import nstyle.training.run_directory as module

    run = tmp_path / "run"
    original, calls = module.save_model, []

    def crash(*args: Any, **kwargs: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        original(*args, **kwargs)

    monkeypatch.setattr(module, "save_model", crash)
    with pytest.raises(KeyboardInterrupt):
        nstyle.train(paintings, out=run, **settings)
    assert sorted(path.name for path in run.glob("training-*.pt")) == ["training-4.pt", "training-8.pt"]
    monkeypatch.setattr(module, "save_model", original)
    nstyle.train(out=run, resume=True)
    whole = nstyle.train(paintings, out=tmp_path / "whole", **settings)
    assert lines(run) == lines(whole)


def test_a_signal_during_the_last_update_stops_the_caller_too(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path]
) -> None:
    def stop(now: Progress) -> None:
        if now.update == now.updates:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(InterruptedRunError, match="stopped after the last update") as stopped:
        nstyle.train(paintings, out=tmp_path / "run", progress=stop, **settings)
    assert stopped.value.exit_status == 143
    assert read_info(tmp_path / "run" / "model.safetensors").updates == settings["updates"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_and_exit(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], number: signal.Signals
) -> None:
    options = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in (settings | {"updates": 100000, "checkpoint_every": 50000}).items()
    ]
    run = tmp_path / "run"
    command = [sys.executable, "-m", "nstyle", "train", "--styles", *map(str, paintings), *options, "--out", str(run)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").stat().st_size:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "everything is saved, continue with: nstyle train --resume" in errors.decode()
    assert "Traceback" not in errors.decode()
    stopped_at = read_info(run / "model.safetensors").updates
    assert stopped_at > 0
    assert lines(run)[-1]["update"] == stopped_at
    nstyle.train(out=run, resume=True, updates=stopped_at + 2)
    assert read_info(run / "model.safetensors").updates == stopped_at + 2


def test_appending_keeps_the_old_styles_bit_identical(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], styles: Path
) -> None:
    old = nstyle.train(paintings, out=tmp_path / "old", **settings)
    kept = {name: settings[name] for name in ("content", "vgg", "updates", "batch_size", "precision", "device")}
    new = nstyle.add_style(old, [styles / "hatching.png"], out=tmp_path / "new", **kept)
    before, after = nstyle.load(old), nstyle.load(new)
    assert after.styles == ("waves", "mosaic", "hatching")
    assert after.info.preset == before.info.preset
    assert (after.info.updates, after.info.run_updates, after.info.size) == (24, 12, 32)
    image = torch.rand(3, 40, 44)
    for name in before.styles:
        assert torch.equal(before.stylize(image, name), after.stylize(image, name))
    half = {"waves": 0.5, "mosaic": 0.5}
    assert torch.equal(before.stylize(image, half), after.stylize(image, half))
    assert not torch.allclose(after.stylize(image, "hatching"), before.stylize(image, half), atol=1e-3)
    a, b = before.network.state_dict(), after.network.state_dict()
    assert all(torch.equal(value, b[name][: len(value)]) for name, value in a.items())
    assert all(set(line["losses"]) == {"hatching"} for line in lines(new) if "losses" in line)


def test_an_append_that_was_killed_resumes(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], styles: Path
) -> None:
    old = nstyle.train(paintings, out=tmp_path / "old", **settings)
    kept = settings | {"updates": 8}
    del kept["width"]
    whole = nstyle.add_style(old, [styles / "hatching.png"], out=tmp_path / "whole", **kept)
    part = nstyle.add_style(old, [styles / "hatching.png"], out=tmp_path / "part", **kept | {"updates": 4})
    nstyle.train(out=part, resume=True, updates=8)
    assert lines(part) == lines(whole)
    a, b = (load_model(run / "model.safetensors")[0].state_dict() for run in (whole, part))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_grain_is_carried_by_the_model_and_kept_by_what_grows_from_it(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], styles: Path, photo: Path
) -> None:
    settings |= {"updates": 2}
    old = nstyle.train(paintings, out=tmp_path / "old", grain=6.0, **settings)
    nstyle.train(out=old, resume=True, updates=3)
    kept = {name: value for name, value in settings.items() if name not in ("width", "size")}
    with pytest.raises(UsageError, match=r"`grain` is 2\.0; expected 6 as the model's old styles have, or nothing"):
        nstyle.add_style(old, [styles / "hatching.png"], out=tmp_path / "new", grain=2.0, **kept)
    new = nstyle.add_style(old, [styles / "hatching.png"], out=tmp_path / "new", **kept)
    started = nstyle.train(paintings, out=tmp_path / "started", init_from=str(old), **settings)
    changed = nstyle.train(paintings, out=tmp_path / "changed", init_from=str(old), grain=0, **settings)
    assert [nstyle.load(run).info.grain for run in (old, new, started, changed)] == [6, 6, 6, 0]
    before, after = nstyle.load(old).stylize(photo, "waves"), nstyle.load(new).stylize(photo, "waves")
    assert before.tobytes() == after.tobytes()
    plain = nstyle.train(paintings, out=tmp_path / "plain", **settings | {"updates": 1})
    assert lines(plain)[0]["losses"] != lines(old)[0]["losses"]


def test_validation_and_samples_show_what_painting_by_default_shows(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path]
) -> None:
    settings |= {"updates": 1, "grain": 16.0}
    trainer = prepare_training(paintings, out=tmp_path / "run", resume=False, **settings)
    trainer.train()
    photos, rows, network = trainer.photographs.validation, trainer.rows, trainer.network.eval()
    grid = sample_grid(network, photos, rows, trainer.info.painting_grain)
    side = photos.shape[-1]
    pixels = add_grain(torch.from_numpy(np.array(to_image(photos[0]))).permute(2, 0, 1)[None], 8.0) / 255
    with torch.inference_mode():
        painted = network(pixels, torch.tensor([[1.0, 0.0]]))[0]
    torch.testing.assert_close(grid[:, side + 4 : 2 * side + 4, :side], painted, rtol=0.0, atol=1e-4)
    assert torch.equal(grid[:, :side, :side], photos[0]), "the photographs on top have none"
    given = (network, trainer.perceptual, photos, trainer.styles, rows, torch.float32)
    logged = lines(tmp_path / "run")[-1]["validation"]["waves"]["content"]
    plain, stronger = validate(*given)["waves"], validate(*given, factors=[3.0, 1.0])["waves"]
    weight = trainer.config.preset.style_weight
    assert stronger["total"] == pytest.approx(plain["total"] + 2 * weight * plain["style"], rel=1e-5)
    assert (stronger["content"], stronger["style"]) == (plain["content"], plain["style"])
    assert logged == pytest.approx(validate(*given, 8.0)["waves"]["content"], rel=1e-6)
    assert logged != pytest.approx(validate(*given)["waves"]["content"], rel=1e-6)


def test_append_refuses_a_name_that_is_there(tmp_path: Path, settings: dict[str, Any], paintings: list[Path]) -> None:
    old = nstyle.train(paintings, out=tmp_path / "old", **settings | {"updates": 1})
    with pytest.raises(UsageError, match=r"style 'waves' is in .* already"):
        prepare_append(old, paintings[:1], out=tmp_path / "new", content=settings["content"], vgg=settings["vgg"])


def test_init_from_matches_rows_by_name(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], styles: Path
) -> None:
    old = nstyle.train(paintings, out=tmp_path / "old", **settings)
    del settings["width"]
    chosen = [styles / "hatching.png", styles / "mosaic.png"]
    trainer = prepare_training(chosen, out=tmp_path / "new", resume=False, init_from=str(old), **settings)
    source = load_model(old / "model.safetensors")[0].state_dict()
    for name, value in trainer.network.state_dict().items():
        if name.endswith(("gamma_SC", "beta_SC")):
            assert torch.equal(value[1], source[name][1])
            torch.testing.assert_close(value[0], source[name].mean(dim=0))
        else:
            assert torch.equal(value, source[name])
    assert trainer.info.updates == 12


def test_non_finite_loss_names_style_layer_and_update_and_keeps_the_checkpoint(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path]
) -> None:
    trainer = prepare_training(paintings, out=tmp_path / "run", resume=False, **settings)

    def poison(progress: Any) -> None:
        if progress.update == 5:
            trainer.styles.targets["relu2_2@1"][1] = float("nan")

    with pytest.raises(NonFiniteLossError, match=r"became nan at update 6: style 'mosaic', term relu2_2@1"):
        trainer.train(poison)
    assert read_info(trainer.run.model).updates == 4
    nstyle.train(out=trainer.run.path, resume=True)
    assert read_info(trainer.run.model).updates == 12


def test_a_gradient_too_large_to_clip_ends_the_run(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path]
) -> None:
    """A norm of infinity clips every gradient to 0: the run would go on and learn nothing."""
    with pytest.raises(
        NonFiniteLossError, match=r"the norm of the gradient became inf at update 1, though the loss is finite"
    ):
        nstyle.train(paintings, out=tmp_path / "run", **settings | {"style_weight": 1e25, "precision": "fp32"})


def test_photographs_that_break_later_end_the_run_with_its_state_saved(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], photos: Path
) -> None:
    content = tmp_path / "content"
    content.mkdir()
    for i, path in enumerate(sorted(photos.rglob("*.jpg")) * 2):
        (content / f"{i}.jpg").write_bytes(path.read_bytes())
    trainer = prepare_training(
        paintings, out=tmp_path / "run", resume=False, **settings | {"content": str(content), "updates": 400}
    )

    def lose_a_disk(progress: Any) -> None:
        if progress.update == 6:
            for path in content.iterdir():
                path.write_bytes(b"")

    with pytest.raises(NstyleError, match=r"be read any more"):
        trainer.train(lose_a_disk)
    assert read_info(trainer.run.model).updates >= 6
    assert lines(trainer.run.path)[-1]["update"] == read_info(trainer.run.model).updates


def test_flat_paintings_and_flat_photographs_stay_finite(tmp_path: Path, settings: dict[str, Any]) -> None:
    """elleryqueenhomels#1: NaN from the root of a zero variance."""
    from PIL import Image

    (tmp_path / "flat").mkdir()
    for i in range(3):
        Image.new("RGB", (64, 64), "black").save(tmp_path / "flat" / f"{i}.png")
    run = nstyle.train(
        [tmp_path / "flat" / "0.png"], out=tmp_path / "run", **settings | {"content": str(tmp_path / "flat")}
    )
    assert read_info(run / "model.safetensors").updates == 12


def test_johnson_takes_its_weights_by_the_release_and_records_them(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oxford = replace(load_vgg_weights(vgg_file), release="oxford")
    for module in ("nstyle.training.setup", "nstyle.training.train", "nstyle.comparison.identity"):
        monkeypatch.setattr(f"{module}.load_encoder_weights", lambda source: oxford)
    given = {**settings, "preset": "johnson", "content_weight": 2.0, "style_layers": ("relu1_2",)}
    trainer = prepare_training(paintings, out=tmp_path / "run", resume=False, **given)
    for preset in (trainer.config.preset, TrainingConfig.from_toml(tmp_path / "run" / "config.toml").preset):
        assert (preset.style_weight, preset.content_weight, preset.release) == (5.0, 2.0, "oxford")
    plan = prepare_comparison(paintings, out=tmp_path / "gap", **{**given, "held_out": 2})
    assert plan.config.preset == trainer.config.preset


def test_what_is_given_beside_johnson_is_kept_even_if_it_is_a_default_elsewhere(
    tmp_path: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oxford = replace(load_vgg_weights(vgg_file), release="oxford")
    monkeypatch.setattr("nstyle.training.train.load_encoder_weights", lambda source: oxford)
    usual = {name: getattr(JOHNSON, name) for name in PRESET_OVERRIDES}
    for name, value in usual.items():
        given = make_config([], {"preset": "johnson", name: value}).preset
        assert given == replace(JOHNSON_OXFORD, **{name: value})
    assert make_config([], {"preset": JOHNSON}).preset == JOHNSON, "a whole preset, such as that of a config.toml"


def test_a_comparison_of_johnson_from_before_its_weights_by_release_says_what_to_do(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oxford = replace(load_vgg_weights(vgg_file), release="oxford")
    for module in ("nstyle.training.train", "nstyle.comparison.identity"):
        monkeypatch.setattr(f"{module}.load_encoder_weights", lambda source: oxford)
    asked = {**settings, "held_out": 2}
    before = prepare_comparison(paintings, out=tmp_path / "gap", **asked, preset=JOHNSON)
    with pytest.raises(UsageError, match=r"has the weights for the torchvision .* with `config` .*config.toml, or cho"):
        prepare_comparison(paintings, out=tmp_path / "gap", **asked, preset="johnson")
    again = read_settings(tmp_path / "gap" / "config.toml")
    assert prepare_comparison(out=tmp_path / "gap", **again).config == before.config


def test_style_factors_and_presets(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    trainer = prepare_training(paintings, out=tmp_path / "a", resume=False, style_factors={"mosaic": 3.0}, **settings)
    assert trainer.work.styles.factor.tolist() == [1.0, 3.0]
    with pytest.raises(UsageError, match="there is no style 'rain'"):
        prepare_training(paintings, out=tmp_path / "b", resume=False, style_factors={"rain": 3.0}, **settings)
    with pytest.raises(UsageError, match=r"preset johnson compares relu4_3, but these vgg16 weights stop at relu4_1"):
        prepare_training(paintings, out=tmp_path / "b", resume=False, preset="johnson", **settings)
    assert not (tmp_path / "b").exists(), "nothing half-written"
    three = ("relu1_2", "relu2_2", "relu3_3")
    trainer = prepare_training(
        paintings, out=tmp_path / "c", resume=False, preset="dumoulin", style_layers=three, **settings
    )
    assert "preset dumoulin was tuned on oxford weights, but these are unknown" in caplog.text
    trainer.train()
    assert set(trainer.styles.targets) == {f"{layer}@0" for layer in three}


def test_no_content(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    del settings["content"]
    with pytest.raises(
        UsageError, match=r"data/coco/train2017 or data/coco/train2014 is not there; .*`content`.*download_coco"
    ):
        nstyle.train(paintings, out=tmp_path / "run", **settings)


def test_default_run_name_and_newest_run(
    tmp_path: Path, settings: dict[str, Any], paintings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = nstyle.train(paintings, **settings | {"updates": 2})
    assert run == Path("checkpoints/waves+mosaic")
    assert nstyle.load().styles == ("waves", "mosaic")
    assert nstyle.train(resume=True, updates=3) == run


def test_bfloat16_learns_like_float32(tmp_path: Path, settings: dict[str, Any], paintings: list[Path]) -> None:
    settings |= {"updates": 40, "checkpoint_every": 40}
    runs = [nstyle.train(paintings, out=tmp_path / p, **settings | {"precision": p}) for p in ("fp32", "bf16")]
    full, half = (next(line["validation"] for line in lines(run) if "validation" in line) for run in runs)
    # Rounding alone moves one style of so short a run by several per cent, in float32 too.
    full_mean, half_mean = (sum(losses["total"] for losses in validation.values()) / 2 for validation in (full, half))
    assert half_mean == pytest.approx(full_mean, rel=0.05)


def test_errors_are_one_class() -> None:
    assert issubclass(NonFiniteLossError, NstyleError)
    assert issubclass(UsageError, ValueError)
