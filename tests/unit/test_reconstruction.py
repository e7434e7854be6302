"""The engine of reconstructions: settings, starts, optimizers with known answers, stopping, resuming, the ladder."""

import dataclasses
import itertools
import math
import signal
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import nstyle
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.pictures import to_tensor
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.configure import make_config
from nstyle.reconstruction.engine import Progress, Reconstruction, ladder
from nstyle.reconstruction.layer_weights import parse_layers
from nstyle.reconstruction.objective import Evaluation, Objective
from nstyle.reconstruction.optimizers import LBFGS, FirstOrder, make_optimizer
from nstyle.reconstruction.pictures import Pictures, read_source
from nstyle.reconstruction.run_folder import RunFolder
from nstyle.reconstruction.style_inversion_schedule import ITERATIONS, style_inversion_settings
from nstyle.system.interrupts import InterruptedRunError


@pytest.fixture(scope="module")
def painting() -> Image.Image:
    return noise_picture(48, 40, seed=1)


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    return noise_picture(48, 36, seed=2)


def noise_picture(width: int, height: int, seed: int) -> Image.Image:
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 256, (height // 4, width // 4, 3), generator=generator, dtype=torch.uint8)
    return Image.fromarray(levels.numpy()).resize((width, height), Image.Resampling.BICUBIC)


class Pixels:
    """The smallest network, whose only layer is the picture times three."""

    def __call__(self, image: Tensor, layers: Sequence[str] | None = None) -> dict[str, Tensor]:
        return dict.fromkeys(layers or ("pixels",), image * 3)


def optimize(objective: Objective, optimizer: Any, image: Tensor, steps: int) -> tuple[Tensor, Evaluation]:
    evaluation = objective.evaluate(image)
    for _ in range(steps):
        image, evaluation = optimizer.step(image, evaluation, objective.evaluate)
        assert 0 <= image.min()
        assert image.max() <= 1
    return image, evaluation


@pytest.mark.parametrize(
    ("name", "lr", "steps", "tolerance"),
    [("lbfgs", 1.0, 12, 1e-4), ("adam", 0.02, 300, 1e-2), ("sgd", 0.05, 300, 1e-2)],
)
def test_each_optimizer_finds_the_content_of_a_network_that_hides_nothing(
    name: Any, lr: float, steps: int, tolerance: float
) -> None:
    target = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    config = ReconstructionConfig(content_layers={"pixels": 1.0})
    objective = Objective(Pixels(), config, [], [], target)
    found, evaluation = optimize(
        objective, make_optimizer(name, lr), torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(1)), steps
    )
    torch.testing.assert_close(found, target, rtol=0, atol=tolerance)
    assert evaluation.loss < 1e-3


def test_style_of_a_network_that_hides_nothing_is_the_mean_colour() -> None:
    style = torch.tensor([0.9, 0.2, 0.5]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    config = ReconstructionConfig(style_layers={"pixels": 1.0}, loss="moments", moments=1)
    objective = Objective(Pixels(), config, [style], [1.0], None)
    found, _ = optimize(objective, LBFGS(), torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(0)), 20)
    torch.testing.assert_close(found.mean(dim=(2, 3)), torch.tensor([[0.9, 0.2, 0.5]]), rtol=0, atol=1e-4)


def test_lbfgs_solves_an_ill_conditioned_quadratic_with_the_answer_at_the_bounds() -> None:
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(27, 27, generator=generator, dtype=torch.float64)).Q
    hessian = basis @ torch.diag(torch.logspace(0, 3, 27, dtype=torch.float64)) @ basis.T
    center = 0.5 + 0.6 * torch.randn(27, generator=generator, dtype=torch.float64)

    def evaluate(image: Tensor) -> Evaluation:
        away = image.flatten() - center
        return Evaluation(0.5 * (away @ hessian @ away).item(), {}, (hessian @ away).view_as(image))

    image = torch.rand(1, 3, 3, 3, generator=generator, dtype=torch.float64)
    optimizer, evaluation = LBFGS(), evaluate(image)
    losses = [evaluation.loss]
    for _ in range(400):
        image, evaluation = optimizer.step(image, evaluation, evaluate)
        losses.append(evaluation.loss)
    assert all(later <= earlier for earlier, later in itertools.pairwise(losses))
    grad = evaluation.grad
    held = ((image <= 0) & (grad > 0)) | ((image >= 1) & (grad < 0))
    assert held.any()
    assert grad[~held].abs().max() < 1e-4  # The first-order conditions of a minimum in a box.


