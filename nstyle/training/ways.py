"""The choice of how a run takes its updates: eager, compiled, or compiled and captured as a graph.

The latter two are used only if they agree with the eager update.
"""

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

from nstyle.errors import NstyleError
from nstyle.strict_json import parse_json
from nstyle.system.files import cache_folder, write_atomically
from nstyle.system.memory import reset_peak_memory
from nstyle.system.processes import Group
from nstyle.training.captured import CapturedUpdate, TakeUpdate
from nstyle.training.data_parallel import average_gradients
from nstyle.training.precision import why_not_compiled
from nstyle.training.update import StepLosses, Taken, Update, step_losses

logger = logging.getLogger(__name__)

Way = Literal["eager", "compiled", "captured"]
WORTHWHILE = 2000
"""The number of updates beyond which compilation, which takes about a minute, is worthwhile without being requested."""
TIMED = 10
"""The number of updates that are timed for each way."""
LOSS_TOLERANCE, NORM_TOLERANCE, COSINE = 0.01, 0.05, 0.99
"""The tolerances between another way and the eager one: of the loss, of the norms of gradient and step, and the least
cosine between the gradients."""


@dataclass(frozen=True)
class Chosen:
    """The chosen way to take updates."""

    way: Way
    take: TakeUpdate


class WayChooser:
    """Build the ways to take an update, compare each with the eager one, and choose.

    Args:
        update: The update to take.
        photos: Example photographs for the check and the timing, RGB (B, 3, H, W), uint8, on the device.
        ids_B: Their styles, on the device.
        group: The processes that train together. All make the same choice.
    """

    def __init__(self, update: Update, photos: Tensor, ids_B: Tensor, group: Group) -> None:
        self.update, self.photos, self.ids_B, self.group = update, photos, ids_B, group
        self.on_gpu = photos.device.type == "cuda"
        self._compiled: StepLosses = step_losses
        self._has_tried = False

    def choose(self, wish: bool | None, updates: int, identity: dict[str, Any]) -> Chosen:
        """Choose a way, and log it unless only the eager one was considered.

        Args:
            wish: Whether to compile. None: only on a GPU, if enough updates are left and it is faster.
            updates: The number of updates that are left.
            identity: The properties that the time of an update depends on, in JSON types. The choice is stored under
                them.
        """
        if wish is False or (wish is None and not (self.on_gpu and updates > WORTHWHILE)):
            return self._finish("eager", {})
        if reason := next(filter(None, self.group.gather_objects(why_not_compiled(self.photos.device))), None):
            logger.info("updates: eager, as %s", reason)
            return self._finish("eager", {})
        verdict = _Verdict(identity | {"ranks": self.group.ranks.size})
        remembered = verdict.recall(self.group) if wish is None else None
        if remembered == "eager":
            logger.info("updates: eager, which was the fastest when this was last tried")
            return self._finish("eager", {})
        ways = self._candidates()
        ways = ways[: ways.index(remembered) + 1] if remembered in ways else ways
        built = self._checked(ways)
        if not built:
            return self._finish("eager", {})
        if wish or remembered is not None:
            way = list(built)[-1]
            logger.info("updates: %s%s", way, ", the fastest when this was last tried" if way == remembered else "")
            return self._finish(way, built)
        seconds = {way: self._seconds(take) for way, take in {"eager": self._eager, **built}.items()}
        way = min(seconds, key=lambda name: seconds[name])
        times = ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in seconds.items())
        logger.info("updates: %s, %.1f times as fast as eager (%s)", way, seconds["eager"] / seconds[way], times)
        if self.group.ranks.is_first and len(built) == len(ways):  # A way that failed may work next time.
            verdict.remember(way, seconds)
        return self._finish(way, built)

    def _candidates(self) -> tuple[Way, ...]:
        """List the ways to try, each of which builds on the one before."""
        return ("compiled", "captured") if self.on_gpu and self.group.ranks.size == 1 else ("compiled",)

    def _eager(self, photos: Tensor, ids_B: Tensor) -> Taken:
        return self.update.take(step_losses, photos, ids_B)

    def _checked(self, ways: Sequence[Way]) -> dict[Way, TakeUpdate]:
        """Build ways until one disagrees with the eager one on some rank, and log why."""
        self._has_tried = True
        reference = self._measure(self._eager)
        self._compiled = _compile()
        built: dict[Way, TakeUpdate] = {}
        for way in ways:
            take, failure = self._try(way, reference)
            failures = [text for text in self.group.gather_objects(failure) if text]
            if failures or take is None:
                logger.warning(
                    "updates are not %s: %s; please report it with your versions of torch and GPU driver",
                    way,
                    failures[0],
                )
                break
            built[way] = take
        return built

    def _try(self, way: Way, reference: "Measured") -> tuple[TakeUpdate | None, str]:
        """Build one way and compare it with the eager one: (function that takes updates or None, failure or "")."""
        take: TakeUpdate = partial(self.update.take, self._compiled)
        try:
            with warnings.catch_warnings(), self.update.undone():
                warnings.simplefilter("ignore")  # Compilers warn about deliberate choices.
                if way == "captured":
                    # The capture uses other photographs and styles, so that the check detects a graph that does not
                    # read those of an update.
                    others = (self.ids_B + 1) % len(self.update.styles.factor)
                    take = CapturedUpdate(take, 255 - self.photos, others)
                else:
                    take(self.photos, self.ids_B)
            return take, disagreement(reference, self._measure(take))
        except Exception as error:  # Compilers and drivers raise all kinds of errors.
            return None, " ".join(f"{type(error).__name__}: {error}".split())[:300]

    def _measure(self, take: TakeUpdate) -> "Measured":
        before = self.update.weights()
        with self.update.undone():
            taken = take(self.photos, self.ids_B)
            return Measured.of(taken, self.update.weights() - before)

    def _seconds(self, take: TakeUpdate) -> float:
        """Return the seconds that an update takes on the slowest rank."""
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
        """Free the memory of the trials, and average gradients if several processes train."""
        take = built.get(way, self._eager)
        built.clear()
        self.update.optimizer.zero_grad()
        if self._has_tried:
            reset_peak_memory(self.photos.device)
        if self.group.ranks.size == 1:
            return Chosen(way, take)
        losses = self._compiled if way == "compiled" else step_losses
        averaged = average_gradients(self.update.network, losses, self.photos.device)
        return Chosen(way, partial(self.update.take, averaged))


