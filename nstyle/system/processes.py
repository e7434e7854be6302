"""Several processes that work as one: which of them this is, what they agree on, and what outlives a crash of theirs.

Torch is imported late, as the command line needs to know its rank before it needs torch.
"""

import gc
import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nstyle.errors import NstyleError, UsageError

if TYPE_CHECKING:
    from torch import Tensor, device
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # Its stubs forget the name.

T = TypeVar("T")

_meetings = itertools.count()

TIMEOUT = timedelta(days=1)
"""Rank 0 may download and index for long while the others wait, and a slow machine may paint for long. Who dies is
noticed at once."""
STARTING = 300
"""Seconds that processes wait for rank 0 to start."""
ERROR = 128
"""Codes below it are signals; above it, they name the rank that failed."""


@dataclass(frozen=True)
class Ranks:
    """Which of several processes this is."""

    rank: int = 0
    """From 0, over all machines."""
    size: int = 1
    """Processes on all machines."""
    local_rank: int = 0
    """From 0, on this machine."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Ranks":
        """Read what torchrun tells the processes that it starts; one process without it."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        return cls(*(int(environment[name]) for name in names)) if all(name in environment for name in names) else cls()

    @property
    def is_first(self) -> bool:
        """Tell whether this is the process that writes and speaks."""
        return self.rank == 0

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """Return this rank's part of a batch: consecutive items, as many as any other rank has."""
        count = len(items) // self.size
        return items[self.rank * count : (self.rank + 1) * count]

    def check_batch(self, batch_size: int) -> None:
        """Refuse a batch that cannot be shared out evenly.

        Raises:
            UsageError: If some ranks would have more photographs than others.
        """
        if batch_size % self.size:
            raise UsageError(
                f"`batch_size` is {batch_size}, the photographs per update of all {self.size} processes together; "
                f"expected a multiple of {self.size}"
            )

    def place(self, chosen: "device") -> "device":
        """Give every process a GPU of its own.

        Args:
            chosen: The device that one process would take.

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
                "start one for each GPU (--nproc-per-node gpu), or use --device cpu"
            )
        return torch.device("cuda", self.local_rank)


ONE = Ranks()
"""The rank of a process that works alone."""


class Group:
    """The processes that work together, and how they agree. A group of one does nothing at all.

    What is exchanged lies on the CPU, so that nothing waits for a GPU. Gradients have a way of their own;
    see :mod:`nstyle.training.data_parallel`.

    Args:
        ranks: Which of them this is. If there are several, torch's process group must be joined; see :func:`joined`.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks

    def agree(self, signal: int = 0, error: NstyleError | None = None) -> int:
        """Tell all ranks what came up on this one, and learn what came up on the others. Waits for all.

        Args:
            signal: The signal that asked this rank to stop, or 0.
            error: What makes it impossible for this rank to go on.

        Returns:
            A signal that some rank got (the largest number), or 0.

        Raises:
            NstyleError: The error of the lowest rank that has one, on every rank.
        """
        if self.ranks.size == 1:
            if error is not None:
                raise error
            return signal
        import torch
        import torch.distributed as dist

        code = torch.tensor(signal if error is None else ERROR + self.ranks.size - self.ranks.rank)
        with _peers():
            dist.all_reduce(code, op=dist.ReduceOp.MAX)
        if code < ERROR:
            return int(code)
        source = self.ranks.size - (int(code) - ERROR)
        message: list[Any] = [error]
        with _peers():
            dist.broadcast_object_list(message, src=source)
        raise error if error is not None and source == self.ranks.rank else message[0]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Do something on every rank that may fail on any: an :class:`NstyleError` of one is raised on all, after all
        have tried."""
        failure = None
        try:
            yield
        except NstyleError as error:
            failure = error
        self.agree(error=failure)

    def in_turn(self, work: Callable[[], T]) -> T:
        """Let rank 0 work first, so that the others find what it downloads and writes, and nobody goes on if it
        fails."""
        results: list[T] = []
        for first in (True, False):
            with self.together():
                if self.ranks.is_first == first:
                    results.append(work())
        return results[0]

    def gather(self, values: "Tensor", dim: int) -> "Tensor":
        """Join tensors on the CPU that have the same shape on every rank along a dimension, in the order of the
        ranks."""
        if self.ranks.size == 1:
            return values
        import torch
        import torch.distributed as dist

        parts = [torch.empty_like(values) for _ in range(self.ranks.size)]
        with _peers():
            dist.all_gather(parts, values.contiguous())
        return torch.cat(parts, dim=dim)

    def gather_objects(self, value: T) -> list[T]:
        """Return every rank's value, in the order of the ranks, on every rank."""
        if self.ranks.size == 1:
            return [value]
        import torch.distributed as dist

        values: list[Any] = [None] * self.ranks.size
        with _peers():
            dist.all_gather_object(values, value)
        return values


