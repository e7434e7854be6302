"""Paint a clip from Python: ``nstyle.stylize_video``."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path

from nstyle.errors import UsageError, check_setting, in_short
from nstyle.imaging.limits import MAX_PIXELS
from nstyle.inference.masks import Masks
from nstyle.inference.mix import Mix, Weights, weights_to_mix
from nstyle.inference.options import KeepColor, PaintOptions
from nstyle.inference.stylizer import Stylizer, load
from nstyle.tiling.kinds import Tiling
from nstyle.video.clip import Clip
from nstyle.video.keyframes import Keyframes
from nstyle.video.kinds import WRITABLE_ANIMATIONS, kind_of
from nstyle.video.open_clip import open_clip
from nstyle.video.options import EXPECTED, STEADY, Steady, VideoOptions
from nstyle.video.paint import PaintFrame, paint_clip
from nstyle.video.steady import FramePainter
from nstyle.video.writing import check_output


def stylize_video(
    source: str | os.PathLike[str],
    model: str | Path | Stylizer | None = None,
    *,
    out: str | os.PathLike[str],
    weights: Weights = None,
    masks: Masks | None = None,
    keyframes: Sequence[str] = (),
    steady: Steady = STEADY,
    start: str | float | None = None,
    end: str | float | None = None,
    strength: float = PaintOptions.strength,
    keep_color: KeepColor | None = PaintOptions.keep_color,
    size: int | str | None = PaintOptions.size,
    stroke: float = PaintOptions.stroke,
    grain: float | None = PaintOptions.grain,
    tiling: Tiling = PaintOptions.tiling,
    max_pixels: int = MAX_PIXELS,
    overwrite: bool = False,
    device: str = "auto",
    notice: Callable[[str], None] | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> Path:
    """Paint a clip frame by frame; sound, times, rotation and colours are kept.

    Args:
        source: A video, an animated GIF, WebP or PNG, or a picture with ``keyframes``.
        model: The model, or a :class:`nstyle.Stylizer`; see :func:`nstyle.load`.
        out: The file: ``.mp4``, ``.mov``, ``.mkv``, ``.webm``, or without sound ``.gif``, ``.webp``, ``.png``.
        weights: See :meth:`nstyle.Stylizer.stylize`.
        masks: Masks by style name, the same for every frame; see :meth:`nstyle.Stylizer.stylize`.
        keyframes: Styles at times, ``TIME:STYLES``, instead of ``weights`` and ``masks``.
        steady: How strongly strokes are held still: ``"low"``, ``"high"`` or ``"off"``.
        start: Where to begin, in seconds or as ``m:ss`` or ``h:mm:ss``.
        end: Where to end.
        strength: The strength of the style, 0 to 3.
        keep_color: ``"luminance"`` takes only the luminance from the painting.
        size: The long side in pixels to resize frames to first, or a print to fit into; see
            :meth:`nstyle.Stylizer.stylize`.
        stroke: How many times as large strokes are, 0.5 to 4.
        grain: Film grain added to the frames, in levels of 255.
        tiling: How large frames are divided.
        max_pixels: The largest number of pixels of a frame.
        overwrite: Whether a file that exists is replaced.
        device: The device to paint on, unless ``model`` is a stylizer.
        notice: Called with one line for what is left out or not as expected.
        progress: Called after every frame with the number of painted frames and the share of the clip, in [0, 1].

    Returns:
        ``out``.

    Raises:
        UsageError: If something cannot be done as requested; nothing is written then.
        NstyleError: If the clip cannot be read or written, or the run was interrupted.
    """
    path, options = (
        Path(out),
        VideoOptions(steady=steady, keyframes=tuple(keyframes), start=_text("start", start), end=_text("end", end)),
    )
    painting = PaintOptions(
        strength=strength, keep_color=keep_color, size=size, stroke=stroke, grain=grain, tiling=tiling
    )
    is_whole = isinstance(max_pixels, Integral) and not isinstance(max_pixels, bool)
    check_setting(is_whole and max_pixels >= 1, "max_pixels", max_pixels, "a whole number of at least 1")
    check_output(path)
    _check_source(Path(source), has_keyframes=bool(keyframes))
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists; give `overwrite` to replace it, or another `out`")
    if path.exists() and path.samefile(source):
        raise UsageError(f"{path} is to be read; choose another `out`")
    stylizer = model if isinstance(model, Stylizer) else load(model, device=device)
    if keyframes and (weights is not None or masks):
        raise UsageError("`keyframes` were given together with `weights` or `masks`; choose one")
    mix: Mix | Keyframes | None
    if keyframes:
        mix = Keyframes.read(options.keyframes, stylizer.styles, stylizer.name)
    else:
        mix = None if weights is None and masks else weights_to_mix(weights, stylizer.styles, stylizer.name)
    stylize_clip(
        Path(source),
        path,
        stylizer,
        mix,
        painting,
        options,
        masks=masks or {},
        max_pixels=max_pixels,
        notice=notice or (lambda text: None),
        progress=progress or (lambda frames, share: None),
    )
    return path


def stylize_clip(
    source: Path,
    out: Path,
    stylizer: Stylizer,
    mix: Mix | Keyframes | None,
    painting: PaintOptions,
    options: VideoOptions,
    *,
    masks: Masks,
    max_pixels: int,
    notice: Callable[[str], None],
    progress: Callable[[int, float], None],
) -> tuple[int, int]:
    """Paint a clip into a file, which is replaced if it exists; see :func:`stylize_video`.

    Returns:
        Width and height of the painting in pixels.
    """
    check_output(out)
    still_seconds = Fraction(mix.duration) if isinstance(mix, Keyframes) else Fraction(0)
    stylizer.settle_device()
    with open_clip(source, options, max_pixels, notice, still_seconds=still_seconds) as clip:
        if clip.sounds and out.suffix.lower() in WRITABLE_ANIMATIONS:
            notice(f"{out}: the sound is left out, as a {out.suffix} has none")
        if isinstance(mix, Keyframes):
            _tell_what_is_not_reached(clip, mix, options, notice)
        return paint_clip(
            clip,
            out,
            _painter(
                FramePainter(stylizer, replace(painting, size=None), options.steady or STEADY, masks), mix, options
            ),
            options=painting,
            max_pixels=max_pixels,
            notice=notice,
            progress=lambda status: progress(status.frames, status.share),
        )


def _painter(frames: FramePainter, mix: Mix | Keyframes | None, options: VideoOptions) -> PaintFrame:
    """Return what paints the frame of a time. The times of keyframes are those of the whole clip."""
    if isinstance(mix, Keyframes):
        return lambda levels, time: frames.paint(levels, mix.at(float(options.start_seconds + time)))
    return lambda levels, time: frames.paint(levels, mix)


def _tell_what_is_not_reached(
    clip: Clip, keyframes: Keyframes, options: VideoOptions, notice: Callable[[str], None]
) -> None:
    seconds = clip.facts.seconds
    end = float(options.start_seconds + seconds) if seconds is not None else math.inf
    if keyframes.duration > end:
        notice(f"{clip.name} is painted up to {end:.2f} s; the keyframe at {keyframes.duration:g} s is not reached")


def _check_source(source: Path, *, has_keyframes: bool) -> None:
    if not source.exists():
        raise UsageError(f"{source}: no such file; expected a clip")
    if not has_keyframes and source.is_file() and kind_of(source) == "still":
        raise UsageError(
            f"{source} does not move; paint it with `Stylizer.stylize`, or give `keyframes` to make it a clip"
        )


def _text(name: str, time: object) -> str | None:
    """Return a time as the command line gives it."""
    if time is None or isinstance(time, str):
        return time
    try:
        if isinstance(time, Real) and not isinstance(time, bool):
            return f"{float(time):f}"
    except (OverflowError, ValueError):
        pass  # It is too large for a float.
    raise UsageError(f"`{name}` is {in_short(time)}; expected seconds, or {EXPECTED}")
