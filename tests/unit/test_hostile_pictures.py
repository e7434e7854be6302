"""Files that are no picture, or a strange one: nothing foreign runs, nothing waits, and no wrong picture is made."""

import os
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nstyle.data.styles import find_styles
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.folders import list_pictures, pictures_named
from nstyle.imaging.pictures import open_picture, read_picture, read_size
from nstyle.inference.masks import read_mask

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n{} loop\n"
DAMAGED_EXIF = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12\x00\x03\xff\xff\xff\xff\x00\x06"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.eps"])
def test_no_other_program_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def start(*arguments: object, **options: object) -> None:
        raise AssertionError(f"a program was started: {arguments}")

    for function in ("Popen", "check_call", "run"):
        monkeypatch.setattr(subprocess, function, start)
    path = tmp_path / name
    path.write_bytes(EPS)
    for read in (read_picture, read_size, open_picture, read_mask):
        with pytest.raises(NstyleError, match="unknown format"):
            read(path)


@pytest.fixture
def no_files(tmp_path: Path) -> list[Path]:
    """A pipe, a socket, a device, a link to nowhere and one to itself, all named like photographs."""
    os.mkfifo(tmp_path / "pipe.jpg")
    address = Path(os.path.relpath(tmp_path / "socket.jpg"))  # Addresses of sockets are short.
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "nowhere.jpg").symlink_to("gone.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    return sorted(tmp_path.glob("*.jpg"))


def test_nothing_waits_for_what_is_no_file(no_files: list[Path]) -> None:
    for path in no_files:
        for read in (read_picture, read_size):
            with pytest.raises(NstyleError):
                read(path)
    with pytest.raises(UsageError, match=r"pipe\.jpg is no regular file; expected a picture; a pipe can be read as"):
        read_picture(no_files[0].with_name("pipe.jpg"))


@pytest.mark.usefixtures("_without_heic")
def test_a_folder_says_what_is_left_out(no_files: list[Path], photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = no_files[0].parent
    (folder / "real.jpg").write_bytes(photo.read_bytes())
    for name in ("a.heic", "b.HEIC", "c.heic", "notes.txt", "README", ".hidden.heic"):
        (folder / name).touch()
    assert list_pictures(folder) == [folder / "real.jpg"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}: 10 left out (3 .heic, 3 pipes or devices, 2 broken links, 1 .txt, 1 without extension)"
        "; to read HEIC: pip install 'nstyle[heic]'"
    ]
    assert [style.path for style in find_styles([folder])] == [folder / "real.jpg"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="for this user every folder can be read")
def test_unreadable_folders_are_counted(photo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.jpg").write_bytes(photo.read_bytes())
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        assert list_pictures(tmp_path) == [tmp_path / "a.jpg"]
    finally:
        closed.chmod(0o700)
    assert "1 left out (1 unreadable folders)" in caplog.text


def test_linked_folders_are_followed_and_loops_are_not(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.jpg").write_bytes(photo.read_bytes())
    here = tmp_path / "here"
    (here / "below").mkdir(parents=True)
    (here / "link").symlink_to(tmp_path / "far")
    (here / "below" / "up").symlink_to(here)
    assert list_pictures(here) == [here / "link" / "a.jpg"]


def test_patterns_and_names_with_brackets(photo: Path, tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", "[x].jpg"):
        (tmp_path / name).write_bytes(photo.read_bytes())
    assert [found.path.name for found in pictures_named(tmp_path / "?.jpg")] == ["a.jpg", "b.jpg"]
    assert [found.path.name for found in pictures_named(tmp_path / "[x].jpg")] == ["[x].jpg"]
    assert pictures_named(tmp_path / "nothing*.jpg") == []


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_damaged_metadata_do_not_cost_the_picture(photo: Path, tmp_path: Path, mode: str) -> None:
    with Image.open(photo) as image:
        pixels = image.convert(mode)
    plain, damaged = tmp_path / "plain.jpg", tmp_path / "damaged.jpg"
    pixels.save(plain)
    pixels.save(damaged, exif=DAMAGED_EXIF, icc_profile=b"no profile")
    picture = read_picture(damaged)
    assert np.array_equal(np.asarray(picture.rgb), np.asarray(read_picture(plain).rgb))
    assert np.array_equal(np.asarray(open_picture(picture.rgb).rgb), np.asarray(picture.rgb))


def _tiff(path: Path, values: np.ndarray, **tags: object) -> Path:
    from PIL import TiffImagePlugin

    info = TiffImagePlugin.ImageFileDirectory_v2()
    for code, value in {340: tags.get("low"), 341: tags.get("high")}.items():
        if value is not None:
            info[code] = value
            info.tagtype[code] = 12 if values.dtype == np.float32 else 3
    Image.fromarray(values).save(path, tiffinfo=info)
    return path


RAMP = np.linspace(0, 4000, 256, dtype=np.float32).reshape(16, 16)


def test_wide_pictures_are_scaled_by_what_the_file_says(tmp_path: Path) -> None:
    expected = np.arange(256).reshape(16, 16)
    for values in (RAMP, np.rint(RAMP).astype(np.uint16)):
        path = _tiff(tmp_path / f"{values.dtype}.tif", values, low=0, high=4000)
        assert np.abs(np.asarray(read_picture(path).rgb)[..., 0].astype(int) - expected).max() <= 1


def test_wide_pictures_that_say_nothing_need_a_range(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    floats = _tiff(tmp_path / "float.tif", RAMP)
    with pytest.raises(
        UsageError, match=r"float\.tif has values from 0 to 4000, and does not say .* give `value_range`"
    ):
        read_picture(floats)
    twelve = tmp_path / "twelve.png"
    Image.fromarray(np.rint(RAMP).astype(np.uint16)).save(twelve)
    assert np.asarray(read_picture(twelve).rgb).max() == round(4000 / 257)
    assert "twelve.png has 16 bits, but only values up to 4000, and is almost black; give `value_range` 0,4095" in (
        caplog.text
    )
    expected = np.arange(256).reshape(16, 16)
    for path in (floats, twelve):
        levels = np.asarray(read_picture(path, value_range=(0, 4000)).rgb)[..., 0].astype(int)
        assert np.abs(levels - expected).max() <= 1


def test_wide_values_are_rounded_as_float64_would(tmp_path: Path) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(values).save(tmp_path / "all.png")
    levels = np.asarray(read_picture(tmp_path / "all.png").rgb)[..., 0]
    assert np.array_equal(levels, np.rint(values.astype(np.float64) / 257))
    broken = np.array([[0.0, np.nan, 1.0, 0.5]], dtype=np.float32)
    assert np.asarray(read_picture(_tiff(tmp_path / "nan.tif", broken)).rgb)[0, :, 0].tolist() == [0, 0, 255, 128]
    with pytest.raises(UsageError, match="has values from 0 to inf"):
        read_picture(_tiff(tmp_path / "inf.tif", np.array([[0.0, np.inf]], dtype=np.float32)))
