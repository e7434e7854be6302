"""Convolutions with fewer multiplications, or with larger ones, that equal the plain ones.

On CPUs multiplications dominate the time of an update.

Shape suffixes: B batch, C channels, H height, W width.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.models import kernels
from nstyle.models.reflection import reflect

BLOCK = 16
"""The number of output channels that a CPU's convolutions compute at once."""
GROUP = 8
"""The number of channels that a GPU's matrix units process at once."""
TILE = 4
"""The side in pixels of the squares that a GPU computes at once if one pixel has too few channels."""


def reflect_and_convolve(x: Tensor, weight: Tensor, stride: int = 1) -> Tensor:
    """Pad by reflection and convolve: (B, in, H, W) and odd (out, in, k, k) to (B, out, H / stride, W / stride)."""
    x = reflect(x, weight.shape[2] // 2)
    if stride == 1 and _is_faster_in_blocks(x, weight):
        return convolve_pixel_blocks(x, weight)
    if _is_faster_in_tiles(x, weight, stride):
        return convolve_tiles(x, tile_kernel(weight))
    return F.conv2d(x, weight, stride=stride)


def upsample_and_convolve(x: Tensor, weight: Tensor) -> Tensor:
    """Upsample x2 (nearest), pad by reflection and convolve: (B, in, H, W), (out, in, 3, 3) to (B, out, 2 H, 2 W)."""
    if not kernels.takes_cpu_kernels(x):
        return reflect_and_convolve(_upsample(x), weight)
    # The 2 x 2 output pixels around every corner depend on the 2 x 2 input pixels around it. Beyond the edge,
    # reflection of the upsampled picture repeats the edge.
    for dim in (2, 3):
        x = torch.cat(
            [x.narrow(dim, 0, 1), x, x.narrow(dim, -1, 1)], dim
        )  # F.pad would compute in float32 under autocast.
    corners = F.conv2d(x, corner_kernels(weight))
    return _interleave(corners)[..., 1:-1, 1:-1].contiguous(memory_format=torch.channels_last)


def convolve_image(image: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Tensor:
    """Convolve with frozen 3x3 kernels and zero padding, like the first layer of VGG.

    The convolution has the dtype of the image, and its gradient that of the output.

    Args:
        image: (B, 3, H, W).
        weight: (out, 3, 3, 3), in the dtype of the image. It gets no gradient, nor does ``bias``.
        bias: (out,).
        dtype: The dtype of the output.

    Returns:
        (B, out, H, W).
    """
    result: Tensor = _ConvolveImage.apply(image, weight, bias, dtype)
    return result


class _ConvolveImage(torch.autograd.Function):
    """A convolution whose gradient is a convolution to few channels with the flipped kernel."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.image_dtype = image.dtype
        output = F.conv2d(image, weight, bias, padding=1)
        # torch 2.11 compiles a forward that ends in a conversion to its own dtype into one without a gradient.
        return output if output.dtype == dtype else output.to(dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        weight: Tensor = ctx.saved_tensors[0].transpose(0, 1).flip(2, 3).to(grad.dtype)
        with torch.autocast(grad.device.type, enabled=False):
            if _is_faster_in_blocks(grad, weight):
                result = convolve_pixel_blocks(grad, weight, padding=1)
            else:
                result = convolve_in_groups(grad, weight, padding=1)
        return result if result.dtype == ctx.image_dtype else result.to(ctx.image_dtype), None, None, None


def convolve_in_groups(x: Tensor, weight: Tensor, padding: int = 0) -> Tensor:
    """Convolve with the output channels padded to GROUP and then cut, as a GPU's fast kernels need whole groups."""
    channels = len(weight)
    if channels >= GROUP or kernels.takes_cpu_kernels(x):
        return F.conv2d(x, weight, padding=padding)
    return F.conv2d(x, F.pad(weight, (0, 0, 0, 0, 0, 0, 0, GROUP - channels)), padding=padding)[:, :channels]


def _is_faster_in_tiles(x: Tensor, weight: Tensor, stride: int) -> bool:
    fits = all(size % TILE == 0 for size in x.shape[2:])
    return fits and stride == 1 and has_too_few_channels(weight) and not kernels.takes_cpu_kernels(x)


def has_too_few_channels(weight: Tensor) -> bool:
    """Return whether a kernel (out, in, k, k) leaves a GPU's matrix units idle and suits :func:`tile_kernel`."""
    return min(weight.shape[:2]) < GROUP and (weight.shape[2] - 1) % TILE == 0


def tile_kernel(weight: Tensor) -> Tensor:
    """Convert a kernel over pixels into one over squares of TILE x TILE pixels, with TILE^2 times as many channels.

    9x9 kernels from or to 3 channels become 3x3 kernels from or to 48, for which a GPU has fast kernels in all three
    directions. Each pixel of a square has the kernel at its own offset in a frame of whole squares, 1.8 times as large.

    Args:
        weight: (out, in, k, k), where k is one more than a multiple of TILE.

    Returns:
        (TILE^2 out, TILE^2 in, (k - 1) / TILE + 1, (k - 1) / TILE + 1), channels_last.
    """
    outputs, inputs, reach, _ = weight.shape
    squares, last = (reach - 1) // TILE + 1, TILE - 1
    frames = torch.cat(
        [F.pad(weight, (right, last - right, below, last - below)) for below in range(TILE) for right in range(TILE)]
    )
    kernel = (
        frames.view(TILE * TILE * outputs, inputs, squares, TILE, squares, TILE).permute(0, 3, 5, 1, 2, 4).flatten(1, 3)
    )
    return kernel.contiguous(memory_format=torch.channels_last)


def convolve_tiles(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve square by square.

    Args:
        x: (B, in, H, W), where H and W are multiples of TILE.
        kernel: The kernel from :func:`tile_kernel`.

    Returns:
        (B, out, H - k + 1, W - k + 1), channels_last.
    """
    return _interleave(F.conv2d(_gather_squares(x), kernel), TILE)


def _gather_squares(x: Tensor) -> Tensor:
    """Turn squares into pixels of more channels: (B, C, TILE H, TILE W) to (B, TILE^2 C, H, W), channels_last."""
    batch, channels, height, width = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(batch, height // TILE, TILE, width // TILE, TILE, channels).transpose(2, 3)
    return pixels.reshape(batch, height // TILE, width // TILE, TILE * TILE * channels).permute(0, 3, 1, 2)


def _upsample(x: Tensor) -> Tensor:
    """Repeat every pixel of (B, C, H, W) in both directions: (B, C, 2 H, 2 W)."""
    if not torch.compiler.is_compiling():
        return F.interpolate(x, scale_factor=2.0, mode="nearest")
    # The compiled gradient of torch's operator uses atomic additions; that of this expression is a sum of four reads.
    batch, channels, height, width = x.shape
    return x[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2).reshape(batch, channels, 2 * height, 2 * width)


def fold_upsampling(taps: tuple[Tensor, ...]) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Fold nearest upsampling x2 into three taps along one axis.

    Output 2 y reads the inputs y - 1 and y through the first pair, output 2 y + 1 reads y and y + 1 through the second.
    """
    first, middle, last = taps
    return (first, middle + last), (first + middle, last)


def corner_kernels(weight: Tensor) -> Tensor:
    """Fold upsampling into a kernel: (out, in, 3, 3) to (4 out, in, 2, 2), 4 products per output instead of 9.

    An input's last output precedes the first one of its neighbour. The order is top left, top right, bottom left and
    bottom right of a corner.
    """
    even, odd = fold_upsampling(weight.unbind(dim=2))
    rows = [torch.stack(pair, dim=2) for pair in (odd, even)]
    kernels = []
    for row in rows:
        even, odd = fold_upsampling(row.unbind(dim=3))
        kernels += [torch.stack(pair, dim=3) for pair in (odd, even)]
    return torch.cat(kernels).contiguous(memory_format=torch.channels_last)


def _is_faster_in_blocks(x: Tensor, weight: Tensor) -> bool:
    return kernels.takes_cpu_kernels(x) and 4 * len(weight) <= BLOCK and x.shape[2] % 2 == 0 == x.shape[3] % 2


def convolve_pixel_blocks(x: Tensor, weight: Tensor, padding: int = 0) -> Tensor:
    """Convolve to few channels, 2 x 2 output pixels at once, as 3 channels would waste most of a block of 16.

    Each of the four pixels has the kernel at its own offset in a frame that is larger by one.

    Args:
        x: (B, in, H, W), where H and W are even.
        weight: (out, in, k, k), where k is odd.
        padding: The width of the zero padding of x.
    """
    return _interleave(F.conv2d(x, pixel_block_kernel(weight), stride=2, padding=padding))


def pixel_block_kernel(weight: Tensor) -> Tensor:
    """Return the kernel of :func:`convolve_pixel_blocks`: (out, in, k, k) to (4 out, in, k + 1, k + 1)."""
    frames = [F.pad(weight, (right, 1 - right, bottom, 1 - bottom)) for bottom in (0, 1) for right in (0, 1)]
    return torch.cat(frames).contiguous(memory_format=torch.channels_last)


def _interleave(x: Tensor, side: int = 2) -> Tensor:
    """Arrange channels as squares, row by row: (B, side^2 C, H, W) to (B, C, side H, side W), channels_last."""
    batch, channels, height, width = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(batch, height, width, side, side, channels // side**2).transpose(2, 3)
    return pixels.reshape(batch, side * height, side * width, channels // side**2).permute(0, 3, 1, 2)
