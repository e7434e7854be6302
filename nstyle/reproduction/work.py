"""The work behind an exhibit, such as a training: how long it takes, and doing it, from where it stopped."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nstyle.comparison.experiment import Status
from nstyle.reconstruction.sweep import SweepProgress
from nstyle.reproduction.clock import Clock
from nstyle.training.trainer import Progress


@dataclass(frozen=True)
class Display:
    """How the progress of work is shown."""

    notice: Callable[[str], None]
    """Called with a line of text."""
    sweep: Callable[[], AbstractContextManager[Callable[[SweepProgress], None]]]
    """Opens a display of reconstructions."""
    training: Callable[[], AbstractContextManager[Callable[[Progress], None]]]
    """Opens a display of updates."""
    comparison: Callable[[], AbstractContextManager[Callable[[Status], None]]]
    """Opens a display of the networks of a comparison."""


@contextmanager
def _unseen() -> Iterator[Callable[[object], None]]:
    yield lambda now: None


UNSEEN = Display(lambda text: None, _unseen, _unseen, _unseen)
"""Shows nothing."""


@dataclass(frozen=True)
class Work(ABC):
    """Work with a folder of its own below that of the reproduction."""

    trains: ClassVar[bool] = False
    """Whether networks are trained, which takes a folder of photographs."""
    name: str
    """The name of its folder."""

    @property
    def lack(self) -> str:
        """Why none of the work can be made; empty if it can, or if the results say so themselves."""
        return ""

    @abstractmethod
    def seconds(self, clock: Clock) -> float:
        """Estimate how long the work takes on this machine, at most."""

    @property
    @abstractmethod
    def extent(self) -> str:
        """How much work it is: ``4 reconstructions, 300 iterations, 256 px``."""

    @property
    def shortage(self) -> str:
        """The end of a sentence about the extent that says how much of it can be made; empty for all."""
        return ", of which none can be made" if self.lack else ""

    @abstractmethod
    def is_done(self, folder: Path) -> bool:
        """Tell whether the work in a folder was finished. What is missing there since is made again all the same."""

    @abstractmethod
    def run(self, folder: Path, display: Display) -> None:
        """Do the work in its folder, as far as it is not done.

        Raises:
            NstyleError: If it fails or is interrupted. What was done stays, and is continued.
        """


@dataclass(frozen=True)
class WorkOfOneResult(Work):
    """Work whose result is not looked at again once it is there."""

    def run(self, folder: Path, display: Display) -> None:
        if self.is_done(folder):
            display.notice(f"{self.name} (done already)")
        else:
            self.make(folder, display)

    @abstractmethod
    def make(self, folder: Path, display: Display) -> None:
        """Make the result, from where it stopped.

        Raises:
            NstyleError: If it fails or is interrupted. What was done stays, and is continued.
        """
