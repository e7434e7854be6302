"""The folded convolutions against the plain ones, in value and gradient."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.models import kernels
from nstyle.models.convolution import convolve_image, reflect_and_convolve, upsample_and_convolve


@pytest.fixture(params=["cpu-kernels", "generic"], autouse=True)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which kernels are taken."""
    if request.param == "generic":
        monkeypatch.setattr(kernels, "takes_cpu_kernels", lambda x: False)


def plain(x: Tensor, weight: Tensor, *, upsample: bool) -> Tensor:
    if upsample:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
    return F.conv2d(F.pad(x, (weight.shape[2] // 2,) * 4, mode="reflect"), weight)


@pytest.mark.parametrize("size", [(8, 12), (2, 2), (5, 7)])
def test_upsampling_is_folded_into_the_kernel(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.double, requires_grad=True)
    weight = torch.randn(4, 3, 3, 3, dtype=torch.double, requires_grad=True)
    output, expected = upsample_and_convolve(x, weight), plain(x, weight, upsample=True)
    torch.testing.assert_close(output, expected)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(output, (x, weight), grad), torch.autograd.grad(expected, (x, weight), grad)
    )


@pytest.mark.parametrize(
    ("size", "channels", "kernel"), [((8, 12), 3, 9), ((9, 7), 3, 9), ((6, 6), 4, 3), ((6, 6), 8, 3)]
)
def test_few_channels_are_convolved_in_pixel_blocks(size: tuple[int, int], channels: int, kernel: int) -> None:
    x = torch.randn(2, 2, *size, dtype=torch.double, requires_grad=True)
    weight = torch.randn(channels, 2, kernel, kernel, dtype=torch.double, requires_grad=True)
    output, expected = reflect_and_convolve(x, weight), plain(x, weight, upsample=False)
    torch.testing.assert_close(output, expected)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(output, (x, weight), grad), torch.autograd.grad(expected, (x, weight), grad)
    )


@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
def test_gradient_of_the_first_convolution_of_vgg(size: tuple[int, int]) -> None:
    image = torch.randn(2, 3, *size, dtype=torch.double, requires_grad=True)
    weight, bias = torch.randn(8, 3, 3, 3, dtype=torch.double), torch.randn(8, dtype=torch.double)
    torch.testing.assert_close(
        convolve_image(image, weight, bias, torch.double), F.conv2d(image, weight, bias, padding=1)
    )
    assert torch.autograd.gradcheck(lambda image: convolve_image(image, weight, bias, torch.double), image)


def test_first_convolution_of_vgg_is_float32_and_its_gradient_rounds_as_bfloat16() -> None:
    image = (torch.rand(1, 3, 16, 16) * 255).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight, bias, grad = torch.randn(64, 3, 3, 3), torch.randn(64), torch.randn(1, 64, 16, 16).bfloat16()
    output, expected = convolve_image(image, weight, bias, torch.bfloat16), F.conv2d(image, weight, bias, padding=1)
    assert torch.equal(output, expected.bfloat16())
    (ours,), (exact,) = (torch.autograd.grad(y, image, grad.to(y.dtype)) for y in (output, expected))
    assert ours.dtype == torch.float32
    assert (ours - exact).norm() < 4e-3 * exact.norm()
