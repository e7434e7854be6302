"""Schedules, settings, device choice."""

import json
import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from nstyle.errors import UsageError
from nstyle.losses.presets import DUMOULIN, Preset
from nstyle.system.devices import choose_device, choose_dtype
from nstyle.training.config import TrainingConfig
from nstyle.training.schedule import learning_rate, style_ids
from nstyle.training.train import make_config


def ids(schedule: str, update: int, **changes: int) -> list[int]:
    settings = {"num_styles": 3, "batch_size": 4, "updates": 12, "seed": 0} | changes
    return style_ids(schedule, update, **settings)


def test_round_robin_is_one_style_per_update_in_turn() -> None:
    assert [ids("round-robin", u) for u in range(4)] == [[0] * 4, [1] * 4, [2] * 4, [0] * 4]


def test_round_robin_batch_is_one_style_per_sample_in_turn() -> None:
    assert [ids("round-robin-batch", u) for u in range(3)] == [[0, 1, 2, 0], [1, 2, 0, 1], [2, 0, 1, 2]]


def test_sequential_takes_n_consecutive_updates_per_style() -> None:
    assert [ids("sequential", u)[0] for u in range(12)] == [0] * 4 + [1] * 4 + [2] * 4
    assert {ids("sequential", u, updates=10)[0] for u in range(10)} == {0, 1, 2}


def test_random_is_even_and_depends_on_seed_and_update_only() -> None:
    drawn = Counter(i for u in range(600) for i in ids("random", u))
    assert set(drawn) == {0, 1, 2}
    assert min(drawn.values()) > 0.8 * 800
    assert ids("random", 5) == ids("random", 5)
    assert [ids("random", u) for u in range(9)] != [ids("random", u, seed=1) for u in range(9)]


def test_one_cycle_rises_then_falls() -> None:
    rates = [learning_rate("one-cycle", u, peak=1e-3, updates=1000) for u in range(1000)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) == 50
    assert rates[0] == pytest.approx(1e-4)
    assert rates[-1] == pytest.approx(1e-5, rel=0.01)
    assert learning_rate("constant", 7, peak=1e-3, updates=10) == 1e-3


def test_a_schedule_has_a_rate_of_its_own_where_none_is_given() -> None:
    assert TrainingConfig().lr == 1e-3
    assert TrainingConfig(lr_schedule="one-cycle").lr == 2e-3
    assert TrainingConfig(lr_schedule="one-cycle", lr=1e-3).lr == 1e-3


def test_settings_survive_toml(tmp_path: Path) -> None:
    config = TrainingConfig(
        content='C:\\photos "of" Zoë 📷\n',
        coco_annotations="instances.json",
        coco_categories=("cat", "dog"),
        preset=DUMOULIN,
        style_factors={"great-wave": 2.0, "ü-x": 0.5},
        compile=True,
    )
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert TrainingConfig.from_toml(path) == config
    assert config.style_size == 384


