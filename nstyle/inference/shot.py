"""What the frames of a film have in common."""

from dataclasses import dataclass

from nstyle.tiling.memory import MomentMemory


@dataclass(frozen=True)
class Shot:
    """What a frame takes over from the frames before it."""

    memory: MomentMemory | None = None
    """The moments of the frames before. The frame has begun; see :meth:`MomentMemory.begin`."""
    corner: tuple[int, int] = (0, 0)
    """The row and the column in the scene of the frame's upper left pixel. Grain and the squares of pixels that the
    network computes together keep their places in the scene."""

    def reduced(self, factor: float) -> "Shot":
        """Return the same for a frame that is resized by a factor."""
        return Shot(self.memory, (round(factor * self.corner[0]), round(factor * self.corner[1])))


ALONE = Shot()
"""That of a picture that is no frame of a film."""
