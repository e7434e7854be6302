"""Loading of VGG weights: torchvision's download, a local file, or the file that ``NSTYLE_VGG`` names."""

import hashlib
import logging
import math
import os
import pickle
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from nstyle.encoders.layers import CHANNELS_PER_BLOCK, Architecture, layer_names
from nstyle.encoders.reachable import check_reachable, noticing_stalls
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import NstyleError, UsageError, in_short
from nstyle.models.pickle_file import is_dense, unpickle

logger = logging.getLogger(__name__)

ENVIRONMENT_VARIABLE = "NSTYLE_VGG"
IMAGENET = "imagenet"
LITE = "lite"
"""The small encoder that comes with the package; see :mod:`nstyle.encoders.lite`."""
RGB = tuple[float, float, float]

TORCHVISION_CONVENTION: tuple[RGB, RGB] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OXFORD_CONVENTION: tuple[RGB, RGB] = ((0.48502, 0.45796, 0.40760), (1 / 255, 1 / 255, 1 / 255))
"""The mean is that of the Caffe release, (123.68, 116.779, 103.939) / 255. That release expects values of 0-255."""
AMDEGROOT_CONVENTION: tuple[RGB, RGB] = ((0.48235, 0.45882, 0.40784), (1 / 255, 1 / 255, 1 / 255))
"""The convention of ``VGG16_Weights.IMAGENET1K_FEATURES``, an Oxford release that comes with torchvision for SSD."""
KNOWN_FILES: dict[str, tuple[str, tuple[RGB, RGB]]] = {
    "397923af": ("torchvision", TORCHVISION_CONVENTION),
    "dcbb9e9d": ("torchvision", TORCHVISION_CONVENTION),
    "88682ab5": ("oxford", AMDEGROOT_CONVENTION),
}
"""Release and convention by the first 8 digits of the SHA-256, which are part of torchvision's file names."""
OXFORD_FIRST_BIAS: dict[Architecture, float] = {"vgg16": 0.7343, "vgg19": 0.7302}
"""The first bias of conv1_1 in the Caffe release, by which files that were converted from it are recognized. In both
networks the first weight of the first filter is larger for red than for blue, unless a file has kept the order of
colours of Caffe."""
SMALLEST_STD = 1e-4
"""The smallest divisor of colours, a fortieth of the one of networks for 0-255."""


def default_source(source: str = "") -> str:
    """Return the given source, else the one in ``NSTYLE_VGG``, else ``"imagenet"``. Files become absolute paths."""
    source = source or os.environ.get(ENVIRONMENT_VARIABLE) or IMAGENET
    return source if source in (IMAGENET, LITE) else str(Path(source).absolute())


def load_vgg_weights(source: str | Path | None = None, *, architecture: Architecture | None = None) -> VGGWeights:
    """Load VGG weights.

    Args:
        source: A file, or ``"imagenet"`` for torchvision's weights, which are downloaded once into torch's cache and
            checked against the hash in their name. None: the file that ``NSTYLE_VGG`` names, else ``"imagenet"``.
        architecture: The network that is wanted. None: VGG16 of ``"imagenet"``, or the network that the file holds.

    Raises:
        UsageError: If the file does not exist or holds no VGG, or not the network that is wanted.
        NstyleError: If the download fails.
    """
    source = default_source(str(source or ""))
    if source == IMAGENET:
        return _download(architecture or "vgg16")
    path = Path(source)
    if not path.is_file():
        raise UsageError(
            f"{path}: no such file; expected VGG weights (safetensors or a torchvision state dict) for `vgg` or "
            f"{ENVIRONMENT_VARIABLE}"
        )
    weights = read_vgg_file(path)
    if architecture not in (None, weights.architecture):
        raise UsageError(
            f"{path} holds {weights.architecture}, but {architecture} was asked for; leave `network` out or give "
            "another file"
        )
    return weights


