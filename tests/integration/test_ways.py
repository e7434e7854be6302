"""How updates are taken: nothing is trusted that was not held against the eager way, and nothing waits for the
device."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import nstyle
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import ZeroGradientError
from nstyle.losses.perceptual import PerceptualLoss, PerceptualLosses
from nstyle.losses.presets import RELATIVE
from nstyle.models.model_file import load_model
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.processes import ALONE, Group
from nstyle.training import ways
from nstyle.training.captured import TakeUpdate
from nstyle.training.update import StyleTable, Taken, Update, step_losses
from nstyle.training.ways import WayChooser, disagreement

SMALL = RELATIVE.override(content_layers=("relu2_1",), style_layers=("relu1_2",), style_scales=2)


@pytest.fixture
def update(random_vgg: VGGWeights) -> Update:
    torch.manual_seed(0)
    loss, network = PerceptualLoss(SMALL, random_vgg), TransformerNetwork(2, width=0.125)
    targets = {term: value.detach() for term, value in loss.style_grams(torch.rand(2, 3, 48, 40)).items()}
    styles = StyleTable(torch.eye(2), targets, torch.ones(2))
    return Update(network, loss, styles, clip=10.0, dtype=torch.float32, device=torch.device("cpu"))


@pytest.fixture
def pixels() -> Tensor:
    return torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


IDS = torch.tensor([0, 1])


def without_gradient(*arguments: Any) -> tuple[Tensor, PerceptualLosses, Tensor]:
    """What torch 2.11 made of two autograd.Functions: the right loss, and no way back."""
    total, *others = step_losses(*arguments)
    return total.detach() + 0 * total, *others


def half_a_gradient(*arguments: Any) -> tuple[Tensor, PerceptualLosses, Tensor]:
    total, *others = step_losses(*arguments)
    return 0.9 * total.detach() + 0.1 * total, *others


def broken(*arguments: Any) -> tuple[Tensor, PerceptualLosses, Tensor]:
    raise RuntimeError("the compiler\nis broken")


@pytest.fixture
def trained(tmp_path: Path, photos: Path, styles: Path, vgg_file: Path) -> Callable[..., Path]:
    settings = {
        "updates": 3,
        "checkpoint_every": 3,
        "batch_size": 2,
        "size": 32,
        "width": 0.125,
        "precision": "fp32",
        "device": "cpu",
    }

    def run(name: str, **changes: object) -> Path:
        paintings = [styles / "waves.png", styles / "mosaic.png"]
        return nstyle.train(paintings, out=tmp_path / name, content=photos, vgg=str(vgg_file), **settings | changes)

    return run


@pytest.mark.parametrize(
    ("compiled", "line"), [(step_losses, "updates: compiled"), (without_gradient, "updates are not compiled: loss")]
)
def test_a_compiled_run_is_checked_first_and_the_check_leaves_no_trace(
    trained: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    compiled: Callable[..., Any],
    line: str,
) -> None:
    """Whether the compiler is right or not, the run is the eager one to the bit here: a stand-in compiles."""
    monkeypatch.setattr(ways, "_compile", lambda: compiled)
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "")
    eager = trained("eager", compile=False)
    with caplog.at_level(logging.INFO, "nstyle"):
        other = trained("other", compile=True)
    assert [record.getMessage().startswith(line) for record in caplog.records].count(True) == 1
    a, b = (load_model(run / "model.safetensors")[0].state_dict() for run in (eager, other))
    assert all(torch.equal(a[name], b[name]) for name in a)


class StaleGraph:
    """A graph that replays nothing: it has what its capture left behind, and no weight moves."""

    def __init__(self, take: TakeUpdate, photos: Tensor, ids_B: Tensor) -> None:
        self._taken = take(photos, ids_B)

    def __call__(self, photos: Tensor, ids_B: Tensor) -> Taken:
        return self._taken


class DeafGraph(StaleGraph):
    """A graph that trains, but always on the photographs and styles of its capture."""

    def __init__(self, take: TakeUpdate, photos: Tensor, ids_B: Tensor) -> None:
        self._replay = partial(take, photos, ids_B)

    def __call__(self, photos: Tensor, ids_B: Tensor) -> Taken:
        return self._replay()


@pytest.mark.parametrize("graph", [StaleGraph, DeafGraph])
def test_a_graph_that_does_not_replay_the_update_is_not_taken(
    update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, graph: type
) -> None:
    """One captured on another device than that of the run replays nothing, leaves its values as they were, and is very
    fast."""
    monkeypatch.setattr(ways, "_compile", lambda: step_losses)
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "")
    monkeypatch.setattr(ways, "CapturedUpdate", graph)
    update.set_rate(1e-3)
    chooser = WayChooser(update, pixels, IDS, ALONE)
    chooser.on_gpu = True
    assert chooser.choose(True, 10, {}).way == "compiled"
    assert any("updates are not captured: loss" in record.getMessage() for record in caplog.records)


def test_a_graph_that_moves_no_weight_is_not_taken(update: Update, pixels: Tensor) -> None:
    update.set_rate(1e-3)
    chooser = WayChooser(update, pixels, IDS, ALONE)
    reference = chooser._measure(chooser._eager)
    assert reference.step > 0
    assert not disagreement(reference, chooser._measure(chooser._eager))
    assert "step 0 where" in disagreement(reference, replace(reference, step=0.0))


@pytest.mark.parametrize(
    ("compiled", "reason"),
    [(without_gradient, "cosine 0.0000"), (half_a_gradient, "gradient norm"), (broken, "the compiler is broken")],
)
def test_what_does_not_agree_is_not_taken(
    update: Update,
    pixels: Tensor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    compiled: Any,
    reason: str,
) -> None:
    monkeypatch.setattr(ways, "_compile", lambda: compiled)
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "")
    assert WayChooser(update, pixels, IDS, ALONE).choose(True, 10, {}).way == "eager"
    (message,) = [record.getMessage() for record in caplog.records]
    assert reason in message
    assert "\n" not in message


def test_all_ranks_decide_alike(update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """One rank whose compiler is wrong takes the others with it; they would wait for each other's gradients for
    ever."""

    asked: list[Any] = []

    class Peers(Group):
        def gather_objects(self, value: Any) -> list[Any]:
            asked.append(value)
            return [value, "another rank's cosine is 0"] if len(asked) == 2 else [value, value]

    monkeypatch.setattr(ways, "_compile", lambda: step_losses)
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "")
    assert WayChooser(update, pixels, IDS, ALONE).choose(True, 10, {}).way == "compiled"
    assert WayChooser(update, pixels, IDS, Peers(ALONE.ranks)).choose(True, 10, {}).way == "eager"


@pytest.mark.usefixtures("_own_cache")
def test_the_fastest_way_is_kept_and_remembered(
    update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ways, "_compile", lambda: step_losses)
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "")
    monkeypatch.setattr(WayChooser, "_candidates", lambda chooser: ("compiled",))
    seconds = {"eager": 3.0, "compiled": 1.0}
    timed: list[float] = []

    def choose(updates: int, identity: dict[str, Any]) -> str:
        chooser = WayChooser(update, pixels, IDS, ALONE)
        chooser.on_gpu = True
        monkeypatch.setattr(
            chooser,
            "_seconds",
            lambda take: timed.append(seconds["eager" if take == chooser._eager else "compiled"]) or timed[-1],
        )
        return chooser.choose(None, updates, identity).way

    with caplog.at_level(logging.INFO, "nstyle"):
        assert choose(2001, {"size": 32}) == "compiled"
    assert any(
        "updates: compiled, 3.0 times as fast as eager (eager 3000.0 ms, compiled 1000.0 ms)" in r.getMessage()
        for r in caplog.records
    )
    assert timed == [3.0, 1.0]
    assert choose(2001, {"size": 32}) == "compiled"
    assert len(timed) == 2
    seconds["compiled"] = 4.0
    assert choose(2001, {"size": 64}) == "eager"
    assert choose(2000, {"size": 128}) == "eager"
    assert len(timed) == 4


def test_a_failure_is_not_remembered(update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that was missing once made a kind of run eager for good."""
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "")
    chosen = []
    for compiled in (broken, step_losses):
        monkeypatch.setattr(ways, "_compile", lambda compiled=compiled: compiled)
        monkeypatch.setattr(WayChooser, "_candidates", lambda chooser: ("compiled",))
        chooser = WayChooser(update, pixels, IDS, ALONE)
        chooser.on_gpu = True
        monkeypatch.setattr(chooser, "_seconds", lambda take, eager=chooser._eager: 2.0 if take == eager else 1.0)
        chosen.append(chooser.choose(None, 2001, {"a failure": True}).way)
    assert chosen == ["eager", "compiled"]


