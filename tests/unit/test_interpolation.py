"""Ways through the weights, and what is measured on them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nstyle.data.crops import center_crops
from nstyle.data.photos import PhotoIndex
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import UsageError
from nstyle.interpolation.follow import LegResult
from nstyle.interpolation.loss_meter import middle_of
from nstyle.interpolation.measure import distance, mix_pixels, monotone, style_losses
from nstyle.interpolation.walk import bilinear, round_trip, walk
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import RELATIVE
from nstyle.models.transformer import TransformerNetwork


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_walk_stays_in_the_simplex_and_meets_every_style(n: int) -> None:
    legs = walk(tuple("abcde"[:n]))
    alphas = np.linspace(0, 1, 7)
    weights = np.concatenate([leg.at(alphas) for leg in legs])
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert all((weights == corner).all(axis=1).any() for corner in np.eye(n))
    assert len(legs) == (1 if n == 2 else n + 1)
    if n > 2:
        np.testing.assert_allclose(weights[-1], 1 / n)


def test_one_style_is_no_walk() -> None:
    with pytest.raises(UsageError, match="at least 2"):
        walk(("alone",))


@pytest.mark.parametrize("n", [2, 3])
def test_a_round_trip_closes_without_a_jump(n: int) -> None:
    weights = round_trip(tuple("abc"[:n]), 10)
    assert len(weights) == 10 * n
    loop = np.concatenate([weights, weights[:1]])
    assert np.abs(np.diff(loop, axis=0)).max() < 0.2
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_bilinear_weights_have_a_style_in_each_corner() -> None:
    weights = bilinear(5)
    np.testing.assert_array_equal(weights[[0, 0, -1, -1], [0, -1, 0, -1]], np.eye(4))
    np.testing.assert_allclose(weights.sum(axis=-1), 1)
    np.testing.assert_allclose(weights[2, 2], 0.25)
    np.testing.assert_allclose(weights[1, 2], [0.375, 0.375, 0.125, 0.125])


def test_monotone_by_hand() -> None:
    rising = np.array([[1.0, 1.0], [2.0, 3.0], [4.0, 4.0]])
    check = monotone(rising, rising=True)
    assert (check.holds, check.worst, check.photographs) == (True, 0, 1)
    assert not monotone(rising, rising=False).holds
    # The mean goes 1, 3, 2: one step back of 1 in a change of 1; the first photograph alone never falls.
    broken = monotone(np.array([[1.0, 1.0], [2.0, 4.0], [3.0, 1.0]]), rising=True)
    assert (broken.holds, broken.worst, broken.photographs) == (False, 1.0, 0.5)


def test_a_leg_checks_the_style_that_goes_and_the_one_that_comes() -> None:
    """On the way from a to b the loss to a must rise and that to b fall; c is left alone."""
    leg = walk(("a", "b", "c"))[0]
    rising, falling = np.array([[0.1], [0.2], [0.3]]), np.array([[0.3], [0.2], [0.1]])
    picture = Image.new("RGB", (2, 2))
    losses = np.stack([rising, falling, rising[[0, 2, 1]]], axis=1)  # (steps, styles, photographs)
    result = LegResult(leg, ("a", "b", "c"), np.array([0, 0.5, 1]), [picture] * 3, [picture] * 3, [0.0] * 3, losses)
    assert {name: check.holds for name, check in result.checks().items()} == {"a": True, "b": True}
    backwards = LegResult(
        leg, ("a", "b", "c"), np.array([0, 0.5, 1]), [picture] * 3, [picture] * 3, [0.0] * 3, losses[::-1]
    )
    assert not any(check.holds for check in backwards.checks().values())
    assert result.of_the_way == [0.0] * 3  # Equal pictures at both ends have no way between them.


def test_mix_of_pixels_and_distance() -> None:
    black, white = Image.new("RGB", (4, 3)), Image.new("RGB", (4, 3), (200, 100, 0))
    mixed = mix_pixels([black, white], np.array([0.25, 0.75]))
    assert mixed.getpixel((0, 0)) == (150, 75, 0)
    assert distance(black, white) == pytest.approx(np.sqrt((200**2 + 100**2) / 3))
    assert distance(mixed, mixed) == 0


@pytest.mark.parametrize("size", [31, 64])
def test_the_painted_photograph_is_measured_as_held_out_ones_are(photo: Path, size: int) -> None:
    assert torch.equal(middle_of(photo, size), center_crops(PhotoIndex(photo.parent, (photo,)), size))


def test_style_losses_of_a_blend_are_those_of_the_perceptual_loss(random_vgg: VGGWeights) -> None:
    torch.manual_seed(0)
    network = TransformerNetwork(3, width=0.25).eval()
    with torch.no_grad():
        for norm in (module for module in network.modules() if hasattr(module, "gamma_SC")):
            norm.gamma_SC.add_(0.5 * torch.randn_like(norm.gamma_SC))
    perceptual = PerceptualLoss(RELATIVE, random_vgg)
    photos = torch.rand(5, 3, 48, 48)
    mixes = torch.tensor([[1.0, 0.0, 0.0], [0.2, 0.0, 0.8]])
    with torch.no_grad():
        targets = perceptual.style_grams(torch.rand(2, 3, 64, 64))
        losses = style_losses(network, perceptual, photos, mixes, targets)
        assert losses.shape == (2, 2, 5)
        for k in range(2):
            for n in range(2):
                output = network(photos, mixes[k].expand(5, -1))
                target = {term: value[n].expand(5, -1, -1) for term, value in targets.items()}
                expected = perceptual(output, perceptual.content_features(photos), target).style
                np.testing.assert_allclose(losses[k, n], expected.numpy(), rtol=1e-4)
