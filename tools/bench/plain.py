"""The plain recipe, as it is commonly implemented: the baseline for speed, and the count of operations.

It uses float32, NCHW and eager mode, torch's instance norm and padding, Gram matrices by batched matmul under autograd,
all of VGG for the content target too, and Adam with default settings, and it paints pictures in one piece. The network
and the losses are the same as ours.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nstyle.encoders.vgg import VGGFeatures, VGGWeights
from nstyle.losses.presets import Preset
from nstyle.models.transformer import ConvNorm, ResidualBlock, TransformerNetwork

COUNTED = 64
"""The side in pixels of the picture whose operations are counted. Their number is proportional to the pixels."""


def layer(module: ConvNorm, x: Tensor, mix: Tensor) -> Tensor:
    """Upsample if necessary, pad, convolve and normalize, one after the other."""
    if module.upsample:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
    x = F.conv2d(F.pad(x, (module.padding,) * 4, mode="reflect"), module.conv.weight, stride=module.conv.stride)
    gamma, beta = ((mix @ affine)[:, :, None, None] for affine in (module.norm.gamma_SC, module.norm.beta_SC))
    return F.instance_norm(x, eps=module.norm.eps) * gamma + beta


def forward(network: TransformerNetwork, image: Tensor, mix: Tensor) -> Tensor:
    """Paint pictures (B, 3, H, W) in [0, 1] with a mix (B, S); H and W are multiples of 4."""
    x = image
    for module in cast(Sequence[ConvNorm], network.downsampling):
        x = F.relu(layer(module, x, mix))
    for block in cast(Sequence[ResidualBlock], network.residual):
        x = x + layer(block.second, F.relu(layer(block.first, x, mix)), mix)
    for module in cast(Sequence[ConvNorm], network.upsampling):
        x = F.relu(layer(module, x, mix))
    return torch.sigmoid(layer(network.output, x, mix))


def gram(features: Tensor) -> Tensor:
    """Compute Gram matrices (B, C, C) of features (B, C, H, W) as the tutorials do."""
    batch, channels, height, width = features.shape
    flat = features.reshape(batch, channels, height * width)
    return flat.bmm(flat.transpose(1, 2)) / (channels * height * width)


def grams(vgg: nn.Module, image: Tensor, features: dict[str, Tensor], preset: Preset) -> list[Tensor]:
    """Compute Gram matrices by scale and layer. ``features`` are those of the full size."""
    result = []
    for scale in range(preset.style_scales):
        if scale > 0:
            image = F.avg_pool2d(image, 2)
            features = vgg(image, preset.style_layers)
        result += [gram(features[layer]) for layer in preset.style_layers]
    return result


def loss(vgg: nn.Module, output: Tensor, content: Tensor, targets: list[Tensor], preset: Preset) -> Tensor:
    """Compute the loss of pictures (B, 3, H, W) against content features and Gram matrices."""
    features = vgg(output)
    total = preset.content_weight * F.mse_loss(features[preset.content_layers[0]], content)
    for value, target in zip(grams(vgg, output, features, preset), targets, strict=True):
        total = total + preset.style_weight * F.mse_loss(value, target.expand_as(value))
    return total


def make_update(preset: Preset, *, num_styles: int, batch: int, size: int, device: torch.device) -> Callable[[], None]:
    """Build the plain recipe's update on random photographs."""
    network = TransformerNetwork(num_styles).to(device)
    vgg = VGGFeatures(VGGWeights.random(), preset.style_layers).to(device).to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    with torch.no_grad():
        painting = torch.rand(1, 3, size, size, device=device)
        targets = grams(vgg, painting, vgg(painting), preset)
    mix = torch.eye(num_styles, device=device)[:1].expand(batch, -1)

    def update() -> None:
        photos = torch.rand(batch, 3, size, size).to(device)
        with torch.no_grad():
            content = vgg(photos)[preset.content_layers[0]]
        total = loss(vgg, forward(network, photos, mix), content, targets, preset)
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return update


def paint(network: TransformerNetwork, picture: npt.NDArray[np.uint8], device: torch.device) -> npt.NDArray[np.uint8]:
    """Paint a picture (H, W, 3) in the network's first style."""
    with torch.no_grad():
        image = torch.from_numpy(picture).permute(2, 0, 1)[None].float().div(255).to(device)
        output = forward(network, image, torch.eye(network.num_styles, device=device)[:1])
        levels: npt.NDArray[np.uint8] = output[0].mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return levels


@cache
def update_flop(preset: Preset) -> float:
    """Count the floating point operations of an update per pixel of the photographs that the losses need, however they
    are computed.

    For the content target, VGG is counted only up to the content layers.
    """
    network = TransformerNetwork(1)
    layers = tuple(dict.fromkeys(preset.style_layers + preset.content_layers))
    vgg = VGGFeatures(VGGWeights.random(), layers, pooling=preset.pooling)
    photo = torch.rand(1, 3, COUNTED, COUNTED)
    with torch.no_grad():
        targets = grams(vgg, photo, vgg(photo), preset)
    with FlopCounterMode(display=False) as counter:
        with torch.no_grad():
            content = vgg(photo, preset.content_layers)[preset.content_layers[0]]
        loss(vgg, forward(network, photo, torch.ones(1, 1)), content, targets, preset).backward()  # type: ignore[no-untyped-call]
    return float(counter.get_total_flops()) / COUNTED**2


@cache
def paint_flop(width: float) -> float:
    """Count the floating point operations of painting per pixel with a network of a given width."""
    network = TransformerNetwork(1, width=width)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        forward(network, torch.rand(1, 3, COUNTED, COUNTED), torch.ones(1, 1))
    return float(counter.get_total_flops()) / COUNTED**2
