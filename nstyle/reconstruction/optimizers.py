"""Optimizers of a picture whose pixels stay in [0, 1]: Adam, SGD, and L-BFGS with a projected line search.

Their state can be saved, and resized with the picture.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.reconstruction.config import OptimizerName
from nstyle.reconstruction.objective import Evaluation

Evaluate = Callable[[Tensor], Evaluation]
MOMENTUM = 0.9
HISTORY = 20
"""Number of pairs of steps and gradient changes that L-BFGS keeps."""
ARMIJO = 1e-4
"""The loss must fall by at least this share of what the gradient predicts (Nocedal and Wright 2006, section 3.1)."""
MAX_BACKTRACKS = 12
FIRST_STEP = 0.05
"""Largest change of a pixel in the first step of L-BFGS, before anything is known about the curvature."""


class PixelOptimizer(Protocol):
    """Updates a picture, one step at a time."""

    def step(self, image: Tensor, evaluation: Evaluation, evaluate: Evaluate) -> tuple[Tensor, Evaluation]:
        """Update the picture.

        Args:
            image: RGB (1, 3, H, W) in [0, 1].
            evaluation: The losses and the gradient of ``image``.
            evaluate: Computes them for another picture.

        Returns:
            The new picture in [0, 1] and its evaluation, or the same two if no step reduces the loss.
        """
        ...

    def resize(self, height: int, width: int, *, averaged: bool) -> None:
        """Resize the state to pictures of another size.

        The gradients of a loss that is averaged over positions are inversely proportional to the number of pixels, and
        so are those in the state. The gradients of a loss that is summed do not change.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`load_state_dict` needs to continue with identical bits."""
        ...

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Restore what :meth:`state_dict` returned, on any device, and move it to ``device``."""
        ...


def make_optimizer(name: OptimizerName, lr: float) -> PixelOptimizer:
    """Return the optimizer of a name."""
    if name == "lbfgs":
        return LBFGS(lr)
    return FirstOrder(name, lr)