@dataclass(frozen=True)
class Measured:
    """The loss, gradient and step of one trial update."""

    loss: float
    norm: float
    gradient: Tensor
    """The gradients of all parameters, (N,)."""
    step: float
    """The norm of the change of the weights."""

    @classmethod
    def of(cls, taken: Taken, step: Tensor) -> "Measured":
        """Collect the results of an update."""
        gradient = torch.cat([part.flatten() for part in taken.gradients]).double()
        return cls(float(taken.values[0].mean()), float(taken.gradient_norm), gradient, float(step.norm()))


def disagreement(reference: Measured, other: Measured) -> str:
    """Describe how an update differs from the eager one by more than rounding; empty if it does not."""
    cosine = float(torch.nn.functional.cosine_similarity(reference.gradient, other.gradient, dim=0))
    loss_is_right = abs(other.loss - reference.loss) <= LOSS_TOLERANCE * abs(reference.loss)
    norms_are_right = all(
        abs(value - expected) <= NORM_TOLERANCE * expected
        for value, expected in ((other.norm, reference.norm), (other.step, reference.step))
    )
    if loss_is_right and norms_are_right and cosine >= COSINE:
        return ""
    return (
        f"loss {other.loss:.5g}, gradient norm {other.norm:.5g}, cosine {cosine:.4f} and step {other.step:.3g} "
        f"where the eager update has {reference.loss:.5g}, {reference.norm:.5g}, 1 and {reference.step:.3g}"
    )


def _compile() -> StepLosses:
    # Graphs of earlier runs in this process count towards a limit, beyond which torch silently stops compiling.
    torch.compiler.reset()
    compiled: StepLosses = torch.compile(step_losses, dynamic=False)
    return compiled


class _Verdict:
    """The stored choice of the fastest way to take updates of one kind on one machine.

    Args:
        identity: The properties that the choice depends on, in JSON types.
    """

    def __init__(self, identity: dict[str, Any]) -> None:
        self._identity = identity
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
        folder = cache_folder()
        self._path = folder / "updates" / f"{digest}.json" if folder else None

    def recall(self, group: Group) -> Way | None:
        """Return the way that the first rank has stored, or None."""
        try:
            way = parse_json(self._path.read_bytes())["way"] if self._path else None
        except (OSError, ValueError, LookupError, TypeError):
            way = None
        first: Way | None = group.gather_objects(way if way in get_args(Way) else None)[0]
        return first

    def remember(self, way: Way, seconds: dict[Way, float]) -> None:
        """Store a choice. If the cache cannot be written, only a warning is logged."""
        if self._path is None:
            return
        try:
            write_atomically(
                self._path, json.dumps({"way": way, "seconds": seconds, "of": self._identity}, indent=2).encode()
            )
        except NstyleError as error:
            logger.warning("the choice is not kept: %s", error)