def test_lbfgs_works_at_any_scale_of_the_loss() -> None:
    """Losses of 1e11 and gradients to match once made every curvature pair look degenerate."""
    target = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    for weight in (1e-9, 1e9):
        objective = Objective(Pixels(), ReconstructionConfig(content_layers={"pixels": weight}), [], [], target)
        found, _ = optimize(objective, LBFGS(), torch.full_like(target, 0.5), 15)
        torch.testing.assert_close(found, target, rtol=0, atol=1e-3)


def test_an_optimizer_that_cannot_improve_returns_the_same_picture() -> None:
    target = torch.full((1, 3, 4, 4), 0.25)
    objective = Objective(Pixels(), ReconstructionConfig(content_layers={"pixels": 1.0}), [], [], target)
    evaluation = objective.evaluate(target)
    image, _ = LBFGS().step(target, evaluation, objective.evaluate)
    assert image is target


def test_table_of_the_style_inversion_chapter() -> None:
    losses = ("gram", "mmd", "moments-1", "moments-2", "moments-3", "moments-4")
    published = {
        "relu1_1": (100_000, 100_000, 20_000, 40_000, 60_000, 100_000),
        "relu1_2": (150_000, 150_000, 40_000, 80_000, 120_000, 200_000),
        "relu2_1": (200_000, 200_000, 60_000, 120_000, 180_000, 300_000),
        "relu2_2": (250_000, 250_000, 80_000, 160_000, 240_000, 400_000),
    }
    assert {layer: tuple(row[loss] for loss in losses) for layer, row in ITERATIONS.items()} == published
    settings = style_inversion_settings("moments", 3, ("relu2_1",))
    assert settings["iterations"] == 180_000 + 240 * 1000
    assert settings["threshold"] == 1e-5
    assert settings["feature_scale"] == 1 / 255
    assert (settings["optimizer"], settings["lr"], settings["seed"]) == ("adam", 1e-3, 0)
    assert style_inversion_settings("mmd", None, ("relu1_1",))["threshold"] is None
    assert style_inversion_settings("mmd", None, ("relu1_1",))["patience"] == 1000


@pytest.mark.parametrize(
    ("loss", "layers"), [("mean-std", ("relu1_1",)), ("gram", ("relu3_1",)), ("gram", ("relu1_1", "relu1_2"))]
)
def test_the_inversion_table_has_no_other_cells(loss: str, layers: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="the style-inversion chapter's table has no"):
        style_inversion_settings(loss, None, layers)


def test_inversion_schedule_stops_below_its_threshold_and_can_be_overridden(
    painting: Image.Image, random_vgg: VGGWeights
) -> None:
    pictures = Pictures.read(styles=[painting])
    config = make_config(
        pictures, layers="relu1_1", loss="moments", moments=1, schedule="inversion-table", lr=0.02, size=48
    )
    assert config.lr == 0.02
    assert config.precision == "auto"
    assert config.wants_float32
    run = Reconstruction(config, pictures, random_vgg)
    run.run(lambda progress: None)
    assert run.stopped == "threshold"
    assert run.best is not None
    assert run.best.loss < 1e-5


