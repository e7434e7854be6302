"""Pictures from arrays and tensors of any kind."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from nstyle.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


def from_values(values: "npt.NDArray[Any] | Tensor") -> Image.Image:
    """Convert values in memory to an RGB or a grey picture.

    Args:
        values: An array (H, W, 3) or (H, W), or a tensor (3, H, W), (1, 3, H, W), (1, H, W) or (H, W): uint8, bool, or
            float in [0, 1], which is rounded to the nearest of 256 levels.

    Raises:
        UsageError: If the type, the shape or a value is another one.
    """
    if isinstance(values, np.ndarray):
        array, expected = values, "(H, W, 3)"
    elif hasattr(values, "detach"):  # A tensor, told without importing torch.
        tensor = values.detach().cpu()
        array, expected = (tensor.float() if tensor.is_floating_point() else tensor).numpy(), "(3, H, W)"
        array = array[0] if array.ndim == 4 and len(array) == 1 else array
        array = np.moveaxis(array, 0, -1) if array.ndim == 3 else array
        array = array[..., 0] if array.shape[2:] == (1,) else array
    else:
        raise UsageError(
            f"a picture is a {type(values).__name__}; expected a file, a Pillow picture, an array (H, W, 3) or a "
            "tensor (3, H, W)"
        )
    if array.shape[2:] not in ((), (3,)) or array.ndim < 2 or not array.size:
        raise UsageError(f"a picture has the shape {tuple(values.shape)}; expected {expected}")
    return Image.fromarray(np.ascontiguousarray(_levels(array)))


def _levels(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if not np.issubdtype(array.dtype, np.floating):
        raise UsageError(f"a picture is of type {array.dtype}; expected uint8, or float in [0, 1]")
    if not (array.min() >= 0 and array.max() <= 1):
        raise UsageError(f"a picture has values from {array.min():g} to {array.max():g}; expected [0, 1]")
    levels: npt.NDArray[np.uint8] = np.rint(array * 255).astype(np.uint8)
    return levels


def checked_array(pixels: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return pixels as an array (H, W, 3), or (H, W, 4) of uint8.

    Raises:
        UsageError: If they have another shape.
    """
    array = np.asarray(pixels)
    channels = (3, 4) if array.dtype == np.uint8 else (3,)
    if array.ndim != 3 or array.shape[2] not in channels or not array.size:
        raise UsageError(f"got an array of shape {array.shape}; expected (H, W, 3), or (H, W, 4) of uint8")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def as_batch(image: "Tensor") -> "Tensor":
    """Return a float picture (3, H, W), or pictures (B, 3, H, W), in [0, 1] as a batch (B, 3, H, W).

    Raises:
        UsageError: If the type, the shape or a value is another one.
    """
    import torch

    batch = image if image.dim() == 4 else image[None]
    if batch.dim() != 4 or batch.shape[1] != 3 or not image.is_floating_point() or not image.numel():
        raise UsageError(
            f"got a tensor of shape {tuple(image.shape)}, {image.dtype}; expected float (3, H, W) or (B, 3, H, W) in "
            "[0, 1]"
        )
    low, high = torch.stack(torch.aminmax(batch)).tolist()  # One transfer for both.
    if not (low >= 0 and high <= 1):
        raise UsageError(f"got values from {low:g} to {high:g}; expected [0, 1]")
    return batch
