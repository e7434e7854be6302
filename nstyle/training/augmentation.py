"""What is laid on the photographs of an update: plain areas, and grain that only the network sees.

All of it follows from the crop itself, to the last level: it is the same in a captured graph, on any number of
processes and after a run is resumed, as long as the crops are. Those that are cut on a GPU differ by a level here and
there from those that are decoded one by one, and so have other grain.

Shape suffixes: B batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nstyle.imaging.grain import ROW, WORD, grain, mixed, uniform
from nstyle.training.plain import lay_plain_areas

STRENGTH = 0x27D4EB2F
"""The word that tells the draw of the strength from those of the grain."""


@dataclass(frozen=True)
class Seen:
    """The photographs of an update as they are shown to the network."""

    colors: Tensor
    """The photographs, RGB (B, 3, H, W) in [0, 1], channels_last, of which content targets are taken."""
    noise: Tensor | None
    """The grain that the network sees on them, (B, 1, H, W), or None."""
    seeds: Tensor | None
    """A word (B,) for every photograph, or None where nothing is drawn from it."""

    @property
    def grainy(self) -> Tensor:
        """The photographs with grain, in [0, 1]."""
        return self.colors if self.noise is None else (self.colors + self.noise).clamp(0, 1)


@dataclass(frozen=True)
class Augmentation:
    """What is laid on photographs."""

    grain: float = 0.0
    """The largest standard deviation of each octave of the grain in levels of 255. That of each photograph is drawn
    uniformly from 0 to this."""
    plain: float = 0.0
    """The share of photographs that get plain areas; see :func:`nstyle.training.plain.lay_plain_areas`."""

    def __call__(self, photos: Tensor, *, seeded: bool = False) -> Seen:
        """Lay plain areas and grain on photographs, RGB (B, 3, H, W), uint8.

        ``seeded`` asks for the seeds even if neither needs them.
        """
        seeds_B = _seeds(photos) if self.grain or self.plain or seeded else None
        if seeds_B is not None and self.plain:
            photos = lay_plain_areas(photos, seeds_B, self.plain)
        colors = photos.contiguous(memory_format=torch.channels_last).float().div(255)
        if seeds_B is None or not self.grain:
            return Seen(colors, None, seeds_B)
        strength_B = self.grain / 255 * uniform(mixed(seeds_B ^ STRENGTH))
        return Seen(colors, strength_B[:, None, None, None] * grain(seeds_B, *photos.shape[-2:]), seeds_B)


NOTHING = Augmentation()
"""Photographs as they are."""


def _seeds(photos: Tensor) -> Tensor:
    """Return a word (B,) for every photograph, which depends on all of its pixels and on their places."""
    flat = photos.permute(0, 2, 3, 1).reshape(len(photos), -1).long()
    places = torch.arange(1, flat.shape[1] + 1, device=photos.device)
    return mixed((flat * mixed(places * ROW & WORD)).sum(dim=1) & WORD)
