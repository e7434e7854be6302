"""The rows of the table: a piece of work, its amounts, and how to time it once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

Size = tuple[int, int]
"""A (width, height) in pixels."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The settings of a bench, and the folder with its prepared files."""

    device: str
    quick: bool
    crop: int
    """The side of the training crops in pixels."""
    sizes: tuple[Size, ...] | None
    """The sizes of the pictures to paint; None for the default of the device."""
    photos: Path
    """A folder of photographs."""
    prepared: Path
    """A folder for the pictures and models that the rows read."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The measurements of one round."""

    seconds: float
    """The time for one piece of work."""
    peak_bytes: int | None = None
    """The peak memory; None if it was not measured, or the system does not report it."""
    file_seconds: float | None = None
    """The time from the shell to the written file."""
    over_one_style: float | None = None
    """The time divided by that for one style, if the two took turns in one process."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    subject: str
    name: str
    measure: Callable[[], Sample]
    """A function that is called once a round in a new process, so that it must be picklable."""
    updates: int = 0
    images: int = 0
    pixels: int = 0
    """The numbers of updates, images and pixels in one piece of work."""
    flop: float | None = None
    """The number of floating point operations of the plain formulation."""
    rate: float | None = None
    """The updates per second of a fast run. The time is reported as a share of one of its updates."""
    dtype: torch.dtype | None = None
    """The dtype whose matmul peak the work is compared with; None for the higher peak."""
    baseline: str | None = None
    """The name of the row of the plain recipe."""
    sibling: str | None = None
    """The name of a row whose time is reported as a multiple of this one's."""
    feeds: bool = False
    """Whether the images are for training. Their rate is then compared with the demand of the fastest update."""
    once: bool = False
    """Whether to measure the row in the first round only."""


@dataclass
class Result:
    """The samples of a row, or its failure."""

    row: Row
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""
