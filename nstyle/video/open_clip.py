"""Open whatever moves, or is to move, as a clip."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from nstyle.imaging.pictures import read_picture
from nstyle.video.animations import Animation, Still
from nstyle.video.clip import Clip, Frame, Part
from nstyle.video.container import Video
from nstyle.video.kinds import kind_of
from nstyle.video.options import VideoOptions


def open_clip(
    path: Path,
    options: VideoOptions,
    max_pixels: int,
    notice: Callable[[str], None] = lambda text: None,
    *,
    still_seconds: Fraction = Fraction(0),
) -> Clip:
    """Open a clip for reading.

    Args:
        path: A video, an animation or a picture.
        options: Where it begins and ends.
        max_pixels: The largest number of pixels of a frame.
        notice: Called with one line for what is left out or not as expected.
        still_seconds: The duration of a clip that is made of a picture.

    Raises:
        UsageError: If it cannot be painted as it was asked for.
        NstyleError: If it cannot be read.
    """
    part = Part(options.start_seconds, options.end_seconds)
    kind = kind_of(path)
    if kind == "video":
        return Video(path, part, max_pixels=max_pixels, notice=notice)
    if kind == "animation":
        return Animation(path, part, max_pixels=max_pixels, notice=notice)
    return Still(str(path), read_picture(path, max_pixels=max_pixels), part.seconds(still_seconds) or Fraction(0))


def frames_of(clip: Clip) -> Iterator[Frame]:
    """Yield the frames of a clip without its sound."""
    yield from (item for item in clip if isinstance(item, Frame))
