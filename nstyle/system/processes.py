"""Coordinate several processes that work together: their agreements, and what outlives a crash.

Torch is imported late, as the command line is imported before it needs torch.
"""

import gc
import hashlib
import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nstyle.errors import NstyleError, UsageError
from nstyle.system.ranks import ONE, Ranks

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # Its stubs forget the name.

T = TypeVar("T")

_meetings = itertools.count()

TIMEOUT = timedelta(days=1)
"""The timeout of an exchange. Rank 0 may download and index for a long time while the others wait, and a slow machine
may paint for a long time. A process that dies is noticed at once."""
STARTING = 300
"""The seconds for which processes wait for rank 0 to start."""
ERROR = 128
"""The limit between codes of signals, below it, and codes of ranks that failed, above it."""


class Group:
    """The processes that work together, and their exchanges. A group of one exchanges nothing.

    All exchanged data is on the CPU, so that nothing waits for a GPU. Gradients are exchanged separately;
    see :mod:`nstyle.training.data_parallel`.

    Args:
        ranks: The rank of this process. If there are several, torch's process group must be joined; see :func:`joined`.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks

    def agree(self, signal: int = 0, error: NstyleError | None = None) -> int:
        """Exchange signals and errors with all ranks, and wait for all of them.

        Args:
            signal: The signal that asked this rank to stop, or 0.
            error: The error that keeps this rank from going on.

        Returns:
            The largest number of a signal that some rank received, or 0.

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
        """Run a block on every rank. If it raises an :class:`NstyleError` on any of them, the error is raised on all,
        after all have tried."""
        failure = None
        try:
            yield
        except NstyleError as error:
            failure = error
        self.agree(error=failure)

    def in_turn(self, work: Callable[[], T]) -> T:
        """Run ``work`` on rank 0 first, so that the others find what it downloads and writes, and no rank goes on if it
        fails."""
        results: list[T] = []
        for first in (True, False):
            with self.together():
                if self.ranks.is_first == first:
                    results.append(work())
        return results[0]

    def gather(self, values: "Tensor", dim: int) -> "Tensor":
        """Concatenate the CPU tensors of all ranks, which have the same shape, along ``dim``, in the order of the
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
"""The group of a process that works alone."""


@contextmanager
def joined() -> Iterator[Group]:
    """Join the other processes that torchrun started, if there are any, through gloo."""
    ranks = Ranks.from_environment()
    if ranks.size == 1:
        yield ALONE
        return
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if not os.environ.get(name):
            raise UsageError(f"the environment has WORLD_SIZE={ranks.size} and no {name}; start with torchrun")
    import torch
    import torch.distributed as dist

    # The functions of this module have the group as a default argument. Imported later, they would keep the group and
    # its threads until the interpreter exits. A thread that then frees a tensor aborts a process that has done its
    # work.
    import torch.distributed.nn.functional

    if ranks.local_rank < torch.cuda.device_count():
        torch.cuda.set_device(ranks.local_rank)  # Set it now, or every process allocates memory on the first GPU.
    dist.init_process_group("gloo", store=_fresh_store(ranks), rank=ranks.rank, world_size=ranks.size, timeout=TIMEOUT)
    try:
        yield Group(ranks)
    finally:
        dist.destroy_process_group()
        gc.collect()  # The remains of a trainer refer to the group, whose threads end when nothing refers to it.


def note_begun(run: Path) -> None:
    """Record for the processes that torchrun starts after a crash that they may continue this run."""
    store = _agent_store()
    if store is not None:
        store.set(_key(run), "begun")


def was_begun(run: Path) -> bool:
    """Tell whether processes of the same torchrun began or continued this run, either before a crash or as rank 0 of
    the current attempt."""
    store = _agent_store()
    return store is not None and store.check([_key(run)])


def _fresh_store(ranks: Ranks) -> "TCPStore | None":
    """Open a store through which the processes of this attempt find each other, or return None to leave it to torch.

    The store of torchrun still holds the addresses of processes that crashed, and torch does not distinguish them from
    those of their successors. So rank 0 serves a store of its own. No process answers at its address before a crash.
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
    return f"nstyle/begun/{hashlib.sha256(os.fsencode(run.absolute())).hexdigest()}"


def _agent_store() -> "TCPStore | None":
    """Connect to the store of torchrun, which outlives its workers. Return None without torchrun, or if its rendezvous
    has no such store."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return None
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # Its stubs forget the name.

    return TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)


@contextmanager
def _peers() -> Iterator[None]:
    """Explain a failed exchange in one line: a process died, and torchrun ends the others."""
    try:
        yield
    except RuntimeError as error:
        raise NstyleError(
            f"another process of this run is gone ({str(error).splitlines()[0]}); what was saved stays"
        ) from error
