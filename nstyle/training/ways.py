"""How a run takes its updates: eagerly, compiled, or compiled and captured as a graph. What was not checked is not trusted."""

import hashlib
import json
import logging
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from nstyle.data.photos import cache_folder
from nstyle.distributed import Group
from nstyle.errors import NstyleError
from nstyle.image import write_atomically
from nstyle.training.captured import CapturedUpdate, TakeUpdate
from nstyle.training.data_parallel import average_gradients
from nstyle.training.precision import why_not_compiled
from nstyle.training.update import StepLosses, Taken, Update, step_losses

logger = logging.getLogger(__name__)

Way = Literal["eager", "compiled", "captured"]
WORTHWHILE = 2000
"""Updates from which on it pays to compile where nobody asked for it: a minute or so."""
TIMED = 10
"""Updates that are timed for each way."""
LOSS_TOLERANCE, NORM_TOLERANCE, COSINE = 0.01, 0.05, 0.99
"""How far another way may be from the eager one: in loss and gradient norm, relatively, and in the direction of the gradient."""


@dataclass(frozen=True)
class Chosen:
    """What a run goes on with."""

    way: Way
    take: TakeUpdate


class WayChooser:
    """Build the ways to take an update, hold each against the eager one, and choose.

    Args:
        update: The work.
        photos: RGB (B, 3, H, W), uint8, on the device: an example, of which the check and the timing are made.
        ids_B: Their styles, on the device.
        group: The processes that train together. All decide alike.
    """

    def __init__(self, update: Update, photos: Tensor, ids_B: Tensor, group: Group) -> None:
        self.update, self.photos, self.ids_B, self.group = update, photos, ids_B, group
        self.on_gpu = photos.device.type == "cuda"
        self._compiled: StepLosses = step_losses

    def choose(self, wish: bool | None, updates: int, identity: dict[str, Any]) -> Chosen:
        """Choose a way; one line says which, unless nothing but the eager one came into question.

        Args:
            wish: Whether to compile. None: on a GPU, where enough updates are left and it is faster.
            updates: How many are left.
            identity: What the time of an update depends on, in JSON types: the choice among the ways is remembered under it.
        """
        if wish is False or (wish is None and not (self.on_gpu and updates > WORTHWHILE)):
            return self._finish("eager", {})
        if reason := why_not_compiled(self.photos.device):
            logger.info("updates: eager, as %s", reason)
            return self._finish("eager", {})
        verdict = _Verdict(identity | {"ranks": self.group.ranks.size})
        remembered = verdict.recall(self.group) if wish is None else None
        if remembered == "eager":
            logger.info("updates: eager, which was the fastest when this was last tried")
            return self._finish("eager", {})
        if remembered is not None or wish:
            candidates: Sequence[Way] = (remembered,) if remembered is not None else self._candidates()[::-1]
            built = self._checked(candidates, first_only=True)
            way: Way = next(iter(built), "eager")
            if built:
                logger.info("updates: %s%s", way, ", the fastest when this was last tried" if remembered else "")
            return self._finish(way, built)
        built = self._checked(self._candidates(), first_only=False)
        seconds = {way: self._seconds(take) for way, take in {"eager": self._eager, **built}.items()}
        way = min(seconds, key=lambda name: seconds[name])
        times = ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in seconds.items())
        logger.info("updates: %s, %.1f times as fast as eager (%s)", way, seconds["eager"] / seconds[way], times)
        if self.group.ranks.is_first:
            verdict.remember(way, seconds)
        return self._finish(way, built)

    def _candidates(self) -> tuple[Way, ...]:
        """List the ways to try, the one that is likely to be the fastest last."""
        return ("compiled", "captured") if self.on_gpu and self.group.ranks.size == 1 else ("compiled",)

    def _eager(self, photos: Tensor, ids_B: Tensor) -> Taken:
        return self.update.take(step_losses, photos, ids_B)

    def _checked(self, ways: Sequence[Way], *, first_only: bool) -> dict[Way, TakeUpdate]:
        """Build ways and keep those that agree with the eager one on every rank; one line for each that does not."""
        reference = self._measure(self._eager)
        self._compiled = _compile()
        built: dict[Way, TakeUpdate] = {}
        for way in ways:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Compilers advise of what was decided here on purpose.
                take, failure = self._build(way)
            if take is not None and not failure:
                failure = disagreement(reference, self._measure(take))
            failures = [text for text in self.group.gather_objects(failure) if text]
            if failures:
                logger.warning("updates are not %s: %s; please report it with your versions of torch and GPU driver", way, failures[0])
            elif take is not None:
                built[way] = take
                if first_only:
                    break
        return built

    def _build(self, way: Way) -> tuple[TakeUpdate | None, str]:
        """Build one way, or say why that does not work."""
        take = partial(self.update.take, self._compiled)
        try:
            with self.update.undone():
                if way == "captured":
                    return CapturedUpdate(take, self.photos, self.ids_B), ""
                take(self.photos, self.ids_B)
        except Exception as error:  # Compilers and drivers raise anything.
            return None, " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return take, ""

    def _measure(self, take: TakeUpdate) -> "Measured":
        with self.update.undone():
            return Measured.of(take(self.photos, self.ids_B))

    def _seconds(self, take: TakeUpdate) -> float:
        """Time an update, the slowest rank's."""
        with self.update.undone():
            take(self.photos, self.ids_B)
            self._wait()
            started = time.perf_counter()
            for _ in range(TIMED):
                take(self.photos, self.ids_B)
            self._wait()
        return max(self.group.gather_objects((time.perf_counter() - started) / TIMED))

    def _wait(self) -> None:
        if self.photos.is_cuda:
            torch.cuda.synchronize(self.photos.device)

    def _finish(self, way: Way, built: dict[Way, TakeUpdate]) -> Chosen:
        """Give back what the trials took, and average gradients where several processes train."""
        self.update.optimizer.zero_grad()
        if self.photos.is_cuda:
            torch.cuda.empty_cache()
        if self.group.ranks.size == 1:
            return Chosen(way, built.get(way, self._eager))
        losses = self._compiled if way == "compiled" else step_losses
        averaged = average_gradients(self.update.network, losses, self.photos.device)
        return Chosen(way, partial(self.update.take, averaged))


