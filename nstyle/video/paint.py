"""Paint one clip into one file: reading, painting and writing overlap."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from nstyle.imaging.pictures import check_pixels, resized
from nstyle.inference.options import PaintOptions
from nstyle.inference.stroke import size_for_stroke
from nstyle.system.files import whole_file
from nstyle.system.interrupts import InterruptedRunError, caught_signals
from nstyle.video.clip import Clip, Facts, Frame, Item
from nstyle.video.kinds import WRITABLE_ANIMATIONS
from nstyle.video.overlap import Behind, ahead
from nstyle.video.writing import check_memory, clip_writer

MOST_WAITING = 3
"""The largest number of frames that wait to be painted, and of those that wait to be encoded. On two cores, 640x360 px
are painted no slower beside the threads that read and encode."""
PIXELS_WAITING = 50_000_000
"""The largest number of pixels of the frames that wait for one of the two: 150 MB of colours."""
PaintFrame: TypeAlias = Callable[[npt.NDArray[np.uint8], Fraction], npt.NDArray[np.uint8]]
"""Paints the frame (H, W, 3) of a time in seconds, in the same size."""


@dataclass(frozen=True)
class ClipStatus:
    """How far the painting of a clip is."""

    frames: int
    """The number of frames that are painted."""
    share: float
    """The share of the clip that is painted, in [0, 1], as its header claims its duration; 0 if it claims none."""


def paint_clip(
    clip: Clip,
    out: Path,
    paint: PaintFrame,
    *,
    options: PaintOptions,
    max_pixels: int,
    notice: Callable[[str], None] = lambda text: None,
    progress: Callable[[ClipStatus], None] = lambda status: None,
) -> tuple[int, int]:
    """Paint a clip into a file, which is there at the end whole or not at all.

    After Ctrl-C or SIGTERM, what is painted becomes a file of its own that can be played, ``NAME.partial.EXTENSION``.

    Args:
        clip: The clip.
        out: The file, which is replaced if it exists.
        paint: What paints a frame.
        options: How frames are painted. They are resized here, as their ``size`` says.
        max_pixels: The largest number of pixels of a frame then.
        notice: Called with one line if frames are left out.
        progress: Called after every frame.

    Returns:
        The width and height that were painted.

    Raises:
        UsageError: If frames become too large, or the file cannot hold the clip.
        NstyleError: If the file cannot be written, or the run was interrupted.
    """
    is_animation = out.suffix.lower() in WRITABLE_ANIMATIONS
    size = clip.facts.square_size if is_animation else clip.facts.size
    facts = replace(clip.facts, size=resized(size, long_side=options.long_side(size)))
    check_pixels(f"{clip.name} at `size` {options.size}", facts.size, max_pixels)
    larger = size_for_stroke(facts.size, options.stroke)
    check_pixels(f"{clip.name} at `stroke` {options.stroke:g}", larger, max_pixels)
    if is_animation and facts.frames is not None:
        check_memory(facts.frames, facts.size)
    most = min(MOST_WAITING, PIXELS_WAITING // (facts.size[0] * facts.size[1]))
    with whole_file(out) as temporary, caught_signals() as signals:
        with clip_writer(temporary, out.suffix, clip, facts, notice) as writer:
            with closing(ahead(_resized(clip, facts.size), most)) as items, Behind(most) as behind:
                frames = 0
                for item in items:
                    if signals:
                        break
                    if not isinstance(item, Frame):
                        behind.call(writer.add_sound, item)
                        continue
                    behind.call(writer.add, paint(item.levels, item.time), item)
                    frames += 1
                    progress(ClipStatus(frames, _share(item, facts)))
        if signals:
            raise _stopped(temporary, out, frames, signals[0])
    return facts.size


def _resized(clip: Clip, size: tuple[int, int]) -> Iterator[Item]:
    for item in clip:
        if not isinstance(item, Frame) or item.levels.shape[1::-1] == size:
            yield item
            continue
        parts = [
            None if part is None else np.asarray(Image.fromarray(part).resize(size, Image.Resampling.LANCZOS))
            for part in (item.levels, item.alpha)
        ]
        assert parts[0] is not None
        yield replace(item, levels=parts[0], alpha=parts[1])


def _share(frame: Frame, facts: Facts) -> float:
    if not facts.seconds:
        return 0.0
    return min(0.999, float((frame.time + frame.duration) / facts.seconds))


def _stopped(temporary: Path, out: Path, frames: int, signal: int) -> InterruptedRunError:
    """Keep what was painted under a name that tells it, and return what to say."""
    if not frames:
        return InterruptedRunError(f"stopped before a frame of {out} was painted", signal)
    partial = out.with_name(f"{out.stem}.partial{out.suffix}")
    temporary.replace(partial)
    return InterruptedRunError(f"stopped: {partial} holds the {frames} frames that were painted", signal)
