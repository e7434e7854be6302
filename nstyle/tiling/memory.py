"""Remember the moments of a film's layers from frame to frame, so that they change slowly."""

from torch import Tensor


class MomentMemory:
    """The moments of all layers, as exponential moving averages over the frames that were painted.

    ``mean += share * (measured mean - mean)``, and the same for the variance, where the share is 1 / n in the n-th
    frame and does not fall below 1 / ``frames``: the first frames are weighted alike, the first one has its own
    moments, and a picture that does not change keeps them to the last bit.

    Means and variances are averaged each for itself. Second moments would count as variance what the mean does between
    frames, so that a fade or a morph would lose contrast.

    The averages stay on the device of the moments, and nothing waits for it.

    Args:
        frames: The number of frames over which moments are averaged, at least 1.
    """

    def __init__(self, frames: float) -> None:
        self.frames = frames
        self._layers: list[tuple[Tensor, Tensor]] = []
        self._parts: dict[int, MomentMemory] = {}
        self._seen = self._layer = 0
        self._share = 1.0

    def begin(self, least: float = 0.0) -> None:
        """Begin a frame. Its layers follow by :meth:`blend`, always in the same order.

        Args:
            least: The least share of the frame's own moments, in [0, 1].
        """
        self._seen, self._layer = self._seen + 1, 0
        self._share = min(1.0, max(1 / self._seen, 1 / self.frames, least))
        for part in self._parts.values():
            part.begin(least)

    def blend(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Add the moments (C,) of the next layer, and return those to normalize it with."""
        if self._layer == len(self._layers):
            self._layers.append((mean, variance))
        known = self._layers[self._layer]
        if self._share < 1:
            mean, variance = (old + self._share * (new - old) for old, new in zip(known, (mean, variance), strict=True))
        self._layers[self._layer] = mean, variance
        self._layer += 1
        return mean, variance

    def part(self, index: int) -> "MomentMemory":
        """Return the memory of one of several mixes that a frame is painted in, one after the other."""
        if index not in self._parts:
            self._parts[index] = MomentMemory(self.frames)
            self._parts[index].begin()
        return self._parts[index]
