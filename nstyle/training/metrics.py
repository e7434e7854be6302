"""The log of a run: the losses of every update, which stay on the device and are written every few updates."""

import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nstyle.errors import NonFiniteLossError, ZeroGradientError
from nstyle.imaging.pictures import encode, to_image
from nstyle.system.event_file import EventFile
from nstyle.system.files import AppendedFile
from nstyle.system.processes import ALONE, Group
from nstyle.training.run_log import FLUSH_EVERY, seconds_so_far

logger = logging.getLogger(__name__)

SHOWN_EVERY = 100
"""TensorBoard shows each style once in this many updates, because recording 16 styles of 13 terms takes longer than an
update on a GPU."""


@dataclass(frozen=True)
class _Row:
    update: int
    seconds: float
    lr: float
    styles: Sequence[str]


class _Block:
    """The losses of consecutive updates while they are copied from the device.

    Args:
        rows: The update, time, learning rate and styles of each update.
        values: (T, B / ranks) each: total, content, style, tv and the style terms of every sample of this rank.
        norms: The norms of the gradients before clipping, scalars that are equal on all ranks.
    """

    def __init__(self, rows: Sequence[_Row], values: Sequence[Tensor], norms: Sequence[Tensor]) -> None:
        self.rows = rows
        on_gpu = values[0].is_cuda  # On other devices an asynchronous copy may be read too early.
        self._values_NTB, self._norms_N = (
            torch.stack(list(column)).to("cpu", non_blocking=on_gpu) for column in (values, norms)
        )
        self._arrived = torch.cuda.Event() if on_gpu else None  # type: ignore[no-untyped-call]
        if self._arrived is not None:
            self._arrived.record(torch.cuda.current_stream(values[0].device))

    def fetch(self) -> tuple[Tensor, list[float]]:
        """Wait for the copy, and return the losses (N, T, B / ranks) and the gradient norms."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._values_NTB, self._norms_N.tolist()


class MetricsLog:
    """Write the losses of every update to ``metrics.jsonl``, and those of some updates to TensorBoard.

    Losses are fetched in blocks, and a block is read when the next one is complete: by then its copy has finished, and
    the device stays busy while the block is written.

    Args:
        path: The path of ``metrics.jsonl``, to which lines are appended.
        tensorboard: The folder of the event files.
        first_update: The update from which on events of a killed run are purged.
        names: The names of the terms.
        group: The processes that train together. All of them add and flush at the same updates; rank 0 writes.

    Raises:
        NstyleError: If a file cannot be written, here and from all methods.
    """

    def __init__(
        self, path: Path, tensorboard: Path, first_update: int, names: Sequence[str], group: Group = ALONE
    ) -> None:
        self._group, self._names = group, names
        self._writes = group.ranks.is_first
        if self._writes:
            self._events = EventFile(tensorboard, purge_from=first_update + 1)
            self._file = AppendedFile(path)
        self._lines: list[str] = []
        self._noted: list[tuple[_Row, Tensor, Tensor]] = []
        self._fetched: _Block | None = None
        self._shown: dict[str, int] = {}
        self._started = time.monotonic() - seconds_so_far(path)
        self.latest: dict[str, float] = {}
        """The mean content and style loss of the last update that was read."""

    def add(self, update: int, lr: float, styles: Sequence[str], values: Tensor, gradient_norm: Tensor) -> None:
        """Add the losses of an update without waiting for the device.

        Args:
            update: The number of the update, counted from 1.
            lr: Its learning rate.
            styles: The styles of the samples of all ranks.
            values: (T, B / ranks): the terms, in the order of their names, of this rank's samples.
            gradient_norm: The norm of the gradient before clipping, a scalar that is equal on all ranks.

        Raises:
            NonFiniteLossError, ZeroGradientError: See :meth:`flush`. They are raised one block late.
        """
        self._noted.append((_Row(update, self._seconds(), lr, styles), values, gradient_norm))
        if len(self._noted) >= FLUSH_EVERY:
            self._send()

    def flush(self) -> None:
        """Write all losses that were added.

        Raises:
            NonFiniteLossError: If a loss or the gradient's norm is not finite; lines up to it are written.
            ZeroGradientError: If the gradients of a block of updates are all exactly zero.
        """
        self._send()
        self._send()
        self._sync()

    def _send(self) -> None:
        """Start to fetch the added losses, and write the block that was fetched before."""
        noted, self._noted = self._noted, []
        arrived, self._fetched = self._fetched, _Block(*zip(*noted, strict=True)) if noted else None
        if arrived is not None:
            self._write_block(arrived)

    def _write_block(self, block: _Block) -> None:
        values_NTB, norms = block.fetch()
        values_NTB = self._group.gather(values_NTB, dim=2)
        finite = torch.isfinite(values_NTB).flatten(1).all(dim=1).tolist()
        for row, values, norm, is_finite in zip(block.rows, values_NTB.tolist(), norms, finite, strict=True):
            if not is_finite or not math.isfinite(norm):
                self._sync()
                raise NonFiniteLossError(self._what_is_not_finite(row, values, norm))
            if self._writes:
                self._write_row(row, values, norm)
        self.latest = {"content": values_NTB[-1, 1].mean().item(), "style": values_NTB[-1, 2].mean().item()}
        self._write_lines()
        if not any(norms):
            first, last = block.rows[0].update, block.rows[-1].update
            raise ZeroGradientError(
                f"the gradient was exactly zero in updates {first} to {last}, so that nothing is learnt; checkpoints "
                "before them are kept: give weights and style factors above 0, or try `compile=False`, another torch, "
                "or `device` cpu"
            )

    def _write_row(self, row: _Row, values: list[list[float]], norm: float) -> None:
        samples: dict[str, list[tuple[float, ...]]] = {style: [] for style in row.styles}
        for style, terms in zip(row.styles, zip(*values, strict=True), strict=True):
            samples[style].append(terms)
        by_style = {
            style: dict(
                zip(self._names, (sum(column) / len(column) for column in zip(*chosen, strict=True)), strict=True)
            )
            for style, chosen in samples.items()
        }
        total = sum(values[0]) / len(values[0])
        self._write(
            {
                "update": row.update,
                "seconds": row.seconds,
                "lr": row.lr,
                "total": total,
                "losses": by_style,
                "gradient_norm": norm,
            }
        )
        stretch = row.update // SHOWN_EVERY
        new = [style for style in by_style if self._shown.get(style) != stretch]
        if new:
            self._shown |= dict.fromkeys(new, stretch)
            shown = {f"{style}/{term}": value for style in new for term, value in by_style[style].items()}
            self._events.add_values(shown | {"lr": row.lr, "gradient_norm": norm}, row.update)

    def _what_is_not_finite(self, row: _Row, values: list[list[float]], norm: float) -> str:
        bad = [(t, b) for t, line in enumerate(values) for b, value in enumerate(line) if not math.isfinite(value)]
        if not bad:
            return (
                f"the norm of the gradient became {norm} at update {row.update}, though the loss is finite: clipped, "
                "it would be nothing; start a new run with a lower `content_weight` or `style_weight`"
            )
        # The term of a single layer is more informative than the sums that it makes non-finite.
        term, sample = max(bad)
        return (
            f"the loss became {values[term][sample]} at update {row.update}: style '{row.styles[sample]}', term "
            f"{self._names[term]}; checkpoints before it are kept: start a new run from the last with `init_from`, a "
            "lower `lr` or `precision` fp32"
        )

    def add_validation(self, update: int, losses: dict[str, dict[str, float]], peak_memory: int | None) -> None:
        """Write the validation losses by style, and the peak memory of training so far in bytes."""
        self._write({"update": update, "seconds": self._seconds(), "peak_memory": peak_memory, "validation": losses})
        shown = {
            f"validation/{style}/{term}": value for style, terms in losses.items() for term, value in terms.items()
        }
        self._events.add_values(shown, update)
        self._sync()

    def add_grid(self, update: int, grid: Tensor) -> None:
        """Show a sample grid, RGB (3, H, W) in [0, 1], in TensorBoard."""
        picture = to_image(grid)
        self._events.add_picture("samples", encode(picture, ".png"), picture.size, update)
        self._events.flush()

    def _write(self, line: dict[str, Any]) -> None:
        self._lines.append(json.dumps(line) + "\n")

    def _write_lines(self) -> None:
        """Write the lines and events of this process that wait for it."""
        if self._writes:
            data, self._lines = "".join(self._lines).encode(), []
            self._file.append(data)
            self._events.flush()

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _sync(self) -> None:
        self._write_lines()
        if self._writes:
            self._file.sync()

    def close(self) -> None:
        """Close the files. Losses that were not flushed are dropped."""
        if self._writes:
            self._file.close()
            self._events.close()
