"""Read videos through PyAV: one stream of frames, upright and in RGB, and the packets of sound as they are."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.film import check_extra
from nstyle.imaging.pictures import check_pixels
from nstyle.imaging.yuv import Colours, colours_of, to_rgb
from nstyle.video.clip import MOST_RATE, USUAL_RATE, WHOLE, Facts, Frame, Item, Part
from nstyle.video.demuxing import MICROSECOND, films_of, open_container, opened_at, tags_of

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoFrame, VideoStream

SOUND_BEHIND = Fraction(10)
"""How far behind its frames sound is looked for at the end of a part, in seconds."""
TRUNCATED = Fraction(1, 2)
"""How much less than its header claims a clip may hold, in seconds, without a word."""


class Video:
    """A video file that is open for reading; see :class:`nstyle.video.clip.Clip`.

    Only this file is opened, whatever it refers to.

    Args:
        path: The file.
        part: The part that is read.
        max_pixels: The largest number of pixels of a frame.
        notice: Called with one line for what is left out, what is converted, and what cannot be read.

    Raises:
        UsageError: If it has no stream of video, its frames are too large, or none is in the part.
        NstyleError: If it cannot be read.
    """

    def __init__(
        self, path: Path, part: Part = WHOLE, *, max_pixels: int, notice: Callable[[str], None] = lambda text: None
    ) -> None:
        check_extra(f"{path} is a video, which")
        self.name, self._part, self._notice = str(path), part, notice
        self._facts: Facts | None = None
        self._turns, self._broken, self._reached, self._is_resized = 0, 0, Fraction(0), False
        self._container = open_container(path)
        try:
            self._stream = self._choose_stream()
            context = self._stream.codec_context
            check_pixels(self.name, (context.width, context.height), max_pixels)
            self._max_pixels, self._zero = max_pixels, (self._container.start_time or 0) * MICROSECOND
            self.earlier = self._zero + part.start
            if part.start > 0:
                self._container = opened_at(path, self._container, self._stream, self.earlier)
                self._stream = films_of(self._container)[0]
            self.sounds: tuple[AudioStream, ...] = tuple(self._container.streams.audio)
            self._frames = self._whole()
            self._first = self._take_first()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._container.close()

    @property
    def facts(self) -> Facts:
        """What the first frame and the header say."""
        assert self._facts is not None
        return self._facts

    def __iter__(self) -> Iterator[Item]:
        yield from chain(self._first, self._frames)

    def _choose_stream(self) -> "VideoStream":
        streams = films_of(self._container)
        if not streams:
            holds = ", ".join(sorted({stream.type for stream in self._container.streams})) or "nothing"
            raise UsageError(f"{self.name} has no video stream (it holds {holds}); expected a clip or a picture")
        if len(streams) > 1:
            self._notice(f"{self.name} has {len(streams)} video streams; the first is painted, and the others left out")
        others = [stream.type for stream in self._container.streams if stream.type not in ("video", "audio")]
        if others:
            words = ", ".join(f"{others.count(kind)} {kind}" for kind in sorted(set(others)))
            self._notice(f"{self.name}: streams that are neither video nor sound are left out ({words})")
        if streams[0].codec_context is None:
            raise NstyleError(f"{self.name}: its video is in a codec that is not known here; convert it to H.264 first")
        return streams[0]

    def _take_first(self) -> list[Item]:
        """Read up to the first frame, which says what all frames are like."""
        before: list[Item] = []
        for item in self._frames:
            before.append(item)
            if isinstance(item, Frame):
                return before
        if self._reached > 0:
            raise UsageError(f"{self.name} ends after {float(self._reached):.2f} s; expected `start` before that")
        raise NstyleError(
            f"{self.name}: no frame can be decoded; it may be truncated, encrypted or in a codec that is not known here"
        )

    def _learn(self, frame: "VideoFrame") -> None:
        """Learn the facts from the first frame."""
        self._turns = round(frame.rotation / 90) % 4
        size = (frame.height, frame.width) if self._turns % 2 else (frame.width, frame.height)
        aspect = self._stream.sample_aspect_ratio
        if aspect is not None and (aspect <= 0 or aspect == 1):
            aspect = None
        colours = colours_of(frame)
        if colours.is_high_dynamic_range:
            self._notice(f"{self.name} is of high dynamic range; it is painted and written with 8 bits")
        duration = self._container.duration
        self._facts = Facts(
            size=size,
            rate=self._rate(),
            time_base=self._stream.time_base or Fraction(1, 90000),
            colours=colours,
            aspect=1 / aspect if aspect is not None and self._turns % 2 else aspect,
            tags=tags_of(self._container),
            seconds=self._part.seconds(duration * MICROSECOND if duration and duration > 0 else None),
        )

    def _rate(self) -> Fraction:
        rate = self._stream.average_rate or self._stream.guessed_rate
        return rate if rate and 0 < rate <= MOST_RATE else USUAL_RATE

    def _whole(self) -> Iterator[Item]:
        """Yield what the part holds, and say what is wrong with it."""
        yield from self._read()
        if self._facts is None:
            return
        claimed = self.facts.seconds
        if claimed is not None and self._part.end is None and self._reached + TRUNCATED < claimed + self._part.start:
            whole = float(claimed + self._part.start)
            self._notice(
                f"{self.name} ends after {float(self._reached):.2f} s, though its header claims {whole:.2f} s; what is "
                "there is painted"
            )
        if self._broken:
            self._notice(f"{self.name}: {self._broken} damaged places could not be decoded and are left out")

    def _read(self) -> Iterator[Item]:
        over, held = False, None
        waiting = {sound.index for sound in self.sounds}
        for packet in self._packets():
            time = self._time_of(packet)
            if packet.stream_index == self._stream.index:
                for frame in () if over else self._decode(packet):
                    begin = self._begin(frame)
                    over = over or self._part.is_over(begin)
                    yield from self._items(held, begin)
                    held = frame, begin
                    self._reached = max(self._reached, begin + self._duration(frame))
                over_for_long = time is not None and self._part.end is not None and time > self._part.end + SOUND_BEHIND
                waiting = set() if over_for_long else waiting
            elif time is not None and packet.size:
                if self._part.is_over(time):
                    waiting.discard(packet.stream_index)
                elif time >= self._part.start or not self._part.start:  # What warms the decoder up lies before 0.
                    yield packet
            if over and not waiting:
                return
        yield from self._items(held, None)

    def _packets(self) -> "Iterator[Packet[Any]]":
        import av

        packets = self._container.demux(self._stream, *self.sounds)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                self._broken += 1
                return
            if packet is None:
                return
            yield packet

    def _decode(self, packet: "Packet[Any]") -> "list[VideoFrame]":
        import av

        try:
            return packet.decode()
        except (av.FFmpegError, ValueError):
            self._broken += 1
            return []

    def _time_of(self, packet: "Packet[Any]") -> Fraction | None:
        """Return the time of a packet in seconds from the beginning of the clip."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        return None if stamp is None or not packet.time_base else stamp * packet.time_base - self._zero

    def _begin(self, frame: "VideoFrame") -> Fraction:
        if frame.pts is None or not frame.time_base:
            return self._reached
        zero = round(self._zero / frame.time_base) * frame.time_base
        return frame.pts * frame.time_base - zero

    def _duration(self, frame: "VideoFrame") -> Fraction:
        """Return how long a frame is shown, as the file says, which may be wrong where the rate varies."""
        return frame.duration * frame.time_base if frame.duration and frame.time_base else 1 / self._rate()

    def _items(self, held: "tuple[VideoFrame, Fraction] | None", after: Fraction | None) -> Iterator[Frame]:
        """Yield what is shown of a frame in the part, upright and in RGB.

        Args:
            held: The frame and when it begins; None for no frame.
            after: When the next frame begins, which ends this one; None after the last.
        """
        if held is None:
            return
        frame, begin = held
        shown = self._part.shown(begin, after - begin if after is not None and after > begin else self._duration(frame))
        if shown is None:
            return
        if self._facts is None:
            check_pixels(self.name, (frame.width, frame.height), self._max_pixels)
            self._learn(frame)
        size = self.facts.size if self._turns % 2 == 0 else self.facts.size[::-1]
        if size != (frame.width, frame.height) and not self._is_resized:
            self._is_resized = True
            self._notice(f"{self.name} changes its size; all frames are painted at {size[0]}x{size[1]} px")
        levels = to_rgb(frame, _of(frame, self.facts.colours), size)
        yield Frame(np.rot90(levels, self._turns) if self._turns else levels, *shown)


def _of(frame: "VideoFrame", colours: Colours) -> Colours:
    """Return the colours to convert a frame with: its own, where it says them."""
    own = colours_of(frame)
    return own if int(frame.colorspace) == own.matrix else colours
