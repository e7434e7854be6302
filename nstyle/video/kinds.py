"""Which files move: videos by their first bytes or their name, animations by their header."""

from pathlib import Path
from typing import Literal

from nstyle.imaging.film import CONTAINERS
from nstyle.imaging.formats import VIDEOS
from nstyle.imaging.pictures import opened

Kind = Literal["video", "animation", "still"]
SYNC = {".ts": 0, ".mts": 4, ".m2ts": 4}
"""Where the first packet of MPEG-TS begins, by extension, with the byte 0x47."""
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
"""Pillow's names of the formats whose further frames are an animation, and not further pages or views."""
WRITABLE_ANIMATIONS = (".gif", ".webp", ".png", ".apng")
WRITABLE = (*CONTAINERS, *WRITABLE_ANIMATIONS)
"""The extensions of clips that are written."""
SIGNS = ((4, b"ftyp"), (0, b"\x1aE\xdf\xa3"), (8, b"AVI "), (0, b"FLV\x01"), (0, b"OggS"), (0, b"\x00\x00\x01\xba"))
"""What stands where in the first bytes of videos."""
ANIMATION_SIGNS = ((0, b"GIF8"), (8, b"WEBP"), (0, b"\x89PNG"))
PICTURE_BRANDS = (b"he", b"mif1", b"msf1", b"avi")
"""What follows ``ftyp`` in pictures of formats that share the container, such as HEIC."""


def is_named_video(path: Path) -> bool:
    """Tell whether a file is named like a video."""
    return path.suffix.lower() in VIDEOS


def is_other_ts(path: Path) -> bool:
    """Tell whether a file of an extension of MPEG-TS is something else, such as TypeScript."""
    at = SYNC.get(path.suffix.lower())
    if at is None:
        return False
    try:
        with path.open("rb") as file:
            return file.read(at + 1)[at:] != b"G"
    except OSError:
        return False


def kind_of(path: Path) -> Kind:
    """Tell what a file is. What cannot be read is a still picture, as reading it tells what is wrong with it."""
    try:
        if not path.is_file():
            return "still"
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return "still"
    is_picture = head[4:8] == b"ftyp" and head[8:].startswith(PICTURE_BRANDS)
    if not is_picture and any(head[at:].startswith(sign) for at, sign in SIGNS):
        return "video"
    named = path.suffix.lower()
    if not (is_picture or named in VIDEOS or any(head[at:].startswith(sign) for at, sign in ANIMATION_SIGNS)):
        return "still"
    try:
        with opened(path) as image:
            moves = image.format in ANIMATED and getattr(image, "is_animated", False)
            return "animation" if moves else "still"
    except Exception:  # Pillow raises any exception on files that are no pictures.
        return "video" if named in VIDEOS else "still"
