"""Make a real clip for tests and docs: a pan over scikit-image's photographs, with a tone beside it.

python tools/make_clip.py clip.mp4 --photos coffee,rocket --seconds 4
"""

import argparse
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage import data

SAMPLE_RATE = 48000
TIME_BASE = Fraction(1, 90000)
PAN = 0.25
"""The share of the width that a pan passes over."""


def pan(photo: str, size: tuple[int, int], frames: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield frames (H, W, 3) of a pan from left to right over a photograph of scikit-image."""
    image = Image.fromarray(getattr(data, photo)())
    wide = round(size[0] * (1 + PAN))
    scale = max(wide / image.width, size[1] / image.height)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    top = (image.height - size[1]) // 2
    for i in range(frames):
        left = (wide - size[0]) * i / max(1, frames - 1)
        box = (left, top, left + size[0], top + size[1])
        yield np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))


def make_clip(
    path: Path,
    *,
    photos: Sequence[str] = ("coffee",),
    seconds: float = 2.0,
    size: tuple[int, int] = (640, 360),
    rate: int = 25,
    stamps: Sequence[int] | None = None,
    rotation: int = 0,
    matrix: int = 1,
    full_range: bool = False,
    tone: bool = True,
) -> None:
    """Write a clip, H.264 and AAC, in the container that the extension says.

    Args:
        path: The file.
        photos: Names of photographs in ``skimage.data``; the clip cuts from one to the next.
        seconds: The duration.
        size: Width and height in pixels, as stored.
        rate: Frames per second.
        stamps: The times of the frames in units of 1/90000 s; None for equal distances.
        rotation: The rotation that players are told, in degrees counterclockwise.
        matrix: The number of the matrix in H.273: 1 for BT.709, 6 for BT.601.
        full_range: Whether luma has all levels.
        tone: Whether a tone of 440 Hz is heard.
    """
    each = max(1, round(seconds * rate / len(photos)))
    pictures = [frame for photo in photos for frame in pan(photo, size, each)]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"crf": "14", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt, video.time_base = *size, "yuv420p", TIME_BASE
        context = video.codec_context
        context.time_base, context.colorspace, context.color_range = TIME_BASE, matrix, 2 if full_range else 1
        context.color_primaries, context.color_trc = matrix, matrix
        if rotation:
            video.set_display_rotation(rotation)
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if tone else None
        for i, levels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(levels, "rgb24").reformat(
                format="yuv420p", dst_colorspace=matrix, dst_color_range=2 if full_range else 1
            )
            frame.pts, frame.time_base = stamps[i] if stamps else round(i / rate / TIME_BASE), TIME_BASE
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            wave = 0.2 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
            samples = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
            samples.rate, samples.pts = SAMPLE_RATE, 0
            container.mux(sound.encode(samples))
            container.mux(sound.encode())


def main() -> None:
    """Make a clip as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", default="coffee", help="names in skimage.data, with commas; a cut between each")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--rate", type=int, default=25)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    photos = arguments.photos.split(",")
    make_clip(arguments.out, photos=photos, seconds=arguments.seconds, size=(width, height), rate=arguments.rate)


if __name__ == "__main__":
    main()
