"""The log of a run: every update in order, and the end of runs that learn nothing or nonsense."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nstyle.errors import NonFiniteLossError, ZeroGradientError
from nstyle.training.metrics import SHOWN_EVERY, MetricsLog
from nstyle.training.run_log import FLUSH_EVERY

NAMES = ("total", "content", "style", "tv", "relu1_2@0")
STYLES = ("waves", "mosaic", "waves")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[MetricsLog]:
    log = MetricsLog(tmp_path / "metrics.jsonl", tmp_path / "tensorboard", 0, NAMES)
    yield log
    log.close()


def add(log: MetricsLog, update: int, norm: float = 1.0, value: float = 0.5) -> None:
    values = torch.full((len(NAMES), len(STYLES)), value)
    values[1] = torch.tensor([1.0, 2.0, 4.0])
    log.add(update, 1e-3, STYLES, values, torch.tensor(norm))


def lines(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def test_every_update_is_written_once_in_order_and_averaged_by_style(log: MetricsLog, tmp_path: Path) -> None:
    updates = range(1, 2 * FLUSH_EVERY + 6)
    for update in updates:
        add(log, update)
    assert [line["update"] for line in lines(tmp_path)] == list(range(1, FLUSH_EVERY + 1)), (
        "a block is written when the next is complete"
    )
    log.flush()
    log.close()
    written = lines(tmp_path)
    assert [line["update"] for line in written] == list(updates)
    assert written[0]["losses"]["waves"]["content"] == 2.5
    assert written[0]["losses"]["mosaic"]["content"] == 2.0
    assert list(written[0]["losses"]["waves"]) == list(NAMES)
    assert log.latest["content"] == pytest.approx(7 / 3)


def test_the_gradient_may_vanish_once_but_not_for_a_whole_block(log: MetricsLog, tmp_path: Path) -> None:
    for update in range(1, FLUSH_EVERY + 1):
        add(log, update, norm=float(update == 7))
    for update in range(FLUSH_EVERY + 1, 2 * FLUSH_EVERY + 1):
        add(log, update, norm=0.0)
    with pytest.raises(
        ZeroGradientError, match=f"in updates {FLUSH_EVERY + 1} to {2 * FLUSH_EVERY}, so that nothing is learnt"
    ):
        log.flush()
    assert len(lines(tmp_path)) == 2 * FLUSH_EVERY


def test_what_is_not_finite_ends_the_run_after_the_lines_before_it(log: MetricsLog, tmp_path: Path) -> None:
    add(log, 1)
    add(log, 2, value=float("nan"))
    with pytest.raises(NonFiniteLossError, match="the loss became nan at update 2: style 'waves', term relu1_2@0"):
        log.flush()
    assert [line["update"] for line in lines(tmp_path)] == [1]


def test_tensorboard_shows_every_style_once_in_a_stretch(log: MetricsLog, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for update in range(1, 2 * SHOWN_EVERY):
        add(log, update)
    log.flush()
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    for tag in ("waves/content", "mosaic/relu1_2@0", "lr", "gradient_norm"):
        assert [event.step for event in events.Scalars(tag)] == [1, SHOWN_EVERY], tag