def test_numbers_of_numpy_are_settings_too(tmp_path: Path) -> None:
    config = TrainingConfig(updates=np.int64(7), lr=np.float32(0.5), style_factors={"a": np.float64(2)})  # type: ignore[arg-type]
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert (
        TrainingConfig.from_toml(tmp_path / "config.toml")
        == config
        == TrainingConfig(updates=7, lr=0.5, style_factors={"a": 2.0})
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"updates": 0}, "`updates` is 0; expected at least 1"),
        ({"size": 8}, "`size` is 8"),
        ({"lr": float("nan")}, "`lr` is nan"),
        ({"lr": 0}, "`lr` is 0; expected more than 0 and at most 1"),
        ({"lr_schedule": "falling"}, "`lr_schedule` is falling; expected constant | one-cycle"),
        ({"grain": 65}, "`grain` is 65; expected 0 to 64 levels of 255"),
        ({"schedule": "shuffled"}, "`schedule` is shuffled; expected round-robin"),
        ({"style_factors": {"a": -1.0}}, "`style_factors` a is -1.0"),
        ({"clip": -1.0}, "`clip`"),
        ({"clip": float("inf")}, "`clip`"),
        ({"coco_categories": ("cat",)}, "expected `coco_annotations` with it"),
    ],
)
def test_bad_settings(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingConfig(**changes)


def test_damaged_settings_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("updates = ")
    with pytest.raises(UsageError, match="cannot be read as a file of settings"):
        TrainingConfig.from_toml(tmp_path / "config.toml")


ODD = ('"no"', '""', "-1", "nan", "inf", "true", "[[1]]", "[1, nan]", "{a = {b = 1}}", "1979-05-27", "0x" + "f" * 9000)


@pytest.mark.parametrize("value", [*ODD, "[" * 3000 + "]" * 3000, '"a\\u0000b"', "{'../x' = 1.0}"])
@pytest.mark.parametrize(
    "name", ["compile", "style_factors", "coco_categories", "seed", "preset", "rows_only", "styles"]
)
def test_settings_of_a_file_are_checked(tmp_path: Path, name: str, value: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{name} = {value}\n")
    if name in ("compile", "rows_only") and value == "true":
        assert TrainingConfig.from_toml(path)
        return
    with pytest.raises(UsageError, match=re.escape(str(path))) as raised:
        TrainingConfig.from_toml(path)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < len(str(path)) + 400


@pytest.mark.parametrize("value", [*ODD, "{}"])
@pytest.mark.parametrize("name", [f.name for f in fields(Preset) if f.name != "summary"])
def test_the_loss_of_a_file_is_checked(tmp_path: Path, name: str, value: str) -> None:
    path = tmp_path / "config.toml"
    text = "\n".join(f"{key} = {json.dumps(part)}" for key, part in DUMOULIN.to_dict().items() if key != name)
    path.write_text(f"[preset]\n{text}\n{name} = {value}\n")
    if name in ("name", "release") and value.startswith('"'):
        assert TrainingConfig.from_toml(path)
        return
    with pytest.raises(UsageError, match=f"{re.escape(str(path))} cannot be read .*{name}"):
        TrainingConfig.from_toml(path)


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_dtype("fp32", torch.device("cpu")) == torch.float32
    assert choose_dtype("bf16", torch.device("cpu")) == torch.bfloat16
    with pytest.raises(UsageError, match="expected auto, cpu, cuda"):
        choose_device("tpu9")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="does not have"):
            choose_device("cuda")


def test_unknown_settings_name_the_nearest() -> None:
    with pytest.raises(UsageError, match="there is no setting `update`; did you mean `updates`"):
        make_config([], {"update": 3})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"updates": 2.5}, "`updates` is 2.5; expected a whole number"),
        ({"compile": "no"}, "`compile` is no; expected True or False"),
        ({"size": True}, "`size` is True; expected a whole number"),
        ({"content": 3}, "`content` is 3; expected text"),
        ({"coco_categories": "cat"}, "`coco_categories` is cat; expected a tuple"),
        ({"style_factors": [1.0]}, r"`style_factors` is \[1.0\]; expected numbers by name"),
        ({"lr": "fast"}, "`lr` is fast; expected a finite number, more than 0 and at most 1"),
    ],
)
def test_settings_of_a_wrong_type(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingConfig(**changes)


def test_settings_of_version_0_1_are_read(tmp_path: Path) -> None:
    """Its table of the loss was called ``loss``, and its file names no paintings."""
    config = TrainingConfig(updates=7, preset=DUMOULIN)
    text = config.to_toml().replace("[preset]", "[loss]").replace("styles = []\n", "")
    assert "[loss]" in text
    assert "styles" not in text.split("[loss]")[0].replace("style_size", "").replace("style_factors", "")
    (tmp_path / "config.toml").write_text(text)
    assert TrainingConfig.from_toml(tmp_path / "config.toml") == config


@pytest.mark.parametrize("size", ["128", None, [128]])
def test_a_size_of_another_kind_is_refused_in_words(size: object) -> None:
    with pytest.raises(UsageError, match="`size` is "):
        TrainingConfig(size=size)  # type: ignore[arg-type]
