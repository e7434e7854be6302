"""The network in strips, against the network in one piece and against float64 oracles."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.models.transformer import TransformerNetwork
from nstyle.tiling.exact import StripPainter
from nstyle.tiling.moments import Moments
from nstyle.tiling.plane import Plane
from nstyle.tiling.weights import row_kernel, upsampling_kernels

SIZES = [(16, 16), (20, 68), (132, 36), (200, 100)]


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10((a - b).square().mean()))


@pytest.fixture(scope="module")
def network() -> TransformerNetwork:
    """Styles that differ, and blocks that do something: they start as the identity."""
    torch.manual_seed(0)
    network = TransformerNetwork(3, width=0.5)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return network.eval().to(memory_format=torch.channels_last)


def picture(height: int, width: int) -> Tensor:
    """Smooth colours with some noise, like a photograph; (1, 3, H, W)."""
    torch.manual_seed(1)
    smooth = F.interpolate(torch.rand(1, 3, 4, 4), size=(height, width), mode="bicubic", align_corners=True)
    return (smooth + 0.05 * torch.randn(1, 3, height, width)).clamp(0, 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dtype", "floor"), [(torch.float32, 58), (torch.bfloat16, 48)])
def test_strips_paint_what_the_network_paints(network: TransformerNetwork, size: tuple[int, int], dtype: torch.dtype, floor: float) -> None:
    """Taller than a strip, wider than tall, as small as can be. Random weights are harsher than trained ones (58 dB in bfloat16)."""
    photo, mix = picture(*size), torch.tensor([[0.2, 0.0, 0.8]])
    with torch.inference_mode():
        whole = network(photo, mix)
    painted = StripPainter(network, mix, dtype).paint(photo)
    assert painted.shape == whole.shape
    assert psnr(painted, whole) > floor


def test_only_rounding_differs(network: TransformerNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing stored in half precision strips and network agree to float32's last digits."""
    monkeypatch.setattr("nstyle.tiling.exact.ENCODER_STORE", torch.float32)
    monkeypatch.setattr(StripPainter, "store", torch.float32)
    photo, mix = picture(132, 68), torch.tensor([[0.0, 1.0, 0.0]])
    with torch.inference_mode():
        assert psnr(StripPainter(network, mix, torch.float32).paint(photo), network(photo, mix)) > 110


def test_strips_follow_a_mix_map(network: TransformerNetwork) -> None:
    photo = picture(96, 128)
    ramp = torch.linspace(0, 1, 128).expand(1, 1, 96, 128)
    mix = torch.cat([ramp, 1 - ramp, torch.zeros_like(ramp)], dim=1)
    with torch.inference_mode():
        whole = network(photo, mix)
    assert psnr(StripPainter(network, mix, torch.float32).paint(photo), whole) > 58
    assert psnr(whole, network(photo, torch.tensor([[1.0, 0.0, 0.0]])).detach()) < 40  # The map does something.


def test_bytes_are_read_as_colours(network: TransformerNetwork) -> None:
    photo = (picture(64, 64) * 255).round()
    mix = torch.tensor([[1.0, 0.0, 0.0]])
    painter = StripPainter(network, mix, torch.float32)
    torch.testing.assert_close(painter.paint(photo.to(torch.uint8)), painter.paint(photo / 255))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_moments_of_parts_are_those_of_the_whole(dtype: torch.dtype) -> None:
    """Channels far from 0 with a small spread: a sum of squares would lose all digits."""
    torch.manual_seed(0)
    x = (torch.randn(1, 6, 37, 20) * torch.arange(1, 7)[:, None, None] + 50).to(dtype).contiguous(memory_format=torch.channels_last)
    moments = Moments(6, torch.device("cpu"))
    for part in torch.split(x, 8, dim=2):
        moments.add(part)
    oracle = x.double()
    torch.testing.assert_close(moments.mean, oracle.mean(dim=(0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(moments.variance, oracle.var(dim=(0, 2, 3), correction=0), rtol=1e-4, atol=0)
    moments.remove(x[:, :, 30:])
    torch.testing.assert_close(moments.variance, oracle[:, :, :30].var(dim=(0, 2, 3), correction=0), rtol=1e-4, atol=0)
    halves = torch.cat([oracle[:, :3, :30], oracle[:, 3:, :30]], dim=2)
    torch.testing.assert_close(moments.merge_halves().variance, halves.var(dim=(0, 2, 3), correction=0), rtol=1e-4, atol=0)


def test_upsampling_is_folded_into_the_kernel() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(1, 5, 7, 6, dtype=torch.float64), torch.randn(4, 5, 3, 3, dtype=torch.float64)
    expected = F.conv2d(F.pad(F.interpolate(x, scale_factor=2.0, mode="nearest"), (1,) * 4, mode="reflect"), weight)
    edged = F.pad(x, (1,) * 4, mode="replicate")
    for odd, kernel in enumerate(upsampling_kernels(weight, torch.float64)):
        rows = F.conv2d(edged[:, :, odd : 8 + odd], kernel)
        torch.testing.assert_close(rows[:, :4, :, :6], expected[:, :, odd::2, 0::2])
        torch.testing.assert_close(rows[:, 4:, :, 1:], expected[:, :, odd::2, 1::2])


def test_row_kernels_sum_to_the_convolution() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(1, 5, 20, 21, dtype=torch.float64), torch.randn(3, 5, 9, 9, dtype=torch.float64)
    parts = F.conv2d(x, row_kernel(weight, torch.float64))
    total = sum(parts[:, 3 * k : 3 * k + 3, k : k + 12] for k in range(9))
    torch.testing.assert_close(total, F.conv2d(x, weight))


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
def test_borders_are_torchs(mode: str) -> None:
    x = torch.randn(1, 2, 9, 8)
    plane = Plane(2, 9, 8, 4, torch.float32, x.device)
    plane.put(0, x[:, :, :5])
    plane.put(5, x[:, :, 5:])
    plane.close(mode)  # type: ignore[arg-type]
    assert torch.equal(plane.data, F.pad(x, (4,) * 4, mode=mode))
