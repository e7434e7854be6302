"""The styles of the samples of every update, on the device before they are needed."""

import torch
from torch import Tensor

from nstyle.system.ranks import Ranks
from nstyle.training.config import TrainingConfig
from nstyle.training.schedule import style_ids

IDS_SENT = 1000
"""The number of updates whose styles are copied to the device together."""


class StyleIds:
    """The styles of the samples of every update, which are copied to the device a thousand updates at a time.

    Args:
        config: The settings.
        num_styles: The number of styles that are trained.
        device: The device to train on.
        ranks: This process among those that train together, each of which has its part of a batch.
    """

    def __init__(self, config: TrainingConfig, num_styles: int, device: torch.device, ranks: Ranks) -> None:
        self._config, self._num_styles, self._device, self._ranks = config, num_styles, device, ranks
        self._sent = range(0)
        self._ids: list[list[int]] = []
        self._ids_NB = torch.empty(0)

    def at(self, update: int) -> tuple[list[int], Tensor]:
        """Return the style of every sample of all ranks, and this rank's ids (B,) on the device."""
        if update not in self._sent:
            self._send(range(update, min(update + IDS_SENT, self._config.updates)))
        position = update - self._sent.start
        return self._ids[position], self._ids_NB[position]

    def _send(self, updates: range) -> None:
        config = self._config
        settings = {"num_styles": self._num_styles, "batch_size": config.batch_size}
        settings |= {"updates": config.updates, "seed": config.seed}
        self._ids = [style_ids(config.schedule, update, **settings) for update in updates]
        ids_NB = torch.tensor([self._ranks.part(ids) for ids in self._ids])
        on_gpu = self._device.type == "cuda"  # On other devices an asynchronous copy may be read too early.
        ids_NB = ids_NB.pin_memory() if on_gpu else ids_NB
        self._sent, self._ids_NB = updates, ids_NB.to(self._device, non_blocking=on_gpu)
