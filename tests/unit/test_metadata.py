"""What a photograph says about itself: what a painting keeps of it, and that nothing odd in it costs a picture."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from nstyle.imaging.exif import TEXT, Exif, Value
from nstyle.imaging.metadata import Metadata, read_metadata
from nstyle.imaging.picture import to_picture
from nstyle.imaging.pictures import encode, read_picture

TAG = ExifTags.Base
FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".avif": "AVIF"}


def exif_data() -> bytes:
    """EXIF data as a phone writes them, with the place and a maker's note, big-endian."""
    exif = Image.Exif()
    exif.update({TAG.Make: "ACME", TAG.Artist: "Ann Other", TAG.Copyright: "(c) Ann Other", TAG.Orientation: 6})
    exif.update({TAG.XResolution: 240.0, TAG.YResolution: 240.0, TAG.ResolutionUnit: 2})
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            TAG.DateTimeOriginal: "2024:05:01 11:59:58",
            TAG.ExposureTime: 1 / 250,
            TAG.LensSpecification: (24.0, 70.0, float("nan"), float("nan")),
            TAG.UserComment: b"ASCII\x00\x00\x00hello",
            TAG.MakerNote: b"52 degrees north" * 9,
            TAG.ExifImageWidth: 4000,
            TAG.ExifImageHeight: 3000,
            TAG.ColorSpace: 65535,
        }
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (52.0, 31.0, 12.3), 3: "E", 4: (13.0, 24.0, 1.0)})
    return exif.tobytes()


def photograph(extension: str, **saved: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 24), "teal").save(buffer, FORMATS[extension], **{"exif": exif_data()} | saved)
    buffer.seek(0)
    return buffer


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("read", FORMATS)
def test_exif_data_go_from_every_format_to_every_format(read: str, written: str) -> None:
    picture = read_picture(photograph(read))
    data = encode(picture.rgb, written, about=picture.about.without_place())
    exif = opened(data).getexif()
    photo = exif.get_ifd(ExifTags.IFD.Exif)
    assert (exif[TAG.Copyright], exif[TAG.Artist], exif[TAG.Make]) == ("(c) Ann Other", "Ann Other", "ACME")
    assert (exif[TAG.XResolution], exif[TAG.ResolutionUnit]) == (240, 2)
    assert exif.get(TAG.Orientation, 1) == 1
    assert picture.rgb.size == (24, 40)
    assert photo[TAG.DateTimeOriginal] == "2024:05:01 11:59:58"
    assert photo[TAG.UserComment] == b"ASCII\x00\x00\x00hello"
    assert (photo[TAG.ExifImageWidth], photo[TAG.ExifImageHeight], photo[TAG.ColorSpace]) == (24, 40, 1)
    assert not exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert b"degrees north" not in data


def test_the_place_is_kept_only_as_long_as_it_is_not_left_out() -> None:
    picture = read_picture(photograph(".jpg"))
    with_place = opened(encode(picture.rgb, ".jpg", about=picture.about)).getexif()
    assert with_place.get_ifd(ExifTags.IFD.GPSInfo)[2] == (52.0, 31.0, 12.3)
    assert (
        ExifTags.IFD.GPSInfo not in opened(encode(picture.rgb, ".jpg", about=picture.about.without_place())).getexif()
    )


def test_values_are_copied_to_the_bit_in_both_byte_orders() -> None:
    """A rational 3/2 stays 3/2 and does not become 1.5, and 0/0, which cameras write, stays 0/0."""
    for order, mark in (("<", b"II*\x00"), (">", b"MM\x00*")):
        entries = struct.pack(f"{order}HHHLL", 1, ExifTags.IFD.Exif, 4, 1, 26) + bytes(4)
        photo = struct.pack(f"{order}HHHLLL", 1, TAG.LensSpecification, 5, 4, 44, 0)
        fractions = struct.pack(f"{order}8L", 24, 1, 105, 3, 0, 0, 3, 2)
        image = Image.new("RGB", (4, 4))
        image.info["exif"] = b"Exif\x00\x00" + mark + struct.pack(f"{order}L", 8) + entries + photo + fractions
        about = read_metadata(image)
        assert about.exif.photo[TAG.LensSpecification].data == fractions
        assert read_metadata(opened(encode(image, ".png", about=about))).exif == about.exif


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_text_beyond_ascii_stays_as_it_was_written(order: str, extension: str) -> None:
    author = "© Jörg".encode() + b"\x00"
    entry = struct.pack(f"{order}HHHLLL", 1, TAG.Copyright, 2, len(author), 26, 0)
    image = Image.new("RGB", (4, 4))
    image.info["exif"] = {"<": b"II*\x00", ">": b"MM\x00*"}[order] + struct.pack(f"{order}L", 8) + entry + author
    image.info["dpi"] = (300, 300)
    data = encode(image, extension, about=read_metadata(image))
    assert author in data
    written = opened(data)
    assert written.getexif()[TAG.Copyright].encode("latin-1") == author[:-1]
    assert written.getexif()[TAG.XResolution] == 300


