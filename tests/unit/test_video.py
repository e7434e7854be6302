"""Clips: what is kept of them, beside the painting. Frames are painted at strength 0, which gives the frame itself."""

import signal
import threading
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import nstyle
from nstyle.errors import NstyleError, UsageError
from nstyle.inference.stylizer import Stylizer
from nstyle.video.clip import Frame
from nstyle.video.open_clip import open_clip
from nstyle.video.options import VideoOptions, read_time
from nstyle.video.overlap import Behind, ahead

av = pytest.importorskip("av")
pytest.importorskip("skimage")
SIZE = (64, 48)
FADED = 12
"""The largest mean difference in levels between a frame and itself after another H.264 encoding."""


def make(path: Path, **options: Any) -> Path:
    from tools.make_clip import make_clip

    make_clip(path, **{"size": SIZE, "seconds": 0.4} | options)
    return path


@pytest.fixture
def paint(stylizer: Stylizer, tmp_path: Path) -> Callable[..., Path]:
    """Paint a clip so that the frames stay what they are."""

    def run(source: Path, out: str = "out.mp4", **options: Any) -> Path:
        return nstyle.stylize_video(
            source, stylizer, out=tmp_path / out, **{"weights": "plain", "strength": 0.0} | options
        )

    return run


def frames(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def levels(path: Path) -> list[npt.NDArray[np.uint8]]:
    return [frame.to_ndarray(format="rgb24") for frame in frames(path)]


def times(path: Path) -> list[Fraction]:
    return [frame.pts * frame.time_base for frame in frames(path)]


def sound(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in container.demux(audio=0) if packet.size]


def distance(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def test_sound_and_times_are_kept_to_the_bit(tmp_path: Path, paint: Callable[..., Path]) -> None:
    clip = make(tmp_path / "in.mp4", seconds=1)
    out = paint(clip)
    assert times(out) == times(clip)
    assert sound(out) == sound(clip)
    assert len(sound(out)) > 40


def test_title_and_author_are_kept_and_the_place_is_not(tmp_path: Path, paint: Callable[..., Path]) -> None:
    plain, clip = make(tmp_path / "plain.mp4", tone=False), tmp_path / "in.mov"
    said = {"title": "A cup", "artist": "Ada", "copyright": "Ada 2026", "creation_time": "2024-05-06T07:08:09.000000Z"}
    with av.open(str(plain)) as source, av.open(str(clip), "w") as container:
        container.metadata.update({**said, "location": "+52.5200+013.4050/"})
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    with av.open(str(clip)) as container:
        assert container.metadata["location"] == "+52.5200+013.4050/"
    for extension in ("mp4", "mkv"):
        with av.open(str(paint(clip, f"out.{extension}"))) as container:
            kept = {name.lower(): text for name, text in container.metadata.items()}
        assert {name: kept.get(name) for name in said} == said
        assert not any("location" in name for name in kept)


def test_variable_frame_rate_survives(tmp_path: Path, paint: Callable[..., Path]) -> None:
    stamps = [0, 3600, 3750, 9000, 27000, 27001, 30000, 90000, 91000, 200000]
    out = paint(make(tmp_path / "in.mp4", stamps=stamps))
    assert times(out) == [Fraction(stamp, 90000) for stamp in stamps]


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_frames_are_painted_upright(tmp_path: Path, paint: Callable[..., Path], degrees: int) -> None:
    plain, turned = make(tmp_path / "plain.mp4"), make(tmp_path / "turned.mp4", rotation=degrees)
    expected = Image.fromarray(frames(plain)[0].to_ndarray(format="rgb24")).rotate(degrees, expand=True)
    first = frames(paint(turned))[0]
    assert (first.width, first.height, first.rotation) == (*expected.size, 0)
    assert distance(first.to_ndarray(format="rgb24"), np.asarray(expected)) < FADED


@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("full", [False, True])
def test_colours_come_back_through_their_own_matrix_and_range(
    tmp_path: Path, paint: Callable[..., Path], matrix: int, full: bool
) -> None:
    clip = tmp_path / "in.mp4"
    colours = [(255, 255, 255), (0, 0, 0), (200, 30, 60), (10, 200, 40), (20, 30, 220), (255, 230, 0)]
    flat(clip, colours, matrix=matrix, value_range=2 if full else 1)
    out = paint(clip)
    for before, after in zip(frames(clip), frames(out), strict=True):
        assert (after.colorspace, after.color_range) == (matrix, 2 if full else 1)
        assert np.abs(rgb(after, matrix, full) - rgb(before, matrix, full)).max() <= 4  # The encoder adds two.
    with open_clip(clip, VideoOptions(), 10**6) as opened:
        for frame, colour in zip((item for item in opened if isinstance(item, Frame)), colours, strict=True):
            assert np.abs(frame.levels.astype(int) - colour).max() <= 3


def flat(path: Path, colours: list[tuple[int, int, int]], *, matrix: int, value_range: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5, options={"crf": "1"})
        stream.width, stream.height, context = *SIZE, stream.codec_context
        context.colorspace, context.color_range = matrix, value_range
        for colour in colours:
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), colour, np.uint8), "rgb24")
            container.mux(
                stream.encode(frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=value_range))
            )
        container.mux(stream.encode())


