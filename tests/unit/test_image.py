"""Reading and writing pictures: orientation, profiles, transparency, depth, rounding, broken files."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.folders import list_pictures
from nstyle.imaging.limits import MAX_PIXELS
from nstyle.imaging.picture import to_picture
from nstyle.imaging.pictures import (
    encode,
    open_picture,
    read_picture,
    resize,
    resize_picture,
    source_name,
    to_image,
    to_tensor,
)
from nstyle.imaging.pillow_state import PILLOW
from nstyle.imaging.writable import check_fits
from nstyle.system.files import write_atomically


def grey_profile(gamma: float) -> bytes:
    """Return an ICC profile of grey pictures (ICC.1:2001-04): a header, a white point and a tone curve."""
    white = b"".join(round(value * 65536).to_bytes(4, "big") for value in (0.9642, 1.0, 0.8249))
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big") + bytes(2)
    tags = {b"wtpt": b"XYZ " + bytes(4) + white, b"kTRC": curve}
    table, body = len(tags).to_bytes(4, "big"), b""
    for name, data in tags.items():
        table += name + (128 + 4 + 12 * len(tags) + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    made = b"".join(value.to_bytes(2, "big") for value in (2020, 1, 1, 0, 0, 0))
    header = bytes(4) + bytes.fromhex("02100000") + b"mntrGRAYXYZ " + made + b"acsp" + bytes(28) + white + bytes(48)
    return (128 + len(table) + len(body)).to_bytes(4, "big") + header + table + body


def gradient(width: int = 40, height: int = 24) -> Image.Image:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x * 6, y * 10, 255 - x * 6], axis=-1).astype(np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    upright = gradient()
    undo = {2: [0], 3: [3], 4: [1], 5: [5], 6: [2], 7: [6], 8: [4]}  # PIL's transpositions that the viewer must undo
    stored = upright
    for operation in undo.get(orientation, []):
        stored = stored.transpose(Image.Transpose(operation))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    stored.save(path, exif=exif)
    assert np.array_equal(np.asarray(read_picture(path).rgb), np.asarray(upright))


def test_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    image = Image.new("RGB", (8, 8), (200, 30, 60))
    as_lab = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    path = tmp_path / "lab.tif"
    as_lab.save(path, icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())
    assert np.abs(np.asarray(read_picture(path).rgb).astype(int) - [200, 30, 60]).max() <= 3


def test_damaged_profile_is_ignored(tmp_path: Path) -> None:
    gradient().save(tmp_path / "a.png", icc_profile=b"no profile")
    assert np.array_equal(np.asarray(read_picture(tmp_path / "a.png").rgb), np.asarray(gradient()))


def test_alpha_is_split_off_and_shown_on_white(tmp_path: Path) -> None:
    """examples#738 crashed on alpha; a plain conversion turns transparency black."""
    image = gradient()
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 20, 24))
    image.putalpha(alpha)
    image.save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.alpha is not None
    assert np.array_equal(np.asarray(picture.alpha), np.asarray(alpha))
    assert picture.over_white().getpixel((5, 5)) == (255, 255, 255)
    assert picture.over_white().getpixel((30, 5)) == gradient().getpixel((30, 5))


def test_colours_that_cannot_be_seen_do_not_come_out_when_a_picture_is_resized() -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((200, 30, 60, 255), (0, 0, 20, 40))
    small = resize_picture(to_picture(image), 15)
    assert small.alpha is not None
    seen = np.asarray(small.alpha) > 100
    assert np.abs(np.asarray(small.rgb)[seen].astype(int) - [200, 30, 60]).max() <= 20


def test_the_profile_of_a_grey_picture_holds_for_its_transparent_form_too(tmp_path: Path) -> None:
    grey = Image.linear_gradient("L")
    clear = grey.copy()
    clear.putalpha(Image.new("L", grey.size, 128))
    for name, image in (("grey.png", grey), ("clear.png", clear)):
        image.save(tmp_path / name, icc_profile=grey_profile(1.0))
    opaque, transparent = (np.asarray(read_picture(tmp_path / name).rgb) for name in ("grey.png", "clear.png"))
    assert np.array_equal(opaque, transparent)
    assert not np.array_equal(opaque, np.asarray(grey.convert("RGB"))), "the profile changes the tones"


