"""Data parallelism: every process computes the gradients of its part of the batch, and all step with their mean."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

StepLosses = Callable[..., Any]


class _Update(nn.Module):
    """The forward half of an update as a module, whose parameters are the network's only."""

    def __init__(self, network: nn.Module, step_losses: StepLosses) -> None:
        super().__init__()
        self.network = network
        self.step_losses = step_losses

    def forward(self, *arguments: Any) -> Any:
        return self.step_losses(*arguments)


def average_gradients(network: nn.Module, step_losses: StepLosses, device: torch.device) -> StepLosses:
    """Wrap the forward half of an update, so that the backward half leaves every process with the mean of all
    gradients.

    DistributedDataParallel goes around the compiled function: what is compiled stays whole and is that of one process,
    and the network stays bare for validation and checkpoints. All ranks must call this together.

    Args:
        network: Equal on all ranks. Which of its parameters are trained must be settled.
        step_losses: Takes the network as its first argument.
        device: Of the network. Gradients go through NCCL between GPUs and through gloo between CPUs.
    """
    # Dynamo would cut the graph to send the first gradients early; this network's all fit into one message.
    torch._dynamo.config.optimize_ddp = False
    link = dist.new_group(backend="nccl") if device.type == "cuda" else None
    return DistributedDataParallel(_Update(network, step_losses), process_group=link)
