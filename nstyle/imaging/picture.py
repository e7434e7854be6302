"""A picture as we paint it, and how any Pillow picture becomes one: upright, in sRGB, of 8 bits."""

import io
from dataclasses import dataclass
from typing import TypeAlias

from PIL import ExifTags, Image, ImageCms

from nstyle.imaging.heic import is_turned_by_decoder
from nstyle.imaging.metadata import NOTHING, Metadata, read_metadata
from nstyle.imaging.wide import is_wide, to_levels

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
OPAQUE = {"RGBA": "RGB", "P": "RGB", "PA": "RGB", "LA": "L"}
"""The mode of a picture without its transparency and palette, which its colour profile is for."""
ORIENTED = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
"""Where a picture that Pillow read keeps its orientation."""


@dataclass(frozen=True)
class Picture:
    """An upright sRGB picture with separate transparency."""

    rgb: Image.Image
    """The colours, mode RGB."""
    alpha: Image.Image | None
    """The transparency, mode L of the same size, or None for an opaque picture."""
    about: Metadata = NOTHING
    """What the photograph says about itself."""

    def over_white(self) -> Image.Image:
        """Compose the picture on white, as a viewer shows it."""
        if self.alpha is None:
            return self.rgb
        return Image.composite(self.rgb, Image.new("RGB", self.rgb.size, "white"), self.alpha)

    def joined(self) -> Image.Image:
        """Return colours and transparency as one picture: RGBA, or :attr:`rgb` itself if it is opaque."""
        if self.alpha is None:
            return self.rgb
        image = self.rgb.copy()
        image.putalpha(self.alpha)
        return image


def to_picture(image: Image.Image, *, name: str = IN_MEMORY, value_range: ValueRange | None = None) -> Picture:
    """Turn a Pillow picture of any mode upright, convert it to sRGB and separate its transparency.

    Args:
        image: The picture, which is not changed.
        name: The picture in words, for messages.
        value_range: See :func:`read_picture`.

    Raises:
        UsageError: If a picture of more than 8 bits needs a ``value_range``.
    """
    about = read_metadata(image)
    profile = image.info.get("icc_profile")
    if is_wide(image):
        levels = to_levels(image, name, value_range)
        levels.info = {key: value for key, value in image.info.items() if key in ORIENTED}
        image = levels
    image = _upright(image)
    alpha = None
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        alpha = None if alpha.getextrema() == (255, 255) else alpha
    return Picture(rgb=_to_srgb(image, profile), alpha=alpha, about=about)


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its orientation says, once. Damaged EXIF data say nothing."""
    if is_turned_by_decoder(image):
        return image
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
        base = image.convert(OPAQUE[image.mode]) if image.mode in OPAQUE else image
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(base, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except Exception:  # The profile is damaged or for another mode. Like viewers, we ignore it.
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")
