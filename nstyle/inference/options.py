"""The settings of painting, without torch: how a picture is painted, and what ``nstyle stylize`` is asked for."""

from dataclasses import dataclass, field
from typing import Literal

from nstyle.errors import check_setting
from nstyle.imaging.limits import MAX_PIXELS
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
    size: int | None = setting(
        None,
        "The long side that the photograph is resized to first.",
        PAINTING,
        at_least=1,
        unit="px",
        default_text="as it is",
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
        values = self.value_range
        check_setting(values is None or values[0] < values[1], "value_range", values, "LOW below HIGH")

    @property
    def only_the_network_paints(self) -> bool:
        """Tell whether the picture is made by the network and grain alone, without resizing or finishing."""
        return self.size is None and self.stroke == 1 and self.strength == 1 and self.keep_color is None


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