def test_a_damaged_state_is_one_line(painting: Image.Image, random_vgg: VGGWeights, tmp_path: Path) -> None:
    options: dict[str, Any] = {"style": painting, "layers": "relu1_1", "size": 32, "encoder": random_vgg}
    nstyle.reconstruct(**options, iterations=1, out=tmp_path)
    path = RunFolder(tmp_path).state
    good, saved = path.read_bytes(), torch.load(path, weights_only=True)
    changed: list[Any] = [[], {}, {**saved, "identity": 5}, {**saved, "identity": "[" * 9999}, {**saved, "run": 7}]
    for name, value in (
        ("scale", 7),
        ("scale", "x"),
        ("image", None),
        ("image", torch.zeros(1)),
        ("image", saved["run"]["image"].to("meta")),
        ("best", ()),
        ("watch", 5),
        ("optimizer", None),
    ):
        changed.append({**saved, "run": {**saved["run"], name: value}})
    for state in [*changed, b"", b"x", good[: len(good) // 2]]:
        path.write_bytes(state) if isinstance(state, bytes) else torch.save(state, path)
        with pytest.raises(UsageError, match=r"state\.pt is damaged \(\w+\); start anew"):
            nstyle.reconstruct(**options, iterations=2, out=tmp_path, resume=True)


def test_names_of_version_01_go_on_working(painting: Image.Image, random_vgg: VGGWeights, tmp_path: Path) -> None:
    options: dict[str, Any] = {"style": painting, "layers": "relu1_1", "size": 48, "threshold": 1e-20}
    now = {**options, "encoder": random_vgg, "schedule": "inversion-table"}
    nstyle.reconstruct(**now, iterations=5, out=tmp_path / "whole")
    nstyle.reconstruct(**now, iterations=3, out=tmp_path / "run")
    seen: list[int] = []
    folder = RunFolder(tmp_path / "run")
    folder.description.write_text(folder.description.read_text().replace("inversion-table", "seed-000"))
    state = torch.load(folder.state, weights_only=True)
    torch.save({**state, "identity": state["identity"].replace("inversion-table", "seed-000")}, folder.state)
    assert folder.read_description()["identity"]["schedule"] == "inversion-table"
    assert ReconstructionConfig.from_dict({**folder.read_description()["config"], "schedule": "seed-000"}).schedule == (
        "inversion-table"
    )
    old: dict[str, Any] = {"weights": random_vgg, "callback": lambda p: seen.append(p.iteration), "out": folder.path}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nstyle.reconstruct(**options, **old, schedule="seed-000", iterations=5, resume=True)
    assert [str(warning.message).split(";")[0] for warning in caught] == [
        "`weights` of reconstruct is now `encoder`",
        "`callback` of reconstruct is now `progress`",
        "`schedule` seed-000 is now inversion-table",
    ]
    assert seen == [3, 4, 5]
    assert folder.result.read_bytes() == RunFolder(tmp_path / "whole").result.read_bytes()


def test_ladder_grows_by_the_root_of_two() -> None:
    config = ReconstructionConfig(style_layers={"relu1_1": 1.0}, size=1024, min_size=256)
    assert ladder(config) == (256, 362, 512, 724, 1024)
    assert ladder(dataclasses.replace(config, min_size=None)) == (1024,)
    sizes = ladder(dataclasses.replace(config, min_size=200, size=1000))
    assert sizes[0] >= 200
    assert sizes[-1] == 1000
    assert all(1.1 < b / a < 1.8 for a, b in itertools.pairwise(sizes))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
def test_ladder_carries_the_optimizer_and_ends_at_the_full_size(
    optimizer: str, photograph: Image.Image, painting: Image.Image, random_vgg: VGGWeights
) -> None:
    seen: list[tuple[int, int]] = []
    result = nstyle.reconstruct(
        content=photograph, style=painting, content_layers="relu2_1", style_layers="relu1_1,relu2_1",
        encoder=random_vgg, style_weight=1.0, size=48, min_size=24, iterations=4, optimizer=optimizer, start="noise",
        progress=lambda progress: seen.append((progress.size, progress.iteration)),
    )  # fmt: skip
    assert result.image.shape == (3, 36, 48)
    assert [size for size, _ in seen] == [24] * 5 + [34] * 5 + [48] * 5
    assert seen[-1] == (48, 12)


@pytest.mark.parametrize("name", ["adam", "sgd", "lbfgs"])
def test_optimizer_state_follows_the_picture_to_another_size(name: Any) -> None:
    """Enlarging a flat problem fourfold divides the gradient of every pixel by four, and the resized state agrees."""

    def evaluate(image: Tensor) -> Evaluation:
        return Evaluation(
            (image.mean() - 0.9).square().item(),
            {},
            (2 * (image.mean() - 0.9) / image[0, 0].numel()).expand_as(image).contiguous(),
        )

    optimizer = make_optimizer(name, 0.5 if name == "lbfgs" else 0.01)
    image = torch.full((1, 3, 8, 8), 0.1)
    evaluation = evaluate(image)
    for _ in range(5):
        image, evaluation = optimizer.step(image, evaluation, evaluate)
    small, _ = optimizer.step(image, evaluation, evaluate)
    optimizer_two = make_optimizer(name, 0.5 if name == "lbfgs" else 0.01)
    image_two = torch.full((1, 3, 8, 8), 0.1)
    evaluation = evaluate(image_two)
    for _ in range(5):
        image_two, evaluation = optimizer_two.step(image_two, evaluation, evaluate)
    optimizer_two.resize(16, 16, averaged=True)
    large = torch.nn.functional.interpolate(image_two, (16, 16))
    large, _ = optimizer_two.step(large, evaluate(large), evaluate)
    assert large.mean().item() == pytest.approx(small.mean().item(), rel=1e-3)


@pytest.mark.parametrize("start", ["noise", "white", "black", "mean", "content", "style", "average"])
def test_starts(start: Any, photograph: Image.Image, painting: Image.Image) -> None:
    pictures = Pictures.read(styles=[painting], content=photograph)
    config = ReconstructionConfig(style_layers={"relu1_1": 1}, content_layers={"relu2_1": 1}, start=start, size=48)
    image = pictures.start(config, 48, (0.4, 0.5, 0.6))
    assert image.shape == (1, 3, 36, 48)
    assert 0 <= image.min()
    assert image.max() <= 1
    content = pictures.content_at(48)
    style = pictures.start(dataclasses.replace(config, start="style"), 48, (0, 0, 0))
    flat = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0), "mean": (0.4, 0.5, 0.6)}
    expected = {"content": content, "style": style, "average": (content + style) / 2}
    expected |= {name: torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, 36, 48) for name, color in flat.items()}
    if start == "noise":
        inside = image[(image > 0) & (image < 1)]
        # N(127.5, 127.5^2), clipped: 31.7 % of the pixels lie at the bounds.
        assert 1 - inside.numel() / image.numel() == pytest.approx(0.317, abs=0.03)
        assert torch.equal(image, pictures.start(config, 48, (0, 0, 0)))
        assert not torch.equal(image, pictures.start(dataclasses.replace(config, seed=1), 48, (0, 0, 0)))
    else:
        torch.testing.assert_close(image, expected[start])


