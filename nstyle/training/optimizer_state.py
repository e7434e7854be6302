"""The state of Adam in a file, checked before the optimizer takes it: its kernels trust whatever they are given."""

import io
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nstyle.errors import in_short
from nstyle.models.checksum import CHECKSUM, checksum
from nstyle.models.pickle_file import is_dense, unpickle

STEP = "step"
MOMENTS = ("exp_avg", "exp_avg_sq")
"""The running means of the gradients and of their squares."""


def packed_state(optimizer: dict[str, Any], update: int) -> bytes:
    """Return the content of ``training-N.pt``: the optimizer's state at an update, with the checksum of both."""
    buffer = io.BytesIO()
    digest = _checksum({i: dict(values) for i, values in optimizer["state"].items()}, update)
    torch.save({"optimizer": optimizer, "update": update, CHECKSUM: digest}, buffer)
    return buffer.getvalue()


def unpacked_state(data: bytes, update: int) -> dict[str, Any]:
    """Read what :func:`packed_state` made; version 0.1 wrote no checksum.

    Returns:
        The optimizer's state, which is still to be compared with the parameters: see :func:`checked_state`.

    Raises:
        ValueError: If it is damaged, or of another update.
    """
    state = unpickle(data)
    optimizer = state.get("optimizer") if isinstance(state, dict) else None
    if not isinstance(optimizer, dict):
        raise ValueError("it holds no optimizer")
    if state.get("update") != update:
        raise ValueError(f"it is of update {in_short(state.get('update'))}")
    if CHECKSUM in state:
        moments = optimizer.get("state")
        values = _values(moments)
        if not all(map(is_dense, values)) or sum(value.nbytes for value in values) > len(data):
            raise ValueError("it holds other things than tensors that were written")
        if state[CHECKSUM] != _checksum(moments, update):
            raise ValueError("it is not what was written, by its checksum")
    return optimizer


def _values(moments: Any) -> list[Any]:
    """Return all values of a state by parameter and name."""
    if not isinstance(moments, dict) or not all(isinstance(values, dict) for values in moments.values()):
        raise ValueError("it holds no state by parameter")
    return [value for values in moments.values() for value in values.values()]


def _checksum(moments: Any, update: int) -> str:
    """Return the SHA-256 of step counts, moments and the update; the rates are set anew in every update."""
    tensors = {f"{i} {name}": value.cpu() for i, values in moments.items() for name, value in values.items()}
    return checksum(tensors, {"update": str(update)})


def checked_state(state: object, parameters: Sequence[Tensor]) -> dict[int, dict[str, Tensor]]:
    """Copy the state of every parameter into tensors of the parameter's shape, strides, dtype and device.

    Args:
        state: What a file holds under ``"state"`` of an optimizer's ``state_dict``.
        parameters: The parameters in the order of the optimizer's groups.

    Returns:
        Step count and moments by the index of the parameter; empty for a run that took no update yet.

    Raises:
        ValueError: If the state is none of these parameters.
    """
    if not isinstance(state, dict):
        raise ValueError(f"the optimizer's state is {in_short(type(state).__name__)}; expected a dictionary")
    if not state:
        return {}
    if state.keys() != set(range(len(parameters))):
        raise ValueError(f"the optimizer's state is of other than {len(parameters)} parameters")
    return {i: _checked(i, state[i], parameter) for i, parameter in enumerate(parameters)}


def _checked(index: int, values: Any, parameter: Tensor) -> dict[str, Tensor]:
    if not isinstance(values, dict) or values.keys() != {STEP, *MOMENTS}:
        raise ValueError(f"the state of parameter {index} does not hold {STEP}, {MOMENTS[0]} and {MOMENTS[1]}")
    for name, value in values.items():
        what = f"{name} of parameter {index}"
        expected = () if name == STEP else tuple(parameter.shape)
        if not is_dense(value) or value.dtype != torch.float32:
            raise ValueError(f"{what} is no dense float32 tensor")
        if tuple(value.shape) != expected:
            raise ValueError(f"{what} has shape {in_short(tuple(value.shape))}; expected {expected}")
        if not bool(torch.isfinite(value).all()) or (name != MOMENTS[0] and bool((value < 0).any())):
            raise ValueError(f"{what} holds values that no training leaves there")
    moments = {name: torch.empty_like(parameter, requires_grad=False).copy_(values[name]) for name in MOMENTS}
    return {STEP: values[STEP].clone(), **moments}
