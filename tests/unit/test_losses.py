"""Losses against slow, obvious oracles in float64, and gradient checks."""

import math

import pytest
import torch
from torch import Tensor

from nstyle.encoders.vgg import VGGFeatures, VGGWeights
from nstyle.errors import UsageError
from nstyle.losses.functional import (
    downsample,
    gram,
    mean_square,
    mean_squared_error,
    relative_squared_error,
    total_variation,
)
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import DUMOULIN, JOHNSON, JOHNSON_OXFORD, PRESETS, RELATIVE, Preset, for_release


def gram_oracle(features: Tensor, divisor: str) -> Tensor:
    batch, channels, height, width = features.shape
    result = torch.zeros(batch, channels, channels, dtype=torch.float64)
    for b in range(batch):
        for i in range(channels):
            for j in range(channels):
                result[b, i, j] = sum(
                    float(features[b, i, y, x]) * float(features[b, j, y, x])
                    for y in range(height)
                    for x in range(width)
                )
    return result / (height * width * (channels if divisor == "chw" else 1))


@pytest.mark.parametrize("divisor", ["chw", "hw"])
def test_gram(divisor: str) -> None:
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(gram(features, divisor), gram_oracle(features, divisor))
    torch.testing.assert_close(
        gram(features.float(), divisor).double(), gram_oracle(features, divisor), rtol=1e-5, atol=1e-5
    )


def test_gram_gradient() -> None:
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: gram(x, "chw"), features)
    weights = torch.randn(2, 3, 3, dtype=torch.float64)  # not symmetric
    assert torch.autograd.gradcheck(lambda x: (gram(x, "hw") * weights).sum(), features)


def test_gram_is_float32_under_autocast_and_does_not_overflow() -> None:
    """pytorch#3651: H W alone overflows half precision; apex#402: bmm under autocast gave NaN."""
    features = (500 * torch.rand(1, 4, 300, 300)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = gram(features, "hw")
    assert value.dtype == torch.float32
    expected = gram(features.double(), "hw")
    torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=0.0)


def test_gram_divisors_differ_by_the_channels() -> None:
    """Weights for the two conventions are not portable: they differ by C, and losses by C squared."""
    features = torch.rand(1, 8, 6, 6)
    torch.testing.assert_close(gram(features, "hw"), 8 * gram(features, "chw"))


def test_mean_and_relative_squared_error() -> None:
    x, target = torch.randn(2, 3, 4, 4, dtype=torch.float64), torch.randn(2, 3, 4, 4, dtype=torch.float64)
    for b in range(2):
        squared = sum((float(p) - float(q)) ** 2 for p, q in zip(x[b].flatten(), target[b].flatten(), strict=True))
        energy = sum(float(q) ** 2 for q in target[b].flatten())
        assert mean_squared_error(x, target)[b].item() == pytest.approx(squared / 48)
        assert relative_squared_error(x, target)[b].item() == pytest.approx(squared / energy, rel=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 7)])
def test_mean_square_gradient(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(mean_square, x)


def test_mean_square_of_bfloat16_adds_in_float32() -> None:
    x = (torch.randn(2, 8, 64, 64) + 3).bfloat16().contiguous(memory_format=torch.channels_last)
    value = mean_square(x)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), x.double().square().mean(dim=(1, 2, 3)), rtol=1e-4, atol=0.0)


def test_relative_error_does_not_depend_on_scale() -> None:
    x, target = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(relative_squared_error(x, target), relative_squared_error(100 * x, 100 * target))
    torch.testing.assert_close(relative_squared_error(torch.zeros_like(x), target), torch.ones(2), rtol=1e-4, atol=0.0)


