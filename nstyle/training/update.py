"""One update: forward, backward, clipping, Adam (Johnson et al. 2016; Dumoulin et al. 2017).

Shape suffixes: B batch, K styles that are trained, S styles of the network, T terms of the loss.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, get_total_norm

from nstyle.losses.perceptual import PerceptualLoss, PerceptualLosses, StyleTargets
from nstyle.losses.presets import Preset
from nstyle.models.transformer import TransformerNetwork
from nstyle.training.precision import autocast

AFFINE_LR_FACTOR = 10.0
"""Learning rate of gamma and beta as a multiple of that of the convolutions."""


@dataclass(frozen=True)
class StyleTable:
    """What is known of the styles that are trained, on the device: an update looks its samples' rows up by their
    ids."""

    mix: Tensor
    """One-hot rows (K, S) of the network's styles."""
    targets: StyleTargets
    """Gram matrices (K, C, C) by term."""
    factor: Tensor
    """Factors of the style weight, (K,)."""


def step_losses(
    network: torch.nn.Module,
    perceptual: PerceptualLoss,
    photos: Tensor,
    ids_B: Tensor,
    styles: StyleTable,
    dtype: torch.dtype,
) -> tuple[Tensor, PerceptualLosses]:
    """Stylize photographs and compare them with their targets: the forward half of an update.

    Args:
        network: The transformer network.
        perceptual: The loss.
        photos: RGB (B, 3, H, W), uint8.
        ids_B: Which of the K styles every sample is trained on.
        styles: What is known of them.
        dtype: Of the network's convolutions; statistics and losses are float32.

    Returns:
        The weighted total (B,) and the unweighted losses.
    """
    photos = photos.contiguous(memory_format=torch.channels_last).float().div(255)
    content_target = perceptual.content_features(photos)
    with autocast(photos.device, dtype):
        output = network(photos, styles.mix[ids_B])
    losses = perceptual(output, content_target, {term: value[ids_B] for term, value in styles.targets.items()})
    return perceptual.total(losses, styles.factor[ids_B]), losses


StepLosses = Callable[
    [torch.nn.Module, PerceptualLoss, Tensor, Tensor, StyleTable, torch.dtype], tuple[Tensor, PerceptualLosses]
]


def parameter_groups(network: TransformerNetwork) -> list[dict[str, Any]]:
    """Split the trainable parameters into convolutions, and gamma and beta, which learn faster.

    Departure from Johnson et al. 2016 and Dumoulin et al. 2017, who use one rate: Adam moves every number by about its
    rate. Convolutions start at 0.01 and norms make their scale irrelevant, but gamma and beta are of order 1 and have
    far to go.
    """
    affine: list[torch.nn.Parameter] = []
    convolutions: list[torch.nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            (affine if name.endswith(("gamma_SC", "beta_SC")) else convolutions).append(parameter)
    groups = [{"params": convolutions, "lr_factor": 1.0}, {"params": affine, "lr_factor": AFFINE_LR_FACTOR}]
    return [group for group in groups if group["params"]]


@dataclass(frozen=True)
class Taken:
    """What an update leaves behind, on the device."""

    values: Tensor
    """(T, B): total, content, style, tv and the style terms of every sample; see :func:`value_names`."""
    gradient_norm: Tensor
    """Before clipping; a scalar."""
    gradients: tuple[Tensor, ...]
    """What Adam was given, one for each trained parameter."""


def value_names(preset: Preset) -> tuple[str, ...]:
    """Name the rows of :attr:`Taken.values`."""
    return "total", "content", "style", "tv", *preset.term_names


class Update:
    """The work that every update of a run repeats.

    On a GPU the learning rates are tensors there and Adam counts its steps there, so that nothing is sent or fetched,
    and an update can be captured as a graph.

    Args:
        network: On ``device``. Which of its parameters are trained must be settled.
        perceptual: The loss, on ``device``.
        styles: On ``device``.
        clip: Largest norm of the gradient; 0 for no clipping.
        dtype: Of the network's convolutions.
        device: Where to train.
    """

    def __init__(
        self,
        network: TransformerNetwork,
        perceptual: PerceptualLoss,
        styles: StyleTable,
        *,
        clip: float,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.network, self.perceptual, self.styles = network, perceptual, styles
        self.clip, self.dtype, self.device = clip, dtype, device
        self.parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        on_gpu = device.type == "cuda"
        groups = parameter_groups(network)
        for group in groups:
            group["lr"] = torch.zeros((), device=device) if on_gpu else 0.0
        # Without weight decay, rows of styles that are not trained have zero gradients and moments: they never move.
        self.optimizer = torch.optim.Adam(groups, fused=device.type in {"cpu", "cuda"}, capturable=on_gpu)

    def weights(self) -> Tensor:
        """Copy all that is trained, (N,)."""
        return torch.cat([parameter.detach().flatten() for parameter in self.parameters])

    def set_rate(self, lr: float) -> None:
        """Set the learning rate of the next update, without a copy from the host."""
        for group in self.optimizer.param_groups:
            rate = lr * group["lr_factor"]
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def take(self, losses: StepLosses, photos: Tensor, ids_B: Tensor) -> Taken:
        """Take one update.

        Args:
            losses: :func:`step_losses`, or what a compiler or data parallelism made of it.
            photos: RGB (B, 3, H, W), uint8, on the device.
            ids_B: Which style every sample is trained on, on the device.
        """
        total, parts = losses(self.network, self.perceptual, photos, ids_B, self.styles, self.dtype)
        self.optimizer.zero_grad()
        total.mean().backward()  # type: ignore[no-untyped-call]
        gradients = tuple(parameter.grad for parameter in self.parameters if parameter.grad is not None)
        norm = clip_grad_norm_(self.parameters, self.clip) if self.clip > 0 else get_total_norm(gradients)
        self.optimizer.step()
        terms = [parts.style_terms[name] for name in self.perceptual.preset.term_names]
        values = torch.stack([total, parts.content, parts.style, parts.tv, *terms])
        return Taken(values.detach(), norm, gradients)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Give weights and optimizer back, in the memory where they are, what they held before: for updates on
        trial."""
        weights: list[Tensor] = [parameter.detach().clone() for parameter in self.parameters]
        state = {
            parameter: {name: value.clone() for name, value in values.items()}
            for parameter, values in self.optimizer.state.items()
        }
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, weight in zip(self.parameters, weights, strict=True):
                    parameter.copy_(weight)
                for trained, values in self.optimizer.state.items():
                    for name, value in values.items():
                        # A moment that was not there is one of nothing yet, as is the number of steps.
                        value.copy_(state[trained][name]) if trained in state else value.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state, its rates as plain numbers."""
        state: dict[str, Any] = self.optimizer.state_dict()
        for group in state["param_groups"]:
            group["lr"] = float(group["lr"])
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the moments of a checkpoint, which may come from another device; rates and flags stay those of this
        one."""
        self.optimizer.load_state_dict({**state, "param_groups": self.optimizer.state_dict()["param_groups"]})
