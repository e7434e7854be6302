"""Encode frames as a video file, with sound that was encoded before, through PyAV."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, cast

import numpy as np
import numpy.typing as npt

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.yuv import Colours, to_yuv

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoStream

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""FFmpeg's names of the containers that are written, by extension."""
HOLDERS = (".mp4", ".mov", ".mkv")
"""The containers that are tried for a sound, the one that most players know first."""
H264 = {"crf": "17", "preset": "veryfast"}
"""Nearly without visible loss. Slower presets save little on paintings, whose strokes are the detail."""
VP9 = {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
ENCODERS: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "webm": (("libvpx-vp9", VP9),),
    "": (("libx264", H264), ("libopenh264", {}), ("mpeg4", {"qscale": "2"})),
}
"""The encoders of a container, the first that this FFmpeg has; "" for all other containers."""
NO_TAGS: Mapping[str, str] = MappingProxyType({})
SILENCE = 24
"""Bytes of silence for each channel, a whole number of samples of every width."""
MOST_SIDE = 16_384
"""The largest side in pixels that x264 takes."""
NEEDS_EXTRA = "needs the video extra; install it with: pip install 'nstyle[video]'"


def check_extra(what: str) -> None:
    """Check that the library for videos is there.

    Raises:
        UsageError: With ``what`` needs it, in words, if it is not installed.
    """
    if not has_extra():
        raise UsageError(f"{what} {NEEDS_EXTRA}")


def has_extra() -> bool:
    """Tell whether the library for videos is there."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


def can_hold(extension: str, sounds: "Sequence[AudioStream]") -> bool:
    """Tell whether a container can hold sounds as they are, by writing an empty one into the memory.

    What MP4 says of PCM stands behind the sound, so that some of it is written too."""
    import av

    try:
        with av.open(BytesIO(), "w", format=CONTAINERS[extension.lower()]) as container:
            streams = [container.add_stream_from_template(sound) for sound in sounds]
            if streams:
                container.start_encoding()
            for sound, stream in zip(sounds, streams, strict=True):
                if (sound.name or "").startswith("pcm_"):
                    packet = av.Packet(bytes(SILENCE * sound.channels))
                    packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, sound.rate)
                    container.mux(packet)
    except (av.FFmpegError, ValueError):
        return False
    return True


def container_for(sounds: "Sequence[AudioStream]") -> str | None:
    """Return the extension of the first container that can hold sounds as they are; None if none can."""
    return next((extension for extension in HOLDERS if can_hold(extension, sounds)), None)


class Film:
    """A video file that is written frame by frame: H.264, or VP9 in WebM.

    Args:
        path: The file to write.
        extension: The extension that says what container it is, as ``path`` may be a temporary file.
        size: Width and height of the frames in pixels; see :func:`nstyle.imaging.yuv.to_yuv` for odd ones.
        rate: Frames per second, for the encoder and for players that ask; the times of the frames count.
        time_base: The unit of all times of frames, in seconds.
        colours: The colours to write in.
        aspect: The width of a pixel over its height.
        sounds: The streams of sound that will be copied.
        tags: What the file is to say, such as its title, under FFmpeg's names.

    Raises:
        UsageError: If the container cannot hold the sounds as they are, or the encoder refuses the size.
        NstyleError: If the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        extension: str,
        size: tuple[int, int],
        rate: Fraction,
        *,
        time_base: Fraction,
        colours: Colours,
        aspect: Fraction | None = None,
        sounds: "tuple[AudioStream, ...]" = (),
        tags: Mapping[str, str] = NO_TAGS,
    ) -> None:
        import av

        self._name = CONTAINERS[extension.lower()]
        self._time_base, self._colours = time_base, colours
        fast_start = {"movflags": "+faststart"} if self._name in ("mp4", "mov") else {}
        self._container = av.open(f"file:{path}", "w", format=self._name, container_options=fast_start)
        self._container.metadata.update(tags)
        self._stream = self._add_stream(rate)
        width, height = (side + side % 2 for side in size)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.time_base = time_base
        context = self._stream.codec_context
        context.time_base = time_base
        context.colorspace, context.color_range = colours.matrix, colours.value_range
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        self._last: int | None = None
        self._open(size)
        _check_sounds(extension, sounds)
        self._sounds = {sound.index: self._container.add_stream_from_template(sound) for sound in sounds}
        try:
            self._container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            raise self._failure(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        try:
            if error is None:
                self._container.mux(self._stream.encode())
            self._container.close()
        except (av.FFmpegError, ValueError) as failure:
            if error is None:
                raise self._failure(failure) from failure

    def add(self, levels: npt.NDArray[np.uint8], time: Fraction, duration: Fraction = Fraction(0)) -> None:
        """Add a frame (H, W, 3) of RGB levels that is shown at a time in seconds. A frame that would not be later
        than the one before it is moved to be."""
        import av

        frame = to_yuv(levels, self._colours)
        stamp = round(time / self._time_base)
        self._last = stamp if self._last is None else max(stamp, self._last + 1)
        frame.pts, frame.time_base = self._last, self._time_base
        frame.duration = round(duration / self._time_base)
        frame.color_primaries, frame.color_trc = self._colours.primaries, self._colours.transfer
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, ValueError) as error:
            raise self._failure(error) from error

    def add_sound(self, packet: "Packet[AudioStream]", earlier: Fraction) -> None:
        """Add a packet of one of the sounds, unchanged but for its time.

        Args:
            packet: The packet, which is changed.
            earlier: By how many seconds it is to be heard earlier than it says.
        """
        import av

        shift = round(earlier / packet.time_base)
        packet.pts = packet.pts - shift if packet.pts is not None else None
        packet.dts = packet.dts - shift if packet.dts is not None else None
        packet.stream = self._sounds[packet.stream_index]
        try:
            self._container.mux(packet)
        except (av.FFmpegError, ValueError) as error:
            raise self._failure(error) from error

    def _add_stream(self, rate: Fraction) -> "VideoStream":
        import av

        for name, options in ENCODERS.get(self._name, ENCODERS[""]):
            if name in av.codecs_available:
                return cast("VideoStream", self._container.add_stream(name, rate=rate, options=dict(options)))
        raise NstyleError(f"this FFmpeg has no encoder for {self._name}; install PyAV from its wheels, or write .webp")

    def _open(self, size: tuple[int, int]) -> None:
        """Start the encoder, before anything is painted."""
        import av

        try:
            self._stream.codec_context.open()
        except (av.FFmpegError, ValueError):
            what = f"{self._stream.codec_context.name} cannot encode frames of {size[0]}x{size[1]} px"
            raise UsageError(f"{what}; give a smaller `size`, such as {MOST_SIDE}") from None

    def _failure(self, error: Exception) -> NstyleError:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        return NstyleError(f"the video could not be written: {reason}; check the disk space, or write another format")


def _check_sounds(extension: str, sounds: "Sequence[AudioStream]") -> None:
    if can_hold(extension, sounds):
        return
    codecs = ", ".join(sorted({sound.name or "of an unknown codec" for sound in sounds}))
    other = container_for(sounds)
    hint = f"write {other}" if other else "convert it to AAC first, or write an animation, such as .webp, without sound"
    raise UsageError(f"the sound is {codecs}, which {extension} cannot hold as it is; {hint}")
