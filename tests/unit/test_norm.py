"""Conditional instance normalization against torch's own instance norm."""

import pytest
import torch
import torch.nn.functional as F

from nstyle.models.instance_norm import normalize_samples
from nstyle.models.norm import ConditionalInstanceNorm2d


@pytest.fixture
def norm() -> ConditionalInstanceNorm2d:
    torch.manual_seed(0)
    norm = ConditionalInstanceNorm2d(3, 5)
    torch.nn.init.normal_(norm.gamma_SC)
    torch.nn.init.normal_(norm.beta_SC)
    return norm


@pytest.mark.parametrize("style", range(3))
def test_one_hot_mix_equals_torch_instance_norm_of_that_style(norm: ConditionalInstanceNorm2d, style: int) -> None:
    oracle = torch.nn.InstanceNorm2d(5, affine=True)
    oracle.load_state_dict({"weight": norm.gamma_SC[style], "bias": norm.beta_SC[style]})
    x = 3 * torch.randn(2, 5, 7, 9) + 10
    mix = F.one_hot(torch.tensor([style, style]), 3).float()
    torch.testing.assert_close(norm(x, mix), oracle(x), rtol=1e-5, atol=1e-5)


def test_each_sample_takes_its_own_mix(norm: ConditionalInstanceNorm2d) -> None:
    x = torch.randn(2, 5, 6, 6)
    mix = torch.tensor([[1.0, 0, 0], [0.2, 0.3, 0.5]])
    alone = torch.cat([norm(x[i : i + 1], mix[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(norm(x, mix), alone)


def test_convex_mix_interpolates_gamma_and_beta(norm: ConditionalInstanceNorm2d) -> None:
    x = torch.randn(1, 5, 6, 6)
    a, b = (norm(x, torch.eye(3)[i : i + 1]) for i in (0, 2))
    torch.testing.assert_close(norm(x, torch.tensor([[0.25, 0, 0.75]])), 0.25 * a + 0.75 * b)


def test_a_mix_map_takes_the_moments_of_every_style_alone(norm: ConditionalInstanceNorm2d) -> None:
    """Against the formula in float64. The map is averaged down, and every sample of the batch has its own."""
    x = (3 * torch.randn(4, 2, 5, 8, 8) + 10).double()  # Two samples in three styles alone, and under the map.
    mix_map = torch.rand(2, 3, 16, 16).softmax(dim=1)
    painted = norm(x.float().flatten(0, 1), mix_map).unflatten(0, (4, 2))
    expected = torch.zeros(2, 5, 8, 8, dtype=torch.double)
    for style in range(3):
        mean = x[style].mean(dim=(2, 3), keepdim=True)
        std = (x[style].var(dim=(2, 3), correction=0, keepdim=True) + norm.eps).sqrt()
        gamma, beta = (rows[style].double()[:, None, None] for rows in (norm.gamma_SC, norm.beta_SC))
        weight = F.avg_pool2d(mix_map[:, style : style + 1].double(), 2)
        expected += weight * (gamma * (x[3] - mean) / std + beta)
        torch.testing.assert_close(painted[style].double(), gamma * (x[style] - mean) / std + beta, rtol=0, atol=1e-5)
    torch.testing.assert_close(painted[3].double(), expected, rtol=0, atol=1e-5)


def test_a_mix_map_of_one_style_is_this_style(norm: ConditionalInstanceNorm2d) -> None:
    x, style = torch.randn(1, 5, 8, 8), torch.eye(3)[1:2]
    painted = norm(x.repeat(4, 1, 1, 1), style[:, :, None, None].expand(-1, -1, 8, 8))
    torch.testing.assert_close(painted[-1:], norm(x, style))


def test_statistics_are_float32_under_bfloat16(norm: ConditionalInstanceNorm2d) -> None:
    x = (torch.randn(1, 5, 64, 64) + 100).bfloat16()
    mix = torch.eye(3)[:1]
    exact = norm(x.float(), mix)
    assert norm(x, mix).dtype == torch.bfloat16
    torch.testing.assert_close(norm(x, mix).float(), exact, rtol=2e-2, atol=2e-2)


def test_constant_features_stay_finite(norm: ConditionalInstanceNorm2d) -> None:
    x = torch.full((1, 5, 4, 4), 1000.0, requires_grad=True)
    output = norm(x, torch.eye(3)[:1])
    output.square().sum().backward()
    assert torch.isfinite(output).all()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_gradients() -> None:
    norm = ConditionalInstanceNorm2d(2, 3).double()
    x = torch.randn(2, 3, 4, 4, dtype=torch.double, requires_grad=True)
    mix = torch.tensor([[0.3, 0.7], [1.0, 0.0]], dtype=torch.double)
    assert torch.autograd.gradcheck(lambda x: norm(x, mix), x, eps=1e-3, atol=1e-2, rtol=1e-2)


def test_batch_norm_kernels_equal_the_formula_in_value_and_gradient(
    norm: ConditionalInstanceNorm2d, monkeypatch: pytest.MonkeyPatch
) -> None:
    norm = norm.double()
    x = (3 * torch.randn(2, 5, 6, 8, dtype=torch.double) + 10).requires_grad_()
    mix = torch.tensor([[0.3, 0.7, 0], [0, 0, 1]], dtype=torch.double, requires_grad=True)
    inputs = (x, mix, norm.gamma_SC, norm.beta_SC)
    by_kernels = norm(x, mix)
    monkeypatch.setattr("nstyle.models.kernels.takes_cpu_kernels", lambda x: False)
    by_formula = norm(x, mix)
    grad = torch.randn_like(x)
    # The formula takes its moments in float32.
    for ours, expected in zip(
        (by_kernels, *torch.autograd.grad(by_kernels, inputs, grad)),
        (by_formula, *torch.autograd.grad(by_formula, inputs, grad)),
        strict=True,
    ):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_gradients_of_the_kernels() -> None:
    x = torch.randn(2, 3, 4, 5, dtype=torch.double, requires_grad=True)
    gamma, beta = torch.randn(2, 2, 3, dtype=torch.double, requires_grad=True).unbind()
    assert torch.autograd.gradcheck(lambda x, gamma, beta: normalize_samples(x, gamma, beta, 1e-5), (x, gamma, beta))


def test_kernels_keep_bfloat16_and_take_float32_statistics(norm: ConditionalInstanceNorm2d) -> None:
    mix = torch.eye(3)[:2]
    x = (torch.randn(2, 5, 64, 64) + 10).bfloat16()
    narrow, wide = x.clone().requires_grad_(), x.float().requires_grad_()
    grad = torch.randn(2, 5, 64, 64).bfloat16()
    output, expected = norm(narrow, mix), norm(wide, mix)
    ours = torch.autograd.grad(output, (narrow, norm.gamma_SC, norm.beta_SC), grad)
    theirs = torch.autograd.grad(expected, (wide, norm.gamma_SC, norm.beta_SC), grad.float())
    assert output.dtype == ours[0].dtype == torch.bfloat16
    for a, b in zip((output, *ours), (expected, *theirs), strict=True):
        assert (a.float() - b).norm() < 4e-3 * b.norm()  # bfloat16 rounds by up to 2^-9.
