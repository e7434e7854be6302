"""Plain areas among the photographs of an update: patches of one colour, gradients, and drawn lines.

Photographs at the size of crops hold next to no plain paper, no pure black and no posters, and a network that never saw
them leaves them without a stroke and sets ghosts beside their lines. What is laid over a photograph follows from the
photograph alone, as its grain does.

Shape suffixes: B batch, H and W the sides of the photographs.
"""

import math

import torch
from torch import Tensor

from nstyle.imaging.grain import mixed, uniform

PATCHES, ARCS = 2, 8
"""The number of patches on a photograph, and of arcs on a drawing."""
DRAWINGS = 0.4
"""The share of drawings among the photographs that get plain areas. A drawing leaves nothing of its photograph."""
WIDEST = 2.5
"""The largest half width of a line, in pixels."""
STREAM = 0x165667B1
"""An odd number that keeps the draws apart from those of grain."""


class _Draws:
    """Numbers for each photograph that follow from its word, one after the other."""

    def __init__(self, seeds_B: Tensor) -> None:
        self.words_B = mixed(seeds_B ^ STREAM)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draw (B, 1, 1) uniformly between two numbers."""
        self.words_B = mixed(self.words_B ^ STREAM)
        return (low + (high - low) * uniform(self.words_B))[:, None, None]

    def color(self) -> Tensor:
        """Draw colours (B, 3, 1, 1) in [0, 255], of which a sixth is black and a sixth is white."""
        kind = self.uniform()[..., None]
        any_color = torch.stack([self.uniform(0, 255) for _ in range(3)], dim=1)
        return torch.where(kind < 1 / 3, torch.where(kind < 1 / 6, 0.0, 255.0), any_color)

    def place(self) -> tuple[Tensor, Tensor]:
        """Draw (down, right), (B, 1, 1) each, in sides of the picture, which lies from 0 to 1."""
        return self.uniform(-0.2, 1.2), self.uniform(-0.2, 1.2)


def lay_plain_areas(photos: Tensor, seeds_B: Tensor, share: float) -> Tensor:
    """Replace some photographs, or parts of them, by plain areas.

    On a photograph lie discs and half-planes, each in one colour or in a gradient between two. On a drawing the first
    of them is the ground of all, and there are arcs in one colour.

    Args:
        photos: The photographs, RGB (B, 3, H, W), uint8.
        seeds_B: A word in int64 for every photograph, which decides what is laid on it.
        share: The share of the photographs that get plain areas, in [0, 1].

    Returns:
        Photographs of the same shape and type.
    """
    draws = _Draws(seeds_B)
    height, width = photos.shape[-2:]
    down = (torch.arange(height, device=photos.device) / height)[:, None]
    right = torch.arange(width, device=photos.device) / width
    is_chosen, is_drawing = draws.uniform() < share, draws.uniform() < DRAWINGS
    result = photos.float()
    grounds = [_patch(draws, down, right) | is_drawing, *(_patch(draws, down, right) for _ in range(PATCHES - 1))]
    for inside in grounds:
        result = torch.where((inside & is_chosen)[:, None], _gradient(draws, down, right), result)
    ink = draws.color()
    for _ in range(ARCS):
        cover = _arc(draws, down, right, height) * (is_chosen & is_drawing)
        result = torch.lerp(result, ink.expand_as(result), cover[:, None])
    return result.round().to(torch.uint8)


def _patch(draws: _Draws, down: Tensor, right: Tensor) -> Tensor:
    """Tell which pixels (B, H, W) lie in a disc or in a half-plane."""
    top, left = draws.place()
    radius, angle, is_disc = draws.uniform(0.15, 0.5), draws.uniform(0, 2 * math.pi), draws.uniform() < 0.5
    in_disc = torch.hypot(down - top, right - left) < radius
    in_half = (down - top) * angle.sin() + (right - left) * angle.cos() > 0
    return torch.where(is_disc, in_disc, in_half)


def _gradient(draws: _Draws, down: Tensor, right: Tensor) -> Tensor:
    """Make colours (B, 3, H, W): every second time a gradient, else one colour."""
    angle, is_plain = draws.uniform(0, 2 * math.pi), draws.uniform() < 0.5
    first, second = draws.color(), draws.color()
    along = 0.5 + ((down - 0.5) * angle.sin() + (right - 0.5) * angle.cos()) / math.sqrt(2)
    return torch.lerp(first, torch.where(is_plain[..., None], first, second), along[:, None])


def _arc(draws: _Draws, down: Tensor, right: Tensor, height: int) -> Tensor:
    """Say how much of each pixel (B, H, W) a line covers that is a part of a circle."""
    (top, left), radius = draws.place(), draws.uniform(0.05, 1.0)
    angle, half_width = draws.uniform(0, 2 * math.pi), draws.uniform(0.5, WIDEST)
    distance = (torch.hypot(down - top, right - left) - radius).abs() * height
    side = (down - top) * angle.sin() + (right - left) * angle.cos() > 0
    return (half_width + 0.5 - distance).clamp(0, 1) * side
