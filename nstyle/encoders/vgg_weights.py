"""Loading of VGG weights: torchvision's download, a local file, or the file that ``NSTYLE_VGG`` names."""

import hashlib
import logging
import os
import pickle
from pathlib import Path
from typing import cast

import torch
from safetensors import safe_open
from torch import Tensor

from nstyle.encoders.layers import CHANNELS_PER_BLOCK, Architecture, layer_names
from nstyle.encoders.reachable import check_reachable, noticing_stalls
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import NstyleError, UsageError

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
    metadata: dict[str, str] = {}
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                state = {key: file.get_tensor(key) for key in file.keys() if key.startswith("features.")}
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
            state = {key: value for key, value in loaded.items() if key.startswith("features.")}
    except Exception as error:  # For a file that is no pickle, the unpickler raises any kind of error.
        raise UsageError(
            f"{path} cannot be read as VGG weights ({type(error).__name__}); expected safetensors or a state dict"
        ) from error
    name = metadata.get("architecture") or _architecture(path, state)
    if name not in ("vgg16", "vgg19"):
        raise UsageError(f"{path} holds '{name}'; expected vgg16 or vgg19")
    architecture = cast(Architecture, name)
    if "features.0.weight" not in state or "features.0.bias" not in state:
        raise UsageError(
            f"{path} lacks conv1_1 (features.0.weight and features.0.bias); expected torchvision's key names"
        )
    _check_shapes(path, architecture, state)
    state = {key: value.float() for key, value in state.items()}
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


def _architecture(path: Path, state: dict[str, Tensor]) -> Architecture:
    """Distinguish VGG16 from VGG19 by the first convolution that only VGG19 has (conv3_4, features.16)."""
    if "features.16.weight" in state:
        return "vgg19"
    if "features.17.weight" in state or "features.14.weight" in state:
        return "vgg16"
    raise UsageError(
        f"{path}: {len(state)} convolution tensors do not tell VGG16 from VGG19; expected torchvision's key names "
        "through conv3_3"
    )


def _check_shapes(path: Path, architecture: Architecture, state: dict[str, Tensor]) -> None:
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
            if key in state and tuple(state[key].shape) != shape:
                raise UsageError(
                    f"{path}: {key} has shape {tuple(state[key].shape)}; expected {shape} for {name} of {architecture}"
                )
            if key in state and not bool(torch.isfinite(state[key]).all()):
                raise UsageError(f"{path}: {key} ({name}) holds values that are not finite; the file is damaged")
        in_channels = out_channels


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
        return ("oxford" if is_oxford else "unknown"), (_rgb(metadata["mean"]), _rgb(metadata["std"]))
    if is_oxford:
        return "oxford", OXFORD_CONVENTION
    logger.warning(
        "%s is no known release and has no metadata (mean, std): torchvision's mean and std are assumed", path
    )
    return "unknown", TORCHVISION_CONVENTION


def _rgb(text: str) -> RGB:
    values = tuple(float(part) for part in text.split(","))
    if len(values) != 3:
        raise UsageError(f"'{text}' in the metadata of the weights file is not three numbers for R, G and B")
    return values