@pytest.mark.parametrize(
    ("options", "loss"),
    [({}, "gram"), ({"optimizer": "adam", "lr": 0.02}, "mmd-shuffled"), ({"optimizer": "sgd"}, "mean-std")],
)
def test_a_saved_run_goes_on_bit_identically(
    options: Any, loss: Any, painting: Image.Image, random_vgg: VGGWeights
) -> None:
    config = ReconstructionConfig(
        style_layers={"relu1_1": 1.0, "relu2_1": 0.5}, loss=loss, size=48, iterations=12, **options
    )
    pictures = Pictures.read(styles=[painting])
    whole = Reconstruction(config, pictures, random_vgg)
    whole.run(lambda progress: None)
    first = Reconstruction(dataclasses.replace(config, iterations=5), pictures, random_vgg)
    first.run(lambda progress: None)
    second = Reconstruction(config, pictures, random_vgg)
    second.load_state_dict(first.state_dict())
    iterations: list[int] = []
    second.run(lambda progress: iterations.append(progress.iteration))
    assert iterations == list(range(5, 13))
    assert torch.equal(second.image, whole.image)
    assert torch.equal(second.picture(), whole.picture())
    assert second.best is not None
    assert whole.best is not None
    assert second.best.loss == whole.best.loss


def test_the_best_picture_is_kept_not_the_last(painting: Image.Image, random_vgg: VGGWeights) -> None:
    losses: list[float] = []
    result = nstyle.reconstruct(
        style=painting, layers="relu2_1", encoder=random_vgg, size=48, optimizer="sgd", lr=0.6, iterations=2,
        progress=lambda progress: losses.append(progress.loss),
    )  # fmt: skip
    assert losses[-1] > min(losses)
    assert result.loss == min(losses)
    assert losses[result.iteration] == result.loss


def test_a_plateau_ends_the_run_and_a_style_is_its_own_reconstruction(
    painting: Image.Image, random_vgg: VGGWeights
) -> None:
    result = nstyle.reconstruct(
        style=painting, layers="relu2_1", encoder=random_vgg, size=48, start="style", optimizer="adam", patience=5
    )
    assert result.initial["style/relu2_1"] == pytest.approx(0, abs=1e-9)
    assert result.stopped == "plateau"
    assert result.iterations < 50


