"""The plan of a sweep: its cells with their pictures, and the encoders that they take, all read before any work."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from nstyle.encoders.layers import Architecture
from nstyle.encoders.load import EncoderWeights, load_encoder_weights
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.pictures import PictureSource
from nstyle.reconstruction.cells import Cell, make_cells
from nstyle.reconstruction.layer_weights import layer_weights
from nstyle.reconstruction.pictures import Source, read_source
from nstyle.reconstruction.reconstruct import as_sequence

LAYERS = ("layers", "style_layers", "content_layers")
Releases = dict[tuple[str, Architecture | None], EncoderWeights | NstyleError]
"""The encoders of a sweep by source and network, or the reason why one cannot be loaded."""


def read_cells(
    axes: Mapping[str, Sequence[Any]],
    *,
    style: PictureSource | Sequence[PictureSource] | None = None,
    content: PictureSource | None = None,
) -> list[Cell]:
    """Read layers and pictures, every file once, and combine them. Pictures that are no axis are those of all cells.

    Args:
        axes: See :func:`nstyle.reconstruction.sweep.sweep`.
        style: The painting of all cells, or several that every cell mixes.
        content: The photograph of all cells.

    Raises:
        UsageError: If a picture cannot be read, or is both an axis and an argument, or a layer does not exist.
    """
    for name, given in (("style", style), ("content", content)):
        if name in axes and given is not None:
            raise UsageError(f"`{name}` is an axis and an argument; give one of them")
    read_file = cache(read_source)

    def read(picture: PictureSource) -> Source:
        return read_file(os.fspath(picture)) if isinstance(picture, str | os.PathLike) else read_source(picture)

    def read_axis(name: str) -> list[Source]:
        pictures = as_sequence(axes[name])
        if any(isinstance(picture, tuple | list) for picture in pictures):
            raise UsageError(
                f"the axis `{name}` has several pictures as one value; expected one picture for each value"
            )
        return [read(picture) for picture in pictures]

    layers = {name: [layer_weights(value) for value in axes[name]] for name in LAYERS if name in axes}
    styles = [(source,) for source in read_axis("style")] if "style" in axes else [tuple(map(read, as_sequence(style)))]
    contents = read_axis("content") if "content" in axes else [None if content is None else read(content)]
    return make_cells({**axes, **layers, "style": styles, "content": contents})


def release_of(cell: Cell) -> tuple[str, Architecture | None]:
    """Return which encoder a cell takes: its source and its network."""
    return cell.settings.get("vgg", ""), cell.settings.get("network")


def load_release(cell: Cell) -> EncoderWeights:
    """Load the encoder of a cell.

    Raises:
        NstyleError: If it cannot be loaded.
    """
    source, network = release_of(cell)
    return load_encoder_weights(source or None, architecture=network)


def load_releases(cells: Sequence[Cell]) -> Releases:
    """Load every VGG release that the cells name once, before any work.

    Returns:
        Each release, or the error if it cannot be loaded.

    Raises:
        NstyleError: If none of them can be loaded.
    """
    releases: Releases = {}
    for cell in {release_of(cell): cell for cell in cells}.values():
        try:
            releases[release_of(cell)] = load_release(cell)
        except NstyleError as error:
            releases[release_of(cell)] = error
    errors = [release for release in releases.values() if isinstance(release, NstyleError)]
    if len(errors) == len(releases):
        raise errors[0]
    return releases
