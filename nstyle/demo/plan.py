"""The settings of the demo, which takes 147 s and 1.1 GB on two cores with the small encoder."""

from dataclasses import dataclass
from typing import Any

from nstyle.errors import check_setting


@dataclass(frozen=True, kw_only=True)
class DemoTraining:
    """A short training on the sample photographs."""

    run: str
    """Name of its run directory."""
    styles: tuple[str, ...]
    """Names of the drawn styles that it trains."""
    seconds: float
    """Time for its updates. Their number is chosen so that they fit."""
    size: int
    """Side of the crops in pixels."""
    style_size: int
    """Short side of the styles in pixels."""
    batch_size: int
    lr: float
    style_weight: float
    width: float | None = None
    """Width of a new network. None: styles are appended to the shipped model."""
    min_updates: int = 20
    max_updates: int = 600
    """The number of updates lies between these two, whatever the time allows."""

    def __post_init__(self) -> None:
        check_setting(
            1 <= self.min_updates <= self.max_updates, "min_updates", self.min_updates, f"1 to {self.max_updates}"
        )

    def settings(self) -> dict[str, Any]:
        """Return the settings under the names of :func:`nstyle.train`."""
        chosen = {
            "size": self.size,
            "style_size": self.style_size,
            "batch_size": self.batch_size,
            "schedule": "round-robin-batch",
            "style_weight": self.style_weight,
            "lr": self.lr,
            "lr_schedule": "one-cycle",
        }
        return chosen | ({} if self.width is None else {"width": self.width})


APPEND = DemoTraining(
    run="more-styles",
    styles=("hatching", "mosaic"),
    seconds=70,
    size=160,
    style_size=416,
    batch_size=2,
    lr=2e-3,
    style_weight=10,
)
SCRATCH = DemoTraining(
    run="two-styles",
    styles=("strokes", "waves"),
    seconds=70,
    size=96,
    style_size=256,
    batch_size=2,
    lr=3e-3,
    style_weight=6,
    width=0.5,
)


@dataclass(frozen=True, kw_only=True)
class DemoPlan:
    """Everything that decides what the demo makes."""

    side: int = 480
    """Long side of single pictures, in pixels."""
    cell: int = 288
    """Long side of pictures in tables, in pixels."""
    columns: int = 4
    """Number of styles in the table of photographs and styles."""
    steps: int = 5
    """Number of pictures from one style to another."""
    grid: int = 5
    """Number of pictures on a side of the grid of four styles."""
    append: DemoTraining = APPEND
    scratch: DemoTraining = SCRATCH


PLAN = DemoPlan()
