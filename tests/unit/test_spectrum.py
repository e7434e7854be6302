"""The error in the power spectrum against an independent oracle, and that it sees a mesh that Gram matrices do not."""

import numpy as np
import pytest
import torch
from torch import Tensor

from nstyle.encoders.vgg import VGGWeights
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import RELATIVE_3
from nstyle.losses.spectrum import power_spectrum, spectrum_error, spectrum_target


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_the_power_spectrum_is_welchs() -> None:
    image = noise(1, 3, 128, 100).double()
    extended = np.pad(image[0, 1].numpy(), ((0, 0), (0, 28)), mode="reflect")
    expected = np.zeros((64, 33))
    taper = np.hanning(64)[:, None] * np.hanning(64)
    for top in (0, 32, 64):
        for left in (0, 32, 64):
            window = extended[top : top + 64, left : left + 64]
            expected += np.abs(np.fft.rfft2((window - window.mean()) * taper)) ** 2 / (taper**2).sum() / 9
    assert np.allclose(power_spectrum(image)[0, 1], expected, rtol=1e-4, atol=1e-7)


def test_white_noise_has_its_variance_at_all_frequencies() -> None:
    power = power_spectrum(noise(1, 3, 1024, 1024))[..., 4:60, 4:30]
    assert power.mean() == pytest.approx(1 / 12, rel=0.02)


def test_the_error_is_zero_for_the_painting_and_large_for_a_mesh() -> None:
    painting = noise(1, 3, 256, 256)
    target = spectrum_target(painting)
    assert spectrum_error(painting, target).item() == pytest.approx(0, abs=1e-6)
    mesh = torch.zeros(1, 3, 256, 256)
    mesh[..., ::4, ::4] = 1
    mesh *= painting.std() / mesh.std()
    other = spectrum_error(noise(1, 3, 256, 256, seed=1), target)
    assert other < 0.05
    assert spectrum_error(mesh, target) > 20 * other
    assert 0.8 < spectrum_error(torch.full_like(mesh, 0.5), target) < 1.1


def test_the_gradient_is_that_of_finite_differences() -> None:
    target = spectrum_target(noise(1, 3, 96, 96))
    image = noise(1, 3, 70, 66, seed=2).requires_grad_()
    (slope,) = torch.autograd.grad(spectrum_error(image, target).sum(), image)
    step = 1e-2 * torch.nn.functional.normalize(slope, dim=(1, 2, 3))
    with torch.no_grad():
        rise = spectrum_error(image + step, target) - spectrum_error(image - step, target)
    assert rise.item() == pytest.approx(2 * (slope * step).sum().item(), rel=0.02)
    assert (slope != 0).any(dim=2)[..., 1:65].all(), "every column counts"
    plain = torch.full((1, 3, 64, 64), 0.5, requires_grad=True)
    assert torch.isfinite(torch.autograd.grad(spectrum_error(plain, target).sum(), plain)[0]).all()


def test_the_loss_compares_the_spectrum_where_the_preset_weighs_it(random_vgg: VGGWeights) -> None:
    photo, painting = noise(2, 3, 64, 64), noise(1, 3, 96, 96, seed=1)
    without = PerceptualLoss(RELATIVE_3, random_vgg)
    weighing = PerceptualLoss(RELATIVE_3.override(spectrum_weight=2.0), random_vgg)
    assert weighing.min_side == 64
    assert "spectrum" not in without.style_targets(painting)
    targets = {term: value.expand(2, *value.shape[1:]) for term, value in weighing.style_targets(painting).items()}
    content = weighing.content_features(photo)
    losses, other = weighing(photo, content, targets), without(photo, content, targets)
    assert not other.spectrum.any()
    expected = spectrum_error(photo, targets["spectrum"])
    assert torch.equal(losses.spectrum, expected)
    assert torch.allclose(weighing.total(losses), without.total(other) + 2 * expected)