def test_layer_weights_mix_and_style_weight_enter_the_loss(
    photograph: Image.Image, painting: Image.Image, random_vgg: VGGWeights
) -> None:
    other = noise_picture(40, 40, seed=3)

    def result(**options: Any) -> dict[str, float]:
        options = {"style_layers": "relu1_1", "style": painting, "iterations": 1, "style_weight": 2.0, **options}
        seen: list[tuple[float, dict[str, float]]] = []
        nstyle.reconstruct(
            content=photograph, content_layers="relu2_1=3", encoder=random_vgg, size=48, tv_weight=5.0,
            precision="fp32", start="white",
            progress=lambda progress: seen.append((progress.loss, progress.terms)), **options,
        )  # fmt: skip
        loss, terms = seen[-1]
        weights = {"content/relu2_1": 3.0, "tv": 5.0, "style/relu1_1": 2.0, "style/relu1_2": 2.0 * 0.25}
        assert loss == pytest.approx(sum(weights[name] * value for name, value in terms.items()), rel=1e-5)
        return seen[0][1]

    assert set(result(style_layers="relu1_1,relu1_2=0.25")) == {
        "content/relu2_1",
        "tv",
        "style/relu1_1",
        "style/relu1_2",
    }
    one, two = result()["style/relu1_1"], result(style=other)["style/relu1_1"]
    both = result(style=[painting, other], style_mix=(3.0, 1.0))["style/relu1_1"]
    assert both == pytest.approx(0.75 * one + 0.25 * two, rel=1e-4)


def test_styles_keep_their_size_or_get_the_contents(photograph: Image.Image) -> None:
    large = noise_picture(200, 100, seed=4)
    pictures = Pictures.read(styles=[large], content=photograph)
    config = ReconstructionConfig(style_layers={"relu1_1": 1}, content_layers={"relu1_1": 1}, size=48)
    assert pictures.styles_at(config, 48)[0].shape == (1, 3, 24, 48)
    own = dataclasses.replace(config, style_size="own")
    assert pictures.styles_at(own, 48)[0].shape == (1, 3, 100, 200)
    assert pictures.styles_at(own, 24)[0].shape == (1, 3, 50, 100)


@pytest.mark.parametrize(("optimizer", "lr"), [("lbfgs", 1.0), ("adam", 0.02), ("sgd", 0.05)])
@pytest.mark.parametrize("how", ["signal", "error"])
def test_an_interrupted_run_goes_on_bit_identically(
    how: str, optimizer: str, lr: float, painting: Image.Image, random_vgg: VGGWeights, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "style": painting, "layers": "relu1_1,relu2_1", "encoder": random_vgg, "size": 48, "min_size": 24,
        "optimizer": optimizer, "lr": lr, "iterations": 4, "patience": 0,
    }  # fmt: skip
    whole = nstyle.reconstruct(**options, out=tmp_path / "whole")
    for stop in (0, 4, 6):

        def interrupt(progress: Progress, stop: int = stop) -> None:
            if progress.iteration == stop and how == "signal":
                signal.raise_signal(signal.SIGINT)
            elif progress.iteration == stop:
                raise ZeroDivisionError

        folder = tmp_path / f"stopped-{stop}"
        with pytest.raises(InterruptedRunError if how == "signal" else ZeroDivisionError) as caught:
            nstyle.reconstruct(**options, out=folder, progress=interrupt)
        assert how == "error" or (caught.value.exit_status == 130 and "`resume` goes on" in str(caught.value))  # type: ignore[attr-defined]
        result = nstyle.reconstruct(**options, out=folder, resume=True)
        assert torch.equal(result.image, whole.image)
        assert (folder / "losses.csv").read_text() == (tmp_path / "whole" / "losses.csv").read_text()


def test_a_killed_run_with_a_torn_log_is_resumed(painting: Image.Image, random_vgg: VGGWeights, tmp_path: Path) -> None:
    options: dict[str, Any] = {"style": painting, "layers": "relu1_1", "encoder": random_vgg, "size": 48}
    nstyle.reconstruct(**options, iterations=6, out=tmp_path / "whole")
    nstyle.reconstruct(**options, iterations=4, out=tmp_path / "torn")
    with (tmp_path / "torn" / "losses.csv").open("a") as file:
        file.write("5,48,12")
    nstyle.reconstruct(**options, iterations=6, out=tmp_path / "torn", resume=True)
    assert (tmp_path / "torn" / "losses.csv").read_text() == (tmp_path / "whole" / "losses.csv").read_text()


def small_run(painting: Image.Image, random_vgg: VGGWeights, out: Path) -> dict[str, Any]:
    return {"style": painting, "layers": "relu1_1", "encoder": random_vgg, "size": 48, "out": out}


