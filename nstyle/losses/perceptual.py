"""The perceptual loss: content and style of pictures in the features of a frozen encoder (VGG16, VGG19 or lite).

Beside them stand total variation and the error in the power spectrum, which are taken of the pictures themselves.

Shape suffixes: B batch, S styles, C channels, H height, W width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nstyle.encoders.layers import min_side, names_of
from nstyle.encoders.load import EncoderWeights, build_encoder, reaches
from nstyle.errors import UsageError
from nstyle.losses.functional import downsample, gram, mean_squared_error, relative_squared_error, total_variation
from nstyle.losses.presets import PRESETS, SPECTRUM, Preset
from nstyle.losses.spectrum import WINDOW, spectrum_error, spectrum_target

StyleTargets = dict[str, Tensor]
"""The Gram matrices (S, C, C) by term name, such as ``relu2_2@1`` for relu2_2 at half size, and, if the preset compares
it, the ``spectrum`` (S, 2, 3, N, M) of :func:`nstyle.losses.spectrum.spectrum_target`."""


@dataclass(frozen=True)
class PerceptualLosses:
    """The unweighted losses of a batch, one value per sample, each (B,) float32."""

    content: Tensor
    style: Tensor
    tv: Tensor
    spectrum: Tensor
    """Zeros if the preset does not compare it."""
    style_terms: dict[str, Tensor]
    """The style loss by layer and scale, before the average or the sum."""


def _what_would_do(preset: Preset, encoder_weights: EncoderWeights) -> str:
    """Say which presets and layers an encoder can serve that is not deep enough for a preset."""
    deep = next(layer for layer in preset.layers if not reaches(encoder_weights, [layer]))
    kept = ",".join(layer for layer in preset.style_layers if reaches(encoder_weights, [layer]))
    presets = " or ".join(name for name, other in PRESETS.items() if reaches(encoder_weights, other.layers))
    ways = [f"`preset` {presets}"] if presets else []
    ways += [f"`style_layers` {kept}"] if kept and reaches(encoder_weights, preset.content_layers) else []
    ways += ["or deeper weights with `vgg`" if ways else "deeper weights with `vgg`"]
    return (
        f"preset {preset.name} compares {deep}, but these {encoder_weights.architecture} weights stop at "
        f"{encoder_weights.deepest}; give {', '.join(ways)}"
    )


class PerceptualLoss(nn.Module):
    """Compare pictures with a photograph's content and a painting's style under one preset.

    The targets are passed to the loss instead of being stored in it, so one instance serves all styles.

    Args:
        preset: The layers, weights and conventions.
        encoder_weights: The weights of a VGG release or of lite.
        dtype: The dtype of the encoder's features after conv1_1; statistics and losses are float32 in any case.

    Raises:
        UsageError: If the preset names layers that the encoder's weights do not have.
    """

    def __init__(self, preset: Preset, encoder_weights: EncoderWeights, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.preset = preset
        layers = preset.layers
        deep = [name for name in layers if name in names_of(encoder_weights.architecture)]
        if not reaches(encoder_weights, deep):
            raise UsageError(_what_would_do(preset, encoder_weights))
        self.encoder = build_encoder(encoder_weights, layers, pooling=preset.pooling, dtype=dtype)

    @property
    def min_side(self) -> int:
        """The smallest side, in pixels, that leaves a feature at the deepest layer of the coarsest scale."""
        coarsest = min_side(self.preset.style_layers) * 2 ** (self.preset.style_scales - 1)
        window = WINDOW if self.preset.spectrum_weight else 0
        return int(max(coarsest, min_side(self.preset.content_layers), window))

    def style_targets(self, painting: Tensor) -> StyleTargets:
        """Compute what pictures in the style of a painting are compared with.

        Args:
            painting: RGB (B, 3, H, W) in [0, 1].

        Raises:
            UsageError: If the painting is too small for the coarsest scale.
        """
        targets = self.style_grams(painting)
        return targets | {SPECTRUM: spectrum_target(painting)} if self.preset.spectrum_weight else targets

    def style_grams(self, image: Tensor, features: Mapping[str, Tensor] | None = None) -> StyleTargets:
        """Compute the Gram matrices at every style layer and scale.

        Args:
            image: RGB (B, 3, H, W) in [0, 1].
            features: The features of ``image`` at full size if they are already known.

        Returns:
            The Gram matrices (B, C, C) by ``layer@scale``, where scale k is the picture halved k times.

        Raises:
            UsageError: If the picture is too small for the coarsest scale.
        """
        if min(image.shape[-2:]) < self.min_side:
            size = f"{image.shape[-1]}x{image.shape[-2]}"
            raise UsageError(
                f"a picture of {size} px is too small for this style loss: expected at least {self.min_side} px"
            )
        grams: StyleTargets = {}
        for scale in range(self.preset.style_scales):
            if scale > 0:
                image, features = downsample(image), None
            features = features or self.encoder(image, self.preset.style_layers)
            for layer in self.preset.style_layers:
                grams[f"{layer}@{scale}"] = gram(features[layer], self.preset.gram_divisor)
        return grams

    def content_features(self, photo: Tensor) -> dict[str, Tensor]:
        """Compute the content target of RGB (B, 3, H, W) in [0, 1], only as deep as the content layers."""
        with torch.no_grad():
            features: dict[str, Tensor] = self.encoder(photo, self.preset.content_layers)
        return features

    def forward(
        self, output: Tensor, content_target: Mapping[str, Tensor], style_target: Mapping[str, Tensor]
    ) -> PerceptualLosses:
        """Compare stylized pictures with their targets.

        Args:
            output: RGB (B, 3, H, W) in [0, 1].
            content_target: The result of :meth:`content_features` for the photographs, (B, ...).
            style_target: The rows of :meth:`style_targets` for each sample's style, (B, ...).

        Returns:
            The losses per sample.
        """
        preset = self.preset
        features = self.encoder(output)
        content_terms = [self._error(features[layer], content_target[layer]) for layer in preset.content_layers]
        grams = self.style_grams(output, features)
        style_terms = self._style_terms(grams, style_target)
        return PerceptualLosses(
            content=self._reduce(content_terms),
            style=self._reduce(list(style_terms.values())),
            tv=total_variation(output),
            spectrum=self._spectrum_error(output, style_target),
            style_terms=style_terms,
        )

    def _spectrum_error(self, output: Tensor, style_target: Mapping[str, Tensor]) -> Tensor:
        if not self.preset.spectrum_weight:
            return output.new_zeros(len(output), dtype=torch.float32)
        return spectrum_error(output, style_target[SPECTRUM])

    def style_loss(self, grams: Mapping[str, Tensor], style_target: Mapping[str, Tensor]) -> Tensor:
        """Compute the style losses (B,) of Gram matrices (B, C, C) by term for targets (B, C, C), or (C, C) for all."""
        return self._reduce(list(self._style_terms(grams, style_target).values()))

    def _style_terms(self, grams: Mapping[str, Tensor], style_target: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self._error(value, style_target[name].expand_as(value)) for name, value in grams.items()}

    def _error(self, value: Tensor, target: Tensor) -> Tensor:
        return (
            relative_squared_error(value, target)
            if self.preset.reduction == "relative"
            else mean_squared_error(value, target)
        )

    def _reduce(self, terms: Sequence[Tensor]) -> Tensor:
        stacked = torch.stack(list(terms))
        return stacked.mean(dim=0) if self.preset.reduction == "relative" else stacked.sum(dim=0)

    def total(self, losses: PerceptualLosses, style_factor: Tensor | float = 1.0) -> Tensor:
        """Add the weighted losses per sample, (B,). ``style_factor`` (B,) makes single styles stronger or weaker."""
        preset = self.preset
        weighted_style = preset.style_weight * style_factor * losses.style
        of_picture = preset.tv_weight * losses.tv + preset.spectrum_weight * losses.spectrum
        return preset.content_weight * losses.content + weighted_style + of_picture
