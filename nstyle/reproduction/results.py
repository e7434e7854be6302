"""What came of the work: where it lies, and the finished reconstructions in it."""

from dataclasses import dataclass
from pathlib import Path

from nstyle.reconstruction.finished_runs import Failure, Run, read_runs
from nstyle.reconstruction.run_folder import RunFolder
from nstyle.reports.page import Figure
from nstyle.reproduction.work import Work


@dataclass(frozen=True)
class Results:
    """The results of all work of a reproduction."""

    folder: Path

    def folder_of(self, work: Work) -> Path:
        """Return the folder of some work."""
        return self.folder / work.name

    def is_made(self, work: Work) -> bool:
        """Tell whether a reconstruction was finished that is work by itself."""
        return RunFolder(self.folder_of(work)).description.exists()

    def runs(self, work: Work) -> list[Run]:
        """Read the finished reconstructions of some work, in the order of its axes."""
        return read_runs([self.folder_of(work)])[0]

    def failures(self, work: Work) -> list[Failure]:
        """Read which reconstructions could not be made, and why."""
        return read_runs([self.folder_of(work)])[1]

    def grid(self, work: Work, caption: str) -> Figure:
        """Return the grid of a sweep as a figure."""
        return Figure(work.name, caption, (self.folder_of(work) / "grid.png").read_bytes())
