"""What the demo does, in numbers: 147 s and 1.1 GB on two cores with the small encoder."""

from dataclasses import dataclass
from typing import Any

from nstyle.errors import check_setting


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A short training on the sample photographs."""

    run: str
    """Name of its run directory."""
    styles: tuple[str, ...]
    """Drawn styles, by name."""
    seconds: float
    """Time for its updates: as many are made as fit."""
    size: int
    """Side of the crops in pixels."""
    style_size: int
    """Short side of the styles in pixels."""
    batch_size: int
    lr: float
    style_weight: float
    width: float | None = None
    """Of a new network; None where styles are appended to a model."""
    min_updates: int = 20
    max_updates: int = 600
    """Whatever fits, not fewer and not more."""

    def __post_init__(self) -> None:
        check_setting(1 <= self.min_updates <= self.max_updates, "min_updates", self.min_updates, f"1 to {self.max_updates}")

    def settings(self) -> dict[str, Any]:
        """Return its settings as :func:`nstyle.train` takes them."""
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


APPEND = Lesson(
    run="more-styles",
    styles=("hatching", "mosaic"),
    seconds=70,
    size=160,
    style_size=416,
    batch_size=2,
    lr=2e-3,
    style_weight=10,
)
SCRATCH = Lesson(
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
    """Styles beside each other in the table of photographs and styles."""
    steps: int = 5
    """Pictures from one style to another."""
    grid: int = 5
    """Pictures on a side of the four-style grid."""
    append: Lesson = APPEND
    scratch: Lesson = SCRATCH


PLAN = DemoPlan()