def rgb(frame: Any, matrix: int, full: bool) -> npt.NDArray[np.float64]:
    """The definition in ITU-R BT.601, BT.709 and BT.2020."""
    luma, blue, red = (np.frombuffer(bytes(plane), np.uint8)[:8].mean() for plane in frame.planes)
    kr, kb = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}[matrix]
    y = luma / 255 if full else (luma - 16) / 219
    cb, cr = ((value - 128) / (255 if full else 224) for value in (blue, red))
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return 255 * np.array([r, (y - kr * r - kb * b) / (1 - kr - kb), b])


def test_a_part_begins_at_its_start_with_its_sound(tmp_path: Path, paint: Callable[..., Path]) -> None:
    clip = make(tmp_path / "in.mp4", seconds=2)
    out = paint(clip, start="0:00.4", end=1.2)
    assert times(out) == [Fraction(i, 25) for i in range(20)]
    kept = [data for time, data in sound(clip) if Fraction("0.4") <= time < Fraction("1.2")]
    assert [data for _, data in sound(out)] == kept
    offset = next(time for time, data in sound(clip) if data == kept[0]) - Fraction("0.4")
    assert abs(sound(out)[0][0] - offset) < Fraction(1, 1000)
    assert distance(levels(clip)[10], levels(out)[0]) < FADED
    assert distance(levels(clip)[29], levels(out)[19]) < FADED


def test_a_part_far_from_its_key_frame_is_whole(tmp_path: Path, paint: Callable[..., Path]) -> None:
    clip = make(tmp_path / "in.ts", seconds=5)
    assert sum(frame.key_frame for frame in frames(clip)) == 1
    assert any(frame.pict_type == av.video.frame.PictureType.B for frame in frames(clip))
    out = paint(clip, start=3.5)
    start = min(times(clip)[0], sound(clip)[0][0]) + Fraction("3.5")
    later = [time for time in times(clip) if time > start]
    assert times(out) == [0, *(time - start for time in later)]
    assert distance(levels(clip)[-len(later)], levels(out)[1]) < FADED
    assert sound(out)[0][0] < Fraction(1, 40)


def test_a_frame_is_shown_until_the_next_one_begins(tmp_path: Path, paint: Callable[..., Path]) -> None:
    clip = make(tmp_path / "in.mkv", seconds=0.16, stamps=[0, 3600, 90000, 93600], tone=False)
    assert times(paint(clip, start=0.5)) == [0, Fraction(1, 2), Fraction("0.54")]


def test_a_cut_stays_between_its_frames(tmp_path: Path, paint: Callable[..., Path]) -> None:
    clip = make(tmp_path / "in.mp4", photos=("coffee", "rocket"))
    before, after = levels(clip), levels(paint(clip))
    steps = [distance(a, b) for a, b in pairwise(after)]
    assert int(np.argmax(steps)) == 4
    assert all(distance(a, b) < FADED for a, b in zip(before, after, strict=True))


def test_frames_are_painted_in_the_style(tmp_path: Path, stylizer: Stylizer) -> None:
    clip = make(tmp_path / "in.mp4")
    out = nstyle.stylize_video(clip, stylizer, out=tmp_path / "out.mkv", weights="plain", steady="off", size=48)
    with open_clip(clip, VideoOptions(), 10**6) as opened:
        first = next(item for item in opened if isinstance(item, Frame))
    plain, wave = (np.asarray(stylizer.stylize(Image.fromarray(first.levels), s, size=48)) for s in ("plain", "wave"))
    assert distance(levels(out)[0], plain) < distance(levels(out)[0], wave) / 2


