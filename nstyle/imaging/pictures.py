"""Read, write, resize and convert pictures, with orientation, colour profiles, transparency and 16-bit values."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.formats import DEFAULT_QUALITY, READ, VIDEOS, WITH_QUALITY, WRITABLE
from nstyle.imaging.heic import INSTALL, can_read_heic, is_heic
from nstyle.imaging.limits import MAX_PIXELS
from nstyle.imaging.metadata import NOTHING, Metadata
from nstyle.imaging.picture import IN_MEMORY, Picture, ValueRange, to_picture
from nstyle.imaging.pillow_state import PILLOW
from nstyle.imaging.values import from_values
from nstyle.imaging.writable import check_writable

if TYPE_CHECKING:
    from torch import Tensor

PictureSource: TypeAlias = Union[str, os.PathLike[str], Image.Image, npt.NDArray[Any], "Tensor"]
"""A picture however it comes; see :func:`open_picture`."""


def read_picture(
    source: Path | IO[bytes],
    *,
    near_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    value_range: ValueRange | None = None,
) -> Picture:
    """Decode a picture, turn it upright and convert it to sRGB.

    The first frame of an animation is read. Grey, palette, CMYK and 16-bit pictures become RGB. Damaged EXIF data and
    colour profiles are ignored.

    Args:
        source: A regular file, or a binary stream.
        near_side: If given, a JPEG may be decoded at reduced scale as long as its short side keeps this many pixels.
        max_pixels: The largest number of pixels that a picture may have.
        value_range: The values that become black and white in a grey picture of more than 8 bits; see
            :func:`nstyle.imaging.wide.to_levels`.

    Returns:
        The picture.

    Raises:
        UsageError: If there is no such file, it is no regular file, is too large, or needs a ``value_range``.
        NstyleError: If the file cannot be read as a picture.
    """
    name = str(source) if isinstance(source, Path) else "standard input"
    try:
        with opened(source) as image:
            check_pixels(name, image.size, max_pixels)
            if near_side is not None:
                _reduce_decoding(image, near_side)
            image.load()
            picture = to_picture(image, name=name, value_range=value_range)
            picture.rgb.info = {}  # What is kept of it stands in the picture's metadata.
            return picture
    except FileNotFoundError:
        raise UsageError(f"{name}: no such file; expected a picture") from None
    except NstyleError:
        raise
    except MemoryError as error:
        raise NstyleError(f"{name}: there is not enough memory to read it; reduce it first") from error
    except Exception as error:  # Pillow's decoders raise anything from SyntaxError to RuntimeError on damaged files.
        raise NstyleError(f"{name}: cannot be read as a picture ({_reason(error)}); {_advice(source)}") from error


@contextmanager
def opened(source: Path | IO[bytes]) -> Iterator[Image.Image]:
    """Open a picture of one of the formats that are read, whatever its name is. Pipes and devices are never waited for.

    Raises:
        UsageError: If it is no regular file.
        Exception: Whatever Pillow raises about a damaged file.
    """
    if isinstance(source, Path) and not stat.S_ISREG(mode := source.stat().st_mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        hint = "" if stat.S_ISDIR(mode) else "; a pipe can be read as standard input: -"
        raise UsageError(f"{source} is {kind}; expected a picture{hint}")
    # Pillow warns about odd metadata, which does not affect the pixels.
    with PILLOW.silent(), _identified(source) as image:
        yield image


def _identified(source: Path | IO[bytes]) -> Image.Image:
    formats = (*READ, "HEIF") if can_read_heic() else READ
    try:
        with PILLOW.without_limit():
            return Image.open(source, formats=formats)
    except UnidentifiedImageError:
        if not can_read_heic() and is_heic(source):
            name = source if isinstance(source, Path) else "standard input"
            raise UsageError(f"{name} is HEIC, which the heic extra reads; install it with: {INSTALL}") from None
        raise


def open_picture(
    source: PictureSource,
    *,
    near_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    value_range: ValueRange | None = None,
) -> Picture:
    """Read a picture however it comes.

    Args:
        source: A file; a Pillow picture of any mode; an array (H, W, 3); or a tensor (3, H, W) or (1, 3, H, W). Arrays
            and tensors are RGB, uint8 or float in [0, 1]; see :func:`from_values`.
        near_side: See :func:`read_picture`.
        max_pixels: The largest number of pixels that a picture may have.
        value_range: See :func:`read_picture`.

    Raises:
        UsageError: If it is none of these.
        NstyleError: If a file cannot be read as a picture, or a picture is too large.
    """
    if isinstance(source, str | os.PathLike):
        return read_picture(Path(source), near_side=near_side, max_pixels=max_pixels, value_range=value_range)
    image = source if isinstance(source, Image.Image) else from_values(source)
    check_pixels(IN_MEMORY, image.size, max_pixels)  # A picture from Pillow may not be decoded yet.
    return to_picture(image, name=IN_MEMORY, value_range=value_range)


def source_name(source: PictureSource) -> str:
    """Name a picture after its file; ``PICTURE`` for one in memory."""
    return Path(source).name if isinstance(source, str | os.PathLike) else IN_MEMORY


def _reduce_decoding(image: Image.Image, near_side: int) -> None:
    scale = near_side / min(image.size)
    image.draft("RGB", (max(1, int(image.width * scale)), max(1, int(image.height * scale))))


def read_size(path: Path, *, near_side: int | None = None) -> tuple[int, int]:
    """Read (width, height) in pixels from a picture's header, before orientation.

    Args:
        path: The file.
        near_side: If given, return the size at which :func:`read_picture` would decode the picture.

    Raises:
        NstyleError: If the header cannot be read.
    """
    try:
        with opened(path) as image:
            if near_side is not None:
                _reduce_decoding(image, near_side)
            return image.size
    except NstyleError:
        raise
    except Exception as error:  # Pillow raises any exception here; see read_picture.
        raise NstyleError(f"{path}: {_reason(error)}") from error


def check_pixels(name: str, size: tuple[int, int], max_pixels: int) -> None:
    """Raise a UsageError for a picture of more than ``max_pixels`` pixels."""
    if size[0] * size[1] > max_pixels:
        limit = f"{max_pixels / 1e6:.4g} megapixels"
        raise UsageError(
            f"{name} has {size[0]}x{size[1]} px, more than {limit}; reduce it, or allow more with `max_pixels`"
        )


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "unknown format"
    return " ".join(str(error).split()) or type(error).__name__


def _advice(source: Path | IO[bytes]) -> str:
    if not isinstance(source, Path):
        return "give a JPEG, PNG, WebP or TIFF file, and a clip as a file"
    if source.suffix.lower() in VIDEOS:
        return "a clip is painted by `nstyle.stylize_video`"
    return "give a JPEG, PNG, WebP or TIFF file"


def to_tensor(image: Image.Image) -> "Tensor":
    """Convert an RGB picture to float32 (3, H, W) in [0, 1]."""
    import torch

    array = np.array(image.convert("RGB"), dtype=np.uint8)
    return torch.from_numpy(array).permute(2, 0, 1).float().div(255)


def to_image(tensor: "Tensor") -> Image.Image:
    """Convert a tensor (3, H, W), uint8 or float in [0, 1], to an RGB picture. Floats are clamped and rounded to the
    nearest of 256 levels."""
    import torch

    levels = (
        tensor if tensor.dtype == torch.uint8 else tensor.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    )
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())


def resize(image: Image.Image, *, short_side: int | None = None, long_side: int | None = None) -> Image.Image:
    """Resize a picture with antialiasing to the given side in pixels, keeping the aspect ratio."""
    size = resized(image.size, short_side=short_side, long_side=long_side)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def resize_picture(picture: Picture, long_side: int | None) -> Picture:
    """Resize colours and transparency; see :func:`resize`."""
    joined = resize(picture.joined(), long_side=long_side)  # Pillow leaves out colours that cannot be seen.
    if picture.alpha is None or joined.size == picture.rgb.size:
        return picture if picture.alpha is not None else replace(picture, rgb=joined)
    return replace(picture, rgb=joined.convert("RGB"), alpha=joined.getchannel("A"))


def resized(size: tuple[int, int], *, short_side: int | None = None, long_side: int | None = None) -> tuple[int, int]:
    """Return the (width, height) in pixels to which :func:`resize` resizes a picture of a given size."""
    side, reference = (short_side, min(size)) if short_side is not None else (long_side, max(size))
    if side is None or side == reference:
        return size
    width, height = (max(1, round(length * side / reference)) for length in size)
    return width, height


def encode(
    image: Image.Image,
    extension: str,
    buffer: io.BytesIO | None = None,
    *,
    quality: int | None = None,
    about: Metadata = NOTHING,
) -> bytes:
    """Encode a picture in sRGB in the format of a file extension such as ``.png``.

    Args:
        image: The picture.
        extension: The extension with its dot.
        buffer: An empty buffer to encode into. Its errors pass through unless they are an OSError or a ValueError.
        quality: The quality, 1 to 100, of a format that has one.
        about: What the file is to say about the photograph, as far as its format can.

    Returns:
        The content of a file.

    Raises:
        UsageError: If the extension cannot be written.
        NstyleError: If the picture is too large for the format.
    """
    check_writable(extension)
    kind = WRITABLE[extension.lower()]
    options = about.to_info(image.size)
    has_tiff_tags = kind == "TIFF" and options.pop("exif", None)  # Pillow would decode them, and write text as ASCII.
    if kind in WITH_QUALITY and (quality := quality or DEFAULT_QUALITY.get(kind)):
        options["quality"] = quality
    if kind == "JPEG":
        options["subsampling"] = 0
        if image.mode in {"RGBA", "LA"}:
            image = Picture(image.convert("RGB"), image.getchannel("A")).over_white()
    buffer = io.BytesIO() if buffer is None else buffer
    try:
        image.save(buffer, format=kind, **options)
        if has_tiff_tags:
            about.exif_of(image.size).add_to_tiff(buffer)
    except (OSError, ValueError) as error:
        size = f"{image.width}x{image.height} px"
        raise NstyleError(
            f"{size} cannot be written as {extension} ({_reason(error)}); choose another format, such as .png"
        ) from error
    return buffer.getvalue()
