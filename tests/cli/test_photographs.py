"""Photographs as people have them: what is kept of them, how large they are printed, and as what they are written."""

import io
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
from PIL import ExifTags, Image

import nstyle as package
from nstyle.inference.batch import stylize_files
from nstyle.inference.options import PaintArguments, PaintOptions, Request
from nstyle.inference.writing import Result
from nstyle.settings import settings_of, types_of

TAG = ExifTags.Base


@pytest.fixture
def taken(photo: Path, tmp_path: Path) -> Path:
    """The photograph with an author and a place, 140x93 px."""
    exif = Image.Exif()
    exif[TAG.Copyright] = "(c) Ann Other"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (52.0, 31.0, 12.3)})
    path = tmp_path / "taken.jpg"
    with Image.open(photo) as image:
        image.save(path, exif=exif, dpi=(72, 72))
    return path


def paint(tmp_path: Path, photo: Path, model: Path, **values: object) -> list[str]:
    request = {"style": "plain", "out": str(tmp_path / "out"), "photos": (str(photo),), "model": str(model)} | values
    results = list(stylize_files(Request(**request), notice=lambda text: None))
    return [result.output for result in results if isinstance(result, Result)]


def test_from_shell_to_print(nstyle, model: Path, taken: Path, tmp_path: Path) -> None:
    how = ("--model", model, "--style", "plain", "--size", "6x4cm", "--dpi", "50", "--format", "jpg", "--quality", "40")
    done = nstyle("stylize", taken, *how, "--keep-place")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "taken_plain.jpg") as printed:
        assert printed.size == (118, 78)
        assert printed.info["dpi"] == (50, 50)
        assert printed.getexif()[TAG.Copyright] == "(c) Ann Other"
        assert printed.getexif().get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    refused = nstyle("stylize", taken, "--model", model, "--style", "plain", "--size", "6x4", "-o", "new.png")
    assert (refused.returncode, refused.stderr.decode()) == (
        2,
        "nstyle: --size is 6x4; expected the long side in px, such as 1200, or a print, such as 60x40cm\n",
    )


def test_a_stream_has_the_format_that_was_asked_for(nstyle, model: Path, taken: Path) -> None:
    how = ("--model", model, "--style", "plain", "--format", "webp")
    stream = nstyle("stylize", "-", *how, stdin=taken.read_bytes())
    with Image.open(io.BytesIO(stream.stdout)) as painted:
        assert painted.format == "WEBP"


def test_the_place_is_left_out_unless_it_is_asked_for(model: Path, taken: Path, tmp_path: Path) -> None:
    for keep_place in (False, True):
        [output] = paint(tmp_path, taken, model, keep_place=keep_place, out=str(tmp_path / f"{keep_place}.png"))
        with Image.open(output) as painted:
            assert painted.info["dpi"] == pytest.approx((72, 72), abs=0.1)
            assert painted.getexif()[TAG.Copyright] == "(c) Ann Other"
            assert bool(painted.getexif().get_ifd(ExifTags.IFD.GPSInfo)) is keep_place
    painted = package.load(model).stylize(taken, "plain")
    assert not painted.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    painted.save(tmp_path / "saved.jpg", **painted.info)
    with Image.open(tmp_path / "saved.jpg") as saved:
        assert (saved.getexif()[TAG.Copyright], saved.info["dpi"]) == ("(c) Ann Other", (72, 72))


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_no_place_shows_through_with_the_photograph(model: Path, taken: Path, strength: float) -> None:
    with Image.open(taken) as photo:
        painted = package.load(model).stylize(photo, "plain", strength=strength)
    assert ExifTags.IFD.GPSInfo not in painted.getexif()
    assert set(painted.info) == {"exif", "dpi"}


@pytest.mark.parametrize(
    ("size", "dpi", "shape", "expected"),
    [
        ("60x40cm", 100, (600, 400), (2362, 1575)),
        ("60x40cm", 100, (400, 600), (1575, 2362)),
        ("40x60cm", 100, (600, 300), (2362, 1181)),
        ("60x40 CM", 100, (500, 500), (1575, 1575)),
        ("24x16in", None, (300, 200), (7200, 4800)),
        ("600.5x400mm", 254, (3, 1), (6005, 2002)),
        ("1200", None, (300, 200), (1200, 800)),
        (np.int64(30), 200, (300, 200), (30, 20)),
    ],
)
def test_a_print_fits_into_its_paper(
    size: str, dpi: int | None, shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    options = PaintOptions(size=size, dpi=dpi)
    long_side = options.long_side(shape)
    assert long_side == max(expected)
    assert round(long_side * min(shape) / max(shape)) == min(expected)
    assert options.resolution == (dpi or (300 if "x" in str(size) else None))


@pytest.mark.parametrize("size", ["", "x", "60x", "60x40", "0x40cm", "-6x4cm", "6x4m", "1e9x1cm", "6x4cm!", "nan"])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(package.UsageError, match=r"expected the long side in px, such as 1200, or a print"):
        PaintOptions(size=size)


@pytest.mark.parametrize(("size", "message"), [(0, "at least 1 px"), ("0", "at least 1 px"), (True, "px"), (1.5, "px")])
def test_pixels_are_whole(size: object, message: str) -> None:
    with pytest.raises(package.UsageError, match=f"`size` is {size}; expected .*{message}"):
        PaintOptions(size=size)


def test_a_print_has_no_more_pixels_than_any_picture(model: Path, taken: Path, tmp_path: Path) -> None:
    with pytest.raises(package.UsageError, match=r"taken\.jpg at `size` 9x9in has 2700x.* more than 1 megapixels"):
        paint(tmp_path, taken, model, options=PaintOptions(size="9x9in"), max_pixels=10**6)
    with pytest.raises(package.UsageError, match=r"taken\.jpg at `size` 900x900cm has .* more than 250 megapixels"):
        package.load(model).stylize(taken, "plain", size="900x900cm")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.jpg"]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff", "avif"])
