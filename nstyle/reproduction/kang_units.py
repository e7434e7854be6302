"""The units of A. Kang's weights: of the style, and of total variation."""

from dataclasses import dataclass

from nstyle.imaging.pictures import resized
from nstyle.reconstruction.finished_runs import Run

SIZE = 512
"""The long side of his pictures, in pixels. It is not stated; such pictures usually have about so many."""
STYLE_WEIGHT = 1e4
"""The weight s of the style in most of his experiments."""
CHANNELS, LEVELS = 3, 255


@dataclass(frozen=True)
class Units:
    """What a weight of 1 of his is of ours, beside a content weight of 1.

    His content loss and his variation are sums over pixels, and grow with the area of the picture; his style loss does
    not. So a smaller picture takes a smaller ``style`` to look the same.
    """

    style: float
    variation: float

    @classmethod
    def at(cls, picture: tuple[int, int], long_side: int) -> "Units":
        """Return the units of a picture of some width and height that is made with some long side, in pixels."""
        return cls((long_side / SIZE) ** 2, variation_factor(*resized(picture, long_side=long_side)))

    def label(self, run: Run) -> str:
        """Return the weights of a run in his units: ``s = 10,000``, and ``, v = 5`` if it has total variation."""
        label = f"s = {(run.config.style_weight or 0) / self.style:,.0f}"
        return f"{label}, v = {run.config.tv_weight / self.variation:,.0f}" if run.config.tv_weight else label


def variation_factor(width: int, height: int) -> float:
    """Return Kang's total variation over ours, in a picture of some pixels.

    His is the sum of ``(dx^2 + dy^2)^1.25`` over pixels and channels on the scale of 0 to 255; ours, ``power-1.25``, is
    the mean over the same places in [0, 1]. So the factor is ``3 (width - 1) (height - 1) 255^2.5``.
    """
    return float(CHANNELS * (width - 1) * (height - 1) * LEVELS**2.5)
