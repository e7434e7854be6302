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
from nstyle.losses.presets import SPECTRUM, Preset
from nstyle.models.transformer import TransformerNetwork
from nstyle.training.augmentation import NOTHING, Augmentation, Seen
from nstyle.training.optimizer_state import checked_state
from nstyle.training.precision import autocast
from nstyle.training.stability import SeenAgain

STABILITY = "stability"
"""The name of the stability error in logs."""
AFFINE_LR_FACTOR = 10.0
"""The learning rate of gamma and beta as a multiple of that of the convolutions."""


@dataclass(frozen=True)
class StyleTable:
    """The data of the trained styles, on the device. An update looks up the rows of its samples by their ids."""

    mix: Tensor
    """The one-hot mixes (K, S) of the network's styles."""
    targets: StyleTargets
    """The Gram matrices (K, C, C) by term, and perhaps the spectrum; see
    :data:`nstyle.losses.perceptual.StyleTargets`."""
    factor: Tensor
    """The factors of the style weight, (K,)."""


def step_losses(
    network: torch.nn.Module,
    perceptual: PerceptualLoss,
    seen: Seen,
    seen_again: SeenAgain | None,
    ids_B: Tensor,
    styles: StyleTable,
    dtype: torch.dtype,
    stability_weight: float,
) -> tuple[Tensor, PerceptualLosses, Tensor]:
    """Stylize photographs and compare them with their targets: the forward half of an update.

    Args:
        network: The transformer network.
        perceptual: The loss.
        seen: The photographs.
        seen_again: The photographs seen again, or None if stability is not weighed.
        ids_B: The indices of the samples' styles among the K styles.
        styles: The data of these styles.
        dtype: The dtype of the network's convolutions; statistics and losses are float32.
        stability_weight: The factor of the stability error.

    Returns:
        The weighted total (B,), the unweighted losses, and the stability error (B,), zeros if it is not weighed.
    """
    content_target = perceptual.content_features(seen.colors)
    mix = styles.mix[ids_B]
    with autocast(seen.colors.device, dtype):
        if seen_again is None:
            output = network(seen.grainy, mix)
        else:
            output, again = network(torch.cat([seen.grainy, seen_again.grainy]), mix.repeat(2, 1)).chunk(2)
    losses = perceptual(output, content_target, {term: value[ids_B] for term, value in styles.targets.items()})
    total = perceptual.total(losses, styles.factor[ids_B])
    if seen_again is None:
        return total, losses, torch.zeros_like(total)
    stability = seen_again.error(output, again)
    return total + stability_weight * stability, losses, stability


StepLosses = Callable[
    [torch.nn.Module, PerceptualLoss, Seen, SeenAgain | None, Tensor, StyleTable, torch.dtype, float],
    tuple[Tensor, PerceptualLosses, Tensor],
]


def parameter_groups(network: TransformerNetwork) -> list[dict[str, Any]]:
    """Split the trainable parameters into convolutions and into gamma and beta, which have a higher learning rate.

    Departure from Johnson et al. 2016 and Dumoulin et al. 2017, who use one rate: Adam moves every parameter by about
    its rate. Convolutions start at 0.01 and norms make their scale irrelevant, but gamma and beta are of order 1 and
    have to move further.
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
    """The results of an update, on the device."""

    values: Tensor
    """(T, B): total, content, style, tv, the style terms and perhaps the spectrum and the stability of every sample;
    see :func:`value_names`."""
    gradient_norm: Tensor
    """The norm of the gradient before clipping, a scalar."""
    gradients: tuple[Tensor, ...]
    """The gradients that Adam received, one for each trained parameter."""


def value_names(preset: Preset, stability_weight: float = 0.0) -> tuple[str, ...]:
    """Name the rows of :attr:`Taken.values`."""
    return "total", "content", "style", "tv", *preset.target_names, *([STABILITY] if stability_weight else [])


class Update:
    """The work that every update of a run repeats.

    On a GPU the learning rates and Adam's step counts are tensors on the device, so that nothing is copied to or from
    the host, and an update can be captured as a graph.

    Args:
        network: The network, on ``device``. ``requires_grad`` of its parameters must not change afterwards.
        perceptual: The loss, on ``device``.
        styles: The data of the trained styles, on ``device``.
        clip: The largest norm of the gradient; 0 for no clipping.
        dtype: The dtype of the network's convolutions.
        device: The device to train on.
        augmentation: What is laid on the photographs.
        stability_weight: The factor of the stability error; see :func:`step_losses`.
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
        augmentation: Augmentation = NOTHING,
        stability_weight: float = 0.0,
    ) -> None:
        self.network, self.perceptual, self.styles = network, perceptual, styles
        self.clip, self.dtype, self.device = clip, dtype, device
        self.augmentation, self.stability_weight = augmentation, stability_weight
        self.parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        on_gpu = device.type == "cuda"
        groups = parameter_groups(network)
        for group in groups:
            group["lr"] = torch.zeros((), device=device) if on_gpu else 0.0
        # Without weight decay, rows of styles that are not trained never change: their gradients and moments are zero.
        self.optimizer = torch.optim.Adam(groups, fused=device.type in {"cpu", "cuda"}, capturable=on_gpu)

    def weights(self) -> Tensor:
        """Return a copy of all trained parameters, (N,)."""
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
            losses: :func:`step_losses`, possibly compiled or wrapped for data parallelism.
            photos: The photographs, RGB (B, 3, H, W), uint8, on the device.
            ids_B: The indices of the samples' styles, on the device.
        """
        # This stays outside of what is compiled: torch 2.11 generates no valid code for the hash of the photographs.
        seen = self.augmentation(photos, seeded=self.stability_weight > 0)
        seen_again = SeenAgain.of(seen) if self.stability_weight else None
        total, parts, stability = losses(
            self.network, self.perceptual, seen, seen_again, ids_B, self.styles, self.dtype, self.stability_weight
        )
        self.optimizer.zero_grad()
        total.mean().backward()  # type: ignore[no-untyped-call]
        gradients = tuple(parameter.grad for parameter in self.parameters if parameter.grad is not None)
        norm = clip_grad_norm_(self.parameters, self.clip) if self.clip > 0 else get_total_norm(gradients)
        self.optimizer.step()
        of_picture = {"total": total, "content": parts.content, "style": parts.style, "tv": parts.tv}
        by_name = of_picture | parts.style_terms | {SPECTRUM: parts.spectrum, STABILITY: stability}
        names = value_names(self.perceptual.preset, self.stability_weight)
        values = torch.stack([by_name[name] for name in names])
        return Taken(values.detach(), norm, gradients)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Restore weights and optimizer in place on exit, so that updates can be tried."""
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
                        # Moments and step counts that did not exist before start at zero.
                        value.copy_(state[trained][name]) if trained in state else value.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state, with the learning rates as plain numbers."""
        state: dict[str, Any] = self.optimizer.state_dict()
        for group in state["param_groups"]:
            group["lr"] = float(group["lr"])
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load the moments of a checkpoint, possibly from another device, but keep the rates and flags of this one.

        Raises:
            ValueError: If the state is not one of these parameters.
        """
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        moments = checked_state(state.get("state"), parameters)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
