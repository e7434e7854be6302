"""Write pictures as an animation: GIF, WebP, or MP4 with the ``video`` extra."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nstyle.errors import UsageError
from nstyle.system.files import write_atomically

FORMATS = (".gif", ".webp", ".mp4")
FRAMES_PER_SECOND = 10
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
        try:
            import av  # noqa: F401
        except ImportError:
            raise UsageError(
                "MP4 needs the video extra; install it with: pip install 'nstyle[video]', or choose gif or webp"
            ) from None


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
    buffer = io.BytesIO()
    if path.suffix.lower() == ".mp4":
        _encode_mp4(buffer, frames)
    else:
        milliseconds = 1000 // FRAMES_PER_SECOND
        durations = [milliseconds] * (len(frames) - 1) + [round(1000 * rest)]
        if path.suffix.lower() == ".gif":
            frames = [frame.quantize(256, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]
        options = {"save_all": True, "append_images": frames[1:], "duration": durations, "loop": 0}
        frames[0].save(buffer, format=path.suffix[1:].upper(), **options)
    write_atomically(path, buffer.getvalue())


def _encode_mp4(buffer: io.BytesIO, frames: Sequence[Image.Image]) -> None:
    import av

    width, height = (
        side - side % 2 for side in frames[0].size
    )  # H.264 needs even sides in the colour format that all players read.
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame.crop((0, 0, width, height))), format="rgb24"))
            )
        container.mux(stream.encode())