def test_a_grey_tiff_of_16_bits_in_which_0_is_white(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "a.tif", tiffinfo={262: 0})
    data = (tmp_path / "a.tif").read_bytes()
    with Image.open(tmp_path / "a.tif") as image:
        assert image.tag_v2[262] == 0, data[:8]
    levels = np.asarray(read_picture(tmp_path / "a.tif").rgb)[..., 0]
    assert np.array_equal(levels.ravel(), np.arange(255, -1, -1))


def test_palette_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (10, 10), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (5, 0, 10, 10))
    image.save(tmp_path / "a.gif", transparency=0)
    picture = read_picture(tmp_path / "a.gif")
    assert picture.over_white().getpixel((0, 0)) == (255, 255, 255)
    assert picture.over_white().getpixel((9, 9)) == (0, 255, 0)


def test_16_bit_grey_is_scaled_and_rounded(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257 * 100, 65535, 128]], dtype=np.uint16)).save(tmp_path / "a.png")
    pixels = np.asarray(read_picture(tmp_path / "a.png").rgb)
    assert pixels[0].tolist() == [[0] * 3, [100] * 3, [255] * 3, [0] * 3]


def test_16_bit_grey_with_a_transparent_level(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 257 * 100, dtype=np.uint16)).save(tmp_path / "a.png", transparency=7)
    assert read_picture(tmp_path / "a.png").over_white().getpixel((0, 0)) == (100, 100, 100)


def test_damaged_avif_is_an_error_of_ours(tmp_path: Path) -> None:
    """Its decoder raises RuntimeError."""
    buffer = io.BytesIO()
    gradient(64, 64).save(buffer, "AVIF")
    content = bytearray(buffer.getvalue())
    content[-200:] = bytes(200)
    (tmp_path / "a.avif").write_bytes(content)
    with pytest.raises(NstyleError, match="cannot be read as a picture"):
        read_picture(tmp_path / "a.avif")


def test_a_picture_from_pillow_has_a_limit_too_and_pillow_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradient().save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UsageError, match=r"PICTURE has 40x24 px, more than 0\.0009 megapixels"):
        open_picture(gradient(), max_pixels=900)
    assert read_picture(tmp_path / "a.png").rgb.size == (40, 24)
    assert Image.MAX_IMAGE_PIXELS == MAX_PIXELS
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    read_picture(tmp_path / "a.png")
    assert Image.MAX_IMAGE_PIXELS is None


def test_threads_that_overlap_put_the_warnings_back() -> None:
    before = list(warnings.filters)
    first, second = PILLOW.silent(), PILLOW.silent()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    warnings.warn("nobody hears this", stacklevel=1)
    second.__exit__(None, None, None)
    assert list(warnings.filters) == before


def test_what_is_too_large_for_its_format_is_known_before_it_is_painted() -> None:
    check_fits((16_384, 10), ".png")
    check_fits((16_383, 10), ".webp")
    with pytest.raises(UsageError, match=r"10x16384 px cannot be written as \.webp, which has at most 16383 px"):
        check_fits((10, 16_384), ".webp")
    for extension, side in ((".webp", 16_383), (".jpg", 65_500)):
        assert encode(Image.new("L", (side, 1)), extension)
        with pytest.raises(NstyleError):
            encode(Image.new("L", (side + 1, 1)), extension)


def test_picture_too_large_for_its_format() -> None:
    with pytest.raises(NstyleError, match=r"16400x1 px cannot be written as \.webp"):
        encode(Image.new("RGB", (16400, 1)), ".webp")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK", "YCbCr", "RGBA"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode in {"CMYK", "YCbCr"} else "a.png")
    gradient().convert(mode).save(path, quality=100, subsampling=0) if path.suffix == ".jpg" else gradient().convert(
        mode
    ).save(path)
    picture = read_picture(path)
    assert picture.rgb.mode == "RGB"
    assert picture.rgb.size == (40, 24)
    assert picture.alpha is None


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_picture(tmp_path / "a.gif").rgb.getpixel((0, 0)) == (255, 0, 0)


