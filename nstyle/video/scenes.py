"""Find the cuts of a film."""

import numpy as np
import numpy.typing as npt
from PIL import Image

CELLS = 24
"""The rows and the columns of cells that frames are reduced to."""
FAINT = 2.0
"""The contrast in levels below which a frame counts as plain."""
UNLIKE = 0.25
"""How unlike two frames must be at least to be of different scenes."""
SUDDEN = 4.0
"""How much more unlike than usual two frames of different scenes are."""
FOLLOW = 0.2
"""The share of the newest frame in what is usual."""

Levels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class CutDetector:
    """Tells where a new scene begins, from frames reduced to a few cells.

    Two frames are as unlike as 1 - the correlation of their cells, 0 to 2. Brightness and contrast do not count, so
    that flashes and fades are no cuts; noise vanishes in the cells; and a pan changes them little from one frame to
    the next, or in every frame, which makes it usual.
    """

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._last: Floats = np.empty(0, dtype=np.float32)
        self._usual = 0.0

    def is_cut(self, frame: Levels) -> bool:
        """Tell whether ``frame`` (H, W, 3) is the first one, has another size, or shows another scene than the last."""
        cells = _reduced(frame)
        (last, self._last), (shape, self._shape) = (self._last, cells), (self._shape, frame.shape)
        if shape != frame.shape:
            self._usual = 0.0
            return True
        distance = _unlikeness(last, cells)
        if distance > max(UNLIKE, SUDDEN * self._usual):
            self._usual = 0.0
            return True
        self._usual += FOLLOW * (distance - self._usual)
        return False


def _reduced(frame: Levels) -> Floats:
    """Average a frame (H, W, 3) over the cells of a grid, (CELLS, CELLS, 3)."""
    return np.asarray(Image.fromarray(frame).resize((CELLS, CELLS), Image.Resampling.BOX), dtype=np.float32)


def _unlikeness(a: Floats, b: Floats) -> float:
    """Return 1 - the correlation of two reduced frames, of which plain ones are like each other."""
    a, b = a - a.mean(axis=(0, 1)), b - b.mean(axis=(0, 1))
    contrasts = float(np.sqrt(np.square(a).mean())), float(np.sqrt(np.square(b).mean()))
    if max(contrasts) < FAINT:
        return 0.0
    return 1 - float((a * b).mean()) / (max(contrasts[0], FAINT) * max(contrasts[1], FAINT))