class FirstOrder:
    """torch's Adam (betas 0.9, 0.999) or SGD (momentum 0.9), each step clipped to [0, 1].

    SGD divides the gradient by the root mean square of the first gradient, so that the rate is in units of pixels and
    does not depend on the scale of the loss.

    Args:
        name: ``adam`` or ``sgd``.
        lr: The step size. For Adam it is about the change of a pixel in one step.
    """

    def __init__(self, name: OptimizerName, lr: float) -> None:
        self.name = name
        self.lr = lr
        self._optimizer: torch.optim.Optimizer | None = None
        self._scale: float | None = None
        self._pending: dict[str, Any] | None = None

    def _make(self, image: Tensor) -> torch.optim.Optimizer:
        leaf = image.clone()
        optimizer: torch.optim.Optimizer
        if self.name == "adam":
            optimizer = torch.optim.Adam([leaf], lr=self.lr)
        else:
            optimizer = torch.optim.SGD([leaf], lr=self.lr, momentum=MOMENTUM)
        if self._pending is not None:
            optimizer.load_state_dict(self._pending)
            self._pending = None
        return optimizer

    def step(self, image: Tensor, evaluation: Evaluation, evaluate: Evaluate) -> tuple[Tensor, Evaluation]:
        if self._optimizer is None:
            self._optimizer = self._make(image)
        leaf = self._optimizer.param_groups[0]["params"][0]
        leaf.copy_(image)
        leaf.grad = evaluation.grad
        if self.name == "sgd":
            if self._scale is None:
                self._scale = evaluation.grad.square().mean().sqrt().clamp(min=torch.finfo(torch.float32).tiny).item()
            leaf.grad = evaluation.grad / self._scale
        self._optimizer.step()
        new = leaf.detach().clamp(0, 1)
        return new, evaluate(new)

    def resize(self, height: int, width: int, *, averaged: bool) -> None:
        state = self.state_dict()["optimizer"]
        for values in state["state"].values() if state else ():
            old = values["exp_avg"] if self.name == "adam" else values["momentum_buffer"]
            factor = _gradient_factor(old, height, width, averaged)
            if self.name == "adam":
                values["exp_avg"] = _resize(old, height, width) * factor
                values["exp_avg_sq"] = _resize(values["exp_avg_sq"], height, width).clamp(min=0) * factor**2
            else:
                values["momentum_buffer"] = _resize(old, height, width)
                self._scale = self._scale * factor if self._scale else None
        self._optimizer, self._pending = None, state

    def state_dict(self) -> dict[str, Any]:
        optimizer = self._optimizer.state_dict() if self._optimizer is not None else self._pending
        return {"optimizer": optimizer, "scale": self._scale}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        # torch's optimizers move the state that they load to the device of the picture.
        self._optimizer, self._pending, self._scale = None, state["optimizer"], state["scale"]


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.4) for a picture in [0, 1].

    Pixels at a bound that a step along the negative gradient would leave are held. The others move along the
    quasi-Newton direction, clipped to [0, 1], and backtrack until the loss has fallen enough (a projected line search,
    Bertsekas 1982).

    Args:
        lr: The first length tried along the direction. 1 is Newton's step.
    """

    def __init__(self, lr: float = 1.0) -> None:
        self.lr = lr
        self._pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=HISTORY)
        """Step, change of the gradient, and the dot product of both; the oldest first."""

    def step(self, image: Tensor, evaluation: Evaluation, evaluate: Evaluate) -> tuple[Tensor, Evaluation]:
        grad = evaluation.grad
        held = ((image <= 0) & (grad > 0)) | ((image >= 1) & (grad < 0))
        free_grad = grad.masked_fill(held, 0)
        while True:
            direction = -self._multiply(free_grad).masked_fill(held, 0)
            found = self._search(image, evaluation, direction, evaluate)
            if found is not None:
                break
            if not self._pairs:
                return image, evaluation
            self._pairs.clear()  # The estimate of the curvature is wrong here: start again from the gradient.
        new_image, new = found
        step, change = new_image - image, new.grad - grad
        product = _dot(step, change)
        if product > torch.finfo(change.dtype).eps * math.sqrt(_dot(step, step) * _dot(change, change)):
            self._pairs.append((step, change, product))
        return new_image, new

    def _multiply(self, grad: Tensor) -> Tensor:
        """Multiply the gradient by the approximate inverse Hessian with the two-loop recursion."""
        if not self._pairs:
            return grad * (FIRST_STEP / grad.abs().max().clamp(min=torch.finfo(grad.dtype).tiny))
        q = grad.clone()
        factors = []
        for step, change, product in reversed(self._pairs):
            factor = _dot(step, q) / product
            q.sub_(change, alpha=factor)
            factors.append(factor)
        _, change, product = self._pairs[-1]
        q.mul_(product / _dot(change, change))
        for (step, change, product), factor in zip(self._pairs, reversed(factors), strict=True):
            q.add_(step, alpha=factor - _dot(change, q) / product)
        return q

    def _search(
        self, image: Tensor, evaluation: Evaluation, direction: Tensor, evaluate: Evaluate
    ) -> tuple[Tensor, Evaluation] | None:
        """Find a picture along the clipped direction whose loss is low enough, or None."""
        length = self.lr
        for _ in range(MAX_BACKTRACKS):
            candidate = (image + length * direction).clamp(0, 1)
            promised = _dot(evaluation.grad, candidate - image)
            if promised >= 0:
                return None
            new = evaluate(candidate)
            if new.loss <= evaluation.loss + ARMIJO * promised:
                return candidate, new
            # Shorten the step to the minimum of the parabola through both losses and the slope, between a tenth and a
            # half of it.
            curvature = new.loss - evaluation.loss - promised
            length *= min(max(-promised / (2 * curvature), 0.1), 0.5) if curvature > 0 else 0.5
        return None

    def resize(self, height: int, width: int, *, averaged: bool) -> None:
        pairs = list(self._pairs)
        self._pairs.clear()
        for step, change, _ in pairs:
            factor = _gradient_factor(step, height, width, averaged)
            new_step, new_change = _resize(step, height, width), _resize(change, height, width) * factor
            product = _dot(new_step, new_change)
            if product > 0:
                self._pairs.append((new_step, new_change, product))

    def state_dict(self) -> dict[str, Any]:
        return {"pairs": list(self._pairs)}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        self._pairs = deque(
            ((step.to(device), change.to(device), product) for step, change, product in state["pairs"]), maxlen=HISTORY
        )


def _dot(x: Tensor, y: Tensor) -> float:
    return torch.dot(x.flatten(), y.flatten()).item()


def _gradient_factor(x: Tensor, height: int, width: int, averaged: bool) -> float:
    return x[0, 0].numel() / (height * width) if averaged else 1.0


def _resize(x: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(x, (height, width), mode="bicubic", align_corners=False, antialias=True)
