"""What needs a GPU. Skips, and says so, where there is none."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

import nstyle
from nstyle.data.choice import choose_sampler
from nstyle.data.crops import CropSampler
from nstyle.data.photos import index_folder
from nstyle.data.resident import ResidentSampler
from nstyle.imaging.pictures import resize, to_tensor
from nstyle.inference.device_check import prepare
from nstyle.models.model_file import read_info
from nstyle.tiling.memory import MomentMemory
from nstyle.tiling.whole import WholePainter

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: what needs a GPU is not tested")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_on_a_gpu(tmp_path: Path, photos: Path, styles: Path, vgg_file: Path, precision: str) -> None:
    settings = {
        "content": str(photos),
        "vgg": str(vgg_file),
        "updates": 6,
        "checkpoint_every": 3,
        "batch_size": 2,
        "size": 32,
        "width": 0.25,
    }
    run = nstyle.train(
        [styles / "waves.png", styles / "mosaic.png"],
        out=tmp_path / "run",
        device="cuda",
        precision=precision,
        **settings,
    )
    assert read_info(run / "model.safetensors").updates == 6
    nstyle.train(out=run, resume=True, updates=8)
    assert read_info(run / "model.safetensors").updates == 8


def test_photographs_kept_on_a_gpu_are_cropped_as_on_the_cpu_and_nothing_waits(photos: Path) -> None:
    index = index_folder(photos)
    expected = list(ResidentSampler(index, 48, 0, torch.device("cpu")).batches(0, 8, 4))
    batches = ResidentSampler(index, 48, 0, torch.device("cuda")).batches(0, 8, 4)
    first = next(batches)  # Libraries may wait when they are first used.
    torch.cuda.set_sync_debug_mode("error")
    try:
        crops = [first, *batches]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    difference = (torch.stack(crops).cpu().int() - torch.stack(expected).int()).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 0.001


def test_photographs_are_read_into_pinned_memory_or_kept_on_the_gpu(photos: Path) -> None:
    index, device = index_folder(photos), torch.device("cuda", 0)
    (batch,) = CropSampler(index, 48, 0).batches(0, 1, 2, pin=True)
    assert batch.is_pinned()
    assert type(choose_sampler(index, 48, 0, device, crops=3, batch_size=2)) is CropSampler
    assert choose_sampler(index, 48, 0, device, crops=4, batch_size=2).batch(0, 2).device == device


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two GPUs: what needs several is not tested")
def test_two_gpus_train_like_one(tmp_path: Path, photos: Path, styles: Path, vgg_file: Path) -> None:
    settings = {
        "content": photos,
        "vgg": vgg_file,
        "updates": 3,
        "batch-size": 4,
        "size": 32,
        "width": 0.25,
        "precision": "fp32",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    totals = []
    for count in (1, 2):
        run = tmp_path / str(count)
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
        command = [
            *launcher,
            "-m",
            "nstyle",
            "train",
            "--styles",
            str(styles / "waves.png"),
            "--out",
            str(run),
            *options,
        ]
        subprocess.run(command, check=True, timeout=300)
        rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
        totals.append([row["total"] for row in rows if "total" in row])
    assert totals[1] == pytest.approx(totals[0], rel=0.01)


@pytest.fixture
def exact_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paint in float32, and multiply it as float32, not as TF32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr("nstyle.inference.device_check.PRECISIONS", {})


@pytest.mark.usefixtures("exact_float32")
def test_gpu_paints_like_the_cpu(model: Path) -> None:
    """In one piece, which is float32 on both; strips on the CPU multiply in bfloat16."""
    image = torch.rand(3, 64, 80)
    on_cpu, on_gpu = (
        nstyle.load(model, device=device).stylize(image, "plain", tiling="whole") for device in ("cpu", "cuda")
    )
    assert on_gpu.dtype == on_cpu.dtype == torch.float32
    torch.testing.assert_close(on_gpu, on_cpu, rtol=0.0, atol=2e-3)


def test_what_the_gpu_paints_by_default_is_within_a_level_of_float32(photos: Path) -> None:
    with Image.open(photos / "coffee.jpg") as photo:
        image = to_tensor(resize(photo.convert("RGB"), long_side=512))
    expected = nstyle.load("default").stylize(image, "scream", tiling="whole")
    painted = nstyle.load("default", device="cuda").stylize(image, "scream")
    assert (painted - expected).abs().mean() < 1 / 255


def test_a_tensor_on_the_gpu_stays_there_and_one_number_is_waited_for(model: Path) -> None:
    """The check of the range is the only transfer; before, every picture of a batch went to the CPU and back."""
    stylizer = nstyle.load(model, device="cuda")
    batch = torch.rand(3, 3, 64, 80, device="cuda")
    first = stylizer.stylize(batch, "plain", tiling="whole")
    assert first.device == batch.device
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            stylizer.stylize(batch, "plain", tiling="whole")
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert sum("called a synchronizing CUDA operation" in str(warning.message) for warning in caught) == 1
    assert stylizer.stylize(batch.cpu(), "plain").device.type == "cpu"


@pytest.mark.parametrize(("loss", "optimizer"), [("gram", "lbfgs"), ("moments", "adam"), ("mmd-shuffled", "adam")])
def test_reconstruction_on_a_gpu(tmp_path: Path, styles: Path, vgg_file: Path, loss: str, optimizer: str) -> None:
    options = {
        "layers": "relu1_1,relu2_1",
        "loss": loss,
        "optimizer": optimizer,
        "vgg": str(vgg_file),
        "size": 48,
        "precision": "fp32",
    }
    torch.backends.cudnn.allow_tf32 = False
    losses: dict[str, float] = {}
    for device in ("cpu", "cuda"):
        result = nstyle.reconstruct(
            style=styles / "waves.png", device=device, iterations=3, lr=0.02 if optimizer == "adam" else 1.0, **options
        )
        losses[device] = result.loss
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.02)
    run = {"style": styles / "waves.png", "device": "cuda", "out": tmp_path / "run", **options}
    nstyle.reconstruct(iterations=3, **run)
    assert nstyle.reconstruct(iterations=5, resume=True, **run).iterations == 5


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_moments_of_frames_are_remembered_on_the_gpu_and_nothing_waits(photo: Path, dtype: torch.dtype) -> None:
    """The first frame is what painting alone gives, and a dark one after it what the CPU makes of both."""
    stylizer = nstyle.load("slim")
    mix = torch.eye(len(stylizer.styles))[:1]
    with Image.open(photo) as image:
        frames = [to_tensor(image.convert("RGB"))[None][..., :96, :128] * light for light in (1.0, 0.5)]
    painted = {}
    for device in ("cpu", "cuda"):
        network = prepare(stylizer.network, torch.device(device))
        painter, memory = WholePainter(network, dtype if device == "cuda" else torch.float32), MomentMemory(8)
        on_device, weights = [frame.to(device) for frame in frames], mix.to(device)
        painter.paint(on_device[0], weights, MomentMemory(8))  # Libraries may wait when they are first used.
        torch.cuda.set_sync_debug_mode("error")
        try:
            results = []
            for frame in on_device:
                memory.begin()
                results.append(painter.paint(frame, weights, memory))
        finally:
            torch.cuda.set_sync_debug_mode("default")
        painted[device] = [result.cpu() for result in results]
        assert (painted[device][0] - painter.paint(on_device[0], weights).cpu()).abs().mean() < 1 / 255
    for on_cpu, on_gpu in zip(painted["cpu"], painted["cuda"], strict=True):
        assert (on_cpu - on_gpu).abs().mean() < 1 / 255
