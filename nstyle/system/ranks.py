"""The rank of this process among several that work together, known without torch."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from nstyle.errors import UsageError

if TYPE_CHECKING:
    from torch import device

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """The rank of this process among several."""

    rank: int = 0
    """The index among the processes on all machines, from 0."""
    size: int = 1
    """The number of processes on all machines."""
    local_rank: int = 0
    """The index among the processes on this machine, from 0."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Ranks":
        """Read the ranks from the variables that torchrun sets. Without them there is one process.

        Raises:
            UsageError: If some of them are missing, or they do not fit together.
        """
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        given = {name: environment[name] for name in names if name in environment}
        if not given:
            return cls()
        try:
            rank, size, local_rank = (int(given[name]) for name in names)
            fit = 0 <= rank < size and 0 <= local_rank < size
        except (KeyError, ValueError):
            fit = False
        if not fit:
            there = ", ".join(f"{name}={environment.get(name, '(not set)')}" for name in names)
            raise UsageError(
                f"the environment has {there:.200}; expected numbers as torchrun sets them, or none of the three"
            )
        return cls(rank, size, local_rank)

    @property
    def is_first(self) -> bool:
        """Tell whether this is the process that writes files and messages."""
        return self.rank == 0

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """Return this rank's part of a batch: consecutive items, the same number on every rank."""
        count = len(items) // self.size
        return items[self.rank * count : (self.rank + 1) * count]

    def check_batch(self, batch_size: int) -> None:
        """Check that a batch can be divided evenly among the ranks.

        Raises:
            UsageError: If some ranks would have more photographs than others.
        """
        if batch_size % self.size:
            raise UsageError(
                f"`batch_size` is {batch_size}, the photographs per update of all {self.size} processes together; "
                f"expected a multiple of {self.size}"
            )

    def place(self, chosen: "device") -> "device":
        """Choose the device of this process, so that every process has a GPU of its own.

        Args:
            chosen: The device that a single process would use.

        Returns:
            ``cuda:LOCAL_RANK`` for ``cuda`` if there are several processes, else ``chosen``.

        Raises:
            UsageError: If several processes would share a device that they cannot share.
        """
        import torch

        if self.size == 1 or chosen.type == "cpu":
            return chosen
        if chosen.type != "cuda":
            raise UsageError(
                f"`device` is {chosen}, which {self.size} processes cannot share; use `device` cpu, or start one "
                "process"
            )
        if chosen.index is not None:
            raise UsageError(
                f"`device` is {chosen}, but each of the {self.size} processes takes a GPU of its own; use `device` cuda"
            )
        if self.local_rank >= torch.cuda.device_count():
            raise UsageError(
                f"there are more processes on a machine than its {torch.cuda.device_count()} GPUs; "
                "start one for each GPU (--nproc-per-node gpu), or use `device` cpu"
            )
        return torch.device("cuda", self.local_rank)


ONE = Ranks()
"""The ranks of a process that works alone."""
