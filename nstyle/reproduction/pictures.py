"""The pictures that a reproduction works with: those that were given, and samples in the place of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nstyle.comparison.plan import MIN_HELD_OUT
from nstyle.data.photos import PhotoIndex, index_folder
from nstyle.data.samples import CREDITS, check_photographs, write_photographs, write_styles
from nstyle.data.styles import find_styles
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.pictures import open_picture
from nstyle.reproduction.figures import amount, listed
from nstyle.reproduction.recipe import Materials
from nstyle.system.output_folders import check_outside

LEAST = 2 * MIN_HELD_OUT
"""The least number of photographs to train on, of which half are held out to judge by."""
PHOTOGRAPHS, PAINTINGS = "photographs", "paintings"
"""The folders of the samples, one each, as networks are trained on all pictures of a folder."""


@dataclass(frozen=True)
class Pictures:
    """Paintings and photographs, as far as they were given."""

    samples: Path
    """The folder of the samples."""
    paintings: tuple[Path, ...]
    photos: tuple[Path, ...]
    sizes: tuple[tuple[int, int], ...]
    """Width and height of the photographs."""

    @classmethod
    def given(cls, samples: Path, styles: Sequence[str | Path], photos: Sequence[str | Path]) -> "Pictures":
        """Check the pictures that were given, and that samples for the others can be had. Nothing is written.

        Raises:
            UsageError: If there is no such file, or it is no picture.
            NstyleError: If photographs are wanted and scikit-image is not installed.
        """
        paintings = tuple(style.path for style in find_styles(styles))
        paths = tuple(map(Path, photos))
        if not paths:
            try:
                check_photographs(samples / PHOTOGRAPHS)
            except NstyleError as error:
                raise NstyleError(f"{error}, or give your own with `photos`") from error
        return cls(samples, paintings, paths, tuple(map(_size, paths)))

    @property
    def stand_ins(self) -> str:
        """Which samples stand in for pictures that were not given, as sentences; empty if there are none."""
        missing = [name for name, given in (("photographs", self.photos), ("paintings", self.paintings)) if not given]
        if not missing:
            return ""
        credits = "" if self.photos else f" {CREDITS}"
        return f"The {listed(missing)} are samples that stand in for the source's.{credits}"

    def index(self, content: str | Path | None, out: Path) -> PhotoIndex | None:
        """List the photographs to train on, None if samples are taken.

        Args:
            content: The folder that was given.
            out: The folder of the reproduction.

        Raises:
            UsageError: If there are too few, or ``out`` lies among them.
        """
        folder = Path(content) if content else self.photos[0].parent if self.photos else None
        if folder is None:
            return None
        check_outside(out, folder, "content")
        photographs = index_folder(folder)
        if len(photographs.files) < LEAST:
            raise UsageError(
                f"{folder} holds {amount(len(photographs.files), 'photograph')}; expected at least {LEAST}, half of "
                "them to train on and half to judge by (`content`)"
            )
        return photographs

    def materials(self, content: str | Path | None, vgg: tuple[str, ...], device: str, std: float) -> Materials:
        """Write the samples that are needed, and return everything that a recipe works with.

        Args:
            content: The folder of photographs to train on. None: that of the first photograph.
            vgg: See :class:`nstyle.reproduction.recipe.Materials`.
            device: See there.
            std: See there.
        """
        paintings = self.paintings or tuple(write_styles(self.samples / PAINTINGS).values())
        photos = self.photos or tuple(write_photographs(self.samples / PHOTOGRAPHS))
        sizes = self.sizes or tuple(map(_size, photos))
        return Materials(photos, paintings, Path(content or photos[0].parent), vgg, device, sizes, std)


def _size(photo: Path) -> tuple[int, int]:
    """Return the size of a photograph, upright."""
    return open_picture(photo).over_white().size
