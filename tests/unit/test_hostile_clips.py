"""Containers that are broken, that lie, or that hold other things than a film: one line each, nothing half-written."""

import io
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nstyle
from nstyle.errors import NstyleError, UsageError
from nstyle.inference.stylizer import Stylizer
from nstyle.video.clips import Clips
from nstyle.video.options import VideoOptions

av = pytest.importorskip("av")
pytest.importorskip("skimage")


@pytest.fixture
def paint(stylizer: Stylizer, tmp_path: Path) -> Callable[..., list[str]]:
    """Paint a clip to ``out.mkv`` at strength 0, and return what is said."""

    def run(source: Path, **options: Any) -> list[str]:
        lines: list[str] = []
        nstyle.stylize_video(
            source, stylizer, out=tmp_path / "out.mkv", weights="plain", strength=0, notice=lines.append, **options
        )
        return lines

    return run


def make(path: Path, **options: Any) -> Path:
    from tools.make_clip import make_clip

    make_clip(path, **{"size": (64, 48), "seconds": 0.4} | options)
    return path


def count(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def refused(paint: Callable[..., list[str]], path: Path, words: str, kind: type[NstyleError] = NstyleError) -> None:
    """Check that a file is refused in one line, and that nothing is written."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(kind, match=words) as error:
        paint(path)
    assert "\n" not in str(error.value)
    assert sorted(path.parent.iterdir()) == before


def test_half_an_mp4_has_no_index(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = make(tmp_path / "in.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(paint, path, "cannot be read as a video .*; it may be truncated")


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20])
def test_what_is_no_video_at_all(tmp_path: Path, paint: Callable[..., list[str]], content: bytes) -> None:
    path = tmp_path / "in.mp4"
    path.write_bytes(content)
    refused(paint, path, "cannot be read as a video")


def test_what_is_there_of_a_truncated_file_is_painted(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = make(tmp_path / "in.mkv", seconds=2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    lines = paint(path)
    assert len(lines) == 1
    assert "though its header claims 2.02 s; what is there is painted" in lines[0]
    assert 10 < count(tmp_path / "out.mkv") < 40


def test_a_playlist_opens_no_other_file(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    make(tmp_path / "secret.mp4")
    for i, text in enumerate(
        ("#EXTM3U\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile secret.mp4\n")
    ):
        path = tmp_path / f"{i}.mp4"
        path.write_text(text)
        refused(paint, path, "cannot be read as a video")


def test_sound_alone_is_no_clip(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as container:
        tone(container.add_stream("aac", rate=48000, layout="mono"))
    refused(paint, path, r"no video stream \(it holds audio\)", UsageError)


def test_cover_art_is_no_film(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1, width=64, height=48, pix_fmt="yuvj420p")
        cover.disposition = av.stream.Disposition.attached_pic
        sound = container.add_stream("aac", rate=48000, layout="mono")
        container.mux(cover.encode(av.VideoFrame(64, 48, "yuvj420p")))
        container.mux(cover.encode())
        tone(sound)
    refused(paint, path, "no video stream", UsageError)


def tone(stream: Any) -> None:
    samples = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), "fltp", "mono")
    samples.rate, samples.pts = 48000, 0
    stream.container.mux(stream.encode(samples))
    stream.container.mux(stream.encode())


def test_the_first_of_two_films_without_subtitles(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        films = [container.add_stream("libx264", rate=25, width=64, height=48) for _ in range(2)]
        words = container.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        for i in range(5):
            for film, level in zip(films, (50, 200), strict=True):
                container.mux(film.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, np.uint8), "rgb24")))
            packet = av.Packet(b"words")
            packet.pts = packet.dts = 40 * i
            packet.duration, packet.time_base, packet.stream = 40, Fraction(1, 1000), words
            container.mux(packet)
        for film in films:
            container.mux(film.encode())
    lines = paint(path)
    assert [line.partition(" ")[2] for line in sorted(lines)] == [
        "has 2 video streams; the first is painted, and the others left out",
        "streams that are neither video nor sound are left out (1 subtitle)",
    ]
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert abs(next(container.decode(video=0)).to_ndarray(format="rgb24").mean() - 50) < 3


def pictures_as_video(path: Path, pictures: list[bytes]) -> Path:
    """Write JPEG files, whatever they are, as a video that claims 64x48 px."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10, width=64, height=48, pix_fmt="yuvj420p")
        stream.codec_context.time_base = Fraction(1, 10)
        container.start_encoding()
        for i, picture in enumerate(pictures):
            packet = av.Packet(picture)
            packet.pts = packet.dts = i
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 10), stream, True
            container.mux(packet)
    return path


def jpeg(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 50, 20)).save(buffer, "JPEG")
    return buffer.getvalue()


