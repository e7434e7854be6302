"""Schedules, settings, device choice."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from nstyle.errors import UsageError
from nstyle.losses.presets import DUMOULIN
from nstyle.system.devices import choose_device, choose_dtype
from nstyle.training.config import TrainingConfig
from nstyle.training.schedule import learning_rate, style_ids


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


def test_settings_survive_toml(tmp_path: Path) -> None:
    config = TrainingConfig(
        content='C:\\photos "of" Zoë 📷\n',
        coco_annotations="instances.json",
        coco_categories=("cat", "dog"),
        preset=DUMOULIN,
        style_factors={"great-wave": 2.0, "ü x": 0.5},
        compile=True,
    )
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert TrainingConfig.from_toml(path) == config
    assert config.style_size == 384


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"updates": 0}, "`updates` is 0; expected at least 1"),
        ({"size": 8}, "`size` is 8"),
        ({"lr": float("nan")}, "`lr` is nan"),
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


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_dtype("fp32", torch.device("cpu")) == torch.float32
    assert choose_dtype("bf16", torch.device("cpu")) == torch.bfloat16
    with pytest.raises(UsageError, match="expected auto, cpu, cuda"):
        choose_device("tpu9")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="does not have"):
            choose_device("cuda")
