"""Remember the moments of a film's layers from frame to frame, so that they change slowly."""

from torch import Tensor


class MomentMemory:
    """The moments of all layers, as exponential moving averages over the frames that were painted.

    Averaged are means and second moments, with the share 1 / n for the n-th frame, and never less than 1 / ``frames``:
    the first frames are weighted alike, the first one has its own moments, and a picture that does not change keeps
    them to the last bit. What results is the mean and the variance of all frames seen together,
    ``mean += share * d`` and ``variance += share * (measured variance - variance) + share * (1 - share) * d^2`` with
    ``d = measured mean - mean``.

    Averaged variances alone would leave out what the mean does between frames: plain frames of changing colour have no
    variance each, and were normalized to numbers that half precision does not hold.

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
        if self._share < 1:
            share, (old_mean, old_variance) = self._share, self._layers[self._layer]
            change = mean - old_mean
            between = share * (1 - share) * change.square()
            mean, variance = old_mean + share * change, old_variance + share * (variance - old_variance) + between
        self._layers[self._layer] = mean, variance
        self._layer += 1
        return mean, variance

    def part(self, index: int) -> "MomentMemory":
        """Return the memory of one of several mixes that a frame is painted in, one after the other."""
        if index not in self._parts:
            self._parts[index] = MomentMemory(self.frames)
            self._parts[index].begin()
        return self._parts[index]
