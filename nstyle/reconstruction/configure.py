"""The settings of a reconstruction from what users give: layers in any spelling, and a schedule."""

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

from nstyle.encoders.layers import Network
from nstyle.errors import UsageError
from nstyle.reconstruction.config import (
    OLD_SCHEDULE,
    TRANSFER_CONTENT_LAYERS,
    TRANSFER_STYLE_LAYERS,
    ReconstructionConfig,
)
from nstyle.reconstruction.layer_weights import Layers, layer_weights, probable_networks
from nstyle.reconstruction.pictures import Pictures
from nstyle.reconstruction.style_inversion_schedule import style_inversion_settings
from nstyle.settings import check_names


def make_config(
    pictures: Pictures,
    *,
    layers: Layers | None = None,
    style_layers: Layers | None = None,
    content_layers: Layers | None = None,
    schedule: str | None = None,
    networks: tuple[Network, ...] = (),
    **settings: Any,
) -> ReconstructionConfig:
    """Return the settings of :func:`reconstruct`, with layers and schedule resolved.

    ``networks`` are those that the encoder may be; by default, those that the settings may mean.

    Raises:
        UsageError: If the layers do not fit the pictures, or a setting is unknown or out of range.
    """
    if not pictures.styles and pictures.content is None:
        raise UsageError("no picture was given; expected style, content or both")
    is_transfer = bool(pictures.styles) and pictures.content is not None
    if layers is not None:
        if is_transfer:
            raise UsageError(
                "with a content and a style, `layers` says too little; name `content_layers` and `style_layers`"
            )
        if style_layers is not None or content_layers is not None:
            raise UsageError("give `layers` or the longer flag, not both")
        style_layers, content_layers = (layers, None) if pictures.styles else (None, layers)
    if is_transfer:
        style_layers = TRANSFER_STYLE_LAYERS if style_layers is None else style_layers
        content_layers = TRANSFER_CONTENT_LAYERS if content_layers is None else content_layers
    networks = networks or probable_networks(settings.get("vgg", ""), settings.get("network"))
    values = {
        **settings,
        "style_layers": layer_weights(style_layers, *networks),
        "content_layers": layer_weights(content_layers, *networks),
    }
    if schedule == OLD_SCHEDULE:
        schedule = "inversion-table"
        warnings.warn(
            f"`schedule` {OLD_SCHEDULE} is now {schedule}; the old name goes on working until 0.3",
            DeprecationWarning,
            stacklevel=3,
        )
    return configure({**values, "schedule": schedule})


def configure(values: Mapping[str, Any]) -> ReconstructionConfig:
    """Return settings with what their schedule says for those that are missing.

    Raises:
        UsageError: If a setting is out of range, or the schedule has no cell for the layers.
    """
    check_names(values, [f.name for f in dataclasses.fields(ReconstructionConfig)])
    of_schedule: dict[str, Any] = {}
    if values.get("schedule") == "inversion-table":
        of_schedule = style_inversion_settings(
            values.get("loss", "gram"), values.get("moments"), tuple(values.get("style_layers", ()))
        )
        if values.get("optimizer", of_schedule["optimizer"]) != of_schedule["optimizer"]:
            del of_schedule["lr"]  # It is Adam's.
    return ReconstructionConfig(**{**of_schedule, **values})


def named_in(config: ReconstructionConfig, network: Network) -> ReconstructionConfig:
    """Name layers as the network that was found has them, which torchvision's numbers need."""
    style_layers = layer_weights(config.style_layers, network)
    content_layers = layer_weights(config.content_layers, network)
    return dataclasses.replace(config, style_layers=style_layers, content_layers=content_layers)
