"""Style losses by name, each in two steps: describe the features, and compare the description with the target's.

The table of them is known without torch, for the command line; each loss imports what it computes with when it is
built. Shape suffixes: B batch, C channels, H height, W width, P positions (H W).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from nstyle.errors import UsageError

if TYPE_CHECKING:
    from torch import Generator, Tensor

StyleTarget: TypeAlias = "tuple[Tensor, ...]"
"""The description of the target and the constants that are computed from it."""
MAX_MOMENTS = 4
DEFAULT_MOMENTS = 2


@dataclass(frozen=True)
class Comparison:
    """The description of features that a style loss uses, and how descriptions are compared."""

    describe: "Callable[[Tensor], Tensor]"
    """The function from features (B, C, H, W) to a description (B, ...)."""
    compare: "Callable[[Tensor, StyleTarget, Generator | None], Tensor]"
    """The function from description, target and a generator of random numbers (on the CPU) to the loss (B,)."""
    constants: "Callable[[Tensor], tuple[Tensor, ...]]" = lambda description: ()
    """The function that computes constants from the description of the target, once."""

    def target(self, features: "Tensor") -> StyleTarget:
        """Describe the features (B, C, H, W) of the style, once for all evaluations."""
        description = self.describe(features)
        return description, *self.constants(description)


@dataclass(frozen=True, kw_only=True)
class StyleLoss:
    """What is known of a style loss before it is built."""

    summary: str
    """What it compares, in a few words for the help."""
    build: Callable[[int], Comparison]
    """The function that builds it, from the number of moments."""
    can_be_negative: bool = False
    """Whether the loss can be negative, so that a threshold is meaningless."""
    is_random: bool = False
    """Whether every evaluation draws new random numbers."""


def _gram(factor: float) -> Comparison:
    """Compare Gram matrices: ``factor / (C H W)^2 sum_ij (G - A)^2`` of unnormalized ones.

    The style-inversion chapter, eq. 1.1 to 1.3, has the factor 1. Gatys et al. 2015, eq. 4, Nikulina 2022 and Kang 2017
    have a quarter, ``1 / (4 N^2 M^2)``. If the pictures differ in size, each matrix is divided by its own number of
    positions.
    """
    from nstyle.losses.functional import gram

    return Comparison(
        describe=lambda features: gram(features, "chw"),
        compare=lambda g, target, generator: factor * (g - target[0]).square().sum(dim=(1, 2)),
    )


def _mean_std() -> Comparison:
    """Compare mean and standard deviation of every channel (Li et al. 2017)."""
    from nstyle.losses.statistics import mean_std, mean_std_error

    return Comparison(describe=mean_std, compare=lambda m, target, generator: mean_std_error(m, target[0]))


def _moments(num_moments: int) -> Comparison:
    """Compare the first moments of every channel (the style-inversion chapter, eq. 1.4 and 1.5)."""
    from nstyle.losses.statistics import moment_error, moments

    return Comparison(
        describe=lambda features: moments(features, num_moments),
        compare=lambda m, target, generator: moment_error(m, target[0]),
    )


def _mmd(compare: "Callable[[Tensor, StyleTarget, Generator | None], Tensor]") -> Comparison:
    """Compare distributions of every channel by linear-time MMD^2."""
    from nstyle.losses.functional import at_least_float32
    from nstyle.losses.statistics import mmd_bandwidth

    return Comparison(
        describe=at_least_float32,
        compare=compare,
        constants=lambda features: (mmd_bandwidth(features.flatten(2)),),
    )


def _mmd_neighbours(features: "Tensor", target: StyleTarget, generator: "Generator | None") -> "Tensor":
    """Sum over fixed pairs of neighbours (the style-inversion chapter, eq. 1.6)."""
    from nstyle.losses.statistics import mmd

    style, bandwidth_BC1 = target
    if features.shape != style.shape:
        (height, width), (style_height, style_width) = features.shape[2:], style.shape[2:]
        raise UsageError(
            f"the loss mmd compares the same positions, but the picture has {width}x{height} of them at a layer and "
            f"the style {style_width}x{style_height}; give a style of the same shape, or choose the loss mmd-shuffled"
        )
    return mmd(features.flatten(2), style.flatten(2), bandwidth_BC1).sum(dim=(1, 2))


def _mmd_shuffled(features: "Tensor", target: StyleTarget, generator: "Generator | None") -> "Tensor":
    """Average over pairs that are drawn anew in both pictures at every evaluation."""
    import torch

    from nstyle.losses.statistics import mmd

    features_BCP, style_BCP, bandwidth_BC1 = features.flatten(2), target[0].flatten(2), target[1]
    count = min(features_BCP.shape[2], style_BCP.shape[2])

    def shuffle(x: "Tensor") -> "Tensor":
        return x[..., torch.randperm(x.shape[2], generator=generator)[:count].to(x.device)]

    return mmd(shuffle(features_BCP), shuffle(style_BCP), bandwidth_BC1).mean(dim=(1, 2))


STYLE_LOSSES: dict[str, StyleLoss] = {
    "gram": StyleLoss(summary="Gram matrices over C H W", build=lambda num_moments: _gram(1.0)),
    "gram-gatys": StyleLoss(summary="a quarter of gram (Gatys et al. 2015)", build=lambda num_moments: _gram(0.25)),
    "mean-std": StyleLoss(summary="mean and deviation of every channel", build=lambda num_moments: _mean_std()),
    "moments": StyleLoss(summary="the first `moments` of every channel", build=_moments),
    "mmd": StyleLoss(
        summary="neighbours at the same positions",
        build=lambda num_moments: _mmd(_mmd_neighbours),
        can_be_negative=True,
    ),
    "mmd-shuffled": StyleLoss(
        summary="distributions, by pairs that are drawn anew at every update",
        build=lambda num_moments: _mmd(_mmd_shuffled),
        can_be_negative=True,
        is_random=True,
    ),
}
"""Every style loss, in the order in which reports show them."""


def style_loss(name: str, *, num_moments: int = DEFAULT_MOMENTS) -> Comparison:
    """Build a style loss; ``num_moments`` is for ``moments``.

    Raises:
        UsageError: If there is no such loss.
    """
    if name not in STYLE_LOSSES:
        raise UsageError(f"there is no style loss '{name}'; expected one of {', '.join(STYLE_LOSSES)}")
    return STYLE_LOSSES[name].build(num_moments)


def loss_label(name: str, num_moments: int | None) -> str:
    """Name a loss with its number of moments, such as ``moments-3``."""
    return f"{name}-{num_moments}" if name == "moments" else name


LOSS_LABELS = tuple(
    loss_label(name, n) for name in STYLE_LOSSES for n in (range(1, MAX_MOMENTS + 1) if name == "moments" else (None,))
)
"""The labels of all losses, in the order in which reports show them."""
