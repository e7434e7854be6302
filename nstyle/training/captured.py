"""A whole update as one CUDA graph, which needs one launch instead of a thousand launches from Python."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstyle.training.update import Taken

WARM_UP = 3
"""The number of updates before the capture, in which libraries choose their kernels and Adam creates its moments."""
TakeUpdate = Callable[[Tensor, Tensor], Taken]
"""A function that takes an update on photographs, uint8 (B, 3, H, W), and ids (B,), both on the device."""


class CapturedUpdate:
    """Replay an update on other photographs and styles.

    Forward, backward, clipping and Adam are captured with everything that they read and write: weights, moments and
    learning rates stay where they are in memory. Constructing an instance takes updates, which the caller must undo.

    Args:
        take: The update, which must not wait for the device.
        photos: An example of its photographs, on the current device.
        ids_B: An example of its ids.
    """

    def __init__(self, take: TakeUpdate, photos: Tensor, ids_B: Tensor) -> None:
        self._photos, self._ids_B = photos.clone(), ids_B.clone()
        side = torch.cuda.Stream(photos.device)  # type: ignore[no-untyped-call]
        main = torch.cuda.current_stream(photos.device)
        side.wait_stream(main)
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                take(self._photos, self._ids_B)
        main.wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        # Threads that read photographs may page-lock memory during the capture, which does not affect the graph.
        with torch.cuda.graph(self._graph, stream=side, capture_error_mode="thread_local"):
            self._taken = take(self._photos, self._ids_B)

    def __call__(self, photos: Tensor, ids_B: Tensor) -> Taken:
        """Take an update. Its gradients are in memory that the next update overwrites."""
        self._photos.copy_(photos, non_blocking=True)
        self._ids_B.copy_(ids_B, non_blocking=True)
        self._graph.replay()
        taken = self._taken
        return Taken(taken.values.clone(), taken.gradient_norm.clone(), taken.gradients)