def test_reduced_decoding_keeps_the_short_side(tmp_path: Path) -> None:
    gradient(1600, 1200).resize((1600, 1200)).save(tmp_path / "a.jpg")
    reduced = read_picture(tmp_path / "a.jpg", near_side=200).rgb
    assert 200 <= min(reduced.size) < 1200


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\xff\xd8\xff\xe0 not a jpeg", b"plain text"])
def test_broken_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(NstyleError, match=r"a\.jpg: cannot be read as a picture"):
        read_picture(tmp_path / "a.jpg")


def test_truncated_file(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    gradient(200, 200).save(buffer, "JPEG")
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(NstyleError, match="cannot be read"):
        read_picture(tmp_path / "a.jpg")


def test_tensor_round_trip_is_exact_and_rounds() -> None:
    """pytorch/examples truncates with astype(uint8): every picture came out darker."""
    image = gradient()
    assert np.array_equal(np.asarray(to_image(to_tensor(image))), np.asarray(image))
    assert np.asarray(to_image(torch.full((3, 1, 1), 0.9999)))[0, 0].tolist() == [255] * 3
    assert np.asarray(to_image(torch.tensor([-0.2, 0.5, 1.4]).view(3, 1, 1)))[0, 0].tolist() == [0, 128, 255]


def test_a_picture_is_the_same_however_it_comes(tmp_path: Path) -> None:
    picture = gradient()
    pixels, path = np.asarray(picture), tmp_path / "a.png"
    picture.save(path)
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    for source in (
        path,
        str(path),
        picture,
        pixels,
        pixels / 255,
        (pixels / 255).astype(np.float32),
        tensor,
        tensor[None],
        tensor / 255,
        (tensor / 255).requires_grad_(),
    ):
        opened = open_picture(source)
        assert opened.rgb.mode == "RGB"
        assert np.array_equal(np.asarray(opened.rgb), pixels)
        assert source_name(source) == ("a.png" if isinstance(source, str | Path) else "PICTURE")
    grey = open_picture(torch.full((1, 2, 3), 0.25, dtype=torch.bfloat16)).rgb
    assert (grey.size, grey.getpixel((0, 0))) == ((3, 2), (64, 64, 64))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "a picture is a NoneType; expected a file"),
        ([[1.0]], "a picture is a list; expected a file"),
        (np.zeros((3, 4, 5)), r"has the shape \(3, 4, 5\); expected \(H, W, 3\)"),
        (torch.zeros(2, 3, 4, 5), r"has the shape \(2, 3, 4, 5\); expected \(3, H, W\)"),
        (torch.zeros(4, 5, 3), r"has the shape \(4, 5, 3\); expected \(3, H, W\)"),
        (torch.zeros(3, 0, 5), r"has the shape \(3, 0, 5\)"),
        (np.zeros((4, 5, 3), np.int64), r"of type int64; expected uint8, or float in \[0, 1\]"),
        (np.full((4, 5, 3), 255.0), r"values from 255 to 255; expected \[0, 1\]"),
        (np.full((4, 5, 3), np.nan), r"values from nan to nan; expected \[0, 1\]"),
    ],
)
def test_what_is_no_picture_is_refused(source: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_picture(source)


def test_resize_keeps_the_aspect() -> None:
    """pytorch/examples squashes --style-size to a square."""
    assert resize(gradient(), short_side=12).size == (20, 12)
    assert resize(gradient(), long_side=80).size == (80, 48)


def test_jpeg_of_a_transparent_picture_is_on_white() -> None:
    image = gradient()
    image.putalpha(0)
    with Image.open(io.BytesIO(encode(image, ".jpg"))) as decoded:
        assert min(decoded.getpixel((3, 3))) >= 250


def test_unknown_extension() -> None:
    with pytest.raises(UsageError, match=r"cannot write '.xyz'"):
        encode(gradient(), ".xyz")


def test_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(NstyleError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_files_have_the_permissions_that_the_user_chose(tmp_path: Path) -> None:
    """Without ever changing the umask, which all threads share."""
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a.bin", b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "a.bin").stat().st_mode & 0o777 == 0o640


def test_list_pictures_is_sorted_recursive_and_ignores_the_rest(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "sub/c.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [p.relative_to(tmp_path).as_posix() for p in list_pictures(tmp_path)] == ["a.PNG", "b.jpg", "sub/c.webp"]
