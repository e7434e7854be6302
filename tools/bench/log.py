"""Time the log of a run: writing an update's losses from the device to ``metrics.jsonl`` and TensorBoard."""

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from pathlib import Path

import torch
from machine import synchronize
from rows import Bench, Row, Sample

from nstyle.losses.presets import RELATIVE
from nstyle.training.metrics import SHOWN_EVERY, MetricsLog
from nstyle.training.update import value_names

SUBJECT = "log"
NUM_STYLES = 16
RATE = 150.0
"""The updates per second of a fast run. The log should take less than 3 % of its time."""
UPDATES = 10 * SHOWN_EVERY
"""The number of timed updates."""
DISTINCT = 20
"""The number of updates whose losses are generated, and then logged repeatedly."""


def rows(bench: Bench) -> list[Row]:
    """List the rows for a batch with one sample of each style, and for the default batch of one style."""
    styles = [f"style-{number:02d}" for number in range(NUM_STYLES)]
    ways = {
        f"batch {NUM_STYLES}, one of each style": [styles],
        "batch 4, of one style": [[style] * 4 for style in styles],
    }
    return [
        Row(subject=SUBJECT, name=name, measure=partial(_measure, batches, bench), rate=RATE)
        for name, batches in ways.items()
    ]


def _measure(batches: Sequence[Sequence[str]], bench: Bench) -> Sample:
    device = torch.device(bench.device)
    preset = RELATIVE
    names = value_names(preset)
    values = [torch.rand(len(names), len(batches[0]), device=device) for _ in range(DISTINCT)]
    norm = torch.rand((), device=device) + 1
    updates = 2 * DISTINCT if bench.quick else UPDATES
    with tempfile.TemporaryDirectory(dir=bench.prepared) as folder:
        log = MetricsLog(Path(folder) / "metrics.jsonl", Path(folder) / "tensorboard", 0, names)
        samples = zip(range(1, SHOWN_EVERY + updates + 1), cycle(batches), cycle(values))
        for update, styles, losses in samples:
            if update == SHOWN_EVERY + 1:
                log.flush()
                synchronize(device)
                started = time.perf_counter()
            log.add(update, 1e-3, styles, losses, norm)
        log.flush()
        seconds = (time.perf_counter() - started) / updates
        log.close()
    return Sample(seconds=seconds, note=f"{NUM_STYLES} styles, {len(names)} terms")