def test_resume_refuses_what_would_not_be_the_same_run(
    painting: Image.Image, random_vgg: VGGWeights, tmp_path: Path
) -> None:
    options = small_run(painting, random_vgg, tmp_path / "run")
    nstyle.reconstruct(**options, iterations=5, precision="bf16")
    with pytest.raises(UsageError, match="stands at iteration 5 already"):
        nstyle.reconstruct(**options, iterations=3, precision="bf16", resume=True)
    with pytest.raises(UsageError, match="made with precision bfloat16, not float32"):
        nstyle.reconstruct(**options, iterations=8, precision="fp32", resume=True)
    options["out"] = tmp_path / "ladder"
    nstyle.reconstruct(**options, iterations=2, min_size=24)
    with pytest.raises(UsageError, match="made with iterations 2, not 3"):
        nstyle.reconstruct(**options, iterations=3, min_size=24, resume=True)


def test_a_run_that_cannot_start_leaves_the_old_one_alone(
    painting: Image.Image, random_vgg: VGGWeights, tmp_path: Path
) -> None:
    options = small_run(painting, random_vgg, tmp_path / "run")
    nstyle.reconstruct(**options, iterations=2)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(NstyleError, match="the loss became"):
        nstyle.reconstruct(**options, loss="moments", moments=4, feature_scale=1e15, overwrite=True)
    with pytest.raises(UsageError, match="stop at"):
        nstyle.reconstruct(**{**options, "layers": "relu4_1", "encoder": cut(random_vgg)}, overwrite=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def cut(weights: VGGWeights) -> VGGWeights:
    """Cut the weights off after relu3_3."""
    return dataclasses.replace(weights, state={k: v for k, v in weights.state.items() if int(k.split(".")[1]) <= 14})


def test_fixed_mmd_refuses_a_style_of_another_shape(photograph: Image.Image, random_vgg: VGGWeights) -> None:
    turned = photograph.transpose(Image.Transpose.ROTATE_90)
    with pytest.raises(UsageError, match=r"PICTURE is 36x48 px and the result 48x36 px"):
        nstyle.reconstruct(
            content=photograph, style=turned, content_layers="relu1_1", style_layers="relu1_1", loss="mmd",
            style_weight=1.0, encoder=random_vgg, size=48,
        )  # fmt: skip


def test_pictures_in_memory_are_read_like_files(random_vgg: VGGWeights) -> None:
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert read_source(clear).image.getpixel((5, 5)) == (255, 255, 255)
    tensor = torch.rand(3, 20, 30)
    for picture in (tensor, tensor[None]):
        torch.testing.assert_close(to_tensor(read_source(picture).image), tensor, rtol=0, atol=0.5 / 255 + 1e-6)
    with pytest.raises(UsageError, match=r"shape \(4, 20, 30\); expected \(3, H, W\)"):
        read_source(torch.rand(4, 20, 30))
    array = np.asarray(read_source(tensor).image)
    for same in (array, (array / 255).astype(np.float32), np.asfortranarray(array)):
        assert np.array_equal(np.asarray(read_source(same).image), array)
    for wrong, message in (
        (array[..., :2], r"shape \(20, 30, 2\); expected \(H, W, 3\)"),
        (array.astype(np.int64), "of type int64; expected uint8"),
        (array.astype(np.float32), r"values from \d to 2\d\d; expected \[0, 1\]"),
        (np.full((4, 4, 3), np.nan), "values from nan to nan"),
    ):
        with pytest.raises(UsageError, match=message):
            read_source(wrong)
    result = nstyle.reconstruct(style=array, layers="relu1_1", encoder=random_vgg, size=30, iterations=1)
    assert result.image.shape == (3, 20, 30)
    with pytest.raises(UsageError, match="a picture is a int"):
        nstyle.reconstruct(style=[3], layers="relu1_1", encoder=random_vgg)  # type: ignore[list-item]


def test_summed_losses_keep_the_optimizers_state_when_the_picture_grows() -> None:
    def evaluate(image: Tensor) -> Evaluation:
        return Evaluation((image - 0.9).square().sum().item(), {}, 2 * (image - 0.9))

    for averaged, same in ((False, True), (True, False)):
        optimizer = FirstOrder("sgd", 0.01)
        image = torch.full((1, 3, 8, 8), 0.1)
        optimizer.step(image, evaluate(image), evaluate)
        scale = optimizer.state_dict()["scale"]
        optimizer.resize(16, 16, averaged=averaged)
        assert (optimizer.state_dict()["scale"] == scale) == same
    config = ReconstructionConfig(content_layers={"relu1_1": 1.0})
    assert config.is_averaged
    assert not dataclasses.replace(config, content_loss="half-sum").is_averaged


def test_a_loss_that_is_not_finite_stops_with_one_line(painting: Image.Image, random_vgg: VGGWeights) -> None:
    with pytest.raises(NstyleError, match=r"the loss became (inf|nan) at iteration 0 .*style/relu2_1"):
        nstyle.reconstruct(
            style=painting, layers="relu2_1", encoder=random_vgg, size=48, loss="moments", moments=4, feature_scale=1e15
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "relu3_9"}, r"vgg16 has no layer 'relu3_9'; did you mean relu3_3"),
        ({"layers": "relu5_3", "size": 16}, r"the result is 16x13 px, but relu5_3 needs at least 16 px"),
        ({"layers": ""}, "no layers were given"),
        ({"layers": "relu1_1=much"}, "'relu1_1=much' is no layer with a weight"),
        ({"layers": "relu1_1", "loss": "wasserstein"}, r"`loss` is wasserstein; expected gram \| gram-gatys"),
        ({"layers": "relu1_1", "loss": "mmd", "threshold": 1.0}, "mmd can be negative"),
        ({"layers": "relu1_1", "loss": "mmd-shuffled", "optimizer": "lbfgs"}, "draws new pairs"),
        ({"layers": "relu1_1", "moments": 3}, "`moments` is 3, but `loss` gram has none"),
        ({"layers": "relu1_1", "loss": "moments", "moments": 5}, "`moments` is 5; expected 1 to 4"),
        ({"layers": "relu1_1", "start": "content"}, "`start` content needs a content"),
        ({"layers": "relu1_1", "start": "average"}, "`start` average needs a content and a style"),
        ({"layers": "relu1_1", "min_size": 64, "size": 48}, "`min_size` is 64"),
        ({"layers": "relu1_1", "iterations": 0}, "`iterations` is 0; expected at least 1"),
        ({"layers": "relu1_1", "lr": 0.0}, "`lr` is 0.0; expected more than 0"),
        (
            {"layers": "relu1_1", "style_mix": (0.5, 0.5)},
            "`style_mix` has 2 parts; expected one for each of the 1 style",
        ),
        ({"layers": "relu1_1", "speed": 2}, "there is no setting `speed`"),
        ({"layers": "relu1_1", "iteration": 3}, r"there is no setting `iteration`; did you mean `iterations`\?"),
        ({"layer": "relu1_1"}, r"there is no setting `layer`; did you mean `layers`\?"),
        ({"layers": "relu1_1", "animation": "gif"}, "need a folder"),
        ({"content_layers": "relu1_1"}, "content layers were given but no content picture"),
        ({"layers": "relu1_1", "style_layers": "relu1_1"}, "not both"),
        ({"layers": "relu1_1", "iterations": 3.5}, "`iterations` is 3.5; expected a whole number"),
        ({"layers": "relu1_1", "threshold": math.nan}, "`threshold` is nan"),
        ({"layers": "relu1_1", "seed": 10**20}, "`seed` is 1000"),
        ({"layers": "relu1_1", "network": "vgg19"}, "`encoder` is vgg16, but `network` is vgg19"),
        ({"layers": "relu1_1", "snapshots_every": -1, "out": "x"}, "`snapshots_every` is -1"),
        ({"layers": "relu1_1", "schedule": "seed-999"}, "`schedule` is seed-999; expected inversion-table"),
    ],
)
def test_bad_requests_are_one_clear_line(
    options: Any, message: str, painting: Image.Image, random_vgg: VGGWeights
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        nstyle.reconstruct(style=painting, encoder=random_vgg, **{"size": 48, **options})
    assert "\n" not in str(caught.value)


def test_transfer_defaults_and_weights_that_stop_early(
    photograph: Image.Image, painting: Image.Image, random_vgg: VGGWeights
) -> None:
    config = make_config(Pictures.read(styles=[painting], content=photograph))
    assert tuple(config.content_layers) == ("relu4_2",)
    assert tuple(config.style_layers) == ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    assert math.fsum(config.style_layers.values()) == pytest.approx(1)
    with pytest.raises(UsageError, match=r"relu5_1 .*stop at relu3_3; .*`style_layers`, `content_layers`"):
        nstyle.reconstruct(style=painting, content=photograph, encoder=cut(random_vgg), size=48)


def test_a_style_weight_is_not_guessed_for_losses_it_was_not_tuned_for(
    photograph: Image.Image, painting: Image.Image
) -> None:
    pictures = Pictures.read(styles=[painting], content=photograph)
    with pytest.raises(UsageError, match="no style weight is known for `loss` moments"):
        make_config(pictures, loss="moments")
    assert make_config(pictures, loss="moments", style_weight=3.0).style_weight == 3.0


def test_a_default_style_weight_warns_under_another_release(
    photograph: Image.Image, painting: Image.Image, random_vgg: VGGWeights, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {
        "content": photograph,
        "style": painting,
        "encoder": random_vgg,
        "size": 48,
        "iterations": 1,
    }
    nstyle.reconstruct(**options, content_layers="relu1_2", style_layers="relu1_1", style_weight=1.0)
    assert not caplog.records
    nstyle.reconstruct(**options, content_layers="relu1_2", style_layers="relu1_1")
    assert "chosen with oxford weights and these are random" in caplog.text


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_any_layer_of_both_networks_can_be_matched(architecture: Any, painting: Image.Image) -> None:
    layers = "conv2_1,pool3,relu4_3" + (",relu3_4" if architecture == "vgg19" else "")
    weights = VGGWeights.random(architecture)
    result = nstyle.reconstruct(
        style=painting, layers=layers, encoder=weights, size=48, iterations=2, pooling="average", precision="fp32"
    )
    assert all(value < result.initial[name] for name, value in result.terms.items())


def test_layers_are_parsed_with_weights() -> None:
    assert parse_layers("relu1_1, relu2_1=0.5,") == {"relu1_1": 1.0, "relu2_1": 0.5}


def test_adam_is_torchs(painting: Image.Image) -> None:
    """An oracle for the bookkeeping around torch's Adam: the seed's betas, and no state lost between steps."""
    target = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    objective = Objective(Pixels(), ReconstructionConfig(content_layers={"pixels": 1.0}), [], [], target)
    start = torch.full_like(target, 0.5)
    found, _ = optimize(objective, FirstOrder("adam", 1e-3), start, 10)
    leaf = start.clone().requires_grad_()
    adam = torch.optim.Adam([leaf], lr=1e-3, betas=(0.9, 0.999))
    for _ in range(10):
        adam.zero_grad()
        (3 * leaf - 3 * target).square().mean().backward()
        adam.step()
    torch.testing.assert_close(found, leaf.detach())


@pytest.mark.parametrize("name", ["half-sum", "mean"])
def test_content_losses_agree_with_their_oracles_and_gradients(name: Any) -> None:
    """Gatys et al. 2015, eq. 1 and Du's mean, with loops. Features are the pixels times three and the feature scale."""
    generator = torch.Generator().manual_seed(0)
    image, target = (torch.rand(1, 3, 4, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    config = ReconstructionConfig(content_layers={"pixels": 1.0}, content_loss=name, feature_scale=0.5)
    objective = Objective(Pixels(), config, [], [], target)
    squares = [(1.5 * (a - b)) ** 2 for a, b in zip(image.flatten().tolist(), target.flatten().tolist(), strict=True)]
    expected = math.fsum(squares) / 2 if name == "half-sum" else math.fsum(squares) / len(squares)
    evaluation = objective.evaluate(image)
    assert evaluation.loss == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda x: objective.terms(x)["content/pixels"], image.requires_grad_())
    slope = 2.25 * (image.detach() - target) * (1 if name == "half-sum" else 2 / len(squares))
    torch.testing.assert_close(evaluation.grad, slope)


@pytest.mark.parametrize(("loss", "power"), [("gram", 4), ("mean-std", 2)])
def test_the_feature_scale_is_applied_to_picture_and_target_alike(loss: Any, power: int) -> None:
    generator = torch.Generator().manual_seed(0)
    image, style = (torch.rand(1, 3, 6, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    losses = []
    for scale in (1.0, 0.5):
        config = ReconstructionConfig(style_layers={"pixels": 1.0}, loss=loss, feature_scale=scale)
        losses.append(Objective(Pixels(), config, [style], [1.0], None).evaluate(image).loss)
    assert losses[1] == pytest.approx(losses[0] * 0.5**power, rel=1e-5)
