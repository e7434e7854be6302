"""The transformer network: its size, its shapes, its styles."""

import pytest
import torch

from nstyle.models.norm import ConditionalInstanceNorm2d
from nstyle.models.transformer import MARGIN, REACH, ResidualBlock, TransformerNetwork
from nstyle.tiling.tiles import HALO


def randomized(num_styles: int, width: float = 0.25) -> TransformerNetwork:
    torch.manual_seed(0)
    network = TransformerNetwork(num_styles, width=width)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:
                parameter.add_(torch.randn_like(parameter))
    return network.eval()


@pytest.mark.parametrize("num_styles", [1, 10, 32])
def test_parameter_count(num_styles: int) -> None:
    network = TransformerNetwork(num_styles)
    assert sum(p.numel() for p in network.parameters()) == 1_674_432 + 3_206 * num_styles


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 5), (15, 17), (16, 16), (21, 34), (64, 50)])
def test_any_size_in_same_size_out(size: tuple[int, int]) -> None:
    network = randomized(2)
    with torch.no_grad():
        output = network(torch.rand(1, 3, *size), torch.tensor([[0.5, 0.5]]))
    assert output.shape == (1, 3, *size)
    assert output.min() >= 0
    assert output.max() <= 1


def test_a_mix_map_that_covers_all_is_the_style() -> None:
    """Every picture of a batch has its own map, of the size of the picture."""
    network = randomized(2)
    images, styles = torch.rand(2, 3, 21, 34), torch.eye(2)
    with torch.no_grad():
        by_map = network(images, styles[:, :, None, None].expand(2, 2, 21, 34))
        torch.testing.assert_close(by_map, network(images, styles), rtol=1e-4, atol=1e-5)


def test_a_style_can_be_a_mix() -> None:
    network = randomized(3)
    image, mixes = torch.rand(1, 3, 24, 24), torch.tensor([[0.2, 0.0, 0.8], [0.0, 1.0, 0.0]])
    mixed = network.mix_styles(mixes).eval()
    with torch.no_grad():
        for mix, style in zip(mixes.split(1), torch.eye(2).split(1), strict=True):
            torch.testing.assert_close(mixed(image, style), network(image, mix), rtol=1e-5, atol=1e-6)


def test_every_norm_is_conditional_and_none_is_dead() -> None:
    """Deep Fried applied norm1 twice in its residual block and never norm2; kewellcjj's blocks ignored the style."""
    network = randomized(2)
    network(torch.rand(2, 3, 32, 32), torch.eye(2)).square().sum().backward()
    norms = {name: p for name, p in network.named_parameters() if name.endswith(("gamma_SC", "beta_SC"))}
    assert len(norms) == 2 * (3 + 2 * 5 + 2 + 1)
    for name, parameter in norms.items():
        assert parameter.grad is not None
        assert (parameter.grad.abs().amax(dim=1) > 0).all(), f"{name} does not see both styles"


def test_residual_block_uses_both_of_its_norms_once() -> None:
    block = ResidualBlock(4, 1)
    calls: list[object] = []
    for norm in (block.first.norm, block.second.norm):
        norm.register_forward_hook(lambda module, *_: calls.append(module))
    block(torch.rand(1, 4, 8, 8), torch.ones(1, 1))
    assert calls == [block.first.norm, block.second.norm]


def test_no_relu_after_the_addition() -> None:
    block = ResidualBlock(4, 1)
    x = -torch.ones(1, 4, 8, 8)
    torch.testing.assert_close(block(x, torch.ones(1, 1)), x)  # starts as the identity: its second gamma is 0


def test_blending_leaves_the_model_as_it_was() -> None:
    """Deep Fried overwrites a style slot of the live model to interpolate."""
    network = randomized(3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        network(torch.rand(1, 3, 20, 20), torch.tensor([[0.2, 0.3, 0.5]]))
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_appending_keeps_old_outputs_bit_identical_and_starts_at_the_mean() -> None:
    """Magenta's fine-tuning initializes every style anew and loses the old ones."""
    network = randomized(3)
    grown = network.grow_styles(2).eval()
    image = torch.rand(1, 3, 24, 24)
    with torch.no_grad():
        for style in range(3):
            assert torch.equal(
                network(image, torch.eye(3)[style : style + 1]), grown(image, torch.eye(5)[style : style + 1])
            )
        mean = network(image, torch.full((1, 3), 1 / 3))
        torch.testing.assert_close(grown(image, torch.eye(5)[4:]), mean, rtol=1e-4, atol=1e-5)


def test_select_styles_reorders_rows() -> None:
    network = randomized(3)
    selected = network.select_styles([2, 0]).eval()
    image = torch.rand(1, 3, 24, 24)
    with torch.no_grad():
        assert torch.equal(selected(image, torch.eye(2)[:1]), network(image, torch.eye(3)[2:]))


@pytest.mark.parametrize(("num_styles", "width"), [(0, 1.0), (1, 0.0), (1, 5.0)])
def test_bad_arguments(num_styles: int, width: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        TransformerNetwork(num_styles, width=width)


def test_nothing_farther_than_its_reach_changes_a_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ConditionalInstanceNorm2d, "forward", lambda self, x, mix: x
    )  # Its statistics reach everywhere.
    network = TransformerNetwork(1, width=0.25)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):  # Weights above 0: nothing cancels, and no ReLU cuts anything off.
            torch.nn.init.uniform_(module.weight, 0.5, 1.5).data /= module.weight[0].numel()
    rows = []
    for row in range(80, 84):
        image = torch.full((1, 3, 160, 16), 0.5, requires_grad=True)
        (gradient,) = torch.autograd.grad(network(image, torch.ones(1, 1))[0, :, row].sum(), image)
        touched = gradient[0].abs().sum(dim=(0, 2)).nonzero()
        rows += [row - int(touched.min()), int(touched.max()) - row]
    assert max(rows) == REACH
    assert HALO >= REACH
    assert MARGIN >= REACH