def test_a_folder_is_written_in_the_format_that_was_asked_for(
    model: Path, taken: Path, tmp_path: Path, kind: str
) -> None:
    outputs = paint(tmp_path, taken, model, format=kind, style=None, all_styles=True, options=PaintOptions(dpi=150))
    assert {Path(output).suffix for output in outputs} == {f".{kind}"}
    assert f"taken_all.{kind}" in [Path(output).name for output in outputs]
    for output in outputs:
        with Image.open(output) as painted:
            assert painted.format == {"jpg": "JPEG"}.get(kind, kind.upper())
            if "taken_all" not in output:
                assert painted.getexif()[TAG.XResolution] == 150


def test_quality_decides_the_size_of_the_file(model: Path, taken: Path, tmp_path: Path) -> None:
    for extension in ("jpeg", "webp", "avif"):
        files = [tmp_path / f"{quality}.{extension}" for quality in (5, 50, 100)]
        for file, quality in zip(files, (5, 50, 100), strict=True):
            paint(tmp_path, taken, model, out=str(file), quality=quality)
        sizes = [file.stat().st_size for file in files]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[2] / 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"out": "o.png", "format": "jpg"}, r"`out` is o\.png, but `format` is jpg; give one of them"),
        ({"quality": 90}, "`quality` is for JPEG, WebP and AVIF, but PNG would be written; give `format` jpg"),
        ({"out": "o.tif", "quality": 90}, "but TIFF would be written"),
        ({"out": "-", "format": "tiff", "quality": 90}, "but TIFF would be written"),
        ({"format": "jpg", "quality": 101}, "`quality` is 101; expected 1 to 100"),
        ({"format": "heic"}, "`format` is heic; expected jpg | png | webp | tiff | avif"),
    ],
)
def test_contradictions_write_nothing(
    model: Path, taken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(package.UsageError, match=message.replace("|", r"\|")):
        paint(tmp_path, taken, model, **values)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.jpg"]


def test_other_spellings_of_a_format_are_no_contradiction(model: Path, taken: Path, tmp_path: Path) -> None:
    for name, kind in (("a.jpeg", "jpg"), ("a.TIF", "tiff")):
        assert paint(tmp_path, taken, model, out=str(tmp_path / name), format=kind) == [str(tmp_path / name)]


def test_avif_that_pillow_lacks_is_one_line(
    model: Path, taken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.features.check", lambda name: name != "avif")
    with pytest.raises(package.UsageError, match="Pillow was built without AVIF; choose another format, such as webp"):
        paint(tmp_path, taken, model, format="avif")


def test_transparency_is_kept_from_python_as_from_the_shell(model: Path, image: Image.Image, tmp_path: Path) -> None:
    image = image.copy()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / "clear.png")
    [output] = paint(tmp_path, tmp_path / "clear.png", model, options=PaintOptions(size=70))
    painter = package.load(model)
    with Image.open(output) as expected:
        assert expected.mode == "RGBA"
        for picture in (image, tmp_path / "clear.png", np.asarray(image)):
            painted = painter.stylize(picture, "plain", size=70)
            assert isinstance(painted, np.ndarray) is isinstance(picture, np.ndarray)
            assert np.array_equal(np.asarray(painted), np.asarray(expected))
    assert painter.stylize(image.quantize(), "plain").mode == "RGBA"  # Its palette has four channels.
    assert painter.stylize(np.asarray(image), "plain").shape == (image.height, image.width, 4)


def test_what_is_opaque_stays_as_it_came(model: Path, image: Image.Image) -> None:
    painter, opaque = package.load(model), image.convert("RGBA")
    assert painter.stylize(opaque, "plain").mode == "RGB"
    painted = painter.stylize(np.asarray(opaque), "plain")
    assert painted.shape[2] == 4
    assert painted[..., 3].min() == 255
    assert np.array_equal(painted[..., :3], painter.stylize(np.asarray(image), "plain"))
    with pytest.raises(package.UsageError, match=r"expected \(H, W, 3\), or \(H, W, 4\) of uint8"):
        painter.stylize(np.zeros((4, 4, 4), np.float32), "plain")


def test_types_for_editors_are_those_of_the_settings() -> None:
    hints, kinds = get_type_hints(PaintArguments), get_type_hints(PaintOptions)
    assert set(hints) == set(settings_of(PaintOptions)) <= set(types_of(PaintOptions))
    assert all(hints[name] == kinds[name] for name in hints)
