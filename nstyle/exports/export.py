"""Make an export of a model: the graph with its description, held against the network."""

import json
from dataclasses import replace

import torch

from nstyle.exports.check import check_export
from nstyle.exports.network import painting_graph
from nstyle.models.model_info import ModelInfo
from nstyle.models.transformer import TransformerNetwork
from nstyle.version import __version__

LICENCE_UNKNOWN = "not stated"
"""The licence of a model whose card states none."""


def make_export(
    network: TransformerNetwork,
    info: ModelInfo,
    *,
    card: str = "",
    mix: dict[str, float] | None = None,
    half: bool = False,
    one_picture: bool = False,
) -> bytes:
    """Return the content of an export that was held against the network.

    Args:
        network: The network on the CPU, in evaluation mode.
        info: Its description.
        card: The model card, Markdown; empty if there is none.
        mix: The mix to fix, or None for an export that takes one.
        half: Whether to store and convolve in float16.
        one_picture: See :func:`nstyle.exports.network.painting_graph`.

    Raises:
        NstyleError: If the export paints otherwise than the network.
    """
    mix_S = None if mix is None else torch.tensor([mix.get(name, 0.0) for name in info.styles])
    metadata = describe(info, card, mix)
    model = painting_graph(network, metadata, mix_S=mix_S, half=half, one_picture=one_picture).SerializeToString()
    check_export(model, network, mix_S, half=half, batch=1 if one_picture else 2)
    return bytes(model)


def describe(info: ModelInfo, card: str, mix: dict[str, float] | None) -> dict[str, str]:
    """Return the metadata of an export, texts by name.

    ``styles`` is a JSON list in the order of ``mix``, ``grain`` the film grain to add to photographs in levels of 255,
    ``weights`` what was fixed, ``nstyle`` the description of the model file.
    """
    return {
        "styles": json.dumps(info.styles, ensure_ascii=False),
        "weights": json.dumps(mix or {}, ensure_ascii=False),
        "grain": f"{info.painting_grain:g}",
        "licence": licence_of(card),
        "card": card,
        "version": __version__,
        "nstyle": json.dumps(replace(info, target_bytes=0).to_dict(), sort_keys=True),
    }


def licence_of(card: str) -> str:
    """Return the licence that the front matter of a model card states."""
    lines = (line.partition(":") for line in card.splitlines())
    return next((value.strip() for key, _, value in lines if key == "license"), LICENCE_UNKNOWN)
