"""HEIC, as phones write it: read by pillow-heif where the ``heic`` extra is installed."""

from functools import cache
from pathlib import Path
from typing import IO

from PIL import Image

HEIC_EXTENSIONS = frozenset({".heic", ".heif", ".hif"})
INSTALL = "pip install 'nstyle[heic]'"
BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
"""What follows ``ftyp`` at the beginning of such files."""


@cache
def can_read_heic() -> bool:
    """Tell whether pillow-heif is installed, and let Pillow read through it: the picture alone, without what phones put
    beside it."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return True


def is_heic(source: Path | IO[bytes]) -> bool:
    """Tell whether a file or a stream begins like HEIC."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return is_heic(file)
    source.seek(0)
    head = source.read(12)
    return head[4:8] == b"ftyp" and head[8:] in BRANDS


def is_turned_by_decoder(image: Image.Image) -> bool:
    """Tell whether a picture was turned upright when it was decoded, whatever its EXIF data say: in HEIC they only
    repeat what the file itself orders."""
    return image.format == "HEIF"
