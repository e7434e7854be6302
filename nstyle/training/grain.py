"""Film grain on the photographs of an update, so that a network learns to start strokes from it in plain areas.

The grain follows from the crop that it is put on: it is the same on every device, in a captured graph, on any number of
processes, and after a run is resumed.

Shape suffixes: B batch, H and W the sides of the photographs.
"""

import torch
from torch import Tensor

from nstyle.imaging.grain import ROW, WORD, grain, mixed, uniform

STRENGTH = 0xC2B2AE3D
"""The word that tells the draw of the strength from those of the grain."""


def add_grain(photos: Tensor, colors: Tensor, levels: float) -> Tensor:
    """Add grain of a random strength.

    Args:
        photos: The photographs, RGB (B, 3, H, W), uint8, which decide the grain.
        colors: The same as float in [0, 1].
        levels: The largest standard deviation of each octave, in levels of 255. That of each photograph is drawn
            uniformly from 0 to this.

    Returns:
        The colours with grain, in [0, 1].
    """
    seeds_B = seeds_of(photos)
    strength_B = levels / 255 * uniform(mixed(seeds_B ^ STRENGTH))
    return (colors + strength_B[:, None, None, None] * grain(seeds_B, *photos.shape[-2:])).clamp(0, 1)


def seeds_of(photos: Tensor) -> Tensor:
    """Return a word (B,) for every photograph, which depends on all of its pixels and on their places."""
    flat = photos.permute(0, 2, 3, 1).reshape(len(photos), -1).long()
    places = torch.arange(1, flat.shape[1] + 1, device=photos.device)
    return mixed((flat * mixed(places * ROW & WORD)).sum(dim=1) & WORD)
