"""The image transformation network of Johnson et al. 2016 as Dumoulin et al. 2017 built it.

Painting computes the same network in two other ways: in strips of rows (``nstyle/tiling/strips.py``) and in one piece
with few passes (``nstyle/tiling/whole.py``), and exports hold it as an ONNX graph (``nstyle/exports/network.py``).
Changes to a layer here must be made there too; ``tests/unit/test_tiling.py`` and ``test_exports.py`` compare them.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstyle.models.convolution import reflect_and_convolve, upsample_and_convolve
from nstyle.models.norm import ConditionalInstanceNorm2d

DOWNSAMPLING = ((9, 1), (3, 2), (3, 2))
"""The kernel size and stride of the first convolutions."""
NUM_RESIDUAL_BLOCKS, RESIDUAL_KERNEL = 5, 3
UPSAMPLING = (3, 3)
"""The kernel sizes of the convolutions, each of which doubles the size of the picture."""
OUTPUT_KERNEL = 9
STRIDE = math.prod(stride for _, stride in DOWNSAMPLING)
"""The network halves the picture twice, so padded sides are multiples of this many pixels."""
MIN_SIDE = 16
"""Shorter sides are extended by replication first, so that reflection by 4 px always has pixels to reflect."""


def _reach() -> int:
    """Add up how far every convolution reads beyond its own pixel, in pixels of the picture."""
    pixels, scale = 0, 1
    for kernel, stride in DOWNSAMPLING:
        pixels += kernel // 2 * scale
        scale *= stride
    pixels += 2 * NUM_RESIDUAL_BLOCKS * (RESIDUAL_KERNEL // 2) * scale
    for kernel in UPSAMPLING:
        scale //= 2
        pixels += kernel // 2 * scale
    return pixels + OUTPUT_KERNEL // 2 + STRIDE - 1  # STRIDE - 1 is for the pixel's place in its upsampled square.


REACH = _reach()
"""The number of pixels to each side that a pixel's colours depend on, given the norms' statistics."""
MARGIN = math.ceil(REACH / STRIDE) * STRIDE
"""The width of the mirrored margin in pixels, at most the picture's own size. The network's response to the border of
a picture is strongest at the edge of its receptive field: with 48 px, six of the shipped styles had a line of cyan,
pink or brown, three pixels wide, along the top."""


class ConvNorm(nn.Module):
    """Reflection padding, convolution without bias, and conditional instance norm; optionally x2 upsampling before.

    Nearest upsampling followed by a stride-1 convolution avoids the checkerboard of transposed convolutions.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_styles: int,
        *,
        kernel: int,
        stride: int = 1,
        upsample: bool = False,
    ) -> None:
        super().__init__()
        self.upsample = upsample
        self.padding = kernel // 2
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, bias=False)
        self.norm = ConditionalInstanceNorm2d(num_styles, out_channels)
        if not self.conv.weight.is_meta:  # Without data there is nothing to draw, and torch imports its compiler to.
            nn.init.normal_(self.conv.weight, std=0.01)  # Dumoulin et al. 2017: "isotropic gaussian (0, 0.01)"

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H', W'), where H' is H / stride, or 2 H when upsampling."""
        weight, stride = self.conv.weight, self.conv.stride[0]
        x = upsample_and_convolve(x, weight) if self.upsample else reflect_and_convolve(x, weight, stride)
        normalized: Tensor = self.norm(x, mix)
        return normalized


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, with no ReLU after the addition. Each convolution has a norm of its own."""

    def __init__(self, channels: int, num_styles: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, num_styles, kernel=RESIDUAL_KERNEL)
        self.second = ConvNorm(channels, channels, num_styles, kernel=RESIDUAL_KERNEL)
        nn.init.zeros_(self.second.norm.gamma_SC)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        residual: Tensor = self.second(F.relu(self.first(x, mix), inplace=True), mix)
        return x + residual


class TransformerNetwork(nn.Module):
    """Paint photographs in n styles or any mix of them: 1,674,432 + 3,206 n parameters at width 1.

    Args:
        num_styles: The number of styles n, at least 1.
        width: The multiplier of the 32, 64 and 128 channels, in (0, 4].

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, num_styles: int, *, width: float = 1.0) -> None:
        super().__init__()
        if num_styles < 1:
            raise ValueError(f"num_styles is {num_styles}: expected at least 1")
        if not 0 < width <= 4:
            raise ValueError(f"width is {width}: expected a multiplier in (0, 4]")
        self.num_styles = num_styles
        self.width = width
        c1, c2, c3 = (max(1, round(width * c)) for c in (32, 64, 128))
        n = num_styles
        down, up = pairwise((3, c1, c2, c3)), pairwise((c3, c2, c1))
        self.downsampling = nn.ModuleList(
            [
                ConvNorm(a, b, n, kernel=kernel, stride=stride)
                for (a, b), (kernel, stride) in zip(down, DOWNSAMPLING, strict=True)
            ]
        )
        self.residual = nn.ModuleList([ResidualBlock(c3, n) for _ in range(NUM_RESIDUAL_BLOCKS)])
        self.upsampling = nn.ModuleList(
            [ConvNorm(a, b, n, kernel=kernel, upsample=True) for (a, b), kernel in zip(up, UPSAMPLING, strict=True)]
        )
        self.output = ConvNorm(c1, 3, n, kernel=OUTPUT_KERNEL)

    def forward(self, image: Tensor, mix: Tensor) -> Tensor:
        """Stylize a batch.

        Args:
            image: RGB (B, 3, H, W) in [0, 1], where H and W are at least 1.
            mix: (B, S) weights, or a mix map (B, S, H, W); each sums to 1 over S for a convex blend. A map costs S + 1
                times the time and memory, as the norms take the moments of every style alone.

        Returns:
            RGB (B, 3, H, W) float32 in [0, 1].
        """
        height, width = image.shape[-2:]
        x = pad_to_stride(image)
        if mix.dim() == 4:
            mix = pad_to_stride(mix)
            x = torch.cat([x] * (self.num_styles + 1))  # In every style alone, and last under the map.
        for layer in self.downsampling:
            x = F.relu(layer(x, mix), inplace=True)
        for block in self.residual:
            x = block(x, mix)
        for layer in self.upsampling:
            x = F.relu(layer(x, mix), inplace=True)
        x = torch.sigmoid(self.output(x, mix).float())
        return x[-len(image) :, :, :height, :width]

    def grow_styles(self, num_new: int) -> "TransformerNetwork":
        """Copy the network with ``num_new`` more styles, which start at the mean of the old rows.

        The old rows and all convolutions are copied unchanged, so the outputs of the old styles do not change.
        """
        return self._with_rows(
            self.num_styles + num_new,
            lambda affine_SC: torch.cat([affine_SC, affine_SC.mean(dim=0, keepdim=True).expand(num_new, -1)]),
        )

    def set_output_colors(self, mean_S3: Tensor, std_S3: Tensor) -> None:
        """Initialize every style with the mean and standard deviation of its colours before the sigmoid, (S, 3) each.

        Departure from Dumoulin et al. 2017, who start at beta 0 and gamma 1: Adam moves these by about its rate per
        update, and until they arrive the convolutions produce a dark mean from white blotches, which disappear slowly.
        """
        with torch.no_grad():
            self.output.norm.beta_SC.copy_(mean_S3)
            self.output.norm.gamma_SC.copy_(std_S3)

    def select_styles(self, rows: list[int]) -> "TransformerNetwork":
        """Copy the network with only the given rows of gamma and beta, in the given order."""
        return self._with_rows(len(rows), lambda affine_SC: affine_SC[rows])

    def mix_styles(self, mixes_MS: Tensor) -> "TransformerNetwork":
        """Copy the network with a style for every given mix of its own styles, (M, S)."""
        return self._with_rows(len(mixes_MS), lambda affine_SC: mixes_MS.to(affine_SC) @ affine_SC)

    def _with_rows(self, num_styles: int, change: Callable[[Tensor], Tensor]) -> "TransformerNetwork":
        """Copy the network with the rows that ``change`` makes of gamma and of beta."""
        with torch.device("meta"):  # Shapes alone, so that no weights are drawn.
            changed = TransformerNetwork(num_styles, width=self.width)
        state = self.state_dict()
        affine = {name: change(value) for name, value in state.items() if name.endswith(("gamma_SC", "beta_SC"))}
        changed.load_state_dict({name: value.clone() for name, value in {**state, **affine}.items()}, assign=True)
        return changed.train(self.training)


def pad_to_stride(image: Tensor) -> Tensor:
    """Extend (B, C, H, W) at the right and bottom: by replication to 16 px, then by reflection to multiples of 4."""
    height, width = image.shape[-2:]
    if height < MIN_SIDE or width < MIN_SIDE:
        image = F.pad(image, (0, max(0, MIN_SIDE - width), 0, max(0, MIN_SIDE - height)), mode="replicate")
        height, width = image.shape[-2:]
    if height % STRIDE or width % STRIDE:
        image = F.pad(image, (0, -width % STRIDE, 0, -height % STRIDE), mode="reflect")
    return image
