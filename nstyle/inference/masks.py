"""Masks: which part of a picture is painted in which style."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops

from nstyle.errors import UsageError
from nstyle.imaging.limits import MAX_PIXELS
from nstyle.imaging.pictures import PictureSource, open_picture
from nstyle.imaging.values import from_values
from nstyle.inference.mix import Mix
from nstyle.models.style_names import match_style

if TYPE_CHECKING:
    from torch import Tensor

Masks = Mapping[str, PictureSource]
"""Grey pictures by style name, white where a picture has only this style; see :func:`read_mask`."""
PROPORTION = 0.02
"""The relative difference between the proportions of a mask and a picture that counts as rounding."""
ROUNDING = 4 / 255
"""How far the sum of masks that cover the whole picture may fall below 1 in a pixel: soft edges are rounded, and
rounded again when a mask is resized."""


def mix_map(
    styles: Sequence[str], rest: Mix | None, masks: Masks, size: tuple[int, int], model: str = ""
) -> tuple["Tensor", "Tensor"]:
    """Divide a picture into regions, each with a mix: one region for every mask, in its style alone, and one for the
    rest. Masks that sum to more than 1 in a pixel are divided by their sum, and where they sum to less, the rest fills
    the difference.

    Args:
        styles: The styles of the model.
        rest: The mix around the masks, or None if the masks cover everything.
        masks: The masks by style name. They are resized to the picture.
        size: The (width, height) of the picture in pixels.
        model: The model in words, for messages.

    Returns:
        The mixes (R, S) of the regions, and their map (1, R, height, width), which sums to 1 in every pixel.

    Raises:
        UsageError: If a name is unknown, if the proportions of a mask and the picture differ, or if ``rest`` is None
            and the masks leave a part of the picture uncovered.
    """
    import torch

    names = [match_style(name, styles, model) for name in masks]
    if len(set(names)) < len(names):
        raise UsageError(f"two masks are for the same style ({', '.join(masks)}); join them into one")
    layers = torch.zeros(1, len(masks) + (rest is not None), size[1], size[0])
    for region, (name, mask) in enumerate(masks.items()):
        layers[0, region] = _layer(name, mask, size)
    covered = layers.sum(dim=1, keepdim=True)
    left = (1 - covered).clamp_(min=0)
    if rest is None and (left > ROUNDING).any():
        share = f"{100 * (left > ROUNDING).float().mean().item():.3g}"
        raise UsageError(f"the masks leave {share} % of the picture uncovered; give `style` or `weights` for the rest")
    layers /= covered if rest is None else covered.clamp_(min=1)
    mixes: list[Mix] = [{name: 1.0} for name in names]
    if rest is not None:
        mixes.append(rest)
        layers[:, -1:] = left
    painted = [region for region in range(len(mixes)) if layers[0, region].any()]
    mixes, layers = [mixes[region] for region in painted], layers[:, painted]
    return torch.tensor([[mix.get(name, 0.0) for name in styles] for mix in mixes]), layers


def read_mask(mask: PictureSource, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a mask however it comes, as a grey picture of mode L. The transparent parts are outside of the mask.

    Args:
        mask: What :func:`nstyle.imaging.pictures.open_picture` takes; arrays and tensors may be (H, W) too, or bool.
        max_pixels: The largest number of pixels that a file may have.
    """
    if not isinstance(mask, str | os.PathLike | Image.Image):
        mask = from_values(mask)
    if isinstance(mask, Image.Image) and mask.mode == "L" and not mask.info:
        return mask  # Neither a profile nor an orientation changes it.
    picture = open_picture(mask, max_pixels=max_pixels)
    grey = picture.rgb.convert("L")
    grey = grey if picture.alpha is None else ImageChops.multiply(grey, picture.alpha)
    grey.info.clear()
    return grey


def _layer(name: str, mask: PictureSource, size: tuple[int, int]) -> "Tensor":
    """Resize a mask to the size of a picture, and return it as (H, W) in [0, 1]."""
    import torch

    picture = read_mask(mask)
    if abs(picture.width * size[1] / (picture.height * size[0]) - 1) > PROPORTION:
        raise UsageError(
            f"the mask of '{name}' has {picture.width}x{picture.height} px, which does not fit a picture of "
            f"{size[0]}x{size[1]} px; expected the same proportions"
        )
    grey = picture.resize(size, Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(grey)).float().div_(255)
