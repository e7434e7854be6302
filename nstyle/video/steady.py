"""Paint the frames of a clip one after the other."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from nstyle.inference.masks import Masks
from nstyle.inference.mix import Mix
from nstyle.inference.options import PaintOptions
from nstyle.inference.stylizer import Stylizer
from nstyle.video.options import Steady


class FramePainter:
    """Paint frames in order."""

    def __init__(
        self, stylizer: Stylizer, options: PaintOptions, steady: Steady = "low", masks: Masks | None = None
    ) -> None:
        self._stylizer, self._options, self._masks = stylizer, options, masks

    def paint(self, frame: npt.NDArray[np.uint8], mix: Mix | None) -> npt.NDArray[np.uint8]:
        """Paint a frame (H, W, 3)."""
        return np.asarray(self._stylizer.paint(Image.fromarray(frame), mix, self._options, self._masks))