ALONE = Group(ONE)
"""One process."""


@contextmanager
def joined() -> Iterator[Group]:
    """Join the other processes that torchrun started, if there are any, through gloo."""
    ranks = Ranks.from_environment()
    if ranks.size == 1:
        yield ALONE
        return
    import torch
    import torch.distributed as dist

    # Its functions have the group as a default: imported later, they would keep it, and its threads, until the
    # interpreter ends. A thread that still lets go of a tensor then makes a process abort that has done its work.
    import torch.distributed.nn.functional

    if ranks.local_rank < torch.cuda.device_count():
        torch.cuda.set_device(ranks.local_rank)  # At once, lest every process keeps a piece of the first GPU.
    dist.init_process_group("gloo", store=_fresh_store(ranks), rank=ranks.rank, world_size=ranks.size, timeout=TIMEOUT)
    try:
        yield Group(ranks)
    finally:
        dist.destroy_process_group()
        gc.collect()  # What is left of a trainer refers to the group, whose threads end when nothing does.


def note_begun(run: Path) -> None:
    """Tell the processes that torchrun starts after a crash that this run is theirs to continue."""
    store = _agent_store()
    if store is not None:
        store.set(_key(run), "begun")


def was_begun(run: Path) -> bool:
    """Tell whether processes of this same torchrun began or continued this run, before a crash or as this one's rank
    0."""
    store = _agent_store()
    return store is not None and store.check([_key(run)])


def _fresh_store(ranks: Ranks) -> "TCPStore | None":
    """Open a store for the processes of this attempt, through which they find each other; None to leave it to torch.

    The store of torchrun still holds the addresses of processes that crashed, and torch does not tell them from those
    of their successors. So rank 0 serves a store of its own. Where it did so before a crash nobody answers any more.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # Its stubs forget the name.

    board = _agent_store()
    if board is None:
        return None
    host, key = os.environ["MASTER_ADDR"], f"nstyle/meeting/{next(_meetings)}"
    if ranks.is_first:
        store = TCPStore(host, 0, is_master=True, wait_for_workers=False)
        board.set(key, str(store.port))
        return store
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        port = int(board.get(key))
        try:
            socket.create_connection((host, port), timeout=1).close()
            return TCPStore(host, port, is_master=False, timeout=timedelta(seconds=STARTING))
        except OSError:
            time.sleep(0.1)
    raise NstyleError(f"rank 0 on {host} did not answer within {STARTING} s; look there for what keeps it")


def _key(run: Path) -> str:
    return f"nstyle/begun/{run.absolute()}"


def _agent_store() -> "TCPStore | None":
    """Reach the store of torchrun, which outlives its workers; None without torchrun, or where its rendezvous has no
    such store."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return None
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # Its stubs forget the name.

    return TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)


@contextmanager
def _peers() -> Iterator[None]:
    """Say in one line what it means that an exchange fails: a process died, and torchrun ends the others."""
    try:
        yield
    except RuntimeError as error:
        raise NstyleError(
            f"another process of this run is gone ({str(error).splitlines()[0]}); what was saved stays"
        ) from error
