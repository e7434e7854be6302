"""The cells of a sweep: every combination of lists of settings and pictures, with labels and names of folders."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nstyle.errors import UsageError
from nstyle.reconstruction.layer_weights import layers_text
from nstyle.reconstruction.pictures import Pictures, Source
from nstyle.reports.names import shortest_names

FILES = ("style", "content", "vgg")
"""Axes whose values are files, which are labelled by the stems of their names."""
LONGEST_STEM = 48
"""Letters of a stem in a label, so that several fit into the name of a folder."""


@dataclass(frozen=True)
class Cell:
    """One reconstruction of a sweep."""

    labels: Mapping[str, str]
    """Its label on each axis, such as ``{"layers": "relu1_1", "loss": "moments-2"}``."""
    settings: Mapping[str, Any]
    """Settings of :func:`nstyle.reconstruct`."""
    pictures: Pictures
    """The pictures that it is made from."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return _folder("_".join(f"{axis}-{label}" for axis, label in self.labels.items()) or "run")


def make_cells(axes: Mapping[str, Sequence[Any]]) -> list[Cell]:
    """Combine lists of settings. Losses and numbers of moments are one axis, as only one loss has moments.

    Args:
        axes: A list of values for each setting. A list of a single value is a setting of all cells, and has no label.
            Values of ``style`` are tuples of :class:`Source`, those of ``content`` one, or None.

    Returns:
        Every combination once. The last axis varies fastest.

    Raises:
        UsageError: If a list is empty.
    """
    choices: dict[str, dict[str, dict[str, Any]]] = {}
    for name, values in axes.items():
        if not values:
            raise UsageError(f"the list of `{name}` is empty; expected at least one value")
        if name == "moments" and "loss" in axes:
            if "moments" not in axes["loss"]:
                raise UsageError("`moments` was given, but no `loss` is moments; leave it out or add that loss")
            continue
        options = _losses(values, axes.get("moments", [2])) if name == "loss" else [{name: value} for value in values]
        options = [option for i, option in enumerate(options) if option not in options[:i]]
        choices[name] = dict(zip(_labels(name, options), options, strict=True))
    varied = [name for name, options in choices.items() if len(options) > 1]
    cells = []
    for combination in itertools.product(*(options.items() for options in choices.values())):
        labels = {name: label for name, (label, _) in zip(choices, combination, strict=True) if name in varied}
        settings: dict[str, Any] = {}
        for _, chosen in combination:
            settings |= chosen
        pictures = Pictures(settings.pop("style", ()), settings.pop("content", None))
        cells.append(Cell(labels, settings, pictures))
    return cells


def _losses(losses: Sequence[str], numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [{"loss": loss, "moments": n} if loss == "moments" else {"loss": loss} for loss in losses for n in numbers]


def _labels(axis: str, options: Sequence[Mapping[str, Any]]) -> list[str]:
    """Label the choices of an axis: short unless two would name one folder, and numbered if the long ones would too."""
    if axis in FILES:
        files = [_file(option[axis]) for option in options]
        names = shortest_names(files)
        short, long = [Path(file).stem[:LONGEST_STEM] for file in files], [names[file] for file in files]
    else:
        short = ["-".join(_label(value) for value in option.values()) for option in options]
        long = ["-".join(str(value) for value in option.values()) for option in options]
    labels = [a if _folders(short).count(_folder(a).casefold()) == 1 else b for a, b in zip(short, long, strict=True)]
    if len(set(_folders(labels))) == len(labels):
        return labels
    return [f"{label}-{number}" for number, label in enumerate(labels, start=1)]


def _folder(text: str) -> str:
    return "".join(character if character.isalnum() or character in "+-_.=" else "-" for character in text)


def _folders(texts: Sequence[str]) -> list[str]:
    """Return names of folders as they are compared where case makes no difference."""
    return [_folder(text).casefold() for text in texts]


def _file(value: Any) -> str:
    """Return the path of a file, of a picture, or of the paintings that are one value of the axis."""
    if isinstance(value, tuple):
        return "+".join(source.name for source in value)
    return value.name if isinstance(value, Source) else str(value)


def _label(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return layers_text(value)
    if isinstance(value, tuple | list):
        return "+".join(_label(part) for part in value)
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
