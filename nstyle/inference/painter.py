"""What paints a picture: torch or ONNX Runtime. The steps around the network are the same for both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from nstyle.imaging.pictures import PictureSource, open_picture, source_name
from nstyle.inference.color import finish
from nstyle.inference.masks import Masks
from nstyle.inference.mix import Mix
from nstyle.inference.options import PaintOptions
from nstyle.inference.size import sized
from nstyle.inference.stroke import paint_with_stroke

if TYPE_CHECKING:
    from nstyle.inference.stylizer import Stylizer

Levels = npt.NDArray[np.uint8]
"""The pixels of a picture, RGB (H, W, 3)."""
Share = Callable[[float], None]
"""Called with the share of the work that is done, in [0, 1]."""


@dataclass(frozen=True)
class ModelNames:
    """What requests are checked against before a model is loaded."""

    styles: tuple[str, ...]
    name: str
    """The model in words, for messages."""


class Painter(Protocol):
    """A model that is ready to paint: :class:`nstyle.Stylizer`, or
    :class:`nstyle.inference.onnx_painter.OnnxPainter`."""

    device: Any
    """What paints, ``cpu`` or another device; see :meth:`settle_device`."""

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the styles, in the order of positional weights."""
        ...

    def settle_device(self) -> None:
        """Choose the device for good."""
        ...

    def with_torch(self, what: str) -> "Stylizer":
        """Return the same model in torch, which paints what only torch can, such as ``clips``."""
        ...

    def paint(
        self, photo: PictureSource, mix: Mix | None, options: PaintOptions, masks: Masks | None, progress: Share
    ) -> Image.Image:
        """Paint a picture with a mix; see :meth:`nstyle.Stylizer.paint`."""
        ...


def paint_picture(
    photo: PictureSource, options: PaintOptions, paint_levels: Callable[[Levels, float], Levels]
) -> Image.Image:
    """Do all of painting but the network: read, resize, bring back the detail of large strokes, keep colours, blend.

    Args:
        photo: A file, or a picture of any mode; a transparent one is composed on white.
        options: The options of painting.
        paint_levels: Paints pixels with grain and the network, at the strength that is asked for from 1 on. It is also
            told how large they are as a multiple of the picture, which strokes of another size change.
    """
    picture = open_picture(photo, value_range=options.value_range)
    image = sized(picture, options, name=source_name(photo)).over_white()
    if options.strength == 0:
        return image.copy()

    def paint(shown: Image.Image) -> Image.Image:
        return Image.fromarray(paint_levels(np.asarray(shown), shown.width / image.width))

    painted = paint_with_stroke(image, options.stroke, paint)
    return finish(painted, image, strength=options.strength, keep_color=options.keep_color)
