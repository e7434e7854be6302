"""Write painted clips: videos as they come, animations at the end, from memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from nstyle.errors import UsageError
from nstyle.imaging.animation import least_shown, save_frames, unit_of
from nstyle.imaging.film import CONTAINERS, Film, check_extra
from nstyle.imaging.limits import MAX_PIXELS
from nstyle.imaging.picture import Picture
from nstyle.video.clip import Clip, Facts, Frame
from nstyle.video.kinds import WRITABLE, WRITABLE_ANIMATIONS

if TYPE_CHECKING:
    from av import AudioStream, Packet


LEAST_PIXELS = 4096
"""What the smallest frame counts for in the memory."""


class ClipWriter(Protocol):
    """A clip that is being written."""

    def add(self, painted: npt.NDArray[np.uint8], frame: Frame) -> None:
        """Add the painting (H, W, 3) of a frame."""

    def add_sound(self, packet: "Packet[AudioStream]") -> None:
        """Add a packet of sound."""


def check_output(path: Path) -> None:
    """Check that a clip can be written to a file, before the work is done.

    Raises:
        UsageError: If the extension is unknown, or the library for videos is not installed.
    """
    extension = path.suffix.lower()
    if extension not in WRITABLE:
        raise UsageError(
            f"a clip cannot be written as '{path.name}'; expected one of {', '.join(WRITABLE)}, or a picture of one "
            "`frame`"
        )
    if extension in CONTAINERS:
        check_extra(f"{path.name} is a video, which")


@contextmanager
def clip_writer(
    path: Path, extension: str, clip: Clip, facts: Facts, notice: Callable[[str], None]
) -> Iterator[ClipWriter]:
    """Write a clip to a file. It is complete and closed at the end, unless something is raised.

    Args:
        path: The file.
        extension: The extension that says what is written.
        clip: Where the sound comes from.
        facts: What is written: the facts of the clip in the size of the painting.
        notice: Called with one line if frames are left out.

    Raises:
        UsageError: If the container cannot hold the sound.
        NstyleError: If it cannot be written.
    """
    if extension.lower() in WRITABLE_ANIMATIONS:
        animation = _Animation(extension, facts)
        yield animation
        animation.save(path)
        if animation.left_out:
            notice(
                f"{clip.name}: {animation.left_out} frames are left out, as browsers show none of a {extension} for "
                f"less than {1000 * least_shown(extension)} ms"
            )
        return
    with Film(
        path,
        extension,
        facts.size,
        facts.rate,
        time_base=facts.time_base,
        colours=facts.colours,
        aspect=facts.aspect,
        sounds=clip.sounds,
        tags=facts.tags,
    ) as film:
        yield _Video(film, clip.earlier)


class _Video:
    def __init__(self, film: Film, earlier: Fraction) -> None:
        self._film, self._earlier = film, earlier

    def add(self, painted: npt.NDArray[np.uint8], frame: Frame) -> None:
        self._film.add(np.asarray(_over_white(painted, frame)), frame.time, frame.duration)

    def add_sound(self, packet: "Packet[AudioStream]") -> None:
        self._film.add_sound(packet, self._earlier)


class _Animation:
    """Frames in memory, as an encoder of animations wants all of them at once. A frame is shown until the next one
    begins; what would follow too soon for a browser is left out."""

    def __init__(self, extension: str, facts: Facts) -> None:
        self._extension, self._loop = extension, facts.loop
        self._frames: list[Image.Image] = []
        self._times: list[Fraction] = []
        self._end = Fraction(0)
        self.left_out = 0

    def add(self, painted: npt.NDArray[np.uint8], frame: Frame) -> None:
        self._end = frame.time + frame.duration
        if self._times and self._rounded(frame.time) - self._rounded(self._times[-1]) < least_shown(self._extension):
            self.left_out += 1
            return
        image = Image.fromarray(painted)
        if frame.alpha is not None:
            image.putalpha(Image.fromarray(frame.alpha))
        self._frames.append(image)
        self._times.append(frame.time)
        check_memory(len(self._frames), image.size)

    def add_sound(self, packet: object) -> None:
        """Leave it out, as animations have no sound."""

    def save(self, path: Path) -> None:
        if not self._frames:
            return  # Painting was stopped before the first one, or there was none, and whoever paints says so.
        if any(frame.mode == "RGBA" for frame in self._frames):
            self._frames = [frame.convert("RGBA") for frame in self._frames]
        end = max(self._end, self._times[-1] + least_shown(self._extension))
        seconds = [later - earlier for earlier, later in pairwise([*self._times, end])]
        save_frames(path, self._extension, self._frames, seconds, loop=self._loop)

    def _rounded(self, time: Fraction) -> Fraction:
        unit = unit_of(self._extension)
        return unit * round((time - self._times[0]) / unit)


def check_memory(frames: int, size: tuple[int, int]) -> None:
    """Refuse animations that are too large for the memory.

    Raises:
        UsageError: If all frames together have too many pixels.
    """
    most = MAX_PIXELS // max(LEAST_PIXELS, size[0] * size[1])
    if frames > most:
        raise UsageError(
            f"an animation of {size[0]}x{size[1]} px can have {most} frames, as all of them are held in memory, but "
            "this one has more; write a video (.mp4), give a smaller `size`, or an earlier `end`"
        )


def _over_white(painted: npt.NDArray[np.uint8], frame: Frame) -> Image.Image:
    if frame.alpha is None:
        return Image.fromarray(painted)
    return Picture(Image.fromarray(painted), Image.fromarray(frame.alpha)).over_white()
