"""The function that is minimized: style and content losses at named layers, and total variation.

Shape suffixes: B batch, C channels, H height, W width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from nstyle.losses.functional import at_least_float32, total_variation
from nstyle.losses.style import StyleTarget, style_loss
from nstyle.reconstruction.config import ReconstructionConfig

TV_POWER = {"squared": 2.0, "power-1.25": 2.5}


class Extractor(Protocol):
    """A network that computes features by layer name, such as :class:`nstyle.encoders.vgg.VGGFeatures`."""

    def __call__(self, image: Tensor, layers: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Compute the features (B, C, h, w) of RGB (B, 3, H, W) in [0, 1] at some layers, None for all."""
        ...


@dataclass(frozen=True)
class Evaluation:
    """The losses of a picture and the gradient."""

    loss: float
    """The weighted sum that is minimized."""
    terms: dict[str, float]
    """Every term without its weight: ``style/relu1_1``, ``content/relu3_3``, ``tv``."""
    grad: Tensor
    """The gradient of the loss with respect to the picture, (1, 3, H, W)."""


class Objective:
    """The loss of a picture against fixed targets, which are computed on construction.

    Args:
        extractor: The network that computes features.
        config: Layers, losses and their weights.
        styles: The style pictures, each RGB (1, 3, h, w) in [0, 1].
        mix: The part of each style picture, of sum 1.
        content: RGB (1, 3, H, W) in [0, 1], or None.
    """

    def __init__(
        self,
        extractor: Extractor,
        config: ReconstructionConfig,
        styles: Sequence[Tensor],
        mix: Sequence[float],
        content: Tensor | None,
    ) -> None:
        self.extractor = extractor
        self.config = config
        self.layers = tuple(dict.fromkeys([*config.style_layers, *config.content_layers]))
        self.mix = tuple(mix)
        self.style_loss = style_loss(config.loss, num_moments=config.moments or 1)
        self.style_targets: list[dict[str, StyleTarget]] = []
        self.content_target: dict[str, Tensor] = {}
        with torch.no_grad():
            for style in styles if config.style_layers else ():
                features = self._features(style, tuple(config.style_layers))
                self.style_targets.append({name: self.style_loss.target(feature) for name, feature in features.items()})
            if content is not None and config.content_layers:
                self.content_target = self._features(content, tuple(config.content_layers))
        self.term_weights = config.term_weights

    def _features(self, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        features = self.extractor(image, layers)
        scale = self.config.feature_scale
        return features if scale == 1 else {name: feature * scale for name, feature in features.items()}

    def terms(self, image: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Compute every term without its weight, each a scalar, in the order of :attr:`term_weights`."""
        features = self._features(image, self.layers)
        terms = {f"style/{name}": self._style_term(name, features, generator) for name in self.config.style_layers}
        terms |= {
            f"content/{name}": self._content_term(features[name], self.content_target[name])
            for name in self.config.content_layers
        }
        if self.config.tv_weight:
            terms["tv"] = total_variation(image, TV_POWER[self.config.tv]).sum()
        return terms

    def _style_term(self, name: str, features: Mapping[str, Tensor], generator: torch.Generator | None) -> Tensor:
        """Sum the losses against the style pictures, each times its part of the mix."""
        description = self.style_loss.describe(features[name])
        errors = [self.style_loss.compare(description, target[name], generator) for target in self.style_targets]
        return sum(
            (part * error for part, error in zip(self.mix, errors, strict=True)), start=description.new_zeros(1)
        ).sum()

    def _content_term(self, feature: Tensor, target: Tensor) -> Tensor:
        squared = (at_least_float32(feature) - at_least_float32(target)).square()
        return squared.sum() / 2 if self.config.content_loss == "half-sum" else squared.mean()

    def evaluate(self, image: Tensor, iteration: int = 0) -> Evaluation:
        """Compute the losses and the gradient of RGB (1, 3, H, W) in [0, 1].

        Random pairs depend on the seed and the iteration only, so that a resumed run draws the same ones.
        """
        generator = None
        if self.config.is_random:
            generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + iteration)
        image = image.detach().requires_grad_()
        terms = self.terms(image, generator)
        stacked = torch.stack(list(terms.values()))
        total = torch.stack([self.term_weights[name] * term for name, term in terms.items()]).sum()
        (grad,) = torch.autograd.grad(total, image)
        loss, *values = torch.cat([total[None], stacked]).tolist()
        return Evaluation(loss, dict(zip(terms, values, strict=True)), grad.contiguous())
