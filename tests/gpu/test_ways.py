"""The ways to take an update on a GPU: compiled by Inductor and captured as a graph, held against the eager one. Skips
without a GPU."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

import nstyle
from nstyle.encoders.vgg import VGGWeights
from nstyle.losses.functional import downsample, gram, mean_square
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import RELATIVE
from nstyle.losses.statistics import moments
from nstyle.models.convolution import convolve_image
from nstyle.models.instance_norm import normalize_samples
from nstyle.models.model_file import load_model, read_info
from nstyle.models.reflection import Reflection
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.processes import ALONE
from nstyle.training.augmentation import Augmentation
from nstyle.training.captured import CapturedUpdate, TakeUpdate
from nstyle.training.precision import why_not_compiled
from nstyle.training.trainer import Progress
from nstyle.training.update import StyleTable, Update, step_losses
from nstyle.training.ways import Measured, WayChooser, disagreement

DEVICE = torch.device("cuda")
pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: what needs a GPU is not tested"),
    pytest.mark.filterwarnings("default"),  # Compilers warn of themselves.
]
BATCH = 4
NUM_STYLES = 3


@pytest.fixture(autouse=True)
def _compiles() -> None:
    if reason := why_not_compiled(DEVICE):
        pytest.skip(reason)
    torch.compiler.reset()


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


PIECES: dict[str, tuple[int, Callable[[Tensor], Tensor]]] = {
    "gram": (64, lambda x: gram(x, "hw")),
    "mean_square": (64, mean_square),
    "moments": (64, lambda x: moments(x, 3)),
    "downsample": (3, downsample),
    "convolve_image": (
        3,
        lambda x: convolve_image(x.float(), random(64, 3, 3, 3, seed=1), random(64, seed=2), x.dtype),
    ),
    "reflection": (32, lambda x: Reflection.apply(x, 4)),
    "normalize_samples": (32, lambda x: normalize_samples(x, random(2, 32, seed=1), random(2, 32, seed=2), 1e-5)),
}
"""Channels of the input by piece, and the piece: every autograd.Function and operator of our own."""


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, torch.bfloat16) for name in PIECES), ("gram", torch.float32), ("convolve_image", torch.float32)],
)
def test_generated_code_has_the_eager_values_and_gradients(
    name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    channels, piece = PIECES[name]
    results = []
    for function in (piece, torch.compile(piece, dynamic=False)):
        x = random(2, channels, 66, 48).to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
        value = function(x)
        (gradient,) = torch.autograd.grad(value, x, random(*value.shape, seed=3).to(value.dtype))
        results.append((value.detach(), gradient))
    assert results[0][1].abs().max() > 0
    for eager, compiled in zip(*results, strict=True):
        error = (compiled.float() - eager.float()).norm() / eager.float().norm()
        assert error < (1e-4 if dtype == torch.float32 else 2e-2)


def make_update(weights: VGGWeights, dtype: torch.dtype) -> Update:
    """Build the update of ``nstyle train`` with all that the shipped models are trained with, on random paintings."""
    torch.manual_seed(0)
    preset = RELATIVE.override(spectrum_weight=2.0)
    loss = PerceptualLoss(preset, weights, dtype=dtype).to(DEVICE)
    with torch.no_grad():
        targets = loss.style_targets(torch.rand(NUM_STYLES, 3, 96, 96, device=DEVICE))
    network = TransformerNetwork(NUM_STYLES).to(DEVICE).to(memory_format=torch.channels_last)
    styles = StyleTable(torch.eye(NUM_STYLES, device=DEVICE), targets, torch.ones(NUM_STYLES, device=DEVICE))
    update = Update(
        network,
        loss,
        styles,
        clip=10.0,
        dtype=dtype,
        device=DEVICE,
        augmentation=Augmentation(grain=4.0, plain=0.5),
        stability_weight=1.0,
    )
    update.set_rate(1e-3)
    return update


def batch(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    photos = torch.randint(0, 256, (BATCH, 3, 96, 96), dtype=torch.uint8, generator=generator)
    return photos.to(DEVICE), torch.randint(0, NUM_STYLES, (BATCH,), generator=generator).to(DEVICE)


def weights_of(update: Update) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in update.parameters]).double()


def moved_by(update: Update, take: TakeUpdate, rates: list[float]) -> Tensor:
    """Take updates with other photographs, styles and rates every time, and return how far the weights went; then undo
    them."""
    before = weights_of(update)
    with update.undone():
        for seed, rate in enumerate(rates):
            update.set_rate(rate)
            take(*batch(seed + 1))
        return weights_of(update) - before


@pytest.mark.parametrize(
    ("way", "dtype"), [("captured alone", torch.float32), ("compiled", torch.bfloat16), ("captured", torch.bfloat16)]
)  # The last two compile the same code, once.
def test_an_update_is_the_eager_one(random_vgg: VGGWeights, way: str, dtype: torch.dtype) -> None:
    update = make_update(random_vgg, dtype)
    before = weights_of(update)
    eager = partial(update.take, step_losses)
    take: TakeUpdate = (
        eager if way == "captured alone" else partial(update.take, torch.compile(step_losses, dynamic=False))
    )
    if way != "compiled":
        with update.undone():
            take = CapturedUpdate(take, *batch(0))
    for seed in (
        1,
        2,
    ):  # A graph must read the photographs and styles of each update, not those that it was captured with.
        measured = []
        for one in (eager, take):
            with update.undone():
                measured.append(Measured.of(one(*batch(seed))))
        assert not disagreement(*measured)
    rates = [1e-3, 2e-3, 1e-5]
    expected, got = moved_by(update, eager, rates), moved_by(update, take, rates)
    # Adam moves every number by about the rate: where a gradient is next to nothing, rounding decides which way.
    assert torch.nn.functional.cosine_similarity(expected, got, dim=0) > (0.9 if dtype == torch.float32 else 0.6)
    assert float(got.norm()) == pytest.approx(float(expected.norm()), rel=0.1)
    still = moved_by(update, take, [0.0, 0.0])
    assert not still.any(), "a graph must read the rate of each update"
    assert torch.equal(weights_of(update), before), "trials must leave nothing behind"


def test_the_captured_way_is_chosen_and_said(random_vgg: VGGWeights, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        chosen = WayChooser(make_update(random_vgg, torch.bfloat16), *batch(0), ALONE).choose(True, 100, {"test": 1})
    assert chosen.way == "captured", caplog.text


def test_a_captured_run_goes_on_where_it_stopped(tmp_path: Path, photos: Path, styles: Path, vgg_file: Path) -> None:
    """Resumed half-way it ends where an eager run does that was never stopped: the graph reads the moments that were
    restored."""
    settings = {
        "content": str(photos),
        "vgg": str(vgg_file),
        "checkpoint_every": 20,
        "batch_size": 2,
        "size": 64,
        "width": 0.25,
    }
    paintings = [styles / "waves.png", styles / "mosaic.png"]
    weights = {}
    for compiled in (False, True):
        run = tmp_path / str(compiled)
        nstyle.train(paintings, out=run, device="cuda", compile=compiled, updates=40, **settings)
        weights[compiled, 40] = load_model(run / "model.safetensors")[0].state_dict()
        nstyle.train(out=run, resume=True, updates=60)
        weights[compiled, 60] = load_model(run / "model.safetensors")[0].state_dict()
        lines = (run / "metrics.jsonl").read_text().splitlines()
        assert sum('"gradient_norm"' in line for line in lines) == 60
    gone = {compiled: flat(weights[compiled, 60]) - flat(weights[compiled, 40]) for compiled in (False, True)}
    assert float(gone[True].norm()) == pytest.approx(float(gone[False].norm()), rel=0.2)
    assert torch.nn.functional.cosine_similarity(gone[True], gone[False], dim=0) > 0.5  # Rounding leads runs apart.


def flat(state: dict[str, Tensor]) -> Tensor:
    return torch.cat([value.flatten() for value in state.values()]).double()


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_waits_for_the_card_at_checkpoints_only(
    tmp_path: Path, photos: Path, styles: Path, vgg_file: Path, compiled: bool
) -> None:
    """Photographs, ids, rates, the update, its log: 40 updates, in which two blocks of losses are fetched."""
    settings = {
        "content": str(photos),
        "vgg": str(vgg_file),
        "updates": 80,
        "checkpoint_every": 80,
        "batch_size": 2,
        "size": 64,
        "width": 0.25,
    }

    def report(progress: Progress) -> None:
        if progress.update in (30, 70):
            torch.cuda.set_sync_debug_mode("error" if progress.update == 30 else "default")

    try:
        run = nstyle.train(
            [styles / "waves.png", styles / "mosaic.png"],
            out=tmp_path / "run",
            device="cuda",
            compile=compiled,
            progress=report,
            **settings,
        )
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert read_info(run / "model.safetensors").updates == 80
