"""Paint beyond the strength at which the network was trained."""

from copy import deepcopy
from typing import cast

import torch

from nstyle.models.transformer import ResidualBlock, TransformerNetwork


@torch.no_grad()
def strengthen(network: TransformerNetwork, strength: float) -> TransformerNetwork:
    """Copy a network whose residual blocks add ``strength`` times as much: ``x + strength * F(x)``.

    The photograph's forms pass through the shortcuts, and what the blocks add turns them into strokes. The last norm
    stays as it is, and so does the palette. As it is a network, blends, mix maps and every tiling work with it.

    Args:
        network: The network, which is not changed.
        strength: The factor; 1 gives the same network.
    """
    stronger = deepcopy(network)
    for block in cast(list[ResidualBlock], stronger.residual):
        block.second.norm.gamma_SC.mul_(strength)
        block.second.norm.beta_SC.mul_(strength)
    return stronger
