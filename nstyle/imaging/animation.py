"""Write pictures as an animation: GIF, WebP, or MP4 with the ``video`` extra."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.film import Film, check_extra
from nstyle.imaging.yuv import Colours
from nstyle.system.files import whole_file

WEBP_QUALITY = 80
FORMATS = (".gif", ".webp", ".mp4")
FRAMES_PER_SECOND = 10
UNITS = {".gif": Fraction(1, 100)}
"""The unit of the times that a format writes, in seconds; a millisecond for the others."""
LEAST_UNITS = {".gif": 2}
"""The least units that frames are shown for, 11 for the others: browsers turn a hundredth of a second into a tenth."""
LAST_FRAME_SECONDS = 1.5
"""How long a GIF or WebP shows its last frame before it starts again."""


def check_format(path: Path) -> None:
    """Check that an animation can be written to a file, before the work is done.

    Raises:
        UsageError: If the extension is unknown, or the library for MP4 is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot write an animation as '{path.name}'; expected one of {', '.join(FORMATS)}")
    if path.suffix.lower() == ".mp4":
        check_extra("MP4, unlike gif and webp,")


def write_animation(path: Path, frames: Sequence[Image.Image], *, rest: float = LAST_FRAME_SECONDS) -> None:
    """Write RGB frames atomically, each resized to the size of the last one.

    Args:
        path: The file, ending in ``.gif``, ``.webp`` or ``.mp4``.
        frames: The frames, at least one.
        rest: The seconds for which a GIF or WebP shows its last frame.

    Raises:
        UsageError: See :func:`check_format`.
        NstyleError: If the file cannot be written.
    """
    check_format(path)
    size = frames[-1].size
    frames = [frame if frame.size == size else frame.resize(size, Image.Resampling.NEAREST) for frame in frames]
    with whole_file(path) as temporary:
        if path.suffix.lower() == ".mp4":
            _write_mp4(temporary, frames)
        else:
            seconds = [Fraction(1, FRAMES_PER_SECOND)] * (len(frames) - 1) + [Fraction(rest)]
            save_frames(temporary, path.suffix, frames, seconds)


def unit_of(extension: str) -> Fraction:
    """Return the unit of the times that an animation writes, in seconds."""
    return UNITS.get(extension.lower(), Fraction(1, 1000))


def least_shown(extension: str) -> Fraction:
    """Return the least time that browsers show a frame of an animation for as it says, in seconds."""
    return LEAST_UNITS.get(extension.lower(), 11) * unit_of(extension)


def save_frames(
    path: Path, extension: str, frames: Sequence[Image.Image], seconds: Sequence[Fraction], *, loop: int | None = 0
) -> None:
    """Write frames, RGB or RGBA and all of one size, as an animated GIF, WebP or PNG.

    Args:
        path: The file.
        extension: ``.gif``, ``.webp``, ``.png`` or ``.apng``.
        frames: The frames, at least one.
        seconds: How long each of them is shown.
        loop: How often they are repeated: 0 for ever, None for once.

    Raises:
        NstyleError: If they cannot be written.
    """
    name = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}[extension.lower()]
    options: dict[str, Any] = {"duration": _milliseconds(seconds, unit_of(extension))}
    if loop is not None or name != "GIF":
        options["loop"] = 1 if loop is None else loop
    if name == "GIF":
        options["disposal"] = 2 if frames[0].mode == "RGBA" else 0
        frames = [frame if frame.mode == "RGBA" else _quantized(frame) for frame in frames]
    elif name == "WEBP":
        options["quality"] = WEBP_QUALITY
    elif name == "PNG":
        options["blend"] = 0
    try:
        frames[0].save(path, format=name, save_all=True, append_images=frames[1:], **options)
    except (OSError, ValueError) as error:
        raise NstyleError(
            f"the animation could not be written ({error}); check the disk space, or write another format"
        ) from error


def _milliseconds(seconds: Sequence[Fraction], unit: Fraction) -> list[int]:
    """Return durations in whole units, so that the end of every frame is rounded, and no error adds up."""
    ends = [round(1000 * unit * round(end / unit)) for end in accumulate(seconds)]
    return [end - begin for begin, end in pairwise([0, *ends])]


def _quantized(frame: Image.Image) -> Image.Image:
    return frame.quantize(256, dither=Image.Dither.FLOYDSTEINBERG)


def _write_mp4(path: Path, frames: Sequence[Image.Image]) -> None:
    rate = Fraction(FRAMES_PER_SECOND)
    with Film(path, ".mp4", frames[0].size, rate, time_base=1 / rate, colours=Colours()) as film:
        for i, frame in enumerate(frames):
            film.add(np.asarray(frame), i / rate, 1 / rate)