def test_a_size_that_changes_is_scaled_to_the_first(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = pictures_as_video(tmp_path / "in.mkv", [jpeg((64, 48)), jpeg((100, 40)), jpeg((32, 200)), jpeg((64, 48))])
    assert [line.partition(" ")[2] for line in paint(path)] == ["changes its size; all frames are painted at 64x48 px"]
    assert count(tmp_path / "out.mkv") == 4


def test_a_damaged_frame_is_left_out_with_a_line(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = pictures_as_video(tmp_path / "in.mkv", [jpeg((64, 48)), b"broken", jpeg((64, 48))])
    assert "1 damaged places" in paint(path)[-1]
    assert count(tmp_path / "out.mkv") == 2


def test_absurd_sizes_are_refused_before_they_are_decoded(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    huge = bytearray(jpeg((64, 48)))
    at = huge.find(b"\xff\xc0") + 5
    huge[at : at + 4] = struct.pack(">HH", 65000, 65000)
    refused(paint, pictures_as_video(tmp_path / "huge.mkv", [bytes(huge)]), "65000x65000 px|no frame can be decoded")
    clip = make(tmp_path / "in.mp4")
    with pytest.raises(UsageError, match=r"64x48 px, more than 0\.001 megapixels"):
        paint(clip, max_pixels=1000)


def test_a_header_that_claims_other_times_changes_nothing(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = make(tmp_path / "in.mp4")
    data = bytearray(path.read_bytes())
    for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        at = data.find(box)
        while at > 0:
            data[at + offset : at + offset + 4] = struct.pack(">I", 0x7FFFFFFF)
            at = data.find(box, at + 4)
    path.write_bytes(bytes(data))
    shares: list[float] = []
    paint(path, progress=lambda frames, share: shares.append(share))
    assert count(tmp_path / "out.mkv") == len(shares) == 10
    assert all(0 <= share <= 1 for share in shares)


def test_tiny_frames_in_great_number_stream_through(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1000, width=2, height=2)
        stream.codec_context.time_base = Fraction(1, 1000)
        for i in range(1000):
            frame = av.VideoFrame(2, 2, "yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert paint(path) == []
    assert count(tmp_path / "out.mkv") == 1000


def test_a_start_behind_the_end_says_where_the_end_is(tmp_path: Path, paint: Callable[..., list[str]]) -> None:
    clip = make(tmp_path / "in.mp4")
    with pytest.raises(UsageError, match=r"ends after 0\.40 s; expected `start` before that"):
        paint(clip, start=5)


def test_sound_that_a_container_cannot_hold_is_no_surprise(tmp_path: Path, stylizer: Stylizer) -> None:
    clip = make(tmp_path / "in.mp4")
    with pytest.raises(UsageError, match=r"the sound is aac, which \.webm cannot hold as it is"):
        nstyle.stylize_video(clip, stylizer, out=tmp_path / "out.webm", weights="plain")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def with_sound(path: Path, codec: str, layout: str = "stereo") -> Path:
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=25, width=64, height=48)
        sound = container.add_stream(codec, rate=48000, layout=layout)
        for _ in range(3):
            container.mux(film.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(film.encode())
        samples = av.AudioFrame.from_ndarray(
            np.zeros((1, 11520 if layout == "stereo" else 5760), np.int16), "s16", layout
        )
        samples.rate, samples.pts = 48000, 0
        container.mux(sound.encode(samples))
        container.mux(sound.encode())
    return path


@pytest.mark.parametrize(
    ("source", "codec", "out", "advice"),
    [
        ("in.mkv", "pcm_s16le", "out.mp4", "write .mov"),
        ("in.mkv", "flac", "out.mov", "write .mp4"),
        ("in.mkv", "libopus", "out.mov", "write .mp4"),
        ("in.avi", "adpcm_ms", "out.mkv", "convert it to AAC first"),
    ],
)
def test_sound_is_refused_before_painting_and_the_advice_is_good(
    tmp_path: Path, stylizer: Stylizer, source: str, codec: str, out: str, advice: str
) -> None:
    clip = with_sound(tmp_path / source, codec)
    painted: list[int] = []

    def paint(out: str) -> None:
        options: Any = {"weights": "plain", "strength": 0, "progress": lambda count, share: painted.append(count)}
        nstyle.stylize_video(clip, stylizer, out=tmp_path / out, **options)

    with pytest.raises(UsageError, match=f"which {Path(out).suffix} cannot hold as it is; {advice}"):
        paint(out)
    assert painted == []
    assert [path.name for path in tmp_path.iterdir()] == [source]
    if advice.startswith("write"):
        paint(f"good{advice.removeprefix('write ')}")
        assert painted == [1, 2, 3]


def test_a_default_container_can_hold_the_sound(tmp_path: Path) -> None:
    clips = Clips(VideoOptions(), lambda text: None)
    assert clips.extension(with_sound(tmp_path / "a.avi", "pcm_s16le")) == ".mov"
    assert clips.extension(with_sound(tmp_path / "b.avi", "mp2")) == ".mp4"


def test_sides_that_the_encoder_refuses_are_refused_before_painting(tmp_path: Path, stylizer: Stylizer) -> None:
    clip = make(tmp_path / "in.mp4", size=(160, 2), tone=False)
    with pytest.raises(UsageError, match="cannot encode frames of 20000x250 px; give a smaller `size`"):
        nstyle.stylize_video(clip, stylizer, out=tmp_path / "out.mp4", weights="plain", size=20000)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
