"""How long work takes on this machine: an update of each kind is timed once, at the size that is asked for first."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nstyle.encoders.load import EncoderWeights
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.engine import Reconstruction, features_dtype, ladder
from nstyle.reconstruction.pictures import Pictures
from nstyle.system.devices import Precision
from nstyle.system.interrupts import InterruptedRunError
from nstyle.training.train import train

TIMED = 4
"""The number of updates that are timed."""
Rate = float
"""Seconds per update and squared pixel of the long side."""


class Clock:
    """Time updates of reconstructions and of trainings, one of each kind once. Time is taken to go by the area."""

    def __init__(self) -> None:
        self._rates: dict[tuple[Any, ...], Rate] = {}

    def reconstruction(self, config: ReconstructionConfig, pictures: Pictures, release: EncoderWeights) -> float:
        """Estimate the seconds of a reconstruction to its last iteration, at all sizes of its ladder.

        Raises:
            UsageError: If the pictures or the encoder do not fit the settings.
        """
        layers = (*config.style_layers, *config.content_layers)
        what = (
            release.architecture,
            layers,
            config.loss_label,
            config.optimizer,
            config.pooling,
            features_dtype(config),
        )
        if what not in self._rates:
            self._rates[what] = _time_reconstruction(config, pictures, release)
        assert config.iterations is not None
        return self._rates[what] * config.iterations * sum(size**2 for size in ladder(config))

    def training(self, styles: Sequence[Path], settings: Mapping[str, Any]) -> float:
        """Estimate the seconds of a training with settings of :func:`nstyle.train`, which include updates and size."""
        others = {name: str(value) for name, value in settings.items() if name not in ("updates", "size")}
        what = ("training", *sorted(others.items()))
        if what not in self._rates:
            self._rates[what] = _time_training(styles, settings)
        return float(self._rates[what] * settings["updates"] * settings["size"] ** 2)


def _time_reconstruction(config: ReconstructionConfig, pictures: Pictures, release: EncoderWeights) -> Rate:
    length: dict[str, Any] = {"iterations": TIMED, "patience": 0, "threshold": None, "schedule": None}
    precision: Precision = "fp32" if features_dtype(config).itemsize == 4 else "bf16"
    short = replace(config, min_size=None, precision=precision, **length)
    run = Reconstruction(short, pictures, release)
    stamps: list[float] = []
    run.run(lambda now: stamps.append(time.perf_counter()))
    return _step(stamps) / short.size**2


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