def test_out_of_memory_in_the_check_leaves_the_run_eager(
    update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def full(*arguments: Any) -> tuple[Tensor, PerceptualLosses, Tensor]:
        calls.append(1)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step_losses(*arguments)

    monkeypatch.setattr(ways, "_compile", lambda: full)
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "")
    before = update.weights()
    assert WayChooser(update, pixels, IDS, ALONE).choose(True, 10, {}).way == "eager"
    assert "OutOfMemoryError: CUDA out of memory" in caplog.text
    assert torch.equal(update.weights(), before)


def test_a_rank_without_a_compiler_makes_all_eager(
    update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Peers(Group):
        def gather_objects(self, value: Any) -> list[Any]:
            return [value, "Triton is not installed"]

    monkeypatch.setattr(ways, "_compile", lambda: pytest.fail("compiled"))
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "")
    assert WayChooser(update, pixels, IDS, Peers(ALONE.ranks)).choose(True, 10, {}).way == "eager"


def test_nothing_is_compiled_on_a_cpu_unasked(update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "_compile", lambda: pytest.fail("compiled"))
    assert WayChooser(update, pixels, IDS, ALONE).choose(None, 10**6, {}).way == "eager"


def test_without_a_compiler_a_gpu_goes_on_eagerly(
    update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ways, "why_not_compiled", lambda device: "Triton is not installed")
    chooser = WayChooser(update, pixels, IDS, ALONE)
    chooser.on_gpu = True
    with caplog.at_level(logging.INFO, "nstyle"):
        assert chooser.choose(None, 10**6, {}).way == "eager"
    assert [record.getMessage() for record in caplog.records] == ["updates: eager, as Triton is not installed"]


