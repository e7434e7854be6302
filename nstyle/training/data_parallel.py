"""Data parallelism: each process computes gradients on its part of the batch, and all processes apply their mean."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

StepLosses = Callable[..., Any]


class _Update(nn.Module):
    """The forward half of an update as a module whose only parameters are those of the network."""

    def __init__(self, network: nn.Module, step_losses: StepLosses) -> None:
        super().__init__()
        self.network = network
        self.step_losses = step_losses

    def forward(self, *arguments: Any) -> Any:
        return self.step_losses(*arguments)


def average_gradients(network: nn.Module, step_losses: StepLosses, device: torch.device) -> StepLosses:
    """Wrap the forward half of an update so that the backward half averages the gradients of all processes.

    DistributedDataParallel wraps the compiled function: the compiled graph stays whole and the same as in one process,
    and the network stays unwrapped for validation and checkpoints. All ranks must call this together.

    Args:
        network: The network, equal on all ranks. ``requires_grad`` of its parameters must not change afterwards.
        step_losses: The forward half, which takes the network as its first argument.
        device: The device of the network. Gradients are exchanged by NCCL between GPUs and by gloo between CPUs.
    """
    # Dynamo would split the graph to send the first gradients early, but all gradients here fit into one message.
    torch._dynamo.config.optimize_ddp = False
    link = dist.new_group(backend="nccl") if device.type == "cuda" else None
    return DistributedDataParallel(_Update(network, step_losses), process_group=link)
