"""Prepare to measure the style losses of blends: with targets of the styles, held-out photographs, and the model's own
loss."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from nstyle.data.crops import center_crops
from nstyle.data.photos import PhotoIndex, index_folder
from nstyle.data.styles import StyleFile, compute_targets, find_styles, under_stored_names
from nstyle.encoders.load import load_encoder_weights, reaches
from nstyle.encoders.vgg_weights import LITE
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.grain import with_grain
from nstyle.imaging.pictures import PictureSource, open_picture, resize, source_name, to_tensor
from nstyle.interpolation.known_targets import known_targets
from nstyle.losses.perceptual import PerceptualLoss, StyleTargets
from nstyle.losses.presets import Preset
from nstyle.models.model_file import ModelInfo
from nstyle.system.devices import choose_device
from nstyle.training.config import NUM_VALIDATION, TrainingConfig
from nstyle.training.photographs import split_photographs
from nstyle.training.run_directory import RunDirectory

logger = logging.getLogger(__name__)

HOW_TO_ADD = "give their paintings with `style_images` to add the loss curves"


@dataclass(frozen=True)
class LossMeter:
    """The loss, the targets and the photographs to measure style losses with."""

    perceptual: PerceptualLoss
    targets: StyleTargets
    """The targets (N, C, C) by term, in the order of the styles."""
    photos: Tensor
    """The photographs, RGB (P, 3, H, W) in [0, 1], with the grain that the model paints with by default."""


def make_meter(
    model: Path,
    info: ModelInfo,
    styles: Sequence[str],
    photo: PictureSource,
    *,
    style_images: Sequence[str | Path] = (),
    validation: str | Path | None = None,
    vgg: str = "",
    device: str = "auto",
) -> tuple[LossMeter | None, str]:
    """Prepare to measure style losses.

    Args:
        model: The model file.
        info: The description of the model.
        styles: The styles that are blended.
        photo: The photograph to measure on if no held-out photographs are known.
        style_images: The paintings; each style takes the one whose file has its name. Empty for the targets that the
            model comes with. Those in the model file are passed over with a line where their encoder is not at hand.
        validation: The folder of held-out photographs. None stands for those of the model's run.
        vgg: A weights file, ``imagenet`` or ``lite``; empty for the run's own, else lite for a model that was
            trained with it, else ``NSTYLE_VGG``, else ``imagenet``.
        device: The device to measure on.

    Returns:
        The meter and a description of its photographs and targets, or None and a description of what is missing.

    Raises:
        UsageError: If a painting, a folder or the VGG weights are invalid.
    """
    run = RunDirectory(model.parent)
    config = TrainingConfig.from_toml(run.config) if run.config.exists() and run.model == model else None
    paintings = _match_paintings(styles, find_styles(style_images)) if style_images else []
    known = None if paintings else known_targets(model, info, styles)
    if isinstance(known, str):
        return None, f"no loss curves: {model} comes without {known}; {HOW_TO_ADD}"
    preset = Preset.of_model(model, info.preset)
    try:
        encoder_weights = load_encoder_weights(vgg or (config.vgg if config else _own_encoder(info)))
        if known is not None:
            known.check(info, encoder_weights)
        if not reaches(encoder_weights, preset.layers):
            raise UsageError(
                f"the loss that the model was trained with compares {', '.join(preset.layers)}, but these "
                f"{encoder_weights.architecture} weights stop at {encoder_weights.deepest}; give deeper ones with `vgg`"
            )
    except NstyleError as error:
        if known is None or not known.of_the_file or vgg:
            raise
        logger.warning("no loss curves: %s", error)
        return None, f"no loss curves: {error}"
    if encoder_weights.sha256 != info.vgg_sha256 and known is None:
        release = info.vgg_in_words
        logger.warning("the losses are measured with other VGG weights than the model was trained with (%s)", release)
    where = choose_device(device)
    perceptual = PerceptualLoss(preset, encoder_weights).to(where)
    if known is not None:
        targets, source = known.of(styles, where), known.in_words
    else:
        targets = compute_targets(paintings, perceptual, info.style_size, where)
        source = f"paintings at {info.style_size} px"
    index, which = _held_out(config, source_name(photo), validation)
    photos = center_crops(index, info.size) if index else middle_of(photo, info.size)
    photos = with_grain(photos, info.painting_grain)
    return LossMeter(perceptual, targets, photos), f"{len(photos)} {which} at {info.size} px, against {source}"


def _own_encoder(info: ModelInfo) -> str:
    """Return what names the encoder that a model was trained with, where it comes with nstyle; else an empty text."""
    return LITE if info.vgg.get("architecture") == LITE else ""


def _match_paintings(styles: Sequence[str], files: Sequence[StyleFile]) -> list[StyleFile]:
    """Find the painting of every style by its name, in the order of the styles."""
    by_name = {file.name: file for file in under_stored_names(files, styles)}
    for name in styles:
        if name not in by_name:
            there = ", ".join(by_name)
            raise UsageError(
                f"`style_images` holds no painting of '{name}' but {there}; expected a file of that name, or choose "
                "`styles`"
            )
    return [by_name[name] for name in styles]


def middle_of(photo: PictureSource, size: int) -> Tensor:
    """Return the middle of a photograph that may come as a file or not, short side resized to ``size``: float32
    (1, 3, size, size) in [0, 1]."""
    image = resize(open_picture(photo, near_side=size).over_white(), short_side=size)
    left, top = (round((side - size) / 2) for side in image.size)
    return to_tensor(image.crop((left, top, left + size, top + size)))[None]


def _held_out(
    config: TrainingConfig | None, photo: str, validation: str | Path | None
) -> tuple[PhotoIndex | None, str]:
    """Return the photographs to measure on, None for the painted one, and a description of them."""
    if validation is not None:
        return index_folder(Path(validation)), "photographs of `validation`"
    if config is not None:
        try:
            index = split_photographs(config)[1]
            return PhotoIndex(index.root, index.files[:NUM_VALIDATION]), "photographs held out of the run's training"
        except UsageError as error:
            logger.warning("the run's photographs are not there any more (%s): only %s is measured", error, photo)
    return None, "photograph, the one painted,"