class Watch(TorchDispatchMode):
    """Note what would wait for a GPU, or send it numbers from Python."""

    WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "item", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if any(name in str(func) for name in self.WAITS):
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


def test_an_update_waits_for_nothing(update: Update, pixels: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The taps of the pyramid were sent at every update, ids and rates too: a GPU idled, and no graph could be
    captured."""
    monkeypatch.setattr("nstyle.models.kernels.takes_cpu_kernels", lambda x: False)
    update.set_rate(1e-3)
    update.take(step_losses, pixels, IDS)  # Adam makes its moments.
    with Watch() as watch:
        update.set_rate(1e-3)
        update.take(step_losses, pixels, IDS)
    assert watch.seen == []
    with Watch() as watch:
        torch.tensor([1.0]).item()
    assert len(watch.seen) == 2


@pytest.mark.parametrize("clip", [10.0, 0.0])
def test_a_run_without_gradient_ends(trained: Callable[..., Path], tmp_path: Path, clip: float) -> None:
    """A compiler that loses the gradient trained for hours, and nothing said so."""
    with pytest.raises(ZeroGradientError, match="exactly zero in updates 1 to 3"):
        trained("run", content_weight=0.0, style_weight=0.0, clip=clip)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_the_norm_of_the_gradient_is_logged_without_clipping_too(trained: Callable[..., Path]) -> None:
    norms = []
    for clip in (10.0, 0.0):
        run = trained(f"clip-{clip:g}", clip=clip, updates=1)
        norms.append(json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["gradient_norm"])
    assert norms[0] == pytest.approx(norms[1], rel=1e-6)
