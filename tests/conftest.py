"""Shared fixtures: sample photographs, drawn styles, VGG weights, and a way to run the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from nstyle.encoders.vgg import VGGWeights
from nstyle.imaging.heic import can_read_heic
from nstyle.inference.stylizer import Stylizer, load
from nstyle.models.model_file import ModelInfo, save_model
from nstyle.models.transformer import TransformerNetwork

if "PYTEST_XDIST_WORKER" in os.environ:  # Each worker has a core, and so have the command lines that it runs.
    os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))

STYLE_NAMES = ("waves", "mosaic", "hatching")
SMALL_RUN = {"batch_size": 2, "size": 32, "width": 0.25, "precision": "fp32", "device": "cpu"}
"""Settings of a training that takes a moment."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the cache of photograph headers out of the user's home."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def _without_heic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Do without the ``heic`` extra, as if it was not installed."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    can_read_heic.cache_clear()
    yield
    can_read_heic.cache_clear()


@pytest.fixture(scope="session")
def real_vgg() -> str:
    """The path of real VGG16 weights that are complete; skips where none are named."""
    return named_weights("NSTYLE_VGG")


@pytest.fixture(scope="session")
def real_short_vgg() -> str:
    """The path of real VGG16 weights that stop at relu3_3; skips where none are named."""
    return named_weights("NSTYLE_SHORT_VGG")


def named_weights(variable: str) -> str:
    """Return the path in an environment variable, or skip the test."""
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} names no VGG weights: what needs real ones is not tested")
    return path


@pytest.fixture(scope="session")
def random_vgg() -> VGGWeights:
    """A VGG16 with random weights, complete through block 5."""
    return VGGWeights.random()


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory: pytest.TempPathFactory, random_vgg: VGGWeights) -> Path:
    """A weights file that stops at relu4_1, as deep as the default loss looks; the numbers are random."""
    return write_vgg(tmp_path_factory.mktemp("vgg") / "random.safetensors", random_vgg, last=17)


@pytest.fixture(scope="session")
def short_vgg_file(tmp_path_factory: pytest.TempPathFactory, random_vgg: VGGWeights) -> Path:
    """A weights file that stops at relu3_3, like the ones that are passed around; the numbers are random."""
    return write_vgg(tmp_path_factory.mktemp("vgg") / "short.safetensors", random_vgg, last=14)


def write_vgg(path: Path, weights: VGGWeights, *, last: int) -> Path:
    """Write the convolutions up to an index of torchvision's."""
    state = {key: value for key, value in weights.state.items() if int(key.split(".")[1]) <= last}
    metadata = {"architecture": weights.architecture, "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}
    save_file(state, path, metadata=metadata)
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four real photographs, 96 px, with a subfolder."""
    from skimage import data

    folder = tmp_path_factory.mktemp("photos")
    (folder / "more").mkdir()
    for name, home in (
        ("astronaut", folder),
        ("coffee", folder),
        ("chelsea", folder / "more"),
        ("rocket", folder / "more"),
    ):
        image = Image.fromarray(getattr(data, name)())
        image.thumbnail((140, 140))
        image.save(home / f"{name}.jpg", quality=90)
    return folder


@pytest.fixture(scope="session")
def photo(photos: Path) -> Path:
    """One real photograph, 140 px wide."""
    return photos / "coffee.jpg"


@pytest.fixture(scope="session")
def styles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three drawn styles: waves, mosaic, hatching."""
    folder = tmp_path_factory.mktemp("styles")
    y, x = np.mgrid[0:80, 0:100]
    cells = np.random.default_rng(0).integers(0, 256, (10, 13, 3)).repeat(8, axis=0).repeat(8, axis=1)[:80, :100]
    waves = np.stack([120 + 100 * np.sin(x / 5 + 3 * np.sin(y / 9)), 90 + 60 * np.cos(y / 4), 200 + 0 * x], axis=-1)
    hatching = np.where(((x + y) % 7 < 2) | ((x - y) % 11 < 2), 30, 235)[..., None].repeat(3, axis=-1)
    for name, pixels in zip(STYLE_NAMES, (waves, cells, hatching), strict=True):
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="session")
def image(photo: Path) -> Image.Image:
    """The same photograph as a picture."""
    with Image.open(photo) as opened:
        return opened.convert("RGB")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of three styles whose outputs differ; its weights are random."""
    torch.manual_seed(0)
    network = TransformerNetwork(3, width=0.25)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:
                parameter.add_(0.5 * torch.randn_like(parameter))
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, network, ModelInfo(styles=("van-gogh-starry-night", "hokusai-great-wave", "plain"), width=0.25))
    return path


@pytest.fixture(scope="session")
def stylizer(model: Path) -> Stylizer:
    """The small model, ready to paint."""
    return load(model)


Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def launcher() -> Iterator[subprocess.Popen[str]]:
    """A process that starts command lines with torch already imported."""
    command = [sys.executable, "-W", "default", str(Path(__file__).parent / "launcher.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


@pytest.fixture
def nstyle(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, launcher: subprocess.Popen[str]) -> Run:
    """Run the command line in a folder of its own, without the user's VGG weights."""

    def run(
        *arguments: object, stdin: bytes = b"", cwd: Path = tmp_path, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        env = {**os.environ, "COLUMNS": "200", **environment}
        if "NSTYLE_VGG" not in environment:
            env.pop("NSTYLE_VGG", None)
        streams = [tmp_path_factory.mktemp("streams") / name for name in ("stdin", "stdout", "stderr")]
        for stream in streams:
            stream.write_bytes(stdin if stream.name == "stdin" else b"")
        request = {
            "arguments": [*map(str, arguments)],
            "cwd": str(cwd),
            "environment": env,
            "streams": [*map(str, streams)],
        }
        assert launcher.stdin is not None
        assert launcher.stdout is not None
        print(json.dumps(request), file=launcher.stdin, flush=True)
        status = int(launcher.stdout.readline())
        return subprocess.CompletedProcess(
            request["arguments"], status, *(stream.read_bytes() for stream in streams[1:])
        )

    return run
