"""Follow the camera of a film by whole pixels."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 512
"""The largest side in pixels of the middle of a frame in which motion is looked for."""
FARTHEST = 0.2
"""The part of this side by which the camera moves before it is followed from a new frame."""
CLEAR = 0.04
"""The least height of the peak that a motion makes; a motion of all that is seen makes one of about 1."""
BLOCK = 32
"""The side in pixels of the blocks that vote for a motion."""
BETTER = 0.8
"""A block votes for the one of two motions that leaves less than this part of the other's difference."""
FOR, AGAINST = 0.3, 0.1
"""The least part of all blocks that vote for a new motion, and the largest one that votes against it."""
ROUNDING = 0.5
"""The difference in levels that says nothing."""

Corner = tuple[int, int]
"""The row and the column in the scene of a frame's upper left pixel, in pixels; (0, 0) in its first frame."""


class Camera:
    """Finds where frames lie in their scene, by phase correlation (Kuglin and Hines 1975).

    A motion is believed if much of the picture moves by it and little stands still, so that a person who moves before
    a plain wall moves no wall.
    """

    def __init__(self) -> None:
        self._from: Corner = (0, 0)
        self._moved: Corner = (0, 0)
        self._luma = self._spectrum = torch.empty(0)

    def follow(self, frame: npt.NDArray[np.uint8]) -> Corner:
        """Return where the next frame (H, W, 3), always of the same size, lies in the scene."""
        luma = _middle(frame)
        spectrum = torch.fft.rfft2(luma * _window(luma))
        if self._luma.numel():
            peak, moved = _displacement(self._spectrum, spectrum, luma.shape)
            if peak < CLEAR:
                self._begin(luma, spectrum)
            elif moved != self._moved and _is_believed(self._luma, luma, self._moved, moved):
                self._moved = moved
            if max(abs(m) / side for m, side in zip(self._moved, luma.shape, strict=True)) > FARTHEST:
                self._begin(luma, spectrum)
        else:
            self._begin(luma, spectrum)
        return self._from[0] + self._moved[0], self._from[1] + self._moved[1]

    def _begin(self, luma: Tensor, spectrum: Tensor) -> None:
        """Follow from this frame on."""
        self._from = self._from[0] + self._moved[0], self._from[1] + self._moved[1]
        self._moved, self._luma, self._spectrum = (0, 0), luma, spectrum


def _middle(frame: npt.NDArray[np.uint8]) -> Tensor:
    """Cut out the middle of a frame, and return its green, which is most of its luminance, as float32 (H, W)."""
    top, left = (max(0, side - SIDE) // 2 for side in frame.shape[:2])
    green = frame[top : top + SIDE, left : left + SIDE, 1]
    return torch.from_numpy(green.astype(np.float32))


def _window(luma: Tensor) -> Tensor:
    """Return weights (H, W) that fade to 0 at the edges, where a picture does not go on at its other side."""
    rows, columns = (torch.hann_window(side, periodic=False) for side in luma.shape)
    return rows[:, None] * columns


def _displacement(first: Tensor, second: Tensor, shape: torch.Size) -> tuple[float, Corner]:
    """Return the height of the highest peak of the phase correlation, and where it is."""
    product = first * second.conj()
    peaks = torch.fft.irfft2(product / product.abs().clamp(min=1e-9), s=tuple(shape))
    row, column = divmod(int(peaks.argmax()), shape[1])
    row, column = (k - side if k > side // 2 else k for k, side in zip((row, column), shape, strict=True))
    return float(peaks[row, column]), (row, column)


def _is_believed(first: Tensor, second: Tensor, old: Corner, new: Corner) -> bool:
    """Tell whether blocks vote for a new motion from the first frame to the second, rather than for an old one."""
    reach = [max(abs(a), abs(b)) for a, b in zip(old, new, strict=True)]
    if any(side - 2 * r < BLOCK for side, r in zip(first.shape, reach, strict=True)):
        return False
    inner = tuple(slice(r, side - r) for r, side in zip(reach, first.shape, strict=True))

    def differences(moved: Corner) -> Tensor:
        places = tuple(slice(s.start + m, s.stop + m) for s, m in zip(inner, moved, strict=True))
        return F.avg_pool2d((second[inner] - first[places]).abs()[None], BLOCK) + ROUNDING

    with_old, with_new = differences(old), differences(new)
    votes = [float((a < BETTER * b).float().mean()) for a, b in ((with_new, with_old), (with_old, with_new))]
    return votes[0] >= FOR and votes[1] <= AGAINST
