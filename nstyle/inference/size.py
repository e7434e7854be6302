"""The size of a picture before it is painted."""

from nstyle.imaging.limits import MAX_PIXELS
from nstyle.imaging.picture import Picture
from nstyle.imaging.pictures import check_pixels, resize_picture, resized
from nstyle.inference.options import PaintOptions


def sized(picture: Picture, options: PaintOptions, *, name: str, max_pixels: int = MAX_PIXELS) -> Picture:
    """Resize a picture as ``size`` asks for, and let it say the resolution that is asked for.

    Args:
        picture: The picture.
        options: The options of painting.
        name: The picture in words, for messages.
        max_pixels: The largest number of pixels that it may become.

    Raises:
        UsageError: If it would have more pixels.
    """
    long_side = options.long_side(picture.rgb.size)
    if long_side is not None:
        check_pixels(f"{name} at `size` {options.size}", resized(picture.rgb.size, long_side=long_side), max_pixels)
        picture = resize_picture(picture, long_side)
    return Picture(picture.rgb, picture.alpha, picture.about.at(options.resolution))
