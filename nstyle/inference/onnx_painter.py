"""Paint with ONNX Runtime, without torch."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from nstyle.errors import NstyleError
from nstyle.exports.kept import kept_session
from nstyle.exports.runtime import require_onnx, run
from nstyle.imaging.numpy_grain import add_grain
from nstyle.imaging.pictures import PictureSource, open_picture, resized
from nstyle.inference.masks import Masks
from nstyle.inference.mix import Mix
from nstyle.inference.options import PaintOptions
from nstyle.inference.painter import Levels, Share, paint_picture
from nstyle.inference.stroke import size_for_stroke
from nstyle.models.locate import describe_model
from nstyle.models.model_info import read_info

if TYPE_CHECKING:
    from nstyle.inference.stylizer import Stylizer

IN_ONE_PIECE = ("auto", "whole", "exact")
"""The tilings that give the picture that the network gives in one piece, as ONNX Runtime paints it."""
BYTES, MEMORY = 500, 2_600_000_000
"""The bytes that a pixel takes per unit of width, and how many a picture may take, as much as with torch."""
LEAST = 16
"""The least side that the network sees, in pixels: smaller pictures are padded."""


class OnnxPainter:
    """A model that paints in ONNX Runtime on the CPU, in float32 and in one piece.

    What it cannot do, torch does: masks, strokes of another size, tilings other than in one piece, and pictures that
    would need too much memory. One line says so.

    Args:
        model: The model file.
        notice: Called with that line.

    Raises:
        UsageError: If the file is no model, or ONNX Runtime is not installed.
    """

    device = "cpu"

    def __init__(self, model: Path, notice: Callable[[str], None]) -> None:
        require_onnx()
        self.info, self.name = read_info(model), describe_model(model)
        self._model, self._notice = model, notice
        self._session = kept_session(model)
        self._torch: Stylizer | None = None

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the styles, in the order of positional weights."""
        return self.info.styles

    def settle_device(self) -> None:
        """Do nothing: the CPU paints."""

    def paint(
        self,
        photo: PictureSource,
        mix: Mix | None,
        options: PaintOptions,
        masks: Masks | None = None,
        progress: Share = lambda share: None,
    ) -> Image.Image:
        """Paint a picture with a mix; see :meth:`nstyle.Stylizer.paint`."""
        picture = open_picture(photo, value_range=options.value_range).over_white()
        reason = self._why_torch(picture.size, mix, options, masks)
        if reason or mix is None:
            return self.with_torch(reason).paint(picture, mix, options, masks, progress)
        return paint_picture(picture, options, lambda levels, _: self._paint_levels(levels, mix, options))

    def _paint_levels(self, levels: Levels, mix: Mix, options: PaintOptions) -> Levels:
        """Paint pixels with grain and the network."""
        grain = self.info.painting_grain if options.grain is None else options.grain
        levels = add_grain(levels, grain) if grain else levels
        inputs: dict[str, npt.NDArray[np.float32]] = {
            "image": np.divide(np.moveaxis(levels, -1, 0)[None], 255, dtype=np.float32, order="C"),
            "mix": np.array([[mix.get(name, 0.0) for name in self.styles]], np.float32),
            "strength": np.array(max(1.0, options.strength), np.float32),
        }
        painted = run(self._session, inputs)[0]
        if not np.isfinite(painted.sum()):
            raise NstyleError(
                "the network painted values that are no numbers, so that nothing is written; its weights are damaged, "
                "choose another `model`"
            )
        painted *= 255
        return np.ascontiguousarray(np.moveaxis(np.rint(painted, out=painted).astype(np.uint8), 0, -1))

    def _why_torch(self, size: tuple[int, int], mix: Mix | None, options: PaintOptions, masks: Masks | None) -> str:
        """Say what ONNX Runtime cannot do for a picture of a (width, height); empty if it can do all."""
        if masks or mix is None:
            return "`masks`"
        if options.stroke != 1:
            return "`stroke`"
        if options.tiling not in IN_ONE_PIECE:
            return f"`tiling` {options.tiling}"
        width, height = size_for_stroke(resized(size, long_side=options.long_side(size)), options.stroke)
        if fits_in_one_piece(width, height, self.info.width):
            return ""
        return f"a picture of {width}x{height} px, in little memory,"

    def with_torch(self, what: str) -> "Stylizer":
        """Return the painter of torch, which is loaded once, and say what it is for."""
        if self._torch is None:
            from nstyle.inference.stylizer import load

            self._notice(f"painting with torch, as ONNX Runtime cannot paint {what or 'this'}".rstrip(","))
            self._torch = load(self._model)
        return self._torch


def fits_in_one_piece(width: int, height: int, network_width: float) -> bool:
    """Tell whether a picture of some pixels may be painted in one piece by a network of a width."""
    return BYTES * network_width * max(LEAST, width) * max(LEAST, height) <= MEMORY
