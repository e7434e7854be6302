"""Measure a path through the weights: the style losses, and the distance from a plain mix of pixels.

Shape suffixes: K steps, N styles, P photographs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from nstyle.interpolation.walk import Weights
from nstyle.losses.perceptual import PerceptualLoss, StyleTargets
from nstyle.models.transformer import TransformerNetwork

BATCH = 4
"""The number of photographs per forward pass."""


@dataclass(frozen=True)
class Monotone:
    """Whether a loss is monotone along a leg."""

    holds: bool
    """Whether the mean over the photographs moves in the right direction at every step."""
    worst: float
    """The largest step of the mean in the wrong direction, divided by the whole change; 0 if ``holds``."""
    photographs: float
    """The share of single photographs whose loss moves in the right direction at every step."""


@torch.inference_mode()
def style_losses(
    network: TransformerNetwork, perceptual: PerceptualLoss, photos: Tensor, mixes: Tensor, targets: StyleTargets
) -> npt.NDArray[np.float64]:
    """Measure how far every blend is from every style.

    Args:
        network: The network in evaluation mode.
        perceptual: The loss, on the device of ``mixes``.
        photos: The photographs, RGB (P, 3, H, W) in [0, 1].
        mixes: The weights (K, S) of the network's styles.
        targets: The targets (N, C, C) by term.

    Returns:
        The unweighted style losses (K, N, P).
    """
    batches = []
    count = len(next(iter(targets.values())))
    for batch in torch.split(photos, BATCH):
        batch = batch.to(mixes.device).contiguous(memory_format=torch.channels_last)
        rows = []
        for mix in mixes:
            grams = perceptual.style_grams(network(batch, mix.expand(len(batch), -1)))
            rows.append(
                torch.stack(
                    [
                        perceptual.style_loss(grams, {term: value[n] for term, value in targets.items()})
                        for n in range(count)
                    ]
                )
            )
        batches.append(torch.stack(rows).cpu().double())
    return torch.cat(batches, dim=-1).numpy()


def monotone(losses_KP: npt.NDArray[np.float64], *, rising: bool) -> Monotone:
    """Check that a loss only rises, or only falls, from step to step.

    Args:
        losses_KP: The losses by step and photograph.
        rising: Whether the loss should rise.
    """
    steps_KP = np.diff(losses_KP, axis=0) * (1 if rising else -1)
    mean_K = steps_KP.mean(axis=1)
    span = abs(float(mean_K.sum()))
    worst = max(0.0, -float(mean_K.min()))
    return Monotone(
        holds=bool((mean_K >= 0).all()),
        worst=worst / span if span > 0 else (float("inf") if worst > 0 else 0.0),
        photographs=float((steps_KP >= 0).all(axis=0).mean()),
    )


def mix_pixels(corners: list[Image.Image], weights_N: Weights) -> Image.Image:
    """Mix pictures of single styles pixel by pixel, as blending the outputs of several networks would do."""
    mixed = sum(
        weight * np.asarray(picture, dtype=np.float64) for picture, weight in zip(corners, weights_N, strict=True)
    )
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def distance(a: Image.Image, b: Image.Image) -> float:
    """Return the root mean squared difference of two RGB pictures of one size, in levels of 255."""
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return float(np.sqrt(np.mean(difference**2)))
