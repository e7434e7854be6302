"""The network in strips, against the network in one piece and against float64 oracles."""

from itertools import pairwise

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import nstyle
from nstyle.models.transformer import TransformerNetwork
from nstyle.tiling.moments import Moments
from nstyle.tiling.paint import Tiling, choose, paint
from nstyle.tiling.plane import Plane
from nstyle.tiling.strips import StripPainter
from nstyle.tiling.tiles import HALO, Tile, samples, tiles
from nstyle.tiling.weights import upsampling_kernels
from nstyle.tiling.whole import WholePainter

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


def ramps(height: int, width: int) -> Tensor:
    """A mix map from the second style at the left to the first one at the right; (1, 3, H, W)."""
    ramp = torch.linspace(0, 1, width).expand(1, 1, height, width)
    return torch.cat([ramp, 1 - ramp, torch.zeros_like(ramp)], dim=1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dtype", "floor"), [(torch.float32, 58), (torch.bfloat16, 48)])
def test_strips_paint_what_the_network_paints(
    network: TransformerNetwork, size: tuple[int, int], dtype: torch.dtype, floor: float
) -> None:
    """Taller than a strip, wider than tall, as small as can be. Random weights are harsher than trained ones (58 dB in
    bfloat16)."""
    photo, mix = picture(*size), torch.tensor([[0.2, 0.0, 0.8]])
    with torch.inference_mode():
        whole = network(photo, mix)
    painted = StripPainter(network, dtype).paint(photo, mix)
    assert painted.shape == whole.shape
    assert psnr(painted, whole) > floor


@pytest.mark.parametrize("size", SIZES)
def test_few_passes_paint_what_the_network_paints(network: TransformerNetwork, size: tuple[int, int]) -> None:
    """What a GPU runs, here by the operations that a CPU has for it: weights and maps, colours and bytes, both
    precisions."""
    photo, mix = picture(*size), torch.tensor([[0.2, 0.0, 0.8]])
    painter = WholePainter(network, torch.float32)
    with torch.inference_mode():
        whole, by_map = network(photo, mix), network(photo, ramps(*size))
    torch.testing.assert_close(painter.paint(photo, mix), whole, rtol=0.0, atol=2e-4)
    torch.testing.assert_close(painter.paint(photo, ramps(*size)), by_map, rtol=0.0, atol=2e-4)
    half = WholePainter(network, torch.float16)
    assert (half.paint(photo, mix) - whole).abs().mean() < 1 / 255
    levels = photo.mul(255).round()
    torch.testing.assert_close(
        half.paint(levels.to(torch.uint8), mix), half.paint(levels / 255, mix), rtol=0.0, atol=0.02
    )


def test_only_rounding_differs(network: TransformerNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing stored in half precision strips and network agree to float32's last digits."""
    monkeypatch.setattr("nstyle.tiling.strips.DOWNSAMPLED_STORE", torch.float32)
    monkeypatch.setattr(StripPainter, "store", torch.float32)
    photo, mix = picture(132, 68), torch.tensor([[0.0, 1.0, 0.0]])
    with torch.inference_mode():
        assert psnr(StripPainter(network, torch.float32).paint(photo, mix), network(photo, mix)) > 110


@pytest.mark.parametrize(("dtype", "floor"), [(torch.float32, 58), (torch.bfloat16, 48)])
def test_strips_follow_a_mix_map(network: TransformerNetwork, dtype: torch.dtype, floor: float) -> None:
    photo, mix = picture(96, 128), ramps(96, 128)
    with torch.inference_mode():
        whole = network(photo, mix)
    assert psnr(StripPainter(network, dtype).paint(photo, mix), whole) > floor
    assert psnr(whole, network(photo, torch.tensor([[1.0, 0.0, 0.0]])).detach()) < 40  # The map does something.


def test_bytes_are_read_as_colours(network: TransformerNetwork) -> None:
    photo = (picture(64, 64) * 255).round()
    mix = torch.tensor([[1.0, 0.0, 0.0]])
    painter = StripPainter(network, torch.float32)
    colors, levels = painter.paint(photo / 255, mix), painter.paint(photo.to(torch.uint8), mix)
    assert levels.dtype == torch.uint8
    assert (levels - 255 * colors).abs().max() <= 0.501


@pytest.mark.parametrize("map_too", [False, True])
def test_tiles_with_the_moments_of_the_picture_are_the_picture(network: TransformerNetwork, map_too: bool) -> None:
    """No seam anywhere: the halo covers all that a tile depends on."""
    photo, mix = picture(452, 332), torch.tensor([[0.2, 0.0, 0.8]])
    if map_too:
        network, mix = network.select_styles([0, 1]).eval(), ramps(452, 332)[:, :2]
    painter = StripPainter(network, torch.float32)
    whole = painter.paint(photo, mix)
    seen = torch.zeros(452, 332)
    for tile in tiles(452, 332, side=180):
        around = tile.grown(HALO, 452, 332)
        painted = painter.paint(around.of(photo), around.of(mix) if map_too else mix)
        torch.testing.assert_close(tile.within(around).of(painted), tile.of(whole), atol=1e-4, rtol=0)
        tile.of(seen).add_(1)
    assert (seen == 1).all()


def test_the_halo_of_samples_is_not_measured(network: TransformerNetwork) -> None:
    """Squares that cover a picture but for its rim, and overlap by their halos only, tell nearly all of its moments."""
    photo, mix = picture(2 * HALO + 128, 2 * HALO + 96), torch.tensor([[1.0, 0.0, 0.0]])
    whole, sampled = StripPainter(network, torch.float32), StripPainter(network, torch.float32)
    whole.paint(photo, mix)
    squares = [
        Tile(top, top + 2 * HALO + 32, left, left + 2 * HALO + 32)
        for top in range(0, 128, 32)
        for left in range(0, 96, 32)
    ]
    sampled.measure(torch.cat([square.of(photo) for square in squares]), mix, halo=HALO)
    first = network.downsampling[0]
    raw = F.conv2d(F.pad(photo, (4,) * 4, mode="reflect"), first.conv.weight)[:, :, HALO:-HALO, HALO:-HALO]
    (measured,) = sampled.moments[first]
    assert measured.count == 128 * 96
    torch.testing.assert_close(measured.mean.float(), raw.mean(dim=(0, 2, 3)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(measured.variance.float(), raw.var(dim=(0, 2, 3), correction=0), atol=1e-5, rtol=1e-3)
    for layer, (moments,) in sampled.moments.items():
        scale = whole.moments[layer][0].count / (photo.shape[2] * photo.shape[3])
        assert moments.count == round(scale * 128 * 96)


@pytest.mark.parametrize(("tiling", "decibels"), [("sampled", 31), ("thumbnail", 23)])
def test_samples_come_close_to_the_exact_picture(
    tiling: Tiling, decibels: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real photograph in a real style."""
    monkeypatch.setattr("nstyle.tiling.paint.FEWEST_SAMPLED", 1_000_000)
    model = nstyle.load("default")
    pixels = np.array(Image.fromarray(skimage.data.astronaut()).resize((1200, 1200)))
    photo, mix = torch.from_numpy(pixels).permute(2, 0, 1)[None], torch.eye(len(model.styles))[:1]
    shares: list[float] = []
    painted = paint(model.network, photo, mix, tiling, shares.append)
    assert psnr(painted / 255, paint(model.network, photo, mix, "exact") / 255) > decibels
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("size", [(16, 16), (20, 300), (128, 80)])
def test_small_pictures_are_sampled_as_a_whole(network: TransformerNetwork, size: tuple[int, int]) -> None:
    """Under a map too, and thumbnails of them are as large; the progress reaches its end whatever is measured."""
    photo, shares = picture(*size), list[float]()
    for mix in (torch.tensor([[0.5, 0.0, 0.5]]), ramps(*size)):
        exact = paint(network, photo, mix, "exact", shares.append)
        assert shares.pop() == pytest.approx(1, abs=1e-6)
        for tiling in ("sampled", "thumbnail"):
            assert torch.equal(paint(network, photo, mix, tiling, shares.append), exact)
            assert shares.pop() == pytest.approx(1, abs=1e-6)


def test_exact_and_whole_tell_of_progress_and_keep_bytes(network: TransformerNetwork) -> None:
    photo, mix = (picture(96, 80) * 255).to(torch.uint8), torch.tensor([[0.5, 0.0, 0.5]])
    shares: list[float] = []
    exact = paint(network, photo, mix, "exact", shares.append)
    assert shares[-1] == pytest.approx(1, abs=1e-6)
    whole = paint(network, photo.contiguous(), mix, "whole")
    assert exact.dtype == whole.dtype == torch.uint8
    assert psnr(exact / 255, whole / 255) > 40


def test_what_does_not_fit_is_sampled(network: TransformerNetwork) -> None:
    cpu = torch.device("cpu")
    full = TransformerNetwork(1)
    assert [choose("auto", full, megapixels * 10**6, cpu) for megapixels in (1, 24, 100)] == [
        "exact",
        "exact",
        "sampled",
    ]
    assert choose("auto", network, 50 * 10**6, cpu) == "exact"  # Half the width takes half the memory.
    assert choose("whole", full, 10**9, cpu) == "whole"


def test_one_piece_has_to_fit_with_every_style_of_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.mps.recommended_max_memory", lambda: 16 * 10**9)
    full, mps = TransformerNetwork(1), torch.device("mps")
    assert choose("auto", full, 4 * 10**6, mps) == "whole"
    assert choose("auto", full, 4 * 10**6, mps, at_once=3) == "exact"
    memory = {"mem_get_info": (2 * 10**9, 8 * 10**9), "memory_reserved": 6 * 10**9, "memory_allocated": 10**8}
    for name, value in memory.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    cuda = torch.device("cuda")
    assert choose("auto", full, 4 * 10**6, cuda) == "whole", "what torch keeps for reuse is free"
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 6 * 10**9)
    assert choose("auto", full, 4 * 10**6, cuda) == "exact"


def test_samples_lie_within_the_picture_and_all_over_it() -> None:
    for height, width in ((4000, 6000), (1000, 20000), (3000, 2000)):
        squares = samples(height, width, height * width // 4)
        assert sum(square.area for square in squares) == pytest.approx(height * width / 4, rel=0.25)
        assert all(
            0 <= s.top < s.bottom <= height and 0 <= s.left < s.right <= width and s.top % 4 == s.left % 4 == 0
            for s in squares
        )
        for side, lefts in ((height, [s.top for s in squares]), (width, [s.left for s in squares])):
            steps = sorted({*lefts})
            assert max(b - a for a, b in pairwise([0, *steps, side])) < 0.5 * side + 256


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_moments_of_parts_are_those_of_the_whole(dtype: torch.dtype) -> None:
    """Channels far from 0 with a small spread: a sum of squares would lose all digits."""
    torch.manual_seed(0)
    x = (
        (torch.randn(1, 6, 37, 20) * torch.arange(1, 7)[:, None, None] + 50)
        .to(dtype)
        .contiguous(memory_format=torch.channels_last)
    )
    moments = Moments(6, torch.device("cpu"))
    for part in torch.split(x, 8, dim=2):
        moments.add(part)
    oracle = x.double()
    torch.testing.assert_close(moments.mean, oracle.mean(dim=(0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(moments.variance, oracle.var(dim=(0, 2, 3), correction=0), rtol=1e-4, atol=0)
    moments.remove(x[:, :, 30:])
    torch.testing.assert_close(moments.variance, oracle[:, :, :30].var(dim=(0, 2, 3), correction=0), rtol=1e-4, atol=0)
    halves = torch.cat([oracle[:, :3, :30], oracle[:, 3:, :30]], dim=2)
    torch.testing.assert_close(
        moments.merge_halves().variance, halves.var(dim=(0, 2, 3), correction=0), rtol=1e-4, atol=0
    )


def test_upsampling_is_folded_into_the_kernel() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(1, 5, 7, 6, dtype=torch.float64), torch.randn(4, 5, 3, 3, dtype=torch.float64)
    expected = F.conv2d(F.pad(F.interpolate(x, scale_factor=2.0, mode="nearest"), (1,) * 4, mode="reflect"), weight)
    edged = F.pad(x, (1,) * 4, mode="replicate")
    for odd, kernel in enumerate(upsampling_kernels(weight, torch.float64)):
        rows = F.conv2d(edged[:, :, odd : 8 + odd], kernel)
        torch.testing.assert_close(rows[:, :4, :, :6], expected[:, :, odd::2, 0::2])
        torch.testing.assert_close(rows[:, 4:, :, 1:], expected[:, :, odd::2, 1::2])


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
def test_borders_are_torchs(mode: str) -> None:
    x = torch.randn(1, 2, 9, 8)
    plane = Plane((1, 2, 9, 8), border=4, halo=0, dtype=torch.float32, device=x.device)
    for strip in plane.strips(5):
        plane.put(strip, x[:, :, strip.rows])
    plane.close(mode)  # type: ignore[arg-type]
    assert torch.equal(plane.data, F.pad(x, (4,) * 4, mode=mode))
