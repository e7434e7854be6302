"""The mirrored margin of painting inside a graph, so that an export takes pictures of any size from 1x1 on.

``nstyle/inference/margin.py`` and ``pad_to_stride`` of the network do the same with torch. Here each side of the
extended picture is a list of the pixels that it repeats.
"""

from dataclasses import dataclass

from nstyle.exports.graph import Graph
from nstyle.models.transformer import MARGIN, MIN_SIDE, STRIDE

ROWS, COLUMNS = 2, 3
"""The axes of a picture (B, 3, H, W)."""


@dataclass(frozen=True)
class Frame:
    """What is known of one side: its length, and the width of the margin before and after it."""

    axis: int
    length: str
    margin: str


def frame_of(graph: Graph, picture: str, axis: int) -> Frame:
    """Measure a side of a picture. Its margin has 60 px, or one less than a short side has."""
    length = graph.op("Gather", graph.op("Shape", picture), graph.constant(axis))
    margin = graph.op("Min", graph.op("Sub", length, graph.constant(1)), graph.constant(MARGIN))
    return Frame(axis, length, margin)


def mirrored(graph: Graph, picture: str, frame: Frame) -> str:
    """Mirror the margin around a picture along one side, then extend it at the end: by repetition of the last pixel to
    16 px, and by reflection to a multiple of 4."""
    one = graph.constant(1)
    framed = graph.op("Add", frame.length, graph.op("Mul", graph.constant(2), frame.margin))
    extended = graph.op("Max", framed, graph.constant(MIN_SIDE))
    steps = graph.op("Div", graph.op("Add", extended, graph.constant(STRIDE - 1)), graph.constant(STRIDE))
    padded = graph.op("Mul", steps, graph.constant(STRIDE))
    place = graph.op("Range", graph.constant(0), padded, one)
    place = _reflected(graph, place, graph.op("Sub", extended, one))
    place = graph.op("Min", place, graph.op("Sub", framed, one))
    place = graph.op("Abs", graph.op("Sub", place, frame.margin))
    place = _reflected(graph, place, graph.op("Sub", frame.length, one))
    return graph.op("Gather", picture, place, axis=frame.axis)


def _reflected(graph: Graph, place: str, last: str) -> str:
    """Turn places beyond the last one back: ``last - |last - place|``."""
    return graph.op("Sub", last, graph.op("Abs", graph.op("Sub", last, place)))


def without_margin(graph: Graph, painted: str, frames: tuple[Frame, Frame], output: str) -> str:
    """Cut the picture itself out of what was painted."""
    zero = graph.constant([0])
    starts = [graph.op("Unsqueeze", frame.margin, zero) for frame in frames]
    ends = [graph.op("Unsqueeze", graph.op("Add", frame.margin, frame.length), zero) for frame in frames]
    axes = graph.constant([frame.axis for frame in frames])
    start, end = (graph.op("Concat", *parts, axis=0) for parts in (starts, ends))
    return graph.op("Slice", painted, start, end, axes, output=output)
