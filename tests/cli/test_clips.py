"""Clips, animations and keyframes as users of ``nstyle stylize`` give them."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nstyle as package
from nstyle.cli.painting_progress import Frames
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.pictures import read_picture, read_size
from nstyle.inference.batch import PaintStatus, stylize_files
from nstyle.inference.options import PaintOptions, Request
from nstyle.inference.writing import Failure, Result
from nstyle.video.clips import Clips
from nstyle.video.options import VideoOptions

av = pytest.importorskip("av")
pytest.importorskip("skimage")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    from tools.make_clip import make_clip

    make_clip(tmp_path / "clip.mp4", size=(64, 48), seconds=0.2)
    return tmp_path / "clip.mp4"


@pytest.fixture
def paint(model: Path, tmp_path: Path) -> Callable[..., tuple[list[Result | Failure], list[str]]]:
    """Paint in this process, at strength 0, and return what comes of it and what is said."""

    def run(*photos: Path, video: dict[str, Any] | None = None, **values: Any) -> tuple[Any, list[str]]:
        lines: list[str] = []
        of_painting = {name: values.pop(name) for name in ("strength", "size", "dpi") if name in values}
        options = PaintOptions(**{"strength": 0.0} | of_painting)
        given = {"out": str(tmp_path / "out"), "style": "plain"} | values
        request = Request(photos=tuple(map(str, photos)), model=str(model), options=options, **given)
        clips = Clips(VideoOptions(**(video or {})), lines.append)
        return list(stylize_files(request, lines.append, moving=clips)), lines

    return run


def animation(path: Path, **options: Any) -> Path:
    pictures = [Image.new("RGB", (40, 30), (40 * i, 200 - 30 * i, 90)) for i in range(5)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **{"duration": 100, "loop": 0} | options)
    return path


def shown(path: Path) -> list[float]:
    """Return how long each frame of an animation is shown, in milliseconds."""
    with Image.open(path) as image:
        durations = []
        for i in range(image.n_frames):
            image.seek(i)
            image.load()
            durations.append(image.info["duration"])
    return durations


def count(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_settings_that_are_about_nothing_are_refused(paint: Callable[..., Any], clip: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (40, 30)).save(photo)
    with pytest.raises(UsageError, match="`start` is for clips and animations, and none is painted"):
        paint(photo, video={"start": "1"})
    with pytest.raises(UsageError, match="`steady` is for clips and animations"):
        paint(photo, video={"steady": "low"})
    for settings in ({"format": "jpg"}, {"quality": 80}, {"keep_place": True}, {"dpi": 100}):
        with pytest.raises(UsageError, match=f"`{next(iter(settings))}` is for pictures that stand still, and none"):
            paint(clip, **settings)
    with pytest.raises(UsageError, match="has 1 frame; expected a `frame` of 1, not 3"):
        paint(photo, video={"frame": 3})
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_print_gives_a_clip_its_pixels(paint: Callable[..., Any], clip: Path) -> None:
    results, _ = paint(clip, size="2x2cm", dpi=100)
    assert (results[0].width, results[0].height) == (79, 59)


def test_a_clip_from_shell_to_file(nstyle: Any, model: Path, clip: Path, tmp_path: Path) -> None:
    command = ("stylize", clip, "--model", model, "--style", "plain", "-o", "painted.mp4")
    done = nstyle(*command, "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert (json.loads(done.stdout)[0]["width"], json.loads(done.stdout)[0]["output"]) == (64, "painted.mp4")
    assert count(tmp_path / "painted.mp4") == 5
    again = nstyle(*command)
    assert again.returncode == 2
    assert again.stderr.decode().startswith("nstyle: painted.mp4 exists; give --overwrite")
    kept = nstyle(*command, "--skip-existing")
    assert (kept.returncode, kept.stdout) == (0, b"")


def test_a_folder_of_clips_and_photographs(photo: Path, clip: Path, tmp_path: Path, paint: Callable[..., Any]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    clip.rename(folder / "clip.mp4")
    (folder / "photo.jpg").write_bytes(photo.read_bytes())
    animation(folder / "moves.gif")
    Image.new("RGB", (20, 20)).save(folder / "still.png")
    results, _ = paint(folder)
    names = [Path(result.output).name for result in results]
    assert names == ["clip_plain.mp4", "moves_plain.gif", "photo_plain.png", "still_plain.png"]
    (folder / "code.ts").write_text("export const answer = 42;")
    again, lines = paint(folder, overwrite=True)
    assert [result.output for result in again] == [result.output for result in results]
    assert lines == ["1 files are left out, as they are named like MPEG-TS and are none"]
    (folder / "broken.mkv").write_bytes(b"broken")
    with pytest.raises(NstyleError, match="1 of 5 files could not be painted"):
        paint(folder, out=str(tmp_path / "again"))


def test_without_the_extra_one_line_counts_the_videos(
    photo: Path, clip: Path, tmp_path: Path, paint: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("nstyle.video.clips", "nstyle.imaging.film"):
        monkeypatch.setattr(f"{module}.has_extra", lambda: False)
    with pytest.raises(UsageError, match=r"clip\.mp4 is a video; painting it needs the video extra; install it with"):
        paint(clip)
    folder = tmp_path / "in"
    folder.mkdir()
    clip.rename(folder / "clip.mp4")
    animation(folder / "moves.webp")
    results, lines = paint(folder)
    assert [Path(result.output).name for result in results] == ["moves_plain.webp"]
    assert lines == [
        "1 videos are left out: painting them needs the video extra; install it with: pip install 'nstyle[video]'"
    ]
    (folder / "moves.webp").unlink()
    with pytest.raises(UsageError, match="nothing is left to paint; 1 videos"):
        paint(folder)


@pytest.mark.parametrize("extension", ["gif", "webp", "png"])
def test_animations_keep_their_times_and_their_loop(tmp_path: Path, paint: Callable[..., Any], extension: str) -> None:
    source = animation(tmp_path / f"a.{extension}", duration=[100, 50, 300, 100, 40], loop=3)
    results, _ = paint(source)
    assert results[0].output.endswith(f"a_plain.{extension}")
    assert shown(Path(results[0].output)) == [100, 50, 300, 100, 40]
    with Image.open(results[0].output) as image:
        assert image.info["loop"] == 3


@pytest.mark.parametrize("written", ["webp", "mp4"])
def test_a_part_behind_the_end_of_an_animation_is_said(tmp_path: Path, paint: Callable[..., Any], written: str) -> None:
    source = animation(tmp_path / "a.gif", duration=[100, 50, 300, 100, 40])
    with pytest.raises(UsageError, match=r"ends after 0\.59 s; expected `start` before that"):
        paint(source, video={"start": "5"}, out=str(tmp_path / f"b.{written}"))
    assert not (tmp_path / f"b.{written}").exists()


@pytest.mark.parametrize(("extension", "rate", "expected"), [("gif", 30, 15), ("gif", 60, 20), ("webp", 60, 30)])
def test_frames_of_a_video_are_shown_as_long_in_an_animation(
    tmp_path: Path, paint: Callable[..., Any], extension: str, rate: int, expected: int
) -> None:
    from tools.make_clip import make_clip

    make_clip(tmp_path / "fast.mp4", size=(64, 48), seconds=0.5, rate=rate, tone=False)
    _, lines = paint(tmp_path / "fast.mp4", out=str(tmp_path / f"x.{extension}"), video={"steady": "off"})
    durations = shown(tmp_path / f"x.{extension}")
    assert (len(durations), sum(durations)) == (expected, 500)
    assert min(durations) >= (20 if extension == "gif" else 11)
    left_out = f"{tmp_path / 'fast.mp4'}: 10 frames are left out, as browsers show none of a .gif for less than 20 ms"
    assert lines == ([left_out] if (extension, rate) == ("gif", 60) else [])


def test_a_rate_that_varies_is_kept_in_an_animation(tmp_path: Path, paint: Callable[..., Any]) -> None:
    from tools.make_clip import make_clip

    stamps = [0, 9000, 45000, 46800]
    make_clip(tmp_path / "in.mkv", size=(64, 48), seconds=0.16, stamps=stamps, tone=False)
    paint(tmp_path / "in.mkv", out=str(tmp_path / "x.gif"), video={"end": "0.51", "steady": "off"})
    assert shown(tmp_path / "x.gif") == [100, 400, 20]
    paint(tmp_path / "in.mkv", out=str(tmp_path / "x.webp"), video={"steady": "off"})
    assert shown(tmp_path / "x.webp")[:3] == [100, 400, 20]


def test_transparency_of_an_animation_is_kept_and_white_in_a_video(tmp_path: Path, paint: Callable[..., Any]) -> None:
    pictures = [Image.new("RGBA", (40, 30), (200, 40 * i, 0, 60 * i)) for i in range(4)]
    source = tmp_path / "a.webp"
    pictures[0].save(source, save_all=True, append_images=pictures[1:], duration=100, lossless=True)
    paint(source, out=str(tmp_path / "b.webp"))
    with Image.open(tmp_path / "b.webp") as image:
        image.seek(2)
        assert abs(np.asarray(image.convert("RGBA"))[..., 3].mean() - 120) < 3
    paint(source, out=str(tmp_path / "b.mp4"))
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert next(container.decode(video=0)).to_ndarray(format="rgb24").min() > 245


def test_one_frame_as_a_picture(clip: Path, tmp_path: Path, paint: Callable[..., Any]) -> None:
    source = animation(tmp_path / "a.gif")
    paint(source, video={"frame": 3}, out=str(tmp_path / "third.png"))
    with Image.open(tmp_path / "third.png") as third:
        assert third.getpixel((5, 5)) == (80, 140, 90)
    results, _ = paint(clip, video={"frame": 5})
    assert results[0].output.endswith("clip_plain.png")
    with pytest.raises(UsageError, match=r"a\.gif has 5 frames; expected a `frame` of 1 to 5, not 6"):
        paint(source, video={"frame": 6})


def test_a_poster_of_an_apng_is_no_frame_of_it(tmp_path: Path, paint: Callable[..., Any]) -> None:
    source = animation(tmp_path / "a.png", duration=[100, 50, 300, 100], default_image=True)
    results, _ = paint(source, out=str(tmp_path / "b.webp"))
    assert shown(Path(results[0].output)) == [100, 50, 300, 100]


def test_pixels_that_are_not_square_stay_so_and_become_so_in_pictures(
    tmp_path: Path, paint: Callable[..., Any]
) -> None:
    source = tmp_path / "hdv.mp4"
    with av.open(source, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for level in (40, 120, 200):
            frame = av.VideoFrame.from_ndarray(np.full((64, 48, 3), level, dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    ((picture,), _), ((moving,), _), ((film,), _) = (
        paint(source, video={"frame": 1}),
        paint(source, out=str(tmp_path / "a.webp")),
        paint(source, out=str(tmp_path / "b.mp4")),
    )
    assert read_size(Path(picture.output)) == read_size(Path(moving.output)) == (64, 64)
    with av.open(film.output) as container:
        (stream,) = container.streams.video
        assert (stream.width, stream.height, stream.sample_aspect_ratio) == (48, 64, Fraction(4, 3))


def test_a_photograph_with_keyframes_is_a_morph(
    photo: Path, model: Path, tmp_path: Path, paint: Callable[..., Any]
) -> None:
    keys = ("0:starry-night", "0.4:plain")
    results, _ = paint(photo, video={"keyframes": keys, "steady": "off"}, style=None, strength=1.0)
    out = Path(results[0].output)
    assert out.name == f"{photo.stem}_keyframes.mp4"
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == 11
    stylizer = package.load(model)
    first, last = (
        np.asarray(stylizer.stylize(Image.open(photo), name)).astype(int) for name in ("starry-night", "plain")
    )
    height, width = first.shape[:2]
    for frame, near, far in ((frames[0], first, last), (frames[-1], last, first)):
        frame = frame[:height, :width]
        assert np.abs(frame - near).mean() < np.abs(frame - far).mean() / 2
    _, lines = paint(animation(tmp_path / "a.gif"), video={"keyframes": ("0:plain", "9:wave")}, style=None)
    assert lines == [f"{tmp_path / 'a.gif'} is painted up to 0.50 s; the keyframe at 9 s is not reached"]
    with pytest.raises(UsageError, match="`keyframes` and `style` were given together"):
        paint(photo, video={"keyframes": keys})


def test_all_styles_of_a_clip_are_clips_without_a_sheet(clip: Path, paint: Callable[..., Any]) -> None:
    results, _ = paint(clip, style=None, all_styles=True)
    assert [Path(result.output).suffix for result in results] == [".mp4"] * 3


def test_what_cannot_be_is_refused_before_anything_is_painted(
    clip: Path, photo: Path, tmp_path: Path, paint: Callable[..., Any]
) -> None:
    with pytest.raises(UsageError, match="standard input gives no clip; give the clip as a file"):
        paint(Path("-"), out=str(tmp_path / "x.mp4"))
    with pytest.raises(NstyleError, match=r"a clip is painted by `nstyle\.stylize_video`"):
        read_picture(clip)
    for values, words in (
        ({"out": str(tmp_path / "x.jpg")}, "expected a folder, or a file ending in .*mkv"),
        ({"out": "-"}, "standard output takes no clip"),
        ({"out": str(clip)}, "is to be read"),
    ):
        with pytest.raises(UsageError, match=words):
            paint(clip, **values)
    with pytest.raises(UsageError, match="but 2 pictures were asked for"):
        paint(clip, photo, out=str(tmp_path / "x.mp4"))
    assert list(tmp_path.iterdir()) == [clip]
    _, lines = paint(clip, out=str(tmp_path / "x.webp"))
    assert lines == [f"{tmp_path / 'x.webp'}: the sound is left out, as a .webp has none"]


def test_progress_says_frames_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 104.0, 108.0])
    monkeypatch.setattr("nstyle.cli.painting_progress.time.monotonic", lambda: next(clock))
    frames = Frames()
    assert frames.text(PaintStatus("in/clip.mp4", 0.1, 0, 1, 1)) == "1 frames of clip.mp4"
    assert frames.text(PaintStatus("in/clip.mp4", 0.3, 0, 1, 3)) == "3 frames of clip.mp4, 0.5 frames/s, 14 s left"
    assert frames.text(PaintStatus("in/clip.mp4", 0.0, 0, 1, 5)) == "5 frames of clip.mp4, 0.5 frames/s"
