"""The style targets that a model comes with: those of its run, or those that its file keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from nstyle.data.styles import TrainedStyles
from nstyle.encoders.load import EncoderWeights
from nstyle.errors import UsageError
from nstyle.losses.packed_targets import unpack_targets
from nstyle.losses.perceptual import StyleTargets
from nstyle.losses.presets import Preset
from nstyle.models.model_file import ModelInfo, load_targets
from nstyle.models.model_info import damaged
from nstyle.training.run_directory import RunDirectory

RELEASES = ("oxford", "torchvision")
"""The releases of VGG whose weights are the same in whatever file they come."""


@dataclass(frozen=True)
class KnownTargets:
    """The style targets that a model comes with."""

    styles: TrainedStyles
    in_words: str
    of_the_file: bool = False
    """Whether they come from the model file itself, which may be far from where it was trained."""

    def check(self, info: ModelInfo, weights: EncoderWeights) -> None:
        """Refuse weights of an encoder that the targets were not made with.

        A run knows the file of its weights. A model that was passed on knows their release, which may have come in
        another file.

        Raises:
            UsageError: If they are others.
        """
        same = weights.sha256 == info.vgg_sha256
        made_with = (info.vgg.get("release"), info.vgg.get("architecture"))
        if self.of_the_file and weights.release in RELEASES:
            same = same or (weights.release, weights.architecture) == made_with
        if not same:
            were = f"{info.vgg.get('architecture', 'unknown')}, {info.vgg_in_words}"
            these = f"{weights.architecture}, {weights.release}, sha256 {weights.sha256[:12]}"
            raise UsageError(
                f"{self.in_words} were made with other VGG weights ({were}) than these ({these}); give them with "
                "`vgg`, or `style_images`"
            )

    def of(self, names: Sequence[str], device: torch.device) -> StyleTargets:
        """Return the targets of some of the styles, in this order, on a device."""
        rows = [self.styles.names.index(name) for name in names]
        return {term: value[rows].to(device) for term, value in self.styles.targets.items()}


def known_targets(model: Path, info: ModelInfo, names: Sequence[str]) -> KnownTargets | str:
    """Find targets of some of a model's styles: those of its run where they are there, else those of its file.

    Returns:
        The targets, or in words which ones are missing.

    Raises:
        UsageError: If a file is damaged.
    """
    run = RunDirectory(model.parent)
    of_run = run.read_styles() if run.targets.exists() and run.model == model else None
    missing = [name for name in names if of_run and name not in of_run.names]
    if of_run is not None and not missing:
        of_run.check_terms(Preset.of_model(model, info.preset).term_names)
        return KnownTargets(of_run, "the run's targets")
    if not info.target_bytes:
        return f"targets of {', '.join(missing)}" if missing else "style targets"
    packed = load_targets(model)
    try:
        targets = unpack_targets(packed, Preset.of_model(model, info.preset).term_names, len(info.styles))
    except UsageError as error:
        raise damaged(model, error) from error
    return KnownTargets(TrainedStyles(info.styles, targets), "the targets in the model file", of_the_file=True)
