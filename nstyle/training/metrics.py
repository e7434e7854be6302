"""The log of a run: every update's losses, kept on the device and written every few updates."""

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

from nstyle.distributed import ALONE, Group
from nstyle.errors import NonFiniteLossError
from nstyle.losses.perceptual import Losses
from nstyle.training.run_directory import sync

logger = logging.getLogger(__name__)

FLUSH_EVERY = 20
"""Updates between transfers of the losses from the device: each one waits for the device."""


@dataclass(frozen=True)
class _Row:
    update: int
    seconds: float
    lr: float
    styles: Sequence[str]
    values: Tensor
    """(T, B / ranks): total, content, style, tv and the style terms of every sample of this rank."""
    gradient_norm: Tensor | None
    """Before clipping; a scalar that all ranks share. None if nothing is clipped."""


class MetricsLog:
    """Write losses to ``metrics.jsonl`` and TensorBoard.

    Args:
        path: ``metrics.jsonl``; lines are appended.
        tensorboard: Folder of the event files.
        first_update: Events of a killed run from here on are purged.
        group: The processes that train together. All of them note and flush at the same updates; rank 0 writes.
    """

    def __init__(self, path: Path, tensorboard: Path, first_update: int, group: Group = ALONE) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._group = group
        self._writes = group.ranks.is_first
        if self._writes:
            self._file = path.open("a", encoding="utf-8")
            self._writer = SummaryWriter(str(tensorboard), purge_step=first_update + 1)
        self._rows: list[_Row] = []
        self._started = time.monotonic() - _seconds_so_far(path)
        self.latest: dict[str, float] = {}
        """Mean content and style loss of the last update that was fetched."""

    def add(self, update: int, lr: float, styles: Sequence[str], total: Tensor, losses: Losses, gradient_norm: Tensor | None = None) -> None:
        """Note the losses of an update (counted from 1) without waiting for the device.

        Args:
            update: Counted from 1.
            lr: Its learning rate.
            styles: Of the samples of all ranks.
            total: Of this rank's samples.
            losses: Of this rank's samples.
            gradient_norm: Before clipping, where that is done.

        Raises:
            NonFiniteLossError: See :meth:`flush`, which is called every FLUSH_EVERY updates.
        """
        self._names = ("total", "content", "style", "tv", *losses.style_terms)
        values = torch.stack([total, losses.content, losses.style, losses.tv, *losses.style_terms.values()])
        self._rows.append(_Row(update, self._seconds(), lr, styles, values.detach(), gradient_norm))
        if len(self._rows) >= FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Fetch and write what was noted.

        Raises:
            NonFiniteLossError: If a loss or the gradient's norm is not finite; lines up to it are written.
        """
        rows, self._rows = self._rows, []
        if not rows:
            return
        fetched = self._group.gather(torch.stack([row.values for row in rows]).cpu(), dim=2)
        for row, values, norm in zip(rows, fetched, _fetch_norms(rows), strict=True):
            self._check_finite(row, values, norm)
            if not self._writes:
                continue
            by_style = {
                name: {term: _mean(values[t], row.styles, name) for t, term in enumerate(self._names)} for name in dict.fromkeys(row.styles)
            }
            line = {"update": row.update, "seconds": row.seconds, "lr": row.lr, "total": values[0].mean().item(), "losses": by_style}
            if norm is not None:
                line["gradient_norm"] = norm
                self._writer.add_scalar("gradient_norm", norm, row.update)
            self._write(line)
            for style, terms in by_style.items():
                for term, value in terms.items():
                    self._writer.add_scalar(f"{style}/{term}", value, row.update)
            self._writer.add_scalar("lr", row.lr, row.update)
        self.latest = {"content": fetched[-1, 1].mean().item(), "style": fetched[-1, 2].mean().item()}
        self._sync()

    def _check_finite(self, row: _Row, values: Tensor, norm: float | None) -> None:
        bad = (~torch.isfinite(values)).nonzero()
        if not len(bad) and (norm is None or math.isfinite(norm)):
            return
        self._sync()
        if not len(bad):
            raise NonFiniteLossError(
                f"the norm of the gradient became {norm} at update {row.update}, though the loss is finite: clipped, it would be nothing; "
                "start a new run with a lower --content-weight or --style-weight"
            )
        # A term that is itself a layer says more than the sums that it spoils.
        term, sample = max(bad.tolist())
        raise NonFiniteLossError(
            f"the loss became {values[term, sample].item()} at update {row.update}: style '{row.styles[sample]}', term {self._names[term]}; "
            "checkpoints before it are kept: start a new run from the last with --init-from, a lower --lr or --precision fp32"
        )

    def add_validation(self, update: int, losses: dict[str, dict[str, float]], peak_memory: int | None) -> None:
        """Write the validation losses by style, and the most memory that training took so far, in bytes."""
        self._write({"update": update, "seconds": self._seconds(), "peak_memory": peak_memory, "validation": losses})
        for style, terms in losses.items():
            for term, value in terms.items():
                self._writer.add_scalar(f"validation/{style}/{term}", value, update)
        sync(self._file)

    def add_grid(self, update: int, grid: Tensor) -> None:
        """Show a sample grid, RGB (3, H, W) in [0, 1], in TensorBoard."""
        self._writer.add_image("samples", grid, update)

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _sync(self) -> None:
        if self._writes:
            sync(self._file)

    def close(self) -> None:
        """Write everything to the disk; no-op for what cannot be fetched."""
        if not self._writes:
            return
        sync(self._file)
        self._file.close()
        self._writer.close()


def _seconds_so_far(path: Path) -> float:
    """Return what the last line of a run that is resumed says; its file holds whole lines only."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return float(json.loads(lines[-1]).get("seconds", 0.0)) if lines else 0.0


def _fetch_norms(rows: Sequence[_Row]) -> list[float | None]:
    norms = [row.gradient_norm for row in rows if row.gradient_norm is not None]
    return [*torch.stack(norms).tolist()] if norms else [None] * len(rows)


def _mean(values: Tensor, styles: Sequence[str], name: str) -> float:
    chosen = [value for value, style in zip(values.tolist(), styles, strict=True) if style == name]
    return float(sum(chosen) / len(chosen))
