"""The optimization of a picture, for style reconstruction, content reconstruction and transfer alike."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.encoders.layers import check_layers
from nstyle.encoders.load import EncoderWeights, build_encoder
from nstyle.errors import NonFiniteLossError
from nstyle.models.pickle_file import is_dense
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.objective import Evaluation, Objective
from nstyle.reconstruction.optimizers import make_optimizer
from nstyle.reconstruction.pictures import Pictures
from nstyle.system.devices import choose_device, choose_dtype

StopReason = Literal["iterations", "threshold", "plateau", "converged"]
LADDER_STEP = math.sqrt(2)
IMPROVEMENT = 1e-3
"""A loss that falls by less than this share within the patience is on a plateau."""
SMOOTHING = 0.98
"""Weight of the past in the running mean of the loss, which replaces the loss where every evaluation draws at
random."""


@dataclass(frozen=True)
class Progress:
    """How far a reconstruction stands: the picture after an update and its losses."""

    iteration: int
    """Number of updates so far; 0 at the start."""
    iterations: int
    """Number of updates planned, over all sizes."""
    size: int
    """Long side of the picture in pixels, which grows on a ladder."""
    loss: float
    """The weighted sum that is minimized."""
    terms: dict[str, float]
    """Unweighted losses: ``style/relu1_1``, ``content/relu3_3``, ``tv``."""
    image: Tensor
    """RGB (3, H, W) in [0, 1]. It must not be written to."""


@dataclass(frozen=True)
class Best:
    """The best picture so far at one size."""

    image: Tensor
    """RGB (1, 3, H, W) in [0, 1]."""
    iteration: int
    loss: float
    """The running mean where every evaluation draws at random. The terms are then those of one draw."""
    terms: dict[str, float]


def ladder(config: ReconstructionConfig) -> tuple[int, ...]:
    """List the long sides of the scale ladder, each sqrt 2 times the one before, up to ``size`` (Crowson 2021).

    The first one lies between ``min_size`` and 1.2 times that, or is ``min_size``, with a smaller step to the second.
    """
    if config.min_size is None:
        return (config.size,)
    steps = math.floor(math.log(config.size / config.min_size) / math.log(LADDER_STEP) + 1e-6)
    sizes = [round(config.size / LADDER_STEP**k) for k in range(steps, -1, -1)]
    return tuple(sizes if sizes[0] <= config.min_size * 1.2 else [config.min_size, *sizes])


def features_dtype(config: ReconstructionConfig) -> torch.dtype:
    """Resolve the precision of the VGG features to a dtype."""
    precision = "fp32" if config.precision == "auto" and config.wants_float32 else config.precision
    return choose_dtype(precision, choose_device(config.device))


class Reconstruction:
    """An optimization, which can be stopped, saved and continued with identical bits.

    Args:
        config: The settings.
        pictures: Style and content.
        encoder_weights: The weights of VGG or lite.

    Raises:
        UsageError: If a picture is missing or too small for the layers, or the encoder lacks a layer.
    """

    def __init__(self, config: ReconstructionConfig, pictures: Pictures, encoder_weights: EncoderWeights) -> None:
        layers = tuple(dict.fromkeys([*config.style_layers, *config.content_layers]))
        check_layers(layers, encoder_weights.architecture)
        pictures.check(config)
        self.config = config
        self.pictures = pictures
        self.mean = encoder_weights.mean
        self.device = choose_device(config.device)
        dtype = features_dtype(config)
        self.vgg = build_encoder(encoder_weights, layers, pooling=config.pooling, dtype=dtype).to(self.device)
        assert config.optimizer is not None
        assert config.lr is not None
        self.optimizer = make_optimizer(config.optimizer, config.lr)
        self.sizes = ladder(config)
        self.scale = 0
        self.iteration = 0
        self.scale_start = 0
        self.image = pictures.start(config, self.sizes[0], self.mean).to(self.device)
        self.evaluations = 0
        """Number of evaluations of the loss for updates: more than updates where L-BFGS searched."""
        self.initial: dict[str, float] = {}
        """The terms of the loss at the start, at the first size."""
        self.best: Best | None = None
        self.stopped: StopReason | None = None
        self.seconds = 0.0
        self._seen = (-1, -1)
        self._watched: float | None = None
        self._reference = math.inf
        self._reference_iteration = 0
        self._num_watched = 0

    @property
    def iterations(self) -> int:
        """Number of updates planned, over all sizes."""
        assert self.config.iterations is not None
        return self.scale_start + self.config.iterations * (len(self.sizes) - self.scale)

    def run(self, progress: Callable[[Progress], None]) -> None:
        """Optimize to the end.

        Args:
            progress: Called with the picture of the start or of a loaded state, and after every update.
                :meth:`state_dict` is complete while it is called, and only then.

        Raises:
            NonFiniteLossError: If a loss is not finite; :attr:`best` stays what it was.
        """
        started = time.perf_counter() - self.seconds
        while True:
            self._run_scale(progress, started)
            if self.scale == len(self.sizes) - 1:
                return
            self._enter_next_scale()

    def _run_scale(self, progress: Callable[[Progress], None], started: float) -> None:
        objective = self._objective()
        evaluation = objective.evaluate(self.image, self.iteration)
        while True:
            if self._seen != (self.scale, self.iteration):
                self._observe(evaluation)
            self.seconds = time.perf_counter() - started
            terms = dict(evaluation.terms)
            progress(
                Progress(self.iteration, self.iterations, self.sizes[self.scale], evaluation.loss, terms, self.image[0])
            )
            self.stopped = self._stop_reason(evaluation)
            if self.stopped:
                return
            # Random pairs depend on the number of the update, and are drawn for the picture after it.
            number = self.iteration + 1
            image, evaluation = self.optimizer.step(
                self.image,
                evaluation,
                lambda x: self._evaluate(objective, x, number),  # noqa: B023
            )
            if image is self.image:
                self.stopped = "converged"
                return
            self.image, self.iteration = image, number

    def _evaluate(self, objective: Objective, image: Tensor, number: int) -> Evaluation:
        self.evaluations += 1
        return objective.evaluate(image, number)

    def _objective(self) -> Objective:
        size = self.sizes[self.scale]
        styles = (
            [style.to(self.device) for style in self.pictures.styles_at(self.config, size)]
            if self.config.style_layers
            else []
        )
        content = self.pictures.content_at(size).to(self.device) if self.config.content_layers else None
        return Objective(self.vgg, self.config, styles, self.pictures.mix(self.config) if styles else [], content)

    def _observe(self, evaluation: Evaluation) -> None:
        """Keep the best picture, and the last iteration at which the loss fell by IMPROVEMENT."""
        self._seen = (self.scale, self.iteration)
        if not math.isfinite(evaluation.loss):
            bad = next(
                (name for name, value in evaluation.terms.items() if not math.isfinite(value)), "the weighted sum"
            )
            raise NonFiniteLossError(
                f"the loss became {evaluation.loss} at iteration {self.iteration} ({bad}); the best picture before it "
                "is kept: give a smaller `feature_scale` or smaller weights"
            )
        if not self.initial:
            self.initial = dict(evaluation.terms)
        loss = self._smooth(evaluation.loss)
        if self.best is None or loss < self.best.loss:
            self.best = Best(self.image, self.iteration, loss, dict(evaluation.terms))
        if loss < self._reference - IMPROVEMENT * abs(self._reference) or math.isinf(self._reference):
            self._reference, self._reference_iteration = loss, self.iteration

    def _smooth(self, loss: float) -> float:
        """Return the running mean of a loss that draws at random, and any other loss unchanged."""
        if not self.config.is_random:
            return loss
        self._num_watched += 1
        past = 0.0 if self._watched is None else self._watched
        self._watched = SMOOTHING * past + (1 - SMOOTHING) * loss
        return self._watched / (1 - SMOOTHING**self._num_watched)

    def _stop_reason(self, evaluation: Evaluation) -> StopReason | None:
        assert self.config.iterations is not None
        if self.config.threshold is not None and evaluation.loss < self.config.threshold:
            return "threshold"
        if self.iteration - self.scale_start >= self.config.iterations:
            return "iterations"
        if self.config.patience and self.iteration - self._reference_iteration >= self.config.patience:
            return "plateau"
        return None

    def _enter_next_scale(self) -> None:
        """Go on at the next size, from the best picture of this one and with the state of the optimizer resized."""
        assert self.best is not None
        self.scale += 1
        width, height = self.pictures.result_size(self.sizes[self.scale])
        self.image = F.interpolate(self.best.image, (height, width), mode="bicubic", align_corners=False).clamp_(0, 1)
        self.optimizer.resize(height, width, averaged=self.config.is_averaged)
        self.scale_start = self._reference_iteration = self.iteration
        self.best, self._reference, self._watched, self._num_watched = None, math.inf, None, 0

    def state_dict(self) -> dict[str, Any]:
        """Return everything that :meth:`load_state_dict` needs to continue with identical bits."""
        assert self.best is not None, "the state is complete only while progress is called"
        watch = (self._watched, self._reference, self._reference_iteration, self._num_watched)
        return {
            "scale": self.scale,
            "iteration": self.iteration,
            "evaluations": self.evaluations,
            "scale_start": self.scale_start,
            "image": self.image.cpu(),
            "optimizer": self.optimizer.state_dict(),
            "initial": self.initial,
            "best": (self.best.image.cpu(), self.best.iteration, self.best.loss, self.best.terms),
            "seconds": self.seconds,
            "watch": watch,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned.

        Raises:
            ValueError: If the pictures in it are none of this run.
        """
        self.scale, self.iteration, self.scale_start = state["scale"], state["iteration"], state["scale_start"]
        width, height = self.pictures.result_size(self.sizes[self.scale])
        for picture in (state["image"], state["best"][0]):
            if not is_dense(picture) or tuple(picture.shape) != (1, 3, height, width):
                raise ValueError("a picture of the state is not of the run's size")
        self.image = state["image"].to(self.device)
        self.evaluations = state.get("evaluations", self.iteration)  # Version 0.2 did not count them.
        self.optimizer.load_state_dict(state["optimizer"], self.device)
        self.initial, self.seconds = state["initial"], state["seconds"]
        image, iteration, loss, terms = state["best"]
        self.best = Best(image.to(self.device), iteration, loss, terms)
        self._watched, self._reference, self._reference_iteration, self._num_watched = state["watch"]
        self._seen = (self.scale, self.iteration)

    def picture(self) -> Tensor:
        """Return the best picture so far, RGB (3, H, W) in [0, 1] on the CPU."""
        best = self.image if self.best is None else self.best.image
        return torch.clamp(best[0].cpu(), 0, 1)
