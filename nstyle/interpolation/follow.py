"""Paint and measure the points of a path through the weights.

Shape suffixes: K steps, N styles, P photographs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from nstyle.inference.stylizer import Stylizer
from nstyle.interpolation.loss_meter import LossMeter
from nstyle.interpolation.measure import Monotone, distance, mix_pixels, monotone, style_losses
from nstyle.interpolation.walk import Leg, Weights

VISIBLE = 1e-9
"""The change of a style's weight over a leg above which its loss is expected to be monotone."""


@dataclass(frozen=True)
class LegResult:
    """The pictures and measurements of one leg."""

    leg: Leg
    names: tuple[str, ...]
    alphas: Weights
    blends: list[Image.Image]
    pixel_mixes: list[Image.Image]
    distances: list[float]
    """The root mean squared differences of blend and pixel mix, in levels of 255."""
    losses: npt.NDArray[np.float64] | None
    """The style losses (K, N, P), or None if they were not measured."""

    @property
    def span(self) -> float:
        """The distance between the pictures at the two ends, in levels of 255."""
        return distance(self.blends[0], self.blends[-1])

    @property
    def of_the_way(self) -> list[float]:
        """The distances as shares of the distance between the ends; 0 where the ends are equal."""
        return [value / self.span if self.span else 0.0 for value in self.distances]

    def checks(self) -> dict[str, Monotone]:
        """Check the losses of the styles at the ends of this leg: the loss must fall for a style that gains weight, and
        rise for one that loses weight."""
        if self.losses is None:
            return {}
        change = self.leg.end - self.leg.start
        moving = [(n, name) for n, name in enumerate(self.names) if self._is_end(n)]
        return {
            name: monotone(self.losses[:, n], rising=change[n] < 0) for n, name in moving if abs(change[n]) > VISIBLE
        }

    def _is_end(self, n: int) -> bool:
        """Tell whether the leg starts or ends at style n. Nothing is expected of the other styles, which come in equal
        parts."""
        return bool(max(self.leg.start[n], self.leg.end[n]) == 1)

    def distance_rows(self) -> list[list[Any]]:
        """Return rows of leg, alpha, distance and share."""
        return [
            [self.leg.label, *row] for row in zip(self.alphas.tolist(), self.distances, self.of_the_way, strict=True)
        ]

    def loss_rows(self) -> list[list[Any]]:
        """Return rows of leg, alpha, style, mean, standard deviation and number of photographs."""
        assert self.losses is not None
        return [
            [self.leg.label, float(self.alphas[k]), name, float(values.mean()), deviation(values), len(values)]
            for k in range(len(self.alphas))
            for name, values in zip(self.names, self.losses[k], strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the result in plain JSON types."""
        checks = {name: vars(check) for name, check in self.checks().items()}
        ends = {"distance_between_ends": self.span, "largest_distance_to_pixel_mix": max(self.distances)}
        return {"leg": self.leg.label, **ends, "monotone": checks}


@dataclass(eq=False)
class Painter:
    """A painter of one photograph under any weights of some styles, which paints each blend once."""

    model: Stylizer
    photo: Image.Image
    names: tuple[str, ...]
    done: dict[tuple[float, ...], Image.Image]
    progress: Callable[[int], None]

    def paint(self, weights: Weights) -> Image.Image:
        """Return the photograph under weights (N,)."""
        key = tuple(np.round(weights, 9).tolist())
        if key not in self.done:
            self.done[key] = self.model.stylize(self.photo, dict(zip(self.names, key, strict=True)))
            self.progress(len(self.done))
        return self.done[key]


def follow(leg: Leg, alphas: Weights, painter: Painter, meter: LossMeter | None) -> LegResult:
    """Paint and measure the points of one leg.

    Args:
        leg: The leg.
        alphas: The positions of the points on the leg, (K,) in [0, 1].
        painter: The painter of the photograph.
        meter: The meter of style losses, or None to leave them out.
    """
    weights_KN = leg.at(alphas)
    blends = [painter.paint(weights) for weights in weights_KN]
    corners = [painter.paint(corner) for corner in np.eye(len(painter.names))]
    mixes = [mix_pixels(corners, weights) for weights in weights_KN]
    losses = _losses(weights_KN, painter, meter) if meter else None
    return LegResult(
        leg, painter.names, alphas, blends, mixes, [distance(a, b) for a, b in zip(blends, mixes, strict=True)], losses
    )


def _losses(weights_KN: Weights, painter: Painter, meter: LossMeter) -> npt.NDArray[np.float64]:
    """Measure the style losses (K, N, P) of blends."""
    model = painter.model
    mixes = torch.zeros(len(weights_KN), len(model.styles), device=model.device)
    columns = [model.styles.index(name) for name in painter.names]
    mixes[:, columns] = torch.tensor(weights_KN, dtype=torch.float32, device=model.device)
    return style_losses(model.network, meter.perceptual, meter.photos, mixes, meter.targets)


def deviation(values: npt.NDArray[np.float64]) -> float:
    """Return the standard deviation over photographs, which is 0 for a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
