"""Validation losses per style on fixed photographs, and sample grids."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.data.styles import TrainedStyles
from nstyle.imaging.grain import with_grain
from nstyle.losses.perceptual import PerceptualLoss, StyleTargets
from nstyle.models.transformer import TransformerNetwork
from nstyle.training.precision import autocast

BATCH, GPU_BATCH = 4, 16
"""The number of photographs per forward pass. With few of them, kernel launches would leave a GPU idle for most of a
validation."""
GRID_PHOTOS = 4
GRID_STYLES = 16
"""The largest number of columns and rows of a sample grid."""
GRID_GAP = 4
"""The width in pixels of the white gaps between its pictures."""


TERMS = ("content", "style", "total")


def validate(
    network: TransformerNetwork,
    perceptual: PerceptualLoss,
    photos: Tensor,
    styles: TrainedStyles,
    rows: Tensor,
    dtype: torch.dtype,
    grain: float = 0.0,
    factors: Sequence[float] = (),
) -> dict[str, dict[str, float]]:
    """Measure content, style and weighted total loss per style, averaged over all photographs.

    Args:
        network: The network.
        perceptual: The loss.
        photos: The photographs, RGB (N, 3, H, W) in [0, 1].
        styles: The K styles to measure, with their targets on the network's device.
        rows: The rows of these styles in the network, (K,).
        dtype: The dtype of the network's convolutions.
        grain: See :func:`photo_losses`.
        factors: See there.

    Returns:
        The losses ``{"content", "style", "total"}`` by style name.
    """
    mixes = F.one_hot(rows, network.num_styles).float()
    losses = photo_losses(network, perceptual, photos, mixes, styles.targets, dtype, grain, factors)
    means = losses.mean(dim=1).tolist()
    return {name: dict(zip(TERMS, mean, strict=True)) for name, mean in zip(styles.names, means, strict=True)}


@torch.inference_mode()
def photo_losses(
    network: TransformerNetwork,
    perceptual: PerceptualLoss,
    photos: Tensor,
    mixes: Tensor,
    targets: StyleTargets,
    dtype: torch.dtype,
    grain: float = 0.0,
    factors: Sequence[float] = (),
) -> Tensor:
    """Measure content, style and weighted total loss of every photograph under every mix.

    Args:
        network: The network.
        perceptual: The loss.
        photos: The photographs, RGB (N, 3, H, W) in [0, 1].
        mixes: The weights (K, S) of the network's styles, on its device.
        targets: The targets (K, ...) that each mix is compared with.
        dtype: The dtype of the network's convolutions.
        grain: The film grain that the network sees on the photographs, in levels of 255, usually that of painting by
            default (:attr:`nstyle.models.model_info.ModelInfo.painting_grain`). The content targets have none.
        factors: The factors of the style weight in the total, (K,). Empty for 1.

    Returns:
        The losses (K, N, 3), float64 on the CPU, in the order of :data:`TERMS`.
    """
    factors = factors or [1.0] * len(mixes)
    batches = []
    for batch in torch.split(photos, GPU_BATCH if mixes.is_cuda else BATCH):
        batch = batch.to(mixes.device).contiguous(memory_format=torch.channels_last)
        grainy = with_grain(batch, grain)
        content_target = perceptual.content_features(batch)
        values = []
        for k, mix in enumerate(mixes):
            with autocast(batch.device, dtype):
                output = network(grainy, mix.expand(len(batch), -1))
            repeated = {term: value[k : k + 1].expand(len(batch), *value.shape[1:]) for term, value in targets.items()}
            losses = perceptual(output, content_target, repeated)
            total = perceptual.total(losses, factors[k])
            values.append(torch.stack([losses.content, losses.style, total], dim=1))
        batches.append(torch.stack(values).cpu().double())  # MPS has no float64.
    return torch.cat(batches, dim=1)


@torch.inference_mode()
def sample_grid(network: TransformerNetwork, photos: Tensor, rows: Tensor, grain: float = 0.0) -> Tensor:
    """Paint the first photographs in the first styles, with the photographs on top and one row per style below.

    Args:
        network: The network.
        photos: The photographs, RGB (N, 3, H, W) in [0, 1].
        rows: The rows of the styles in the network, (K,).
        grain: The film grain that the network sees on the photographs, as in :func:`photo_losses`.

    Returns:
        RGB (3, H', W') float32 in [0, 1] on the CPU.
    """
    photos = photos[:GRID_PHOTOS].to(rows.device).contiguous(memory_format=torch.channels_last)
    pictures = [photos]
    mixes = F.one_hot(rows[:GRID_STYLES], network.num_styles).float()
    grainy = with_grain(photos, grain)
    pictures += [network(grainy, mix.expand(len(photos), -1)) for mix in mixes]
    padded = F.pad(torch.stack(pictures).float().cpu(), (0, GRID_GAP, 0, GRID_GAP), value=1.0)  # (K + 1, N, 3, H, W)
    return padded.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
