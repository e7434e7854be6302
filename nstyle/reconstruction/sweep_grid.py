"""The grid of a sweep: its results by what was varied, with the pictures that they were made from."""

from collections.abc import Callable, Sequence

from PIL import Image

from nstyle.imaging.layout import labelled_table
from nstyle.reconstruction.cells import Cell
from nstyle.reconstruction.inputs import KINDS, Cells, Labelled, as_large_as, beside, inputs_of
from nstyle.reconstruction.pictures import Pictures

Shown = Image.Image | str | None


def draw_grid(cells: Sequence[Cell], outcome: Callable[[Cell], Image.Image | str]) -> Image.Image:
    """Draw the cells, with the first axis down and the others across, or a single axis across.

    Pictures that were varied stand on the left of their own rows or above their own columns, and those of all cells on
    the left of the first row.

    Args:
        cells: The cells of the sweep.
        outcome: Gives the picture of a cell, or the reason why there is none.
    """
    axes = list(cells[0].labels)
    down, across = ([], axes) if len(axes) == 1 else (axes[:1], axes[1:])
    rows, columns = _first_cells(cells, down), _first_cells(cells, across)
    table: Cells = [[None for _ in columns] for _ in rows]
    for cell in cells:
        table[list(rows).index(_text(cell, down))][list(columns).index(_text(cell, across))] = outcome(cell)
    results = [shown for row in table for shown in row if isinstance(shown, Image.Image)]
    above = [(KINDS[name], _pictures(columns, name, results)) for name in KINDS if name in across]
    left = [(KINDS[name], _pictures(rows, name, results)) for name in KINDS if name in down]
    blank: list[Shown] = [None] * len(left)
    whole: Cells = [[*blank, *pictures] for _, pictures in above]
    whole += [[*(pictures[i] for _, pictures in left), *row] for i, row in enumerate(table)]
    fixed = beside(_fixed(cells[0], axes), [*(kind for kind, _ in left), *columns], whole)
    return labelled_table([*(kind for kind, _ in above), *rows], *fixed)


def _first_cells(cells: Sequence[Cell], names: Sequence[str]) -> dict[str, Cell]:
    """Return by label the rows or columns of some axes, with the first cell of each."""
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(_text(cell, names), cell)
    return first


def _text(cell: Cell, names: Sequence[str]) -> str:
    return ",\n".join(f"{KINDS.get(name, name.replace('_', ' '))} {cell.labels[name]}" for name in names)


def _pictures(places: dict[str, Cell], name: str, results: Sequence[Image.Image]) -> list[Shown]:
    """Return the varied picture of each row or column, no larger than the results."""
    inputs = [inputs_of(_only(cell, [name]))[0] for cell in places.values()]
    return [picture for _, picture in as_large_as(results, inputs)]


def _fixed(cell: Cell, axes: Sequence[str]) -> list[Labelled]:
    return inputs_of(_only(cell, [name for name in KINDS if name not in axes]))


def _only(cell: Cell, names: Sequence[str]) -> Pictures:
    styles, content = cell.pictures.styles, cell.pictures.content
    return Pictures(styles if "style" in names else (), content if "content" in names else None)
