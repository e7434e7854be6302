"""Style losses by name, each in two steps: describe the features, and compare the description with the target's.

Shape suffixes: B batch, C channels, H height, W width, P positions (H W).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from nstyle.errors import UsageError
from nstyle.losses.functional import at_least_float32, gram
from nstyle.losses.statistics import mean_std, mean_std_error, mmd, mmd_bandwidth, moment_error, moments

StyleLossName = Literal["gram", "gram-gatys", "moments", "mmd", "mmd-shuffled", "mean-std"]
StyleTarget = tuple[Tensor, ...]
"""The description of the target and the constants that are computed from it."""
STYLE_LOSSES: tuple[StyleLossName, ...] = get_args(StyleLossName)


@dataclass(frozen=True)
class StyleLoss:
    """The description of features that a style loss uses, and their comparison."""

    describe: Callable[[Tensor], Tensor]
    """The function from features (B, C, H, W) to a description (B, ...)."""
    compare: Callable[..., Tensor]
    """The function from description, target and a ``generator`` of random numbers (on the CPU) to the loss (B,)."""
    constants: Callable[[Tensor], tuple[Tensor, ...]] = lambda description: ()
    """The function that computes constants from the description of the target, once."""
    can_be_negative: bool = False
    """Whether the loss can be negative, so that a threshold is meaningless."""
    is_random: bool = False
    """Whether every evaluation draws new random numbers."""

    def target(self, features: Tensor) -> StyleTarget:
        """Describe the features (B, C, H, W) of the style, once for all evaluations."""
        description = self.describe(features)
        return description, *self.constants(description)


def style_loss(name: StyleLossName, *, num_moments: int = 2) -> StyleLoss:
    """Look up a style loss.

    ``gram``: ``1 / (C H W)^2 sum_ij (G - A)^2`` of unnormalized Gram matrices (the style-inversion chapter, eq. 1.1 to
        1.3).
    ``gram-gatys``: a quarter of ``gram``, ``1 / (4 N^2 M^2)`` (Gatys et al. 2015, eq. 4; Nikulina 2022 and Kang 2017).
    ``moments``: the first ``num_moments`` of every channel (the style-inversion chapter, eq. 1.4 and 1.5).
    ``mmd``: the sum of linear-time MMD^2 over fixed pairs of neighbours (the style-inversion chapter, eq. 1.6).
    ``mmd-shuffled``: the average of the same over pairs that are redrawn in both pictures at every evaluation.
    ``mean-std``: mean and standard deviation of every channel (Li et al. 2017).

    If the pictures differ in size, each Gram matrix is divided by its own number of positions.

    Raises:
        UsageError: If there is no such loss.
    """
    if name in ("gram", "gram-gatys"):
        factor = 1.0 if name == "gram" else 0.25
        return StyleLoss(
            describe=lambda features: gram(features, "chw"),
            compare=lambda g, target, generator: factor * (g - target[0]).square().sum(dim=(1, 2)),
        )
    if name == "moments":
        return StyleLoss(
            describe=lambda features: moments(features, num_moments),
            compare=lambda m, target, generator: moment_error(m, target[0]),
        )
    if name == "mean-std":
        return StyleLoss(describe=mean_std, compare=lambda m, target, generator: mean_std_error(m, target[0]))
    if name in ("mmd", "mmd-shuffled"):
        return StyleLoss(
            describe=at_least_float32,
            compare=_mmd_neighbours if name == "mmd" else _mmd_shuffled,
            constants=lambda features: (mmd_bandwidth(features.flatten(2)),),
            can_be_negative=True,
            is_random=name == "mmd-shuffled",
        )
    raise UsageError(f"there is no style loss '{name}'; expected one of {', '.join(STYLE_LOSSES)}")


def _mmd_neighbours(features: Tensor, target: StyleTarget, generator: torch.Generator | None) -> Tensor:
    style, bandwidth_BC1 = target
    if features.shape != style.shape:
        (height, width), (style_height, style_width) = features.shape[2:], style.shape[2:]
        raise UsageError(
            f"the loss mmd compares the same positions, but the picture has {width}x{height} of them at a layer and "
            "the style "
            f"{style_width}x{style_height}; give a style of the same shape, or choose the loss mmd-shuffled"
        )
    return mmd(features.flatten(2), style.flatten(2), bandwidth_BC1).sum(dim=(1, 2))


def _mmd_shuffled(features: Tensor, target: StyleTarget, generator: torch.Generator | None) -> Tensor:
    features_BCP, style_BCP, bandwidth_BC1 = features.flatten(2), target[0].flatten(2), target[1]
    count = min(features_BCP.shape[2], style_BCP.shape[2])

    def shuffle(x: Tensor) -> Tensor:
        return x[..., torch.randperm(x.shape[2], generator=generator)[:count].to(x.device)]

    return mmd(shuffle(features_BCP), shuffle(style_BCP), bandwidth_BC1).mean(dim=(1, 2))
