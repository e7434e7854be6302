"""Take the noise off the still parts of a film, so that a network finds nothing new to paint there."""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 3
"""The side in pixels of the windows in which a frame is compared with what was shown before."""
BLOCK = 16
"""The side in pixels of the blocks in which noise is estimated."""
STILL, PLAIN = 0.3, 0.1
"""The shares of blocks that are taken to be still, and to have no texture."""
FOLLOW = 0.2
"""The share of a new estimate of the noise."""
LEAST_NOISE, MOST_NOISE = 0.25, 16.0
"""Bounds of the mean squared difference of noise, in levels squared."""
COARSE = 2.0
"""How many times as large as the noise of single pixels noise may be, which is coarser in compressed films, and in the
second frame the difference of two. What is beyond is motion all over the frame."""
SECOND_DIFFERENCES = 36.0
"""What second differences in both directions multiply the variance of white noise by (Immerkaer 1996)."""
HOLD = 1.0
"""How far, in levels, the mean may be from the level that is shown before another one is."""


class NoiseFilter:
    """A recursive mean over the frames that starts anew where the picture changes.

    The squared difference from the mean is averaged over colours and small windows, and compared with that of noise,
    which still blocks have. Up to ``still`` times as much counts as noise, and the pixel moves by 1 / ``frames`` of
    the difference; from ``moved`` times on the pixel is that of the new frame; in between it is a part of both. Levels
    are shown until the mean has left them clearly, so that still parts are the same to the last bit.

    Args:
        frames: The number of frames over which still parts are averaged, at least 1.
        still: The multiple of the noise that still counts as noise.
        moved: The multiple of the noise from which on it is motion.
    """

    def __init__(self, frames: float, still: float, moved: float) -> None:
        self.frames, self.still, self.moved = frames, still, moved
        self._mean: Tensor | None = None
        self._shown = self._noise = torch.empty(0)

    def next(self, frame: Tensor, moved: tuple[int, int] = (0, 0)) -> Tensor:
        """Filter the next frame.

        Args:
            frame: RGB (1, 3, H, W), uint8, always of the same size.
            moved: The rows and the columns by which the camera has moved since the last frame.

        Returns:
            RGB (1, 3, H, W), uint8, on the same device; the first frame as it is.
        """
        if self._mean is None:
            self._mean, self._shown = frame.float(), frame
            return frame
        if any(moved):  # What wraps around is found to have changed.
            back = [-m for m in moved]
            self._mean, self._shown = self._mean.roll(back, (2, 3)), self._shown.roll(back, (2, 3))
        difference = frame - self._mean
        energy = F.avg_pool2d(
            difference.square().mean(dim=1, keepdim=True), WINDOW, 1, WINDOW // 2, count_include_pad=False
        )
        noise = self._estimate(energy, frame)
        share = energy.div_(noise).sub_(self.still).div_(self.moved - self.still).clamp_(1 / self.frames, 1)
        self._mean += difference.mul_(share)
        leaves = (self._mean - self._shown).abs_() > HOLD
        self._shown = torch.where(leaves, self._mean.round().to(torch.uint8), self._shown)
        return self._shown

    def _estimate(self, energy: Tensor, frame: Tensor) -> Tensor:
        """Follow the noise's part of the squared difference, a scalar on the device."""
        green = F.pad(frame[:, 1:2].float(), (1, 1, 1, 1), mode="replicate")
        fine = green.diff(n=2, dim=2).diff(n=2, dim=3).square_()
        most = _in_calmest_blocks(fine, PLAIN).mul_(COARSE / SECOND_DIFFERENCES).clamp_(LEAST_NOISE, MOST_NOISE)
        noise = torch.minimum(_in_calmest_blocks(energy, STILL).clamp_(min=LEAST_NOISE), most)
        self._noise = torch.lerp(self._noise, noise, FOLLOW) if self._noise.numel() else noise
        return self._noise


def _in_calmest_blocks(energy: Tensor, share: float) -> Tensor:
    """Return the largest mean of (1, 1, H, W) in a block among the share of blocks with the least, a scalar."""
    height, width = (min(BLOCK, side) for side in energy.shape[-2:])
    blocks = F.avg_pool2d(energy, (height, width)).flatten()
    return blocks.kthvalue(max(1, round(share * len(blocks)))).values
