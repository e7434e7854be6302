"""HEIC, with pillow-heif and without it."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.folders import list_pictures
from nstyle.imaging.heic import can_read_heic
from nstyle.imaging.picture import UPRIGHT, to_picture
from nstyle.imaging.pictures import open_picture, read_picture, read_size

EMPTY_HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


@pytest.fixture
def _with_heic() -> None:
    pytest.importorskip("pillow_heif")
    assert can_read_heic()


def heic(image: Image.Image, **saved: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "HEIF", quality=-1, chroma=444, matrix_coefficients=0, **saved)
    return buffer.getvalue()


def corners() -> Image.Image:
    pixels = np.full((48, 64, 3), 128, np.uint8)
    pixels[:20, :20], pixels[:20, -20:] = (250, 10, 10), (10, 250, 10)
    return Image.fromarray(pixels)


def display_p3() -> bytes:
    """Display P3 as phones embed it: primaries and white for D50, and the curve of sRGB."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    colors = {
        b"wtpt": (0.9642, 1.0, 0.8249),
        b"rXYZ": (0.5151, 0.2412, -0.0011),
        b"gXYZ": (0.2920, 0.6922, 0.0419),
        b"bXYZ": (0.1571, 0.0666, 0.7841),
    }
    tags = {name: b"XYZ " + bytes(4) + fixed(*values) for name, values in colors.items()}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(data), len(value))
        data += value
    head = struct.pack(">I4s4s4s4s4s", 128 + len(table + data), b"none", b"\x04\x00\x00\x00", b"mntr", b"RGB ", b"XYZ ")
    return (
        head
        + struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
        + b"acsp"
        + bytes(28)
        + fixed(0.9642, 1.0, 0.8249)
        + bytes(48)
        + table
        + data
    )


@pytest.mark.usefixtures("_with_heic")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phone_s_orientation_is_applied_once(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / "a.heic"
    path.write_bytes(heic(corners(), exif=exif.tobytes()))
    expected = corners().transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else corners()
    with Image.open(path) as image:
        pictures = [read_picture(path), open_picture(image), to_picture(open_picture(image).rgb)]
    for picture in pictures:
        assert picture.rgb.size == expected.size
        assert np.abs(np.asarray(picture.rgb, int) - np.asarray(expected, int)).max() < 12
    assert read_size(path) in (expected.size, expected.size[::-1])


@pytest.mark.usefixtures("_with_heic")
def test_exif_data_cannot_turn_it_again(tmp_path: Path) -> None:
    """The file itself says how it is turned; what pillow-heif does not find in damaged EXIF data stays in them."""
    path = tmp_path / "a.heic"
    path.write_bytes(heic(corners()))
    with Image.open(path) as image:
        entry = struct.pack("<HHLHH", ExifTags.Base.Orientation, 3, 1, 6, 0)
        image.info["exif"] = b"Exif\x00\x00II*\x00" + struct.pack("<LH", 8, 1) + entry + bytes(4)
        assert image.getexif()[ExifTags.Base.Orientation] == 6
        assert to_picture(image).rgb.size == corners().size


@pytest.mark.usefixtures("_with_heic")
def test_display_p3_becomes_srgb_as_in_other_formats(tmp_path: Path) -> None:
    color = Image.new("RGB", (32, 32), (180, 90, 60))
    (tmp_path / "a.heic").write_bytes(heic(color, icc_profile=display_p3()))
    color.save(tmp_path / "a.png", icc_profile=display_p3())
    for name in ("a.heic", "a.png"):
        pixel = read_picture(tmp_path / name).rgb.getpixel((9, 9))
        assert pixel == pytest.approx((193, 83, 51), abs=2), name  # By the matrices, in float64.


@pytest.mark.usefixtures("_with_heic")
@pytest.mark.parametrize("kept", [20, 200, 0.5, 0.95])
def test_a_truncated_file_is_one_line(kept: float, tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    data = heic(noise)
    (tmp_path / "cut.heic").write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(NstyleError, match=r"cut\.heic: cannot be read as a picture") as raised:
        read_picture(tmp_path / "cut.heic")
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("_with_heic")
def test_it_is_found_in_folders(tmp_path: Path) -> None:
    for name in ("a.HEIC", "b.heif", "c.hif"):
        (tmp_path / name).write_bytes(heic(corners()))
    assert [path.name for path in list_pictures(tmp_path)] == ["a.HEIC", "b.heif", "c.hif"]


@pytest.mark.usefixtures("_without_heic")
def test_without_the_extra_a_line_names_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.heic").write_bytes(EMPTY_HEIC)
    (tmp_path / "b.HEIF").touch()
    assert not list_pictures(tmp_path)
    assert caplog.messages == [f"{tmp_path}: 2 left out (1 .heic, 1 .heif); to read HEIC: pip install 'nstyle[heic]'"]
    with pytest.raises(UsageError, match=r"a\.heic is HEIC, .* pip install 'nstyle\[heic\]'"):
        read_picture(tmp_path / "a.heic")
    with pytest.raises(UsageError, match="standard input is HEIC"):
        read_picture(io.BytesIO(EMPTY_HEIC))
    with pytest.raises(UsageError, match="is HEIC"):
        read_size(tmp_path / "a.heic")
