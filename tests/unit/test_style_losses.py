"""Style losses against slow, obvious float64 oracles, and their gradients."""

import math
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nstyle.errors import UsageError
from nstyle.losses.statistics import mean_std, mmd, mmd_bandwidth, moment_error, moments
from nstyle.losses.style import LOSS_LABELS, STYLE_LOSSES, style_loss
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.settings import settings_of


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    """Features of a picture and of a style, (1, 3, 4, 5), float64, skewed like those after a ReLU."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64).exp()
    return features[:1], features[1:]


def values(features: Tensor) -> list[list[float]]:
    return [row.tolist() for row in features[0].flatten(1)]


def oracle_gram(x: Tensor, s: Tensor) -> float:
    """The style-inversion chapter, eq. 1.1 to 1.3, with loops."""
    fx, fs = values(x), values(s)
    c, positions = len(fx), len(fx[0])
    total = 0.0
    for i in range(c):
        for j in range(c):
            gx = sum(fx[i][p] * fx[j][p] for p in range(positions))
            gs = sum(fs[i][p] * fs[j][p] for p in range(positions))
            total += (gs - gx) ** 2
    return total / (c**2 * positions**2)


def central_moment(row: list[float], k: int) -> float:
    mean = math.fsum(row) / len(row)
    return mean if k == 1 else math.fsum((value - mean) ** k for value in row) / len(row)


def oracle_moments(x: Tensor, s: Tensor, order: int) -> float:
    """The style-inversion chapter, eq. 1.4 and 1.5, with loops."""
    fx, fs = values(x), values(s)
    total = 0.0
    for k in range(1, order + 1):
        target = [central_moment(row, k) for row in fs]
        psi = min(1.0, 1 / abs(sum(target) / len(target)))
        total += psi * sum((t - central_moment(row, k)) ** 2 for t, row in zip(target, fx, strict=True))
    return total / len(fx)


def oracle_mmd(x: Tensor, s: Tensor) -> float:
    """The style-inversion chapter, eq. 1.6, with loops: pairs (2j - 1, 2j) counted from 1."""
    total = 0.0
    for row_x, row_s in zip(values(x), values(s), strict=True):
        bandwidth = 2 * central_moment(row_s, 2)

        def k(a: float, b: float, bandwidth: float = bandwidth) -> float:
            return math.exp(-((a - b) ** 2) / bandwidth)

        for j in range(len(row_x) // 2):
            (n1, n2), (s1, s2) = row_x[2 * j : 2 * j + 2], row_s[2 * j : 2 * j + 2]
            total += k(s1, s2) + k(n1, n2) - k(s1, n2) - k(s2, n1)
    return total


def oracle_mean_std(x: Tensor, s: Tensor) -> float:
    total = 0.0
    for row_x, row_s in zip(values(x), values(s), strict=True):
        total += (central_moment(row_x, 1) - central_moment(row_s, 1)) ** 2
        total += (math.sqrt(central_moment(row_x, 2)) - math.sqrt(central_moment(row_s, 2))) ** 2
    return total / len(values(x))


ORACLES: dict[str, tuple[dict[str, int], Callable[[Tensor, Tensor], float]]] = {
    "gram": ({}, oracle_gram),
    "gram-gatys": ({}, lambda x, s: oracle_gram(x, s) / 4),
    "mmd": ({}, oracle_mmd),
    "mean-std": ({}, oracle_mean_std),
    **{f"moments-{n}": ({"num_moments": n}, lambda x, s, n=n: oracle_moments(x, s, n)) for n in (1, 2, 3, 4)},
}


@pytest.mark.parametrize("label", ORACLES)
def test_losses_agree_with_their_oracles_and_gradients(label: str, pair: tuple[Tensor, Tensor]) -> None:
    options, oracle = ORACLES[label]
    loss = style_loss("moments" if label.startswith("moments") else label, **options)
    x, s = pair
    assert loss.compare(loss.describe(x), loss.target(s), None).item() == pytest.approx(oracle(x, s), rel=1e-6)
    assert torch.autograd.gradcheck(
        lambda x: loss.compare(loss.describe(x), loss.target(s), None), x.clone().requires_grad_()
    )


@pytest.mark.parametrize("name", [name for name in STYLE_LOSSES if name != "mmd-shuffled"])
def test_a_picture_has_no_loss_against_itself(name: str, pair: tuple[Tensor, Tensor]) -> None:
    loss = style_loss(name, num_moments=4)
    assert loss.compare(loss.describe(pair[0]), loss.target(pair[0]), None).item() == pytest.approx(0, abs=1e-12)


def test_shuffled_mmd_of_a_picture_with_itself_has_mean_zero() -> None:
    loss = style_loss("mmd-shuffled")
    features = torch.randn(1, 4, 12, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    description, target = loss.describe(features), loss.target(features)
    generator = torch.Generator().manual_seed(2)
    draws = torch.stack([loss.compare(description, target, generator)[0] for _ in range(400)])
    assert (draws < 0).any()
    assert (draws > 0).any()
    standard_error = draws.std() / math.sqrt(len(draws))
    # Pairs within a picture are drawn without replacement, so that no position meets itself there, while across the two
    # pictures, which are the same, it does: with n positions the mean is 2 (mean k of distinct positions - mean k of
    # all), of order 1 / n.
    values = features.flatten(2)
    kernel = torch.exp(-(values[..., :, None] - values[..., None, :]).square() / target[1][..., None])
    count = values.shape[2]
    distinct = (kernel.sum(dim=(2, 3)) - count) / (count * (count - 1))
    expected = 2 * (distinct - kernel.mean(dim=(2, 3))).mean()
    assert abs(expected) < 0.02
    assert abs(draws.mean() - expected) < 4 * standard_error


def test_shuffled_mmd_tells_distributions_apart_and_takes_pictures_of_two_sizes() -> None:
    loss = style_loss("mmd-shuffled")
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(1, 3, 20, 20, generator=generator), 3 + torch.randn(1, 3, 10, 16, generator=generator)
    assert loss.compare(loss.describe(one), loss.target(other), generator).item() > 0.5


def test_fixed_mmd_needs_pictures_of_one_size(pair: tuple[Tensor, Tensor]) -> None:
    loss = style_loss("mmd")
    with pytest.raises(UsageError, match=r"has 5x4 of them .* style 4x4; .*mmd-shuffled"):
        loss.compare(loss.describe(pair[0]), loss.target(pair[1][..., :4]), None)


def test_mmd_survives_channels_that_are_zero_in_the_target() -> None:
    target = torch.zeros(1, 2, 8)
    target[:, 1] = torch.arange(8.0)
    features = torch.rand(1, 2, 8).requires_grad_()
    mmd(features, target, mmd_bandwidth(target)).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_mean_std_has_a_gradient_where_a_channel_is_flat() -> None:
    features = torch.ones(1, 2, 4, 4, requires_grad=True)
    mean_std(features).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_moments_in_the_features_own_dtype_and_layout(dtype: torch.dtype, layout: torch.memory_format) -> None:
    features = torch.rand(2, 8, 9, 7).to(dtype).contiguous(memory_format=layout).requires_grad_()
    exact = features.detach().double().requires_grad_()
    weights = torch.rand(2, 4, 8)
    (moments(features, 4) * weights).sum().backward()
    (moments(exact, 4) * weights).sum().backward()
    assert features.grad is not None
    assert features.grad.dtype == dtype
    torch.testing.assert_close(moments(features, 4).double(), moments(exact, 4), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        features.grad.double(), exact.grad, rtol=2e-2 if dtype == torch.bfloat16 else 1e-4, atol=1e-5
    )


def test_negative_target_moments_do_not_turn_the_loss_around() -> None:
    target = torch.full((1, 3, 2), -5.0)
    assert moment_error(torch.zeros(1, 3, 2), target).item() > 0


def test_unknown_losses_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"no style loss 'wasserstein'; expected one of gram, .*mean-std"):
        style_loss("wasserstein")


def test_one_table_says_names_choices_and_order_without_torch() -> None:
    assert settings_of(ReconstructionConfig)["loss"].choices == tuple(STYLE_LOSSES)
    assert set(ORACLES) | {"mmd-shuffled"} == set(LOSS_LABELS)
    code = "import sys, nstyle.reconstruction.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
