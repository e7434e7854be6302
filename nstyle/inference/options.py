"""The settings of painting, without torch: how a picture is painted, and what ``nstyle stylize`` is asked for."""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Literal, TypedDict

from nstyle.errors import UsageError, check_setting, in_short
from nstyle.imaging.formats import DEFAULT_EXTENSION, Format
from nstyle.imaging.limits import MAX_PIXELS
from nstyle.imaging.print_size import DPI, parse_print_size
from nstyle.models.model_info import MAX_GRAIN
from nstyle.settings import check_settings, setting
from nstyle.tiling.kinds import Tiling

KeepColor = Literal["luminance"]
Backend = Literal["auto", "torch", "onnx"]
"""What runs the network; see :mod:`nstyle.inference.backends`."""
STYLES, PAINTING, OUTPUT = "Styles", "Painting", "Output"
"""Headings of the settings in the help."""


@dataclass(frozen=True, kw_only=True)
class PaintOptions:
    """How a picture is painted, other than in which styles. All settings are checked on construction."""

    strength: float = setting(
        1.0,
        "The strength of the style: 0 gives the photograph, 1 the style; up to 3 it is painted more freely.",
        PAINTING,
        at_least=0,
        at_most=3,
    )
    keep_color: KeepColor | None = setting(
        None, "Keep the photograph's colours: only the luminance is painted.", PAINTING
    )
    size: int | str | None = setting(
        None,
        "The long side in px that the photograph is resized to first, or the print that it is to fit into, in cm, mm "
        "or in.",
        PAINTING,
        metavar="N|60x40cm",
        default_text="as it is",
    )
    dpi: int | None = setting(
        None,
        "The resolution of the print, which is written into the file.",
        PAINTING,
        at_least=1,
        at_most=10_000,
        unit="dots per inch",
        default_text=f"{DPI} if `size` is a print, else the photograph's",
    )
    stroke: float = setting(
        1.0,
        "The size of the strokes: 2 paints them twice as large, and keeps the photograph's detail.",
        PAINTING,
        at_least=0.5,
        at_most=4,
    )
    grain: float | None = setting(
        None,
        "Film grain that is put on the photograph first: about 2 gives strokes instead of a mesh in plain skies; 0 for "
        "none.",
        PAINTING,
        metavar="LEVELS",
        at_least=0,
        at_most=MAX_GRAIN,
        unit="levels of 255",
        default_text="half of what the model was trained with",
    )
    tiling: Tiling = setting(
        "auto",
        "How large pictures are divided; auto paints 100 megapixels in 3 GB on the CPU: exactly up to about 31 (63 "
        "with slim), then sampled.",
        PAINTING,
    )

    value_range: tuple[float, float] | None = setting(
        None,
        "Which values are black and white in grey pictures of more than 8 bits, such as 0,4095 for 12 bits in 16.",
        PAINTING,
        metavar="LOW,HIGH",
        default_text="as the file says",
    )

    def __post_init__(self) -> None:
        check_settings(self)
        object.__setattr__(self, "size", _checked_size(self.size))
        values = self.value_range
        check_setting(values is None or values[0] < values[1], "value_range", values, "LOW below HIGH")

    def long_side(self, size: tuple[int, int]) -> int | None:
        """Return the long side in pixels to which a picture of this width and height is resized; None for its own."""
        if isinstance(self.size, str):
            return parse_print_size(self.size).long_side(size, self.dpi or DPI)
        return self.size

    @property
    def resolution(self) -> int | None:
        """The resolution in dots per inch that is written into the file; None for the photograph's."""
        return DPI if self.dpi is None and isinstance(self.size, str) else self.dpi

    @property
    def need_a_picture(self) -> bool:
        """Tell whether something is asked for that is done to pictures of 8 bits, and not to float pixels."""
        resized = self.size is not None or self.dpi is not None or self.stroke != 1
        return resized or self.keep_color is not None or bool(self.grain)

    @property
    def only_the_network_paints(self) -> bool:
        """Tell whether the picture is made by the network and grain alone, without resizing or finishing."""
        return self.size is None and self.stroke == 1 and self.strength == 1 and self.keep_color is None


def _checked_size(size: object) -> int | str | None:
    """Return a valid ``size``: a whole number of pixels, which may come as text, or the text of a print."""
    if isinstance(size, str) and not size.strip().isdecimal():
        parse_print_size(size)
        return size
    if size is None:
        return None
    if not isinstance(size, Integral | str) or isinstance(size, bool):
        raise UsageError(f"`size` is {in_short(size)}; expected a whole number of px, or a print such as 60x40cm")
    pixels: int = int(size)
    check_setting(pixels >= 1, "size", size, "at least 1 px")
    return pixels


class PaintArguments(TypedDict, total=False):
    """The settings of :class:`PaintOptions` as arguments of a function."""

    strength: float
    keep_color: KeepColor | None
    size: int | str | None
    dpi: int | None
    stroke: float
    grain: float | None
    tiling: Tiling
    value_range: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Request:
    """What ``nstyle stylize`` is asked for. All settings are checked on construction."""

    photos: tuple[str, ...]
    """Files and folders; ``-`` is standard input."""
    model: str | None = None
    style: str | None = setting(None, "One style; a part of its name will do.", STYLES, metavar="NAME")
    styles: str | None = setting(None, "Several styles, in equal parts or as `weights` says.", STYLES, metavar="A,B")
    weights: str | None = setting(
        None, "How much of each style, by position or by name.", STYLES, metavar="W,W|NAME=W,..."
    )
    all_styles: bool = setting(False, "One picture per style, and a contact sheet.", STYLES)
    masks: tuple[str, ...] = setting(
        (), "Paint a style only where a grey picture is white. May be repeated.", STYLES, metavar="NAME=FILE"
    )
    options: PaintOptions = field(default_factory=PaintOptions)
    max_pixels: int = setting(MAX_PIXELS, "Refuse pictures of more pixels.", PAINTING, at_least=1)
    out: str | None = setting(
        None,
        "A file, a folder, or - for standard output.",
        OUTPUT,
        metavar="FILE|FOLDER",
        default_text="PHOTO_STYLE.png here",
    )
    format: Format | None = setting(None, "The format of the pictures.", OUTPUT, default_text="that of `out`, else png")
    quality: int | None = setting(
        None,
        "The quality of jpg, webp and avif.",
        OUTPUT,
        at_least=1,
        at_most=100,
        default_text="95, avif 75",
    )
    keep_place: bool = setting(False, "Keep where a photograph was taken (GPS), which is left out otherwise.", OUTPUT)
    overwrite: bool = setting(False, "Replace files that exist.", OUTPUT)
    skip_existing: bool = setting(
        False, "Leave files that exist as they are, and paint what is missing: a stopped folder goes on.", OUTPUT
    )
    as_json: bool = setting(False, "Report on standard output as JSON.", OUTPUT)
    backend: Backend = setting(
        "auto",
        "What runs the network: torch, or ONNX Runtime, which starts sooner on a CPU; auto takes what is faster here.",
        PAINTING,
    )
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def extension(self) -> str:
        """The extension of files that get no name from the user, with its dot."""
        return f".{self.format}" if self.format is not None else DEFAULT_EXTENSION