@pytest.mark.parametrize("power", [2.0, 2.5])
def test_total_variation(power: float) -> None:
    image = torch.rand(2, 3, 5, 4, dtype=torch.float64)
    for b in range(2):
        terms = [
            (
                (float(image[b, c, y, x + 1]) - float(image[b, c, y, x])) ** 2
                + (float(image[b, c, y + 1, x]) - float(image[b, c, y, x])) ** 2
            )
            ** (power / 2)
            for c in range(3)
            for y in range(4)
            for x in range(3)
        ]
        assert total_variation(image, power)[b].item() == pytest.approx(math.fsum(terms) / len(terms))
    assert torch.autograd.gradcheck(lambda x: total_variation(x, power), image.requires_grad_())


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (3, 3)])
def test_downsample_halves_and_suppresses_aliasing(size: tuple[int, int]) -> None:
    constant = torch.full((1, 3, *size), 0.7)
    halved = downsample(constant)
    assert halved.shape[-2:] == ((size[0] + 1) // 2, (size[1] + 1) // 2)
    torch.testing.assert_close(halved, torch.full_like(halved, 0.7))
    stripes = (torch.arange(32) % 2).float().expand(1, 3, 32, 32)
    assert (downsample(stripes)[..., 2:-2] - 0.5).abs().max() < 0.01, "the finest stripes must turn grey"


def test_downsample_gradient() -> None:
    image = torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(downsample, image)


@pytest.mark.parametrize("preset", [JOHNSON, JOHNSON_OXFORD, DUMOULIN])
def test_absolute_presets_against_an_oracle(preset: Preset, random_vgg: VGGWeights) -> None:
    loss = PerceptualLoss(preset, random_vgg)
    output, photo, painting = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), torch.rand(1, 3, 40, 32)
    vgg = VGGFeatures(random_vgg, [*preset.style_layers, *preset.content_layers], pooling=preset.pooling)
    f_output, f_photo, f_painting = vgg(output), vgg(photo), vgg(painting)
    content = sum((f_output[n] - f_photo[n]).square().mean() for n in preset.content_layers)
    style = 0.0
    for n in preset.style_layers:
        grams = [
            f[n][0].flatten(1).double() @ f[n][0].flatten(1).double().T / f[n][0, 0].numel()
            for f in (f_output, f_painting)
        ]
        channels = grams[0].shape[0] if preset.gram_divisor == "chw" else 1
        style += float(((grams[0] - grams[1]) / channels).square().mean())
    losses = loss(output, loss.content_features(photo), loss.style_grams(painting))
    assert losses.content.item() == pytest.approx(float(content), rel=1e-4)
    assert losses.style.item() == pytest.approx(style, rel=1e-4)
    total = preset.content_weight * float(content) + preset.style_weight * style
    total += preset.tv_weight * total_variation(output).item()
    assert loss.total(losses).item() == pytest.approx(total, rel=1e-4)


def test_total_variation_of_johnson_under_oxford_is_that_of_their_code() -> None:
    """1e-6 times half the squared differences, summed over a batch of 4 pictures of 256 px on 0-255 (train.lua)."""
    batch = torch.rand(4, 3, 256, 256, dtype=torch.float64)
    dx = 255 * (batch[..., :-1, 1:] - batch[..., :-1, :-1])
    dy = 255 * (batch[..., 1:, :-1] - batch[..., :-1, :-1])
    theirs = 1e-6 * (dx.square() + dy.square()).sum() / 2
    ours = JOHNSON_OXFORD.tv_weight * total_variation(batch).mean()
    assert ours.item() == pytest.approx(theirs.item(), rel=0.01)


def test_a_preset_takes_the_weights_of_the_release() -> None:
    assert for_release("johnson", "oxford") == JOHNSON_OXFORD
    for preset, release in ((JOHNSON, "torchvision"), (JOHNSON, "random"), (RELATIVE, "oxford"), (DUMOULIN, "oxford")):
        assert for_release(preset.name, release) == preset
    assert Preset.from_dict(JOHNSON_OXFORD.to_dict()) == JOHNSON_OXFORD