def read_vgg_file(path: Path) -> VGGWeights:
    """Read a safetensors file, or a state dict with ``weights_only=True``, with torchvision's key names.

    Half precision becomes float32. Architecture, mean and std are read from the metadata. Without them the architecture
    is recognized by the shapes, and mean and std are those of the release that is recognized by the hash or the
    numbers.

    Raises:
        UsageError: If the file holds no VGG16 or VGG19.
    """
    found, metadata = _read(path)
    name = metadata.get("architecture") or _architecture(path, found)
    if name not in ("vgg16", "vgg19"):
        raise UsageError(f"{path} holds '{in_short(name)}'; expected vgg16 or vgg19")
    architecture = cast(Architecture, name)
    if "features.0.weight" not in found or "features.0.bias" not in found:
        raise UsageError(
            f"{path} lacks conv1_1 (features.0.weight and features.0.bias); expected torchvision's key names"
        )
    state = _checked(path, architecture, found)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    first = state["features.0.weight"]
    release, (mean, std) = _convention(path, architecture, state, sha256, metadata)
    is_reordered = state["features.0.weight"] is not first
    return VGGWeights(
        architecture=architecture,
        release=release,
        mean=mean,
        std=std,
        sha256=sha256,
        is_reordered=is_reordered,
        state=state,
    )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what a file holds of convolutions, of which nothing is known yet, and its metadata if it has some."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                names = [name for name in file.keys() if name.startswith("features.")]
                return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
        loaded = unpickle(path.read_bytes())
        if not isinstance(loaded, dict):
            raise ValueError(f"it holds a {type(loaded).__name__}")
        return {key: value for key, value in loaded.items() if str(key).startswith("features.")}, {}
    except (SafetensorError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or in_short(error)
        raise UsageError(
            f"{path} cannot be read as VGG weights ({reason}); expected safetensors or a state dict"
        ) from error


def _download(architecture: Architecture) -> VGGWeights:
    from torchvision.models import VGG16_Weights, VGG19_Weights

    weights = VGG16_Weights.IMAGENET1K_V1 if architecture == "vgg16" else VGG19_Weights.IMAGENET1K_V1
    file_name = weights.url.rsplit("/", 1)[1]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        if not (folder / file_name).is_file():
            check_reachable(weights.url)
        with noticing_stalls():
            torch.hub.load_state_dict_from_url(weights.url, check_hash=True, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise NstyleError(
            f"{architecture} weights cannot be downloaded ({error}); put {file_name} into {folder}, "
            f"give a weights file with `vgg` or {ENVIRONMENT_VARIABLE}, or train with the small encoder that is here: "
            f"`vgg` {LITE}"
        ) from error
    return read_vgg_file(folder / file_name)


def _architecture(path: Path, state: dict[str, Any]) -> Architecture:
    """Distinguish VGG16 from VGG19 by the first convolution that only VGG19 has (conv3_4, features.16)."""
    if "features.16.weight" in state:
        return "vgg19"
    if "features.17.weight" in state or "features.14.weight" in state:
        return "vgg16"
    raise UsageError(
        f"{path}: {len(state)} convolution tensors do not tell VGG16 from VGG19; expected torchvision's key names "
        "through conv3_3"
    )


def _checked(path: Path, architecture: Architecture, found: dict[str, Any]) -> dict[str, Tensor]:
    """Return the convolutions of a network in float32, after their shapes and values are checked."""
    state: dict[str, Tensor] = {}
    in_channels = 3
    for index, name in enumerate(layer_names(architecture)):
        if not name.startswith("conv"):
            continue
        out_channels = CHANNELS_PER_BLOCK[int(name[4]) - 1]
        expected = {
            f"features.{index}.weight": (out_channels, in_channels, 3, 3),
            f"features.{index}.bias": (out_channels,),
        }
        for key, shape in expected.items():
            if key in found:
                state[key] = _checked_tensor(f"{path}: {key}", found[key], shape, f"{name} of {architecture}")
        in_channels = out_channels
    return state


def _checked_tensor(what: str, value: object, shape: tuple[int, ...], where: str) -> Tensor:
    if not is_dense(value):
        raise UsageError(f"{what} is no tensor of plain numbers; expected one of shape {shape} for {where}")
    assert isinstance(value, Tensor)
    if tuple(value.shape) != shape:
        raise UsageError(f"{what} has shape {in_short(tuple(value.shape))}; expected {shape} for {where}")
    value = value.to(torch.float32, copy=True).contiguous()
    if not bool(torch.isfinite(value).all()):
        raise UsageError(f"{what} holds values that are not finite for {where}; the file is damaged")
    return value


def _convention(
    path: Path, architecture: Architecture, state: dict[str, Tensor], sha256: str, metadata: dict[str, str]
) -> tuple[str, tuple[RGB, RGB]]:
    """Return release, mean and std by the hash, the numbers or the metadata, else torchvision's, with a warning."""
    if sha256[:8] in KNOWN_FILES:
        return KNOWN_FILES[sha256[:8]]
    is_oxford = abs(float(state["features.0.bias"][0]) - OXFORD_FIRST_BIAS[architecture]) < 1e-3
    first = state["features.0.weight"]
    if is_oxford and first[0, 0, 0, 0] < first[0, 2, 0, 0]:
        logger.warning(
            "%s holds the Oxford weights for blue, green, red, as in Caffe: its first layer is turned around", path
        )
        state["features.0.weight"] = first.flip(1)
    if "mean" in metadata and "std" in metadata:
        convention = _rgb(path, "mean", metadata["mean"], 0), _rgb(path, "std", metadata["std"], SMALLEST_STD)
        return ("oxford" if is_oxford else "unknown"), convention
    if is_oxford:
        return "oxford", OXFORD_CONVENTION
    logger.warning(
        "%s is no known release and has no metadata (mean, std): torchvision's mean and std are assumed", path
    )
    return "unknown", TORCHVISION_CONVENTION


def _rgb(path: Path, name: str, text: str, least: float) -> RGB:
    """Read three numbers of the metadata."""
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        red = green = blue = math.nan
    if not all(least <= value <= 1 for value in (red, green, blue)):
        raise UsageError(
            f"{path} says in its metadata that {name} is '{in_short(text)}'; expected three numbers from {least:g} to "
            "1, for red, green and blue"
        )
    return red, green, blue