def test_odd_sides_get_one_more_row(tmp_path: Path, paint: Callable[..., Path]) -> None:
    first = frames(paint(make(tmp_path / "in.mp4"), size=45))[0]
    assert (first.width, first.height) == (46, 34)


def test_a_stop_leaves_what_was_painted_under_another_name(tmp_path: Path, paint: Callable[..., Path]) -> None:
    clip = make(tmp_path / "in.mp4", seconds=1)

    def stop(count: int, share: float) -> None:
        if count == 7:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(NstyleError, match=r"out\.partial\.mp4 holds the 7 frames") as stopped:
        paint(clip, progress=stop)
    assert stopped.value.exit_status == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.partial.mp4"]
    assert times(tmp_path / "out.partial.mp4") == times(clip)[:7]


def test_a_failure_leaves_what_was_there(tmp_path: Path, paint: Callable[..., Path]) -> None:
    clip, out = make(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    out.write_bytes(b"older")
    with pytest.raises(UsageError, match=r"out\.mp4 exists; give `overwrite`"):
        paint(clip)

    def fail(count: int, share: float) -> None:
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        paint(clip, overwrite=True, progress=fail)
    assert out.read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 2


def test_threads_change_nothing_and_end(
    tmp_path: Path, paint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make(tmp_path / "in.mp4", photos=("coffee", "rocket"))
    together = paint(clip, "together.mp4")
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("nstyle-")]
    monkeypatch.setattr("nstyle.video.paint.MOST_WAITING", 0)
    alone = paint(clip, "alone.mp4")
    assert times(together) == times(alone)
    assert sound(together) == sound(alone)
    assert all(distance(a, b) < 2 for a, b in zip(levels(alone), levels(together), strict=True))


def test_reading_is_only_a_few_items_ahead_and_errors_come_in_turn() -> None:
    taken: list[int] = []

    def items() -> Any:
        for i in range(100):
            taken.append(i)
            if i == 50:
                raise NstyleError("broken")
            yield i

    reader = ahead(items(), 3)
    for i in range(50):
        assert next(reader) == i
        assert len(taken) <= i + 5
    with pytest.raises(NstyleError, match="broken"):
        next(reader)


def test_writing_is_in_order_and_its_errors_are_not_lost() -> None:
    done: list[int] = []
    with Behind(2) as behind:
        for i in range(20):
            behind.call(done.append, i)
    assert done == list(range(20))
    with pytest.raises(ZeroDivisionError), Behind(2) as behind:
        behind.call(lambda: print(1 / 0))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"start": []}, "`start` is ..; expected seconds"),
        ({"end": True}, "`end` is True; expected seconds"),
        ({"start": 10**400}, "`start` is 1000.*; expected seconds"),
        ({"start": 10**5000}, "`start` is .*; expected seconds"),
        ({"end": float("inf")}, "`end` is inf; expected a time"),
        ({"max_pixels": "x"}, "`max_pixels` is x"),
        ({"max_pixels": 0}, "`max_pixels` is 0"),
        ({"source": "nothere.mp4", "overwrite": True}, r"nothere\.mp4: no such file; expected a clip"),
        ({"source": "photo.png", "overwrite": True}, r"photo\.png does not move; .* `keyframes`"),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path, paint: Callable[..., Path], values: dict[str, Any], words: str
) -> None:
    (tmp_path / "out.mp4").write_bytes(b"older")
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    make(tmp_path / "in.mp4")
    options = {"overwrite": True} | values
    with pytest.raises(UsageError, match=words):
        paint(tmp_path / options.pop("source", "in.mp4"), **options)
    assert (tmp_path / "out.mp4").read_bytes() == b"older"


def test_fractions_are_times(tmp_path: Path, paint: Callable[..., Path]) -> None:
    assert len(times(paint(make(tmp_path / "in.mp4"), start=Fraction(1, 5)))) == 5


def test_times_are_read_as_people_write_them() -> None:
    cases = {"75:00": 4500, "12.5": 12.5, "5s": 5, "1:02.5": 62.5, "1:00:02": 3602, ".5": 0.5, " 3 ": 3}
    assert {text: float(read_time("start", text)) for text in cases} == cases
    for text in ("", "1:", "-1", "1:2:3:4", "nan", "1e3", "1:75", "1:60:00", "9" * 5000, "9" * 20 + ":00", "10000000"):
        with pytest.raises(UsageError, match="expected a time"):
            read_time("start", text)
    with pytest.raises(UsageError, match="expected a time after `start`"):
        VideoOptions(start="2", end="1:0".replace(":", "."))