def test_relative_preset_takes_three_scales(random_vgg: VGGWeights) -> None:
    loss = PerceptualLoss(RELATIVE, random_vgg)
    output, photo = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    targets = loss.style_grams(torch.rand(2, 3, 48, 40))
    assert set(targets) == {f"{layer}@{scale}" for layer in RELATIVE.style_layers for scale in range(3)}
    losses = loss(output, loss.content_features(photo), targets)
    half = downsample(output)
    features = VGGFeatures(random_vgg, ["relu2_2"])(half)
    expected = relative_squared_error(gram(features["relu2_2"], "hw"), targets["relu2_2@1"])
    torch.testing.assert_close(losses.style_terms["relu2_2@1"], expected)
    torch.testing.assert_close(losses.style, torch.stack(list(losses.style_terms.values())).mean(dim=0))


def test_relative_preset_is_the_same_for_loud_and_soft_features(random_vgg: VGGWeights) -> None:
    """With absolute losses soft paintings are hardly learnt; the relative ones ignore how loud the features are."""
    names = [k for k in random_vgg.state if k.startswith("features.0.")]
    louder = dict(random_vgg.state) | {k: 10 * random_vgg.state[k] for k in names}
    quiet_biases = {k: torch.zeros_like(v) if k.endswith("bias") else v for k, v in random_vgg.state.items()}
    loud_biases = {k: torch.zeros_like(v) if k.endswith("bias") else louder[k] for k, v in random_vgg.state.items()}
    output, photo, painting = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    values = []
    for state in (quiet_biases, loud_biases):
        weights = VGGWeights(
            architecture="vgg16", release="random", mean=random_vgg.mean, std=random_vgg.std, sha256="none", state=state
        )
        loss = PerceptualLoss(RELATIVE, weights)
        values.append(loss.total(loss(output, loss.content_features(photo), loss.style_grams(painting))))
    # What is added to every target's energy shows a little at relu4_1, where random weights are faint.
    torch.testing.assert_close(values[0], values[1], rtol=1e-3, atol=0.0)


def test_style_factor_acts_per_sample(random_vgg: VGGWeights) -> None:
    loss = PerceptualLoss(RELATIVE, random_vgg)
    losses = loss(
        torch.rand(2, 3, 32, 32),
        loss.content_features(torch.rand(2, 3, 32, 32)),
        loss.style_grams(torch.rand(2, 3, 32, 32)),
    )
    plain, scaled = loss.total(losses), loss.total(losses, torch.tensor([1.0, 3.0]))
    torch.testing.assert_close(
        scaled - plain, torch.stack([torch.zeros(()), 2 * RELATIVE.style_weight * losses.style[1]])
    )


def test_too_small_for_the_coarsest_scale(random_vgg: VGGWeights) -> None:
    with pytest.raises(UsageError, match="10x40 px is too small"):
        PerceptualLoss(RELATIVE, random_vgg).style_grams(torch.rand(1, 3, 40, 10))


def test_bfloat16_losses_are_close_to_float32(random_vgg: VGGWeights) -> None:
    output, photo, painting = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    totals = []
    for dtype in (torch.float32, torch.bfloat16):
        loss = PerceptualLoss(RELATIVE, random_vgg, dtype=dtype)
        losses = loss(output, loss.content_features(photo), loss.style_grams(painting))
        assert losses.style.dtype == torch.float32
        totals.append(loss.total(losses))
    torch.testing.assert_close(totals[0], totals[1], rtol=0.02, atol=0.0)


def test_presets_survive_a_round_trip_and_reject_nonsense() -> None:
    for preset in PRESETS.values():
        assert Preset.from_dict(preset.to_dict()) == preset
    assert RELATIVE.override(style_weight=None, tv_weight=2.0).style_weight == RELATIVE.style_weight
    with pytest.raises(UsageError, match="`style_weight` is -1"):
        RELATIVE.override(style_weight=-1.0)
    with pytest.raises(UsageError, match="style_scales"):
        RELATIVE.override(style_scales=0)
