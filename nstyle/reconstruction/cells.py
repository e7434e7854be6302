"""The cells of a sweep: every combination of lists of settings, with labels and names of folders."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nstyle.errors import UsageError
from nstyle.reconstruction.layer_weights import layers_text


@dataclass(frozen=True)
class Cell:
    """One reconstruction of a sweep."""

    labels: Mapping[str, str]
    """Its label on each axis, such as ``{"layers": "relu1_1", "loss": "moments-2"}``."""
    settings: Mapping[str, Any]
    """Settings of :func:`nstyle.reconstruct`."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        text = "_".join(f"{axis}-{label}" for axis, label in self.labels.items()) or "run"
        return "".join(character if character.isalnum() or character in "+-_.=" else "-" for character in text)


def make_cells(axes: Mapping[str, Sequence[Any]]) -> list[Cell]:
    """Combine lists of settings. Losses and numbers of moments are one axis, as only one loss has moments.

    Args:
        axes: A list of values for each setting. A list of a single value is a setting of all cells, and has no label.

    Returns:
        Every combination once. The last axis varies fastest.
    """
    choices: dict[str, dict[str, dict[str, Any]]] = {}
    for name, values in axes.items():
        if name == "moments" and "loss" in axes:
            continue
        options = _losses(values, axes.get("moments", [2])) if name == "loss" else [{name: value} for value in values]
        options = [option for i, option in enumerate(options) if option not in options[:i]]
        choices[name] = _labelled(options)
    cells = []
    for combination in itertools.product(*(options.items() for options in choices.values())):
        labels = {
            name: label
            for (name, options), (label, _) in zip(choices.items(), combination, strict=True)
            if len(options) > 1
        }
        settings: dict[str, Any] = {}
        for _, chosen in combination:
            settings |= chosen
        cells.append(Cell(labels, settings))
    return cells


def _losses(losses: Sequence[str], numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [{"loss": loss, "moments": n} if loss == "moments" else {"loss": loss} for loss in losses for n in numbers]


def _labelled(options: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the choices by their labels, which are short unless two short ones would be the same."""
    short = ["-".join(_label(value) for value in option.values()) for option in options]
    full = ["-".join(str(value) for value in option.values()) for option in options]
    return {(a if short.count(a) == 1 else b): option for a, b, option in zip(short, full, options, strict=True)}


def _label(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return layers_text(value)
    if isinstance(value, tuple | list):
        return "+".join(_label(part) for part in value)
    if isinstance(value, str) and ("/" in value or "\\" in value):
        return Path(value).stem
    return str(value).replace(",", "+").replace(" ", "")


def expand_layers(text: str, how: str) -> list[str]:
    """Expand layers into single ones (``single``) or the first n (``cumulative``, tau_n of Early, Sian and Stonard).

    Raises:
        UsageError: If ``how`` is neither.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if how == "single":
        return parts
    if how == "cumulative":
        return [",".join(parts[: n + 1]) for n in range(len(parts))]
    raise UsageError(f"`per_layer` is {how}; expected single or cumulative")
