"""What a photograph says about itself, and what of it a painting of it keeps."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import ExifTags, Image

from nstyle.imaging.exif import TEXT, Exif, Value, read_exif

Dpi = tuple[float, float]
"""Dots per inch, across and down."""
TAG = ExifTags.Base
X_RESOLUTION, Y_RESOLUTION, UNIT = TAG.XResolution, TAG.YResolution, TAG.ResolutionUnit
INCH = 2
"""The number of this unit."""
INCHES = {INCH: 1.0, 3: 2.54}
"""What makes dots per inch of a resolution, by its unit."""
IMAGE_TAGS = frozenset(
    {TAG.ImageDescription, TAG.Make, TAG.Model, TAG.Software, TAG.DateTime, TAG.Artist, TAG.HostComputer}
    | {TAG.Copyright, TAG.Rating, TAG.RatingPercent, X_RESOLUTION, Y_RESOLUTION, UNIT}
    | {TAG.XPTitle, TAG.XPComment, TAG.XPAuthor, TAG.XPKeywords, TAG.XPSubject}
)
"""The tags of the picture that are kept. Others describe how it was stored, or are a maker's own."""
PHOTO_TAGS = frozenset(
    {TAG.ExposureTime, TAG.FNumber, TAG.ExposureProgram, TAG.SpectralSensitivity, TAG.ISOSpeedRatings}
    | {tag for tag in TAG if 0x8830 <= tag < 0xA500 and not 0x9C00 <= tag < 0xA000}
) - {TAG.MakerNote, TAG.ExifInteroperabilityOffset, TAG.RelatedSoundFile}
"""The tags of how it was taken that are kept. What only its maker understands may name the place, and is not."""
SRGB = 1
DPI_RANGE = (2.0, 30_000.0)
"""The resolutions that are believed; files say 0 or 1 where they know none."""


@dataclass(frozen=True)
class Metadata:
    """What a photograph says about itself: EXIF data without orientation, thumbnail and makers' notes, and its
    resolution. XMP and IPTC data are not kept."""

    exif: Exif = field(default_factory=Exif)
    dpi: Dpi | None = None

    def without_place(self) -> "Metadata":
        """Return what is said other than where the photograph was taken."""
        return replace(self, exif=replace(self.exif, place={}))

    def at(self, dpi: float | None) -> "Metadata":
        """Return what is said, with another resolution unless it is None."""
        return self if dpi is None else replace(self, dpi=(float(dpi), float(dpi)))

    def to_info(self, size: tuple[int, int]) -> dict[str, Any]:
        """Return the arguments ``exif`` and ``dpi`` with which Pillow writes a picture, without those that are unknown.

        Args:
            size: The width and height of the picture in pixels.
        """
        known: dict[str, Any] = {"exif": self.exif_of(size).to_bytes(), "dpi": self.dpi}
        return {name: value for name, value in known.items() if value}

    def exif_of(self, size: tuple[int, int]) -> Exif:
        """Return the tags of a painting of this width and height: with its resolution, and that it is in sRGB."""
        exif, image, photo = self.exif, dict(self.exif.image), dict(self.exif.photo)
        for tag in (X_RESOLUTION, Y_RESOLUTION, UNIT):
            image.pop(tag, None)
        if self.dpi:
            image |= {
                X_RESOLUTION: exif.fraction(round(1000 * self.dpi[0]), 1000),
                Y_RESOLUTION: exif.fraction(round(1000 * self.dpi[1]), 1000),
                UNIT: exif.short(INCH),
            }
        corrected = {
            TAG.ExifImageWidth: exif.long(size[0]),
            TAG.ExifImageHeight: exif.long(size[1]),
            TAG.ColorSpace: exif.short(SRGB),
        }
        photo |= {tag: value for tag, value in corrected.items() if tag in photo}
        return replace(exif, image=image, photo=photo)


NOTHING = Metadata()


def read_metadata(image: Image.Image) -> Metadata:
    """Read what a picture says about itself. What is damaged is left out."""
    exif = _stored_exif(image)
    return Metadata(exif, _believed(image.info.get("dpi")) or _believed(_resolution(exif)))


def _stored_exif(image: Image.Image) -> Exif:
    """Read the tags that are kept: from EXIF data, or from the directory of a TIFF file."""
    stored = image.info.get("exif")
    if isinstance(stored, bytes):
        return read_exif(stored, IMAGE_TAGS, PHOTO_TAGS)
    try:
        directory = image.getexif()
        exif = read_exif(directory.tobytes(), IMAGE_TAGS, PHOTO_TAGS)
        # Pillow reads text as Latin-1, whatever it is, and would write it as ASCII.
        texts = {tag: text.encode("latin-1") for tag, text in directory.items() if isinstance(text, str)}
    except Exception:  # Pillow raises any exception on damaged EXIF data.
        return Exif()
    kept = {tag: Value(TEXT, text + b"\x00") for tag, text in texts.items() if tag in IMAGE_TAGS}
    return replace(exif, image={**exif.image, **kept})


def _resolution(exif: Exif) -> list[float]:
    """Return the resolution that EXIF data state, in dots per inch; empty if they do not."""
    tags = exif.image
    if not {X_RESOLUTION, Y_RESOLUTION, UNIT} <= set(tags):
        return []
    inches = INCHES.get(exif.numbers(tags[UNIT])[0], math.nan)
    fractions = [exif.numbers(tags[tag])[:2] for tag in (X_RESOLUTION, Y_RESOLUTION)]
    return [part[0] / part[1] * inches for part in fractions if len(part) == 2 and part[1]]


def _believed(dpi: Any) -> Dpi | None:
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    low, high = DPI_RANGE
    return (across, down) if low <= across <= high and low <= down <= high else None
