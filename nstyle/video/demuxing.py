"""Open video files through PyAV, and find the place in them from which a part can be decoded."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from nstyle.errors import NstyleError
from nstyle.imaging.film import HOLDERS, container_for

if TYPE_CHECKING:
    from av import VideoStream
    from av.container import InputContainer

FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,flv,asf,ogg"
"""FFmpeg's names of the containers that are read. It knows others that open further files, such as playlists."""
MICROSECOND = Fraction(1, 10**6)
TAGS = ("title", "artist", "author", "copyright", "description", "comment", "date", "creation_time")
"""FFmpeg's names of what is kept of what a file says."""
SECONDS_BACK = (0, 2, 10)
"""How far before a time its key frame is looked for, one after the other, before it is read from the beginning. In
MPEG-TS and MPEG a seek ends at any packet, and decoding begins with the key frame after it."""


def open_container(path: Path) -> "InputContainer":
    """Open a video file. Only this file is opened, whatever it refers to.

    Raises:
        NstyleError: If it cannot be read.
    """
    import av

    limits = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path}", container_options=limits, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or " ".join(str(error).split()))
        raise NstyleError(f"{path}: cannot be read as a video ({reason}); it may be truncated") from error


def container_for_sound_of(path: Path) -> str:
    """Return the extension of the container that is written for a video of another one: ``.mp4`` if that can hold its
    sound. Reading a video that cannot be opened tells what is wrong with it."""
    try:
        container = open_container(path)
    except NstyleError:
        return HOLDERS[0]
    with container:
        return container_for(tuple(container.streams.audio)) or HOLDERS[0]


def tags_of(container: "InputContainer") -> dict[str, str]:
    """Return what a file says about a clip, without where it was taken."""
    return {name.lower(): text for name, text in container.metadata.items() if name.lower() in TAGS}


def films_of(container: "InputContainer") -> "list[VideoStream]":
    """Return the streams of video that are no covers and no thumbnails."""
    from av.stream import Disposition

    covers = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return [stream for stream in container.streams.video if not stream.disposition & covers]


def opened_at(path: Path, container: "InputContainer", stream: "VideoStream", time: Fraction) -> "InputContainer":
    """Return the file where decoding gives a frame at or before a time, as near to it as can be found.

    Args:
        path: The file.
        container: The file, open. It is closed if another one is returned, which is at the beginning.
        stream: The stream of its frames.
        time: The time in seconds, as the container counts.
    """
    import av

    for back in SECONDS_BACK:
        target = int((time - back) / MICROSECOND)
        try:
            container.seek(target)
            if _next_time(container, stream, time):
                container.seek(target)
                return container
        except (av.FFmpegError, OSError, ValueError):
            break  # It cannot be sought in, or is damaged there.
    container.close()
    return open_container(path)


def _next_time(container: "InputContainer", stream: "VideoStream", time: Fraction) -> bool:
    """Tell whether the next frame that can be decoded is at or before a time."""
    for frame in container.decode(stream):
        return frame.pts is not None and frame.time_base is not None and frame.pts * frame.time_base <= time
    return False