def test_the_thumbnail_is_dropped() -> None:
    """It shows the photograph, perhaps before it was cropped."""
    first = struct.pack(">HHHLLL", 1, TAG.Make, 2, 4, int.from_bytes(b"ACM\x00", "big"), 26)
    second = struct.pack(">HHHLLL", 1, TAG.ImageDescription, 2, 10, 44, 0) + b"thumbnail\x00"
    image = Image.new("RGB", (4, 4))
    image.info["exif"] = b"Exif\x00\x00MM\x00*" + struct.pack(">L", 8) + first + second
    assert image.getexif().get_ifd(ExifTags.IFD.IFD1)
    data = encode(image, ".jpg", about=read_metadata(image))
    assert opened(data).getexif()[TAG.Make] == "ACM"
    assert b"thumbnail" not in data


def test_exif_data_that_are_too_large_for_a_jpeg_lose_their_largest_values() -> None:
    exif = Image.Exif()
    exif[TAG.Copyright] = "(c) Ann Other"
    exif[TAG.XPComment] = b"x" * 40_000
    exif.get_ifd(ExifTags.IFD.Exif).update({TAG.UserComment: b"y" * 45_000, TAG.LensModel: "50 mm"})
    picture = read_picture(photograph(".webp", exif=exif.tobytes()))
    written = opened(encode(picture.rgb, ".jpg", about=picture.about)).getexif()
    assert written[TAG.Copyright] == "(c) Ann Other"
    assert len(written[TAG.XPComment]) == 40_000
    assert list(written.get_ifd(ExifTags.IFD.Exif)) == [TAG.LensModel]
    exif[TAG.XPComment] = b"x" * 10_000_000
    assert TAG.XPComment not in read_picture(photograph(".webp", exif=exif.tobytes())).about.exif.image


def test_damaged_exif_data_cost_no_picture_in_any_format() -> None:
    """Pillow decodes them to write TIFF, and warns of or raises what it did not expect."""
    whole, random = exif_data(), np.random.default_rng(0)
    image = Image.new("RGB", (4, 4))
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(random.integers(1, 20)):
            damaged[random.integers(6, len(damaged))] = random.integers(0, 256)
        image.info["exif"] = bytes(damaged[: random.integers(6, 2 * len(damaged))])
        about = read_metadata(image)
        for extension in (".jpg", ".png", ".webp", ".tif"):
            assert opened(encode(image, extension, about=about)).size == (4, 4)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif", ".bmp"])
def test_the_resolution_is_kept_where_the_format_has_a_place_for_it(extension: str) -> None:
    picture = read_picture(photograph(".jpg", exif=b"", dpi=(200, 200)))
    assert opened(encode(picture.rgb, extension, about=picture.about)).info["dpi"] == pytest.approx((200, 200), abs=0.1)


@pytest.mark.parametrize("dpi", [(0, 0), (1, 1), (float("nan"), 300), (float("inf"),) * 2, (300,), "300", None, 300])
def test_a_resolution_that_is_none_is_not_believed(dpi: object) -> None:
    image = Image.new("RGB", (4, 4))
    image.info["dpi"] = dpi
    assert read_metadata(image).dpi is None


def test_a_resolution_in_centimetres_is_understood() -> None:
    exif = Image.Exif()
    exif.update({TAG.XResolution: 100.0, TAG.YResolution: 50.0, TAG.ResolutionUnit: 3})
    assert read_picture(photograph(".webp", exif=exif.tobytes())).about.dpi == pytest.approx((254, 127))


def test_nothing_else_of_a_photograph_is_written() -> None:
    """Comments, XMP and profiles may say where it was taken, or what is no longer true."""
    picture = read_picture(photograph(".jpg", comment="52 north", xmp=b"<x>52 north</x>"))
    data = encode(picture.rgb, ".jpg", about=picture.about.without_place())
    assert b"52 north" not in data
    assert b"52 north" not in encode(to_picture(picture.rgb).rgb, ".png", about=picture.about.without_place())


@pytest.mark.parametrize("text", ["© Jörg".encode(), "© Jörg".encode("latin-1"), "梵高".encode()])
def test_text_of_a_tiff_is_kept_to_the_byte(text: bytes) -> None:
    about = Metadata(Exif(image={TAG.Copyright: Value(TEXT, text + b"\x00")}))
    scan = encode(Image.new("RGB", (8, 8)), ".tif", about=about)
    kept = read_picture(io.BytesIO(scan)).about.exif.image[TAG.Copyright]
    assert kept == Value(TEXT, text + b"\x00")
