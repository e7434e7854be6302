"""How long work takes on this machine: an update of each kind is timed once, at the size that is asked for first."""

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nstyle.encoders.load import load_encoder_weights
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.engine import Reconstruction, features_dtype, ladder
from nstyle.reconstruction.pictures import Pictures
from nstyle.system.devices import Precision
from nstyle.system.interrupts import InterruptedRunError
from nstyle.training.train import train

TIMED = 4
"""The number of updates that are timed."""
Rate = float
"""Seconds per update and pixel."""


class Clock:
    """Time updates of reconstructions and of trainings, one of each kind once. Time is taken to go by the area."""

    def __init__(self) -> None:
        self._rates: dict[tuple[Any, ...], Rate] = {}

    def reconstruction(self, config: ReconstructionConfig, pictures: Pictures, network: str) -> float:
        """Estimate the seconds of a reconstruction to its last iteration, at all sizes of its ladder.

        Args:
            config: Its settings.
            pictures: Its pictures.
            network: The network of its encoder, such as ``vgg16``.

        Raises:
            UsageError: If the pictures or the encoder do not fit the settings.
        """
        layers = (*config.style_layers, *config.content_layers)
        what = (
            network,
            layers,
            config.loss_label,
            config.optimizer,
            config.pooling,
            features_dtype(config),
        )
        if what not in self._rates:
            self._rates[what] = _time_reconstruction(config, pictures)
        assert config.iterations is not None
        return self._rates[what] * config.iterations * sum(_area(pictures, size) for size in ladder(config))

    def training(self, styles: Sequence[Path], settings: Mapping[str, Any]) -> float:
        """Estimate the seconds of a training with settings of :func:`nstyle.train`, which include updates and size."""
        others = {name: str(value) for name, value in settings.items() if name not in ("updates", "size")}
        what = ("training", *sorted(others.items()))
        if what not in self._rates:
            self._rates[what] = _time_training(styles, settings)
        return float(self._rates[what] * settings["updates"] * settings["size"] ** 2)


def _area(pictures: Pictures, size: int) -> int:
    """Return the number of pixels of a result with some long side."""
    return math.prod(pictures.result_size(size))


def _time_reconstruction(config: ReconstructionConfig, pictures: Pictures) -> Rate:
    length: dict[str, Any] = {"iterations": TIMED, "patience": 0, "threshold": None, "schedule": None}
    precision: Precision = "fp32" if features_dtype(config).itemsize == 4 else "bf16"
    short = replace(config, min_size=None, precision=precision, **length)
    run = Reconstruction(short, pictures, load_encoder_weights(config.vgg or None, architecture=config.network))
    stamps: list[float] = []
    run.run(lambda now: stamps.append(time.perf_counter()))
    return _step(stamps) / _area(pictures, short.size)


def _time_training(styles: Sequence[Path], settings: Mapping[str, Any]) -> Rate:
    stamps: list[float] = []
    with TemporaryDirectory() as folder:
        short = {**settings, "updates": TIMED}
        try:
            train(styles, out=Path(folder) / "run", progress=lambda now: stamps.append(time.perf_counter()), **short)
        except InterruptedRunError as error:
            raise InterruptedRunError("stopped while an update was timed", error.signal_number) from error
    return _step(stamps) / float(settings["size"]) ** 2


def _step(stamps: Sequence[float]) -> float:
    """Return the median time between updates: the first one starts the kernels, and a training ends with validation."""
    return statistics.median(end - start for start, end in pairwise(stamps))
