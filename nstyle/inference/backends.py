"""Choose what paints: torch, or ONNX Runtime, which starts sooner and needs less memory on a CPU."""

import sys
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from pathlib import Path

from nstyle.errors import NstyleError, UsageError
from nstyle.exports.kept import kept_path
from nstyle.exports.runtime import has_onnx
from nstyle.imaging.pictures import read_size, resized
from nstyle.inference.backend_costs import known_costs
from nstyle.inference.onnx_painter import IN_ONE_PIECE, OnnxPainter
from nstyle.inference.options import PaintOptions, Request
from nstyle.inference.painter import Painter
from nstyle.inference.plan import STREAM, Job
from nstyle.models.locate import is_shipped
from nstyle.system.ranks import Ranks

GPU_NODES = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")
"""What is there where torch may find a GPU on Linux: NVIDIA's, AMD's, and that of Windows under WSL."""
UNKNOWN_PIXELS = 1_000_000
"""The number of pixels that a picture from standard input, or one that cannot be read, is taken to have."""


def open_painter(
    model: Path, request: Request, jobs: Sequence[Job], ranks: Ranks, notice: Callable[[str], None]
) -> Painter:
    """Make a model ready to paint what is asked for.

    Args:
        model: The model file.
        request: What to do.
        jobs: The pictures of all processes.
        ranks: The rank of this process.
        notice: Called with one line where torch paints although ONNX Runtime was asked for.

    Raises:
        UsageError: If the model cannot be read, or the device or the backend is not available.
    """
    if request.backend == "onnx" and request.device not in ("auto", "cpu"):
        raise UsageError(f"`device` is {request.device}; `backend` onnx paints on the CPU")
    if request.backend == "onnx" or (
        request.backend == "auto"
        and may_take_onnx(model, request, jobs, ranks)
        and is_faster(model, request, jobs, notice)
    ):
        return OnnxPainter(model, notice)

    from nstyle.inference.stylizer import load
    from nstyle.system.devices import choose_device

    return load(model, device=ranks.place(choose_device(request.device)))


def may_take_onnx(model: Path, request: Request, jobs: Sequence[Job], ranks: Ranks) -> bool:
    """Tell whether ONNX Runtime can paint what is asked for and may be faster than torch.

    It is not where torch is imported already or may find a GPU, nor where an export would have to be made, with torch,
    for a model that changes with every checkpoint: only those of shipped models are made unasked.
    """
    options = request.options
    on_cpu = request.device == "cpu" or (request.device == "auto" and not _may_have_gpu())
    moves = any(job.moves for job in jobs)
    can_paint = not (request.masks or moves) and options.stroke == 1 and options.tiling in IN_ONE_PIECE
    is_light = on_cpu and can_paint and ranks.size == 1 and "torch" not in sys.modules and has_onnx()
    return is_light and _is_kept(model)


def is_faster(model: Path, request: Request, jobs: Sequence[Job], notice: Callable[[str], None]) -> bool:
    """Tell whether ONNX Runtime paints all pictures sooner than torch on this machine, from the start of the process
    on. Both are measured once."""
    costs = known_costs(model, notice)
    pixels = sum(chain.from_iterable(repeat(_pixels(job.photo, request.options), job.to_paint) for job in jobs))
    return costs is not None and costs["onnx"].of(pixels) < costs["torch"].of(pixels)


def _pixels(photo: str, options: PaintOptions) -> int:
    """Return the number of pixels at which a photograph is painted, from its header."""
    try:
        size = read_size(Path(photo)) if photo != STREAM else (UNKNOWN_PIXELS, 1)
    except (NstyleError, OSError):
        return UNKNOWN_PIXELS
    width, height = resized(size, long_side=options.long_side(size)) if photo != STREAM else size
    return width * height


def _may_have_gpu() -> bool:
    return sys.platform != "linux" or any(Path(node).exists() for node in GPU_NODES)


def _is_kept(model: Path) -> bool:
    """Tell whether there is an export of a model, or whether one is made now and kept for all further commands."""
    path = kept_path(model)
    return path is not None and (is_shipped(model) or path.is_file())
