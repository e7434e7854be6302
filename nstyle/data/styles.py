"""The paintings: their files, the names of their styles, and their Gram targets."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nstyle.data.photos import MIN_SIDE
from nstyle.errors import UsageError, check_setting
from nstyle.imaging.folders import pictures_named
from nstyle.imaging.limits import MAX_PIXELS
from nstyle.imaging.pictures import read_picture, read_size, resize, resized, to_tensor
from nstyle.losses.perceptual import PerceptualLoss, StyleTargets
from nstyle.models.style_names import former_style_name, style_name

logger = logging.getLogger(__name__)

FLAT = 2
"""The largest difference between the pixels of a painting of one colour, in grey levels of 255. JPEG leaves some."""
PALETTE_SIDE = 128
"""The short side, in pixels, at which a painting's colours are measured."""
LOGIT_EPS = 0.02
"""The smallest distance of colours from black and white, where logits are infinite."""


@dataclass(frozen=True)
class StyleFile:
    """A painting and the name of its style."""

    name: str
    path: Path


@dataclass(frozen=True)
class TrainedStyles:
    """The styles that a run trains, and the targets from their paintings."""

    names: tuple[str, ...]
    targets: StyleTargets
    """(K, ...) by term, in the order of the names."""

    def check_terms(self, terms: Sequence[str]) -> None:
        """Refuse targets that a loss lacks some of.

        Raises:
            UsageError: If there is no target for one of the terms.
        """
        if missing := [term for term in terms if term not in self.targets]:
            raise UsageError(
                f"the style targets lack {missing[0]}, which the loss compares; expected targets of the same loss"
            )


def find_styles(arguments: Sequence[str | Path]) -> list[StyleFile]:
    """Resolve files, quoted globs and folders to paintings. The given order is kept and determines the style ids.

    Raises:
        UsageError: If nothing is found, something is no file, or two paintings would have the same name.
    """
    are_paths = isinstance(arguments, Sequence) and all(isinstance(path, str | os.PathLike) for path in arguments)
    check_setting(are_paths and not isinstance(arguments, str), "styles", arguments, "a list of files and folders")
    paths: list[Path] = []
    for argument in arguments:
        found = [picture.path for picture in pictures_named(argument)]
        if not found:
            raise UsageError(
                f"{argument}: no picture found; expected a painting, a folder of them or a pattern such as "
                "'styles/*.jpg'"
            )
        for file in found:
            if not file.is_file():  # Opening a pipe would wait for its other end.
                raise UsageError(f"{file} is no regular file; expected a painting (`styles`)")
        paths += found
    styles = [StyleFile(style_name(path), path) for path in paths]
    by_name: dict[str, Path] = {}
    for style in styles:
        if style.name in by_name:
            raise UsageError(
                f"{by_name[style.name]} and {style.path} would both be style '{style.name}'; rename one of the files"
            )
        by_name[style.name] = style.path
    return styles


def under_stored_names(styles: Sequence[StyleFile], stored: Sequence[str]) -> list[StyleFile]:
    """Give paintings the names under which a model or a run knows them, if version 0.1 named them otherwise.

    Args:
        styles: The paintings.
        stored: The names in the model or the run. A painting keeps its name if it is among them, or if its name of
            version 0.1 is not among them or not its alone.
    """
    former = [former_style_name(style.path) for style in styles]
    return [
        replace(style, name=old) if style.name not in stored and old in stored and former.count(old) == 1 else style
        for style, old in zip(styles, former, strict=True)
    ]


def check_paintings(styles: Sequence[StyleFile], style_size: int) -> None:
    """Refuse paintings that cannot be learnt from, and warn of those that have nothing to teach.

    Args:
        styles: The paintings.
        style_size: The short side that they will be resized to, in pixels.

    Raises:
        UsageError: If a painting is too small, or would become too large.
        NstyleError: If a painting cannot be read.
    """
    for style in styles:
        picture = read_picture(style.path, near_side=PALETTE_SIDE).over_white()
        width, height = size = read_size(style.path)
        if min(size) < MIN_SIDE:
            raise UsageError(
                f"the painting {style.path} has {width}x{height} px; expected at least {MIN_SIDE} px on every side"
            )
        width, height = resized(size, short_side=style_size)
        if width * height > MAX_PIXELS:
            raise UsageError(
                f"{style.path} would have {width}x{height} px at `style_size` {style_size}; expected at most "
                f"{MAX_PIXELS / 1e6:g} megapixels: crop it, or give a smaller `style_size`"
            )
        if np.ptp(np.asarray(picture), axis=(0, 1)).max() <= FLAT:
            logger.warning("the painting %s has one colour only, and its style will hardly be more", style.path)


def logit_colors(styles: Sequence[StyleFile]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the logits of each painting's red, green and blue, (S, 3) each."""
    pixels = [
        to_tensor(resize(read_picture(style.path).over_white(), short_side=PALETTE_SIDE)).flatten(1) for style in styles
    ]
    logits = [torch.logit(values, eps=LOGIT_EPS) for values in pixels]
    return torch.stack([value.mean(dim=1) for value in logits]), torch.stack([value.std(dim=1) for value in logits])


def compute_targets(
    styles: Sequence[StyleFile], loss: PerceptualLoss, style_size: int, device: torch.device
) -> StyleTargets:
    """Compute the targets of paintings, once per run and in float32.

    Args:
        styles: The paintings.
        loss: The loss whose encoder and preset to use.
        style_size: The short side of the paintings, in pixels; the aspect ratio is kept.
        device: The device of ``loss``.

    Returns:
        The Gram matrices (S, C, C) by term and perhaps the spectrum, in the order of ``styles``.
    """
    rows: list[StyleTargets] = []
    for style in styles:
        image = resize(read_picture(style.path).over_white(), short_side=style_size)
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            rows.append(loss.style_targets(to_tensor(image)[None].to(device)))
    return {term: torch.cat([row[term] for row in rows]) for term in rows[0]}
