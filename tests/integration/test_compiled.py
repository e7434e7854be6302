"""Compiled against eager: values and gradients, by the kernels of CPUs and by the generic ones that a GPU takes.

torch.compile has been silently wrong for instance norm, reflection padding and forwards of autograd.Functions that end
in place (pytorch#142839, #183601, #100793, #180642). Runs where there is no compiler too: what is traced was wrong, not
the code that is generated.
"""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from nstyle.encoders.vgg import VGGWeights
from nstyle.losses.functional import downsample, gram, mean_square, mean_squared_error
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import RELATIVE, Preset
from nstyle.losses.statistics import moments
from nstyle.models import kernels
from nstyle.models.convolution import convolve_image, reflect_and_convolve, upsample_and_convolve
from nstyle.models.reflection import Reflection
from nstyle.models.transformer import TransformerNetwork
from nstyle.training.augmentation import Augmentation
from nstyle.training.precision import why_not_compiled
from nstyle.training.update import StyleTable, Taken, Update, step_losses

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning"
)  # Compilers warn of themselves.

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
DTYPES = (torch.float32, torch.bfloat16)


@pytest.fixture(params=["cpu-kernels", "generic"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which kernels are taken; on a GPU the generic ones in any case."""
    torch.compiler.reset()
    if request.param == "generic":
        monkeypatch.setattr(kernels, "takes_cpu_kernels", lambda x: False)
    elif DEVICE.type != "cpu":
        pytest.skip("a GPU takes the generic kernels only")
    return str(request.param)


def random(*shape: int, seed: int = 0) -> Tensor:
    return (
        torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
        .to(DEVICE)
        .contiguous(memory_format=torch.channels_last)
    )


WEIGHT_3 = random(8, 3, 3, 3, seed=1)
WEIGHT_8 = random(8, 8, 3, 3, seed=2)
WEIGHT_FIRST = random(8, 3, 9, 9, seed=4)
WEIGHT_LAST = random(3, 8, 9, 9, seed=5)
PIECES: dict[str, tuple[int, Callable[[Tensor], Tensor]]] = {
    "gram": (8, lambda x: gram(x, "hw")),
    "mean_square": (8, mean_square),
    "mean_squared_error": (8, lambda x: mean_squared_error(x, torch.ones_like(x))),
    "moments": (8, lambda x: moments(x, 4)),
    "downsample": (3, downsample),
    "convolve_image": (3, lambda x: convolve_image(x.float(), WEIGHT_3, torch.ones(8, device=x.device), x.dtype)),
    "reflection": (8, lambda x: Reflection.apply(x, 4)),
    "reflect_and_convolve": (8, lambda x: reflect_and_convolve(x, WEIGHT_8.to(x.dtype))),
    "first layer": (3, lambda x: reflect_and_convolve(x, WEIGHT_FIRST.to(x.dtype))),
    "last layer": (8, lambda x: reflect_and_convolve(x, WEIGHT_LAST.to(x.dtype))),
    "upsample_and_convolve": (8, lambda x: upsample_and_convolve(x, WEIGHT_8.to(x.dtype))),
}
"""Channels of the input by piece, and the piece: every autograd.Function, and what is fused around them."""


@pytest.mark.parametrize("dtype", DTYPES, ids=["fp32", "bf16"])
@pytest.mark.parametrize("name", PIECES)
def test_a_compiled_piece_has_the_eager_values_and_gradients(name: str, dtype: torch.dtype, path: str) -> None:
    channels, piece = PIECES[name]
    results = []
    for function in (piece, torch.compile(piece, backend="aot_eager", dynamic=False)):
        x = random(2, channels, 20, 16).to(dtype).requires_grad_()
        value = function(x)
        (gradient,) = torch.autograd.grad(
            value, x, random(*value.shape, seed=3).to(value.dtype) if value.dim() == 4 else torch.ones_like(value)
        )
        results.append((value.detach(), gradient))
    assert results[0][1].abs().max() > 0
    for eager, compiled in zip(*results, strict=True):
        error = (compiled.float() - eager.float()).norm() / eager.float().norm()
        assert error < (1e-5 if dtype == torch.float32 else 1e-2)


def make_update(
    weights: VGGWeights, dtype: torch.dtype, preset: Preset, clip: float = 10.0
) -> tuple[Update, Tensor, Tensor]:
    """Build a small update with its photographs and ids: every parameter has a gradient."""
    torch.manual_seed(0)
    loss = PerceptualLoss(preset, weights, dtype=dtype).to(DEVICE)
    network = TransformerNetwork(2, width=0.125)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    paintings = torch.rand(2, 3, 48, 40).to(DEVICE)
    targets = {term: value.detach() for term, value in loss.style_grams(paintings).items()}
    styles = StyleTable(torch.eye(2, device=DEVICE), targets, torch.ones(2, device=DEVICE))
    network = network.to(DEVICE).to(memory_format=torch.channels_last)
    update = Update(
        network,
        loss,
        styles,
        clip=clip,
        dtype=dtype,
        device=DEVICE,
        augmentation=Augmentation(grain=4.0, plain=0.5),
        stability_weight=1.0,
    )
    return (
        update,
        torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8).to(DEVICE),
        torch.tensor([0, 1], device=DEVICE),
    )


SMALL = RELATIVE.override(content_layers=("relu2_1",), style_layers=("relu1_2",), style_scales=2)


def take_both_ways(weights: VGGWeights, dtype: torch.dtype, backend: str) -> tuple[Taken, Taken]:
    """Take an update eagerly and compiled, on the same weights."""
    update, photos, ids_B = make_update(weights, dtype, SMALL)
    taken = []
    for losses in (step_losses, torch.compile(step_losses, backend=backend, dynamic=False)):
        with update.undone():
            taken.append(update.take(losses, photos, ids_B))
    assert len(taken[0].gradients) == len(list(update.network.parameters()))
    return taken[0], taken[1]


def assert_same_update(compiled: Taken, eager: Taken) -> None:
    torch.testing.assert_close(compiled.values, eager.values, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(compiled.gradient_norm, eager.gradient_norm, rtol=1e-3, atol=0.0)
    for a, b in zip(compiled.gradients, eager.gradients, strict=True):
        # The floor is for gradients that are 0 but for rounding, such as those of betas that the next norm takes away.
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3 * float(b.abs().max()) + 1e-6)


def test_a_traced_update_equals_the_eager_one(random_vgg: VGGWeights, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the generic kernels, without code being generated: what torch 2.11 got wrong it got wrong in tracing."""
    torch.compiler.reset()
    monkeypatch.setattr(kernels, "takes_cpu_kernels", lambda x: False)
    eager, traced = take_both_ways(random_vgg, torch.float32, "aot_eager")
    assert_same_update(traced, eager)


@pytest.mark.slow
def test_a_compiled_update_equals_the_eager_one(random_vgg: VGGWeights, path: str) -> None:
    if reason := why_not_compiled(DEVICE):
        pytest.skip(reason)
    exact, compiled = take_both_ways(random_vgg, torch.float32, "inductor")
    assert_same_update(compiled, exact)
    narrow, narrow_compiled = take_both_ways(random_vgg, torch.bfloat16, "inductor")
    truth, eager, other = (
        torch.cat([gradient.flatten() for gradient in taken.gradients]) for taken in (exact, narrow, narrow_compiled)
    )
    assert (other - truth).norm() < 1.2 * (eager - truth).norm()  # Two ways of rounding to bfloat16.


def test_both_kernels_paint_and_judge_alike(random_vgg: VGGWeights, monkeypatch: pytest.MonkeyPatch) -> None:
    update, photos, ids_B = make_update(random_vgg, torch.float32, SMALL)
    taken = []
    for forced in (False, True):
        if forced:
            monkeypatch.setattr(kernels, "takes_cpu_kernels", lambda x: False)
        with update.undone():
            taken.append(partial(update.take, step_losses)(photos, ids_B))
    torch.testing.assert_close(taken[1].values, taken[0].values, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(taken[1].gradient_norm, taken[0].gradient_norm, rtol=1e-3, atol=0.0)
