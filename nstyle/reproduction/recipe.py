"""What a recipe is made of: a source, its figures and tables, and the work behind each of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nstyle.reports.page import Figure, Table
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import Scale
from nstyle.reproduction.work import Work


@dataclass(frozen=True)
class Materials:
    """The pictures that a recipe works with, in the place of the source's own."""

    photos: tuple[Path, ...]
    """Photographs to paint and to reconstruct, at least one."""
    paintings: tuple[Path, ...]
    """At least one."""
    content: Path
    """The folder of photographs to train on."""
    vgg: tuple[str, ...] = ("",)
    """The encoders; see :func:`nstyle.encoders.load.load_encoder_weights`. The first is the one of all experiments."""
    device: str = "auto"
    sizes: tuple[tuple[int, int], ...] = ((1, 1),)
    """Width and height of each photograph, in pixels."""
    std: float = 1 / 255
    """By what the first encoder divides pictures in [0, 1], averaged over channels: 1/255 for Oxford's weights."""

    def feature_scale(self, std: float) -> float:
        """Return the factor that gives features about the scale of an encoder's that divides pictures by ``std``."""
        return float(f"{self.std / std:.4g}")

    @property
    def settings(self) -> dict[str, str]:
        """What all work takes: encoder and device."""
        return {"vgg": self.vgg[0], "device": self.device}

    @property
    def axes(self) -> dict[str, list[str]]:
        """The same for a sweep."""
        return {name: [value] for name, value in self.settings.items()}


@dataclass(frozen=True)
class Shown:
    """What an experiment showed here."""

    text: str
    """What is seen, in sentences that were derived from the results."""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Exhibit:
    """A figure, a table or a claim of a source, and how it is made again."""

    key: str
    """How it is asked for, such as ``figure-1.3``."""
    title: str
    there: str
    """What the source shows and says, in our words, with its numbers."""
    work: tuple[Work, ...]
    here: Callable[[Results], Shown]
    """Shows what came of the work."""


@dataclass(frozen=True)
class Recipe:
    """The experiments of one source."""

    name: str
    source: str
    """Who and what, as a citation."""
    summary: str
    """What is made again, in one line."""
    departures: str
    """What the source leaves open or does otherwise, and what was chosen here, in sentences."""
    exhibits: Callable[[Materials, Scale], Sequence[Exhibit]] = field(repr=False)
    """Builds the exhibits for some pictures at some scale."""
    compares_encoders: bool = False
    """Whether it compares several encoders."""

    @property
    def titles(self) -> dict[str, str]:
        """The titles of the exhibits by key, in order."""
        return {exhibit.key: exhibit.title for exhibit in self._plain()}

    def trains(self, only: Sequence[str] = ()) -> bool:
        """Tell whether networks are trained for the exhibits with some keys, or for any if no keys are given."""
        chosen = [exhibit for exhibit in self._plain() if not only or exhibit.key in only]
        return any(work.trains for exhibit in chosen for work in exhibit.work)

    def _plain(self) -> Sequence[Exhibit]:
        """Build the exhibits without any pictures."""
        return self.exhibits(Materials((Path(),), (Path(),), Path()), Scale())
