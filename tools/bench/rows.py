"""What a row of the table is: a piece of work, how much of everything is in it, and how to time it once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

Size = tuple[int, int]
"""(width, height) in pixels."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What was asked for, and the folder with what was prepared for it."""

    device: str
    quick: bool
    crop: int
    """Side of the training crops in pixels."""
    sizes: tuple[Size, ...] | None
    """Of the pictures to paint; None for those of the device."""
    photos: Path
    """A folder of photographs."""
    prepared: Path
    """A folder for the pictures and models that the rows read."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one round measured."""

    seconds: float
    """For one piece of work."""
    peak_bytes: int | None = None
    """The most memory; None where nobody asks, or the system does not tell."""
    file_seconds: float | None = None
    """From the shell to the written file."""
    over_one_style: float | None = None
    """The time over that for one style, where the two took turns in one process."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    subject: str
    name: str
    measure: Callable[[], Sample]
    """Called once a round, in a process of its own: it must pickle."""
    updates: int = 0
    images: int = 0
    pixels: int = 0
    """What one piece of work holds."""
    flop: float | None = None
    """Floating point operations of the plain formulation."""
    rate: float | None = None
    """Updates per second of a fast run: the time is given as a share of its updates."""
    dtype: torch.dtype | None = None
    """Whose matmul peak the work is compared with; None: the higher one."""
    baseline: str | None = None
    """Name of the row of the plain recipe."""
    sibling: str | None = None
    """Name of a row whose time is given as a multiple of this one's."""
    feeds: bool = False
    """Whether the images are for training: their rate is compared with what the fastest update takes."""
    once: bool = False
    """Measured in the first round only."""


@dataclass
class Result:
    """What became of a row."""

    row: Row
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""