@dataclass(frozen=True)
class Measured:
    """Loss and gradient of one update, on trial."""

    loss: float
    norm: float
    gradient: Tensor
    """All of it, (N,)."""

    @classmethod
    def of(cls, taken: Taken) -> "Measured":
        """Fetch what an update left behind."""
        return cls(float(taken.values[0].mean()), float(taken.gradient_norm), torch.cat([g.flatten() for g in taken.gradients]).double())


def disagreement(reference: Measured, other: Measured) -> str:
    """Say how an update differs from the eager one by more than rounding; empty if it does not."""
    cosine = float(torch.nn.functional.cosine_similarity(reference.gradient, other.gradient, dim=0))
    loss_is_right = abs(other.loss - reference.loss) <= LOSS_TOLERANCE * abs(reference.loss)
    norm_is_right = abs(other.norm - reference.norm) <= NORM_TOLERANCE * reference.norm
    if loss_is_right and norm_is_right and cosine >= COSINE:
        return ""
    return (
        f"loss {other.loss:.5g}, gradient norm {other.norm:.5g} and cosine {cosine:.4f} "
        f"where the eager update has {reference.loss:.5g}, {reference.norm:.5g} and 1"
    )


def _compile() -> StepLosses:
    # The graphs of earlier runs of this process count against a limit, past which torch quietly stops compiling.
    torch.compiler.reset()
    compiled: StepLosses = torch.compile(step_losses, dynamic=False)
    return compiled


class _Verdict:
    """The fastest way to take updates of one kind on one machine, as it was found before.

    Args:
        identity: What it depends on, in JSON types.
    """

    def __init__(self, identity: dict[str, Any]) -> None:
        self._identity = identity
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
        self._path = cache_folder() / "updates" / f"{digest}.json"

    def recall(self, group: Group) -> Way | None:
        """Return what the first rank remembers; None if it does not."""
        try:
            way = json.loads(self._path.read_bytes())["way"]
        except (OSError, ValueError, LookupError, TypeError):
            way = None
        first: Way | None = group.gather_objects(way if way in get_args(Way) else None)[0]
        return first

    def remember(self, way: Way, seconds: dict[Way, float]) -> None:
        """Keep a choice; a cache that cannot be written is no reason to stop."""
        try:
            write_atomically(self._path, json.dumps({"way": way, "seconds": seconds, "of": self._identity}, indent=2).encode())
        except NstyleError as error:
            logger.warning("the choice is not kept: %s", error)
