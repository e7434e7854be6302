"""The encoder of the demo: VGG weights that are on the machine, else the small encoder that comes with the package."""

import os
from collections.abc import Callable
from pathlib import Path

import torch

from nstyle.encoders.load import load_encoder_weights
from nstyle.encoders.vgg_weights import ENVIRONMENT_VARIABLE, IMAGENET, LITE, default_source
from nstyle.errors import NstyleError


def choose_vgg(given: str | None, notice: Callable[[str], None]) -> str:
    """Choose the VGG weights. They are not downloaded unless the user asks for it.

    Args:
        given: What the user asked for. None: the file that ``NSTYLE_VGG`` names, else torchvision's weights if they
            were downloaded before, else the small encoder that comes with the package.
        notice: Called with a line of text if that small encoder is taken.

    Returns:
        A source for :func:`nstyle.encoders.load.load_encoder_weights`.

    Raises:
        UsageError: If the named file does not exist or holds no VGG.
    """
    if given == IMAGENET:
        try:
            load_encoder_weights(IMAGENET)
        except NstyleError as error:
            notice(f"{error}; training goes on with our own small encoder, {LITE}")
            return LITE
        return IMAGENET
    if given or os.environ.get(ENVIRONMENT_VARIABLE):
        load_encoder_weights(given)
        return default_source(given or "")
    if imagenet_is_here():
        return IMAGENET
    notice(
        f"no VGG weights are at hand, so our own small encoder, {LITE}, stands in; --vgg {IMAGENET} downloads VGG16 "
        "(528 MB)"
    )
    return LITE


def imagenet_is_here() -> bool:
    """Tell whether torchvision's VGG16 was downloaded into torch's cache before."""
    from torchvision.models import VGG16_Weights

    file_name: str = VGG16_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[1]
    return (Path(torch.hub.get_dir()) / "checkpoints" / file_name).is_file()
