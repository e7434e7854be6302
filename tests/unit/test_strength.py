"""Strengths beyond 1: residual blocks that add more."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nstyle
from nstyle.inference.strength import strengthen
from nstyle.models.transformer import ResidualBlock, TransformerNetwork


@pytest.fixture(scope="module")
def stylizer() -> nstyle.Stylizer:
    return nstyle.load("slim")


@pytest.fixture(scope="module")
def image(photo: Path) -> Image.Image:
    with Image.open(photo) as opened:
        return opened.convert("RGB").resize((96, 72))


def test_blocks_add_as_many_times_as_much_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    network = TransformerNetwork(2, width=0.25)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stronger, x, mix = strengthen(network, 2.5), torch.rand(1, 32, 8, 8), torch.tensor([[0.3, 0.7]])
    for old, new in zip(network.residual, stronger.residual, strict=True):
        assert isinstance(old, ResidualBlock)
        torch.testing.assert_close(new(x, mix) - x, 2.5 * (old(x, mix) - x), rtol=1e-4, atol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    changed = {name for name, value in stronger.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"residual.{i}.second.norm.{which}" for i in range(5) for which in ("gamma_SC", "beta_SC")}


def test_strength_1_is_the_network_itself_and_2_goes_further_from_the_photograph(
    stylizer: nstyle.Stylizer, image: Image.Image
) -> None:
    plain = np.asarray(stylizer.stylize(image, "udnie"))
    assert np.array_equal(np.asarray(stylizer.stylize(image, "udnie", strength=1)), plain)
    edges = [
        np.corrcoef(*(np.diff(np.asarray(x.convert("L")).astype(float)).ravel() for x in (image, painted)))[0, 1]
        for painted in (stylizer.stylize(image, "udnie", strength=s) for s in (0.5, 1, 2, 3))
    ]
    assert edges == sorted(edges, reverse=True), "the photograph's edges fade"
    assert np.array_equal(np.asarray(stylizer.stylize(image, "udnie")), plain), "the model is left alone"


def test_blends_masks_arrays_and_tensors_take_it_in_every_tiling(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    blend, array = {"udnie": 0.5, "scream": 0.5}, np.asarray(image)
    plain = partial(stylizer.stylize, strength=2, grain=0)
    painted = np.asarray(plain(image, blend)).astype(float)
    tensor = stylizer.stylize(torch.from_numpy(array.copy()).permute(2, 0, 1) / 255, blend, strength=2)
    assert np.abs(255 * tensor.permute(1, 2, 0).numpy() - painted).max() <= 0.51
    assert np.array_equal(plain(array, blend), painted)
    nowhere = {"udnie": np.zeros(array.shape[:2], np.uint8)}
    masked = np.asarray(plain(image, blend, masks=nowhere)).astype(float)
    assert np.abs(masked - painted).mean() < 0.5
    for tiling in ("whole", "exact", "sampled"):
        other = np.asarray(plain(image, blend, tiling=tiling)).astype(float)
        assert np.abs(other - painted).mean() < 0.5, tiling


def test_a_model_of_one_style_takes_it() -> None:
    base = nstyle.load("slim")
    single = nstyle.Stylizer(base.network.select_styles([3]), base.info)
    picture = torch.rand(1, 3, 32, 32)
    one, all_styles = single._at_strength(single.network, 2)[0], base._at_strength(base.network, 2)[0]
    mix = torch.eye(len(base.styles))[3:4]
    torch.testing.assert_close(one(picture, torch.ones(1, 1)), all_styles(picture, mix), rtol=1e-3, atol=1e-4)
