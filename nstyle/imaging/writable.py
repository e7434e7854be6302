"""What can be written in which format, known before anything is painted."""

from PIL import features

from nstyle.errors import UsageError
from nstyle.imaging.formats import LARGEST_SIDE, WRITABLE


def check_writable(extension: str) -> None:
    """Check that pictures can be written in the format of a file extension such as ``.png``, before the work is done.

    Raises:
        UsageError: If they cannot.
    """
    if extension.lower() not in WRITABLE:
        raise UsageError(
            f"cannot write '{extension or 'a file without extension'}'; expected one of {', '.join(sorted(WRITABLE))}"
        )
    if WRITABLE[extension.lower()] == "AVIF" and not features.check("avif"):
        raise UsageError("this Pillow was built without AVIF; choose another format, such as webp")


def check_fits(size: tuple[int, int], extension: str) -> None:
    """Check that a picture of some width and height can be written in a format, before the work is done.

    Raises:
        UsageError: If it is too large.
    """
    most = LARGEST_SIDE.get(WRITABLE[extension.lower()])
    if most is not None and max(size) > most:
        raise UsageError(
            f"{size[0]}x{size[1]} px cannot be written as {extension}, which has at most {most} px; choose another "
            "`format`, such as png"
        )
