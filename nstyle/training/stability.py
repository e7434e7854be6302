"""Stability: a picture that is seen again, a little moved and with other noise, should be painted the same.

Ruder et al. 2016 hold every frame of a clip to the one before, moved by the optical flow. Training sees no clips, but
between two frames a camera does little else than move what it sees and add noise (Zheng et al. 2016), and both can be
made from a photograph.

Grain moves along, as it does in clips that are painted steadily. If it stayed where it is, what is painted in plain
areas would be torn between both, and skies would lose their strokes.

Shape suffixes: B batch, H and W the sides of the photographs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nstyle.imaging.grain import mixed, uniform, white
from nstyle.training.augmentation import Seen

FARTHEST = 8
"""The largest movement in pixels, down and right alike."""
STILL = 0.5
"""The share of photographs that do not move."""
CAMERA_NOISE = 4.0
"""The largest standard deviation of the noise of a camera, in levels of 255. That of each photograph is drawn uniformly
from 0 to this."""
FRAME = 2 * FARTHEST
"""The width in pixels of the frame of a picture that is not compared, as it comes from beyond the other's edge."""
LEAST_VARIANCE = (4 / 255) ** 2
"""What is added to the variance of a picture, so that one that is left plain does not outweigh the others."""
STREAM = 0x7FEB352D
"""An odd number that keeps the draws apart from those of grain and of plain areas."""


@dataclass(frozen=True)
class SeenAgain:
    """Photographs that have moved, with other noise."""

    grainy: Tensor
    """What the network sees, RGB (B, 3, H, W) in [0, 1]."""
    rows: Tensor
    """The rows (B, H) of the photographs that the rows of these show."""
    columns: Tensor
    """The columns (B, W) likewise."""

    @classmethod
    def of(cls, seen: Seen) -> "SeenAgain":
        """Look again at photographs whose seeds are known."""
        assert seen.seeds is not None
        height, width = seen.colors.shape[-2:]
        words = [mixed(seen.seeds ^ STREAM * k) for k in range(1, 8)]
        moves_B = uniform(words[0]) >= STILL
        down_B, right_B = (moves_B * _movement(word) for word in words[1:3])
        rows_BH, columns_BW = _reflected(down_B, height), _reflected(right_B, width)
        noise = (
            CAMERA_NOISE
            / 255
            * uniform(words[3])[:, None, None, None]
            * torch.cat([white(word, height, width) for word in words[4:]], dim=1)
        )
        return cls((_taken(seen.grainy, rows_BH, columns_BW) + noise).clamp(0, 1), rows_BH, columns_BW)

    def error(self, first: Tensor, again: Tensor) -> Tensor:
        """Compare pictures of the photographs with pictures of them seen again.

        Args:
            first: The pictures of the photographs, RGB (B, 3, H, W) in [0, 1]. No gradient goes to them: what is true
                of the second look holds for the first, and each is the other's equal.
            again: The pictures of the second look.

        Returns:
            The mean squared difference over the variance of ``first``, (B,): 0 for the same, 2 for unrelated pictures.
        """
        first, again = first.detach().float(), again.float()
        height, width = first.shape[-2:]
        moved = _taken(first, self.rows, self.columns)
        inner = (..., slice(FRAME, height - FRAME), slice(FRAME, width - FRAME))
        difference = (again - moved)[inner].square().mean(dim=(1, 2, 3))
        return difference / (first.var(dim=(1, 2, 3)) + LEAST_VARIANCE)


def _movement(words_B: Tensor) -> Tensor:
    """Draw whole pixels from -FARTHEST to FARTHEST, (B,)."""
    return words_B % (2 * FARTHEST + 1) - FARTHEST


def _reflected(moved_B: Tensor, side: int) -> Tensor:
    """Return the places (B, side) that are seen after a movement, reflected at the edges."""
    places = torch.arange(side, device=moved_B.device) + moved_B[:, None]
    return side - 1 - (side - 1 - places.abs()).abs()


def _taken(pictures: Tensor, rows_BH: Tensor, columns_BW: Tensor) -> Tensor:
    """Take rows and columns of pictures (B, C, H, W), other ones of each, channels_last."""
    b = torch.arange(len(pictures), device=pictures.device)[:, None, None]
    return pictures.permute(0, 2, 3, 1)[b, rows_BH[:, :, None], columns_BW[:, None, :]].permute(0, 3, 1, 2)
