"""What painting files asks about moving pictures. They live in a room above this one, which answers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nstyle.imaging.folders import Found
from nstyle.imaging.picture import Picture
from nstyle.inference.masks import Masks
from nstyle.inference.mix import Mix
from nstyle.inference.options import Request
from nstyle.inference.painter import ModelNames

if TYPE_CHECKING:
    from nstyle.inference.stylizer import Stylizer


class MovingPictures:
    """Answers for those who paint photographs only: nothing moves. See :class:`nstyle.video.clips.Clips`."""

    extensions: frozenset[str] = frozenset()
    """The extensions of clips, which count as well when a folder is listed."""
    writable: tuple[str, ...] = ()
    """The extensions of clips that can be written."""
    label: str = ""
    """What stands for the styles in the names of files; empty for the styles."""

    def keep(self, found: list[Found]) -> list[Found]:
        """Leave out clips in folders that cannot be painted.

        Raises:
            UsageError: If nothing else was found.
        """
        return found

    def extension(self, photo: Path) -> str:
        """Return the extension of the clip that a file is painted as; empty for a picture.

        Raises:
            UsageError: If the file is a clip that cannot be painted.
        """
        return ""

    def check(self, request: Request, clips: list[str]) -> None:
        """Refuse settings that nothing of what is painted knows.

        Args:
            request: What is asked for.
            clips: The extensions of the clips that the files are painted as; empty for pictures.

        Raises:
            UsageError: If only clips are painted and a setting is for pictures, or the other way round.
        """

    def picture(self, photo: Path, max_pixels: int) -> Picture | None:
        """Return the frame of a clip that was asked for as a picture; None for whatever is a picture itself."""
        return None

    def mixes(self, request: Request, model: ModelNames) -> list[Mix | None]:
        """Return the mixes to paint in; empty if the request says them."""
        return []

    def paint(
        self,
        photo: str,
        output: str,
        mix: Mix | None,
        request: Request,
        stylizer: "Stylizer",
        masks: Masks,
        progress: Callable[[int, float], None],
    ) -> tuple[int, int]:
        """Paint a clip into a file.

        Args:
            photo: The clip.
            output: The file.
            mix: The mix, or None where the masks cover everything.
            request: What is asked for beside.
            stylizer: The model.
            masks: The masks by style name.
            progress: Called with the number of painted frames and the share of the clip.

        Returns:
            Width and height of the painting in pixels.
        """
        raise NotImplementedError


NOTHING_MOVES = MovingPictures()
