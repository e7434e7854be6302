"""The pictures that finished reconstructions were made from, to stand beside the results."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from nstyle.errors import NstyleError
from nstyle.imaging.layout import CELL, fit
from nstyle.reconstruction.config_file import read_settings
from nstyle.reconstruction.finished_runs import Run
from nstyle.reconstruction.pictures import Pictures, Source, read_source

Labelled = tuple[str, Image.Image]
Cells = list[list[Image.Image | str | None]]
KINDS = {"style": "painting", "content": "photograph"}
"""What a picture is called in figures, by the argument of :func:`nstyle.reconstruct` that it was."""


def inputs_of(pictures: Pictures) -> list[Labelled]:
    """Label pictures: the photograph, then the paintings."""
    found = [("photograph", pictures.content)] if pictures.content else []
    found += [("painting", style) for style in pictures.styles]
    return [(f"{kind} {Path(source.name).name}", source.image) for kind, source in found]


def read_inputs(runs: Iterable[Run]) -> tuple[list[Labelled], list[str]]:
    """Read the pictures that runs were made from, each once, from where they lay then.

    Returns:
        The labelled pictures, photographs first, and the names of those that are not there any more, or have changed.
    """
    found: dict[str, Labelled] = {}
    missing: dict[str, str] = {}
    for kind, fingerprint, name, path in sorted(_sources(runs), key=lambda source: source[0] == "painting"):
        if fingerprint in found or fingerprint in missing:
            continue
        source = _read(path)
        if source is not None and source.fingerprint == fingerprint:
            found[fingerprint] = (f"{kind} {Path(name).name}", source.image)
        else:
            missing[fingerprint] = name
    return list(found.values()), list(missing.values())


def beside(inputs: Sequence[Labelled], columns: Sequence[str], cells: Cells) -> tuple[list[str], Cells]:
    """Put the inputs into the first row of a table, on the left of the results, and no larger than those."""
    results = [content for row in cells for content in row if isinstance(content, Image.Image)]
    inputs = as_large_as(results, inputs)
    lead: list[Image.Image | str | None] = [picture for _, picture in inputs]
    blank: list[Image.Image | str | None] = [None] * len(inputs)
    return [*(label for label, _ in inputs), *columns], [[*(blank if i else lead), *row] for i, row in enumerate(cells)]


def as_large_as(results: Sequence[Image.Image], inputs: Sequence[Labelled]) -> list[Labelled]:
    """Reduce inputs to the longest side of the results."""
    side = max((max(picture.size) for picture in results), default=CELL)
    return [(label, fit(picture, side)) for label, picture in inputs]


def _sources(runs: Iterable[Run]) -> list[tuple[str, str, str, str]]:
    """List kind, fingerprint, name and path of every picture; the name is the path where none was recorded."""
    sources = []
    for run in runs:
        description, identity = run.description, run.description["identity"]
        try:
            settings = read_settings(run.folder.settings)
        except NstyleError:
            settings = {}
        if description["content"]:
            path = settings.get("content", description["content"])
            sources.append(("photograph", identity["content"], description["content"], path))
        paths = settings.get("style", description["styles"])
        sources += [
            ("painting", fingerprint, name, path)
            for fingerprint, name, path in zip(identity["styles"], description["styles"], paths, strict=False)
        ]
    return sources


def _read(path: str) -> Source | None:
    try:
        return read_source(path)
    except NstyleError:
        return None
