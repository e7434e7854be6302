"""What painting costs with torch and with ONNX Runtime on this machine, measured once and kept in the cache folder."""

import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from nstyle.errors import NstyleError
from nstyle.exports.kept import FORM
from nstyle.inference.options import PaintOptions
from nstyle.inference.painter import Painter
from nstyle.models.model_info import read_info
from nstyle.strict_json import parse_json
from nstyle.system.files import cache_folder, write_atomically
from nstyle.version import __version__

T = TypeVar("T")
logger = logging.getLogger(__name__)
SIDE = 384
"""The side in pixels of the picture that is painted for the measurement."""
BUSY = 0.5
"""The load per core, over the last minute, above which nothing is measured."""
STARTS = {"torch": "nstyle.inference.stylizer", "onnx": "onnxruntime, nstyle.inference.onnx_painter"}
"""What a command imports before it paints."""


@dataclass(frozen=True)
class Cost:
    """What painting costs in seconds."""

    start: float
    per_pixel: float

    def of(self, pixels: int) -> float:
        """Return the seconds from the start of a process until so many pixels are painted."""
        return self.start + self.per_pixel * pixels


def known_costs(model: Path, notice: Callable[[str], None]) -> dict[str, Cost] | None:
    """Return what a model costs with ``torch`` and with ``onnx``. None if it is not known and cannot be measured now,
    as on a busy machine.

    Args:
        model: The model file.
        notice: Called with one line if it is measured now, which takes some seconds.
    """
    folder = cache_folder()
    if folder is None:
        return None
    path = folder / "backends" / f"{_machine_and(model)}.json"
    if (costs := _recall(path)) is not None:
        return costs
    if is_busy():
        return None
    notice("measuring once whether torch or ONNX Runtime paints faster on this machine; `backend` chooses by hand")
    try:
        costs = measure(model)
    except (NstyleError, OSError, subprocess.SubprocessError) as error:
        logger.warning("torch paints, as the measurement failed: %s", error)
        return None
    try:
        write_atomically(path, json.dumps({name: asdict(cost) for name, cost in costs.items()}).encode())
    except NstyleError as error:
        logger.warning("what was measured is not kept, so that the next command measures again: %s", error)
    return costs


def is_busy() -> bool:
    """Tell whether other work would make what is measured wrong, for good."""
    try:
        return os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)
    except (AttributeError, OSError):  # Windows has no such figure.
        return False


def measure(model: Path) -> dict[str, Cost]:
    """Measure how long each of the two takes to start, in processes of their own, and to paint a pixel, in this one."""
    from nstyle.inference.onnx_painter import OnnxPainter
    from nstyle.inference.stylizer import load

    painters: dict[str, Painter] = {"onnx": OnnxPainter(model, lambda line: None), "torch": load(model)}
    costs = {}
    for name, painter in painters.items():
        _paint(painter)  # The first picture also waits for memory and threads.
        costs[name] = Cost(start=_seconds(_start, name), per_pixel=_seconds(_paint, painter) / SIDE**2)
    return costs


def _seconds(work: Callable[[T], None], what: T) -> float:
    begun = time.perf_counter()
    work(what)
    return time.perf_counter() - begun


def _start(name: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {STARTS[name]}"], check=True, capture_output=True)


def _paint(painter: Painter) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    mix = {painter.styles[0]: 1.0}
    painter.paint(Image.fromarray(noise), mix, PaintOptions(), None, lambda share: None)


def _machine_and(model: Path) -> str:
    """Return a name for everything that the costs depend on: the size of the network, but not its weights."""
    info, versions = read_info(model), [__version__, FORM, version("torch"), version("onnxruntime")]
    what = [info.width, len(info.styles), platform.node(), os.cpu_count(), *versions]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]


def _recall(path: Path) -> dict[str, Cost] | None:
    try:
        values = parse_json(path.read_bytes())
        return {name: Cost(float(values[name]["start"]), float(values[name]["per_pixel"])) for name in STARTS}
    except (OSError, ValueError, LookupError, TypeError):
        return None
