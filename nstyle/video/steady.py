"""Paint the frames of a film so that what stands still in the scene stands still in the painting."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from nstyle.imaging.pictures import resize
from nstyle.inference.masks import Masks
from nstyle.inference.mix import Mix
from nstyle.inference.options import PaintOptions
from nstyle.inference.shot import ALONE, Shot
from nstyle.inference.stylizer import Stylizer
from nstyle.tiling.memory import MomentMemory
from nstyle.video.motion import Camera
from nstyle.video.noise import NoiseFilter
from nstyle.video.options import Steady
from nstyle.video.scenes import CutDetector

Levels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Means:
    """Over how many frames means are taken, and what of the change between frames counts as noise."""

    moments_frames: float
    pixel_frames: float
    still: float
    """See :class:`nstyle.video.noise.NoiseFilter`, as for ``moved``."""
    moved: float


MEANS = {
    "low": Means(moments_frames=8, pixel_frames=10, still=2.5, moved=4),
    "high": Means(moments_frames=24, pixel_frames=30, still=4, moved=8),
}
"""At 25 frames per second, 8 frames are a third of a second."""
MOST_LAG = 0.05
"""How far the moments may lag behind a mix that changes, as a part of the mix."""


class FramePainter:
    """A painter of frames in the order of time.

    Its means over time are those of the layers' moments, whose changes make the whole painting flicker
    (:class:`nstyle.tiling.memory.MomentMemory`), and those of pixels that do not change but for noise
    (:class:`nstyle.video.noise.NoiseFilter`). They begin anew with every scene.

    Args:
        stylizer: The model.
        options: How frames are painted.
        steady: ``low`` takes means over a short time, ``high`` over a longer one and takes more for noise, and ``off``
            paints every frame by itself.
        masks: The masks by style name, the same for all frames; see :meth:`nstyle.Stylizer.stylize`.
    """

    def __init__(
        self, stylizer: Stylizer, options: PaintOptions, steady: Steady = "low", masks: Masks | None = None
    ) -> None:
        self.stylizer, self.options, self.masks = stylizer, options, masks
        self.means = None if steady == "off" else MEANS[steady]
        self._cuts = CutDetector()
        self._mix: Mix = {}

    def paint(self, frame: Levels, mix: Mix | None) -> Levels:
        """Paint the next frame.

        Args:
            frame: RGB (H, W, 3).
            mix: The mix, or None where the masks cover everything.

        Returns:
            RGB (H, W, 3), of another size if the options have a ``size``.

        Raises:
            UsageError: If a mask is invalid.
        """
        image, shot = Image.fromarray(frame), ALONE
        image = resize(image, long_side=self.options.long_side(image.size))
        if self.means is not None:
            image, shot = self._steadied(np.asarray(image), mix or {}, self.means)
        options = replace(self.options, size=None)
        return np.asarray(self.stylizer.paint(image, mix, options, self.masks, shot=shot))

    def _steadied(self, frame: Levels, mix: Mix, means: Means) -> tuple[Image.Image, Shot]:
        """Return the frame without noise where it is still, and what it takes over from the frames before."""
        if self._cuts.is_cut(frame):
            self._memory = MomentMemory(means.moments_frames)
            self._noise = NoiseFilter(means.pixel_frames, means.still, means.moved)
            self._camera, self._corner, self._mix = Camera(), (0, 0), mix
        change = sum(abs(mix.get(name, 0.0) - self._mix.get(name, 0.0)) for name in {*mix, *self._mix}) / 2
        last, self._corner, self._mix = self._corner, self._camera.follow(frame), mix
        self._memory.begin(least=change / MOST_LAG)
        pixels = torch.from_numpy(np.require(frame, requirements=["C", "W"])).permute(2, 0, 1)[None]
        moved = self._corner[0] - last[0], self._corner[1] - last[1]
        still = self._noise.next(pixels.to(self.stylizer.device), moved)
        image = Image.fromarray(still[0].permute(1, 2, 0).contiguous().cpu().numpy())
        return image, Shot(self._memory, self._corner)
