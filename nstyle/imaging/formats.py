"""The formats that are read and written."""

from typing import Literal

READ = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM", "AVIF")
"""Pillow's names of the formats that are read, whatever a file is called; HEIC joins them where it can be read, see
:mod:`nstyle.imaging.heic`. Pillow knows others whose decoders start other programs, such as Ghostscript for EPS."""
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".avif"}
)
"""The extensions of files that count as pictures when a folder is listed."""
VIDEOS = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"),
        *(".ts", ".mts", ".m2ts", ".wmv", ".flv", ".ogv", ".3gp"),
    }
)
"""The extensions of files that count as videos when a folder is listed."""
WRITABLE = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".avif": "AVIF",
}
"""Pillow's name of the format of every extension that is written."""
DEFAULT_EXTENSION = ".png"
Format = Literal["jpg", "png", "webp", "tiff", "avif"]
"""The formats that a user chooses from."""
WITH_QUALITY = ("JPEG", "WEBP", "AVIF")
"""The formats that lose something, the less the higher their quality."""
LARGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 65_535}
"""The largest side in pixels of formats that have one."""
DEFAULT_QUALITY = {"JPEG": 95, "WEBP": 95}
