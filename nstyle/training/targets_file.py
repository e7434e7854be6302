"""``styles.safetensors``: the names of the styles that a run trains, and the targets from their paintings."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from nstyle.data.styles import TrainedStyles
from nstyle.encoders.layers import CHANNELS_PER_BLOCK, canonical_layer
from nstyle.errors import UsageError, in_short
from nstyle.losses.presets import SPECTRUM
from nstyle.losses.spectrum import WINDOW
from nstyle.models.checksum import check_seal, sealed
from nstyle.models.style_names import check_style_names
from nstyle.strict_json import parse_json

NAMES_KEY = "styles"
"""The key of the names in the metadata, a JSON list."""


def targets_file(styles: TrainedStyles) -> bytes:
    """Return the content of a file of targets, with a checksum."""
    tensors = {term: value.cpu().contiguous() for term, value in styles.targets.items()}
    return sealed(tensors, {NAMES_KEY: json.dumps(styles.names)})


def read_targets(path: Path) -> TrainedStyles:
    """Read names and targets of the styles.

    Raises:
        UsageError: If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            names = _names(metadata.get(NAMES_KEY))
            for term in file.keys():
                _check_term(term, file.get_slice(term), len(names))
            targets = {term: file.get_tensor(term).clone() for term in file.keys()}
        for term, value in targets.items():
            if not bool(torch.isfinite(value).all()):
                raise UsageError(f"{term} holds values that are not finite")
    except (SafetensorError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or in_short(error, 300)
        raise UsageError(f"{path} cannot be read ({reason}); the run cannot be continued without it") from error
    check_seal(path, targets, metadata)
    return TrainedStyles(names, targets)


def _names(text: str | None) -> tuple[str, ...]:
    names = parse_json(text) if text is not None else None
    if not isinstance(names, list) or not names:
        raise UsageError(f"its styles are {in_short(names)}; expected a list of names")
    check_style_names(names)
    return tuple(names)


def _check_term(term: str, part: Any, num_styles: int) -> None:
    """Check name, shape and type of a target as the file announces it, before it is read."""
    if term == SPECTRUM:
        _check_part(term, part, [num_styles, 2, 3, WINDOW, WINDOW // 2 + 1])
        return
    layer, scale = term.partition("@")[::2]
    if not re.fullmatch(r"[0-9]", scale) or canonical_layer(layer) != layer:
        raise UsageError(f"it has a target {in_short(term)}; expected names such as relu2_2@1")
    found = re.search(r"\d", layer)
    assert found is not None
    channels = CHANNELS_PER_BLOCK[int(found[0]) - 1]
    _check_part(term, part, [num_styles, channels, channels])


def _check_part(term: str, part: Any, expected: list[int]) -> None:
    if part.get_shape() != expected or part.get_dtype() != "F32":
        raise UsageError(f"{term} is {part.get_dtype()} of shape {part.get_shape()}; expected F32 of {expected}")
