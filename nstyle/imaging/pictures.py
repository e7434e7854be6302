"""Read, write, resize and convert pictures, with orientation, colour profiles, transparency and 16-bit values."""

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.formats import JPEG_QUALITY, READ, WRITABLE
from nstyle.imaging.limits import MAX_PIXELS
from nstyle.imaging.values import from_values
from nstyle.imaging.wide import is_wide, to_levels

if TYPE_CHECKING:
    from torch import Tensor

PictureSource: TypeAlias = Union[str, os.PathLike[str], Image.Image, npt.NDArray[Any], "Tensor"]
"""A picture however it comes; see :func:`open_picture`."""
ValueRange: TypeAlias = tuple[float, float]
IN_MEMORY = "PICTURE"
"""The name of a picture that comes from no file."""
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its orientation in EXIF."""
ORIENTED = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
"""Where a picture that Pillow read keeps its orientation."""
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Picture:
    """An upright sRGB picture with separate transparency."""

    rgb: Image.Image
    """The colours, mode RGB."""
    alpha: Image.Image | None
    """The transparency, mode L of the same size, or None for an opaque picture."""

    def over_white(self) -> Image.Image:
        """Compose the picture on white, as a viewer shows it."""
        if self.alpha is None:
            return self.rgb
        return Image.composite(self.rgb, Image.new("RGB", self.rgb.size, "white"), self.alpha)


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
            return to_picture(image, name=name, value_range=value_range)
    except FileNotFoundError:
        raise UsageError(f"{name}: no such file; expected a picture") from None
    except NstyleError:
        raise
    except Exception as error:  # Pillow's decoders raise anything from SyntaxError to RuntimeError on damaged files.
        raise NstyleError(
            f"{name}: cannot be read as a picture ({_reason(error)}); give a JPEG, PNG, WebP or TIFF file"
        ) from error


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd metadata, which does not affect the pixels.
        with Image.open(source, formats=READ) as image:
            yield image


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
        max_pixels: The largest number of pixels that a file may have.
        value_range: See :func:`read_picture`.

    Raises:
        UsageError: If it is none of these.
        NstyleError: If a file cannot be read as a picture, or is too large.
    """
    if isinstance(source, str | os.PathLike):
        return read_picture(Path(source), near_side=near_side, max_pixels=max_pixels, value_range=value_range)
    image = source if isinstance(source, Image.Image) else from_values(source)
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
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    return " ".join(str(error).split()) or type(error).__name__


def to_picture(image: Image.Image, *, name: str = IN_MEMORY, value_range: ValueRange | None = None) -> Picture:
    """Turn a Pillow picture of any mode upright, convert it to sRGB and separate its transparency.

    Args:
        image: The picture, which is not changed.
        name: The picture in words, for messages.
        value_range: See :func:`read_picture`.

    Raises:
        UsageError: If a picture of more than 8 bits needs a ``value_range``.
    """
    profile = image.info.get("icc_profile")
    if is_wide(image):
        levels = to_levels(image, name, value_range)
        levels.info = {key: value for key, value in image.info.items() if key in ORIENTED}
        image = levels
    image = _upright(image)
    alpha = None
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        alpha = None if alpha.getextrema() == (255, 255) else alpha
    return Picture(rgb=_to_srgb(image, profile), alpha=alpha)


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its orientation says. Damaged EXIF data say nothing."""
    try:
        method = UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow raises any exception on damaged EXIF data.
        return image
    if method is None:
        return image
    image = image.transpose(method)
    image.info = {key: value for key, value in image.info.items() if key not in ORIENTED}
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB through the embedded profile if it is valid for the mode; otherwise ignore the profile."""
    if profile:
        base = image.convert("RGB") if image.mode in {"RGBA", "P", "PA"} else image
        base = base.convert("L") if base.mode == "LA" else base
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(base, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except Exception:  # The profile is damaged or for another mode. Like viewers, we ignore it.
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


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


def resized(size: tuple[int, int], *, short_side: int | None = None, long_side: int | None = None) -> tuple[int, int]:
    """Return the (width, height) in pixels to which :func:`resize` resizes a picture of a given size."""
    side, reference = (short_side, min(size)) if short_side is not None else (long_side, max(size))
    if side is None or side == reference:
        return size
    width, height = (max(1, round(length * side / reference)) for length in size)
    return width, height


def encode(image: Image.Image, extension: str, buffer: io.BytesIO | None = None) -> bytes:
    """Encode a picture in the format of a file extension such as ``.png``, with an sRGB profile where that is usual.

    Args:
        image: The picture.
        extension: The extension with its dot.
        buffer: An empty buffer to encode into. Its errors pass through unless they are an OSError or a ValueError.

    Returns:
        The content of a file.

    Raises:
        UsageError: If the extension cannot be written.
        NstyleError: If the picture is too large for the format.
    """
    extension = extension.lower()
    if extension not in WRITABLE:
        raise UsageError(
            f"cannot write '{extension or 'a file without extension'}'; expected one of {', '.join(sorted(WRITABLE))}"
        )
    options: dict[str, Any] = {}
    if extension in {".jpg", ".jpeg"}:
        if image.mode in {"RGBA", "LA"}:
            image = Picture(image.convert("RGB"), image.getchannel("A")).over_white()
        options = {"quality": JPEG_QUALITY, "subsampling": 0}
    elif extension == ".webp":
        options = {"quality": JPEG_QUALITY}
    buffer = io.BytesIO() if buffer is None else buffer
    try:
        image.save(buffer, format=Image.registered_extensions()[extension], **options)
    except (OSError, ValueError) as error:
        size = f"{image.width}x{image.height} px"
        raise NstyleError(
            f"{size} cannot be written as {extension} ({_reason(error)}); choose another format, such as .png"
        ) from error
    return buffer.getvalue()
