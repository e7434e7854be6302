"""Validation losses per style on fixed photographs, and grids to look at."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.losses.perceptual import PerceptualLoss, StyleTargets
from nstyle.models.transformer import TransformerNetwork
from nstyle.training.precision import autocast

BATCH = 4
"""Photographs per forward pass."""
GRID_PHOTOS = 4
GRID_STYLES = 16
"""Columns and rows of a sample grid at most."""
GRID_GAP = 4
"""White pixels between its pictures."""


@torch.inference_mode()
def validate(
    network: TransformerNetwork,
    perceptual: PerceptualLoss,
    photos: Tensor,
    names: Sequence[str],
    rows: Tensor,
    targets: StyleTargets,
    dtype: torch.dtype,
) -> dict[str, dict[str, float]]:
    """Measure content, style and weighted total loss per style, averaged over all photographs.

    Args:
        network: The network.
        perceptual: The loss.
        photos: RGB (N, 3, H, W) in [0, 1].
        names: Names of the K styles to measure.
        rows: Their rows in the network, (K,).
        targets: (K, C, C) by term.
        dtype: Of the network's convolutions.

    Returns:
        ``{"content", "style", "total"}`` by style name.
    """
    sums = torch.zeros(len(names), 3, dtype=torch.float64)
    for batch in torch.split(photos, BATCH):
        batch = batch.to(rows.device).contiguous(memory_format=torch.channels_last)
        content_target = perceptual.content_features(batch)
        for k in range(len(names)):
            mix = _one_hot(rows[k], network.num_styles, len(batch))
            with autocast(batch.device, dtype):
                output = network(batch, mix)
            target = {term: value[k].expand(len(batch), -1, -1) for term, value in targets.items()}
            losses = perceptual(output, content_target, target)
            values = [losses.content.sum(), losses.style.sum(), perceptual.total(losses).sum()]
            sums[k] += torch.stack(values).double().cpu()
    means = (sums / len(photos)).tolist()
    return {name: dict(zip(("content", "style", "total"), mean, strict=True)) for name, mean in zip(names, means, strict=True)}


@torch.inference_mode()
def sample_grid(network: TransformerNetwork, photos: Tensor, rows: Tensor) -> Tensor:
    """Paint the first photographs in the first styles: photographs on top, one row per style below.

    Args:
        network: The network.
        photos: RGB (N, 3, H, W) in [0, 1].
        rows: Rows of the styles in the network, (K,).

    Returns:
        RGB (3, H', W') float32 in [0, 1] on the CPU.
    """
    photos = photos[:GRID_PHOTOS].to(rows.device).contiguous(memory_format=torch.channels_last)
    pictures = [photos]
    pictures += [network(photos, _one_hot(row, network.num_styles, len(photos))) for row in rows[:GRID_STYLES]]
    padded = F.pad(torch.stack(pictures).float().cpu(), (0, GRID_GAP, 0, GRID_GAP), value=1.0)  # (K + 1, N, 3, H, W)
    return padded.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)


def _one_hot(row: Tensor, num_styles: int, batch: int) -> Tensor:
    return F.one_hot(row, num_styles).float().expand(batch, -1)
