"""Model files: what they say, what they refuse, how they are found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nstyle.errors import NstyleError, UsageError
from nstyle.models.locate import describe_model, find_model, newest_run, shipped_models
from nstyle.models.model_file import ModelInfo, load_model, read_info, save_model
from nstyle.models.transformer import TransformerNetwork

INFO = ModelInfo(
    styles=("a", "b"), width=0.25, updates=7, created=1.0, preset={"name": "relative"}, vgg={"release": "oxford"}
)


@pytest.fixture
def network() -> TransformerNetwork:
    return TransformerNetwork(2, width=0.25)


def test_round_trip(tmp_path: Path, network: TransformerNetwork) -> None:
    save_model(tmp_path / "m.safetensors", network, INFO)
    loaded, info = load_model(tmp_path / "m.safetensors")
    assert info == INFO == read_info(tmp_path / "m.safetensors")
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path: Path, network: TransformerNetwork) -> None:
    save_model(tmp_path / "full.safetensors", network, INFO)
    save_model(tmp_path / "half.safetensors", network, INFO, dtype=torch.float16)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (tmp_path / "full.safetensors").stat().st_size
    assert all(p.dtype == torch.float32 for p in load_model(tmp_path / "half.safetensors")[0].parameters())


def test_non_finite_weights_are_never_saved(tmp_path: Path, network: TransformerNetwork) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, network, INFO)
    before = path.read_bytes()
    with torch.no_grad():
        network.output.norm.beta_SC[1, 2] = float("nan")
    with pytest.raises(NstyleError, match=r"output.norm.beta_SC holds values that are not finite"):
        save_model(path, network, INFO)
    assert path.read_bytes() == before


def test_style_count_must_fit(tmp_path: Path, network: TransformerNetwork) -> None:
    with pytest.raises(ValueError, match="2 styles, but 1 names"):
        save_model(tmp_path / "m.safetensors", network, ModelInfo(styles=("a",), width=0.25))


def test_foreign_newer_and_damaged_files(tmp_path: Path, network: TransformerNetwork) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(UsageError, match="no such file"):
        load_model(path)
    path.write_bytes(b"junk")
    with pytest.raises(UsageError, match="cannot be read as a model"):
        load_model(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(UsageError, match="is no nstyle model"):
        load_model(path)
    save_file({"x": torch.zeros(1)}, path, metadata={"nstyle": json.dumps({"format_version": 99})})
    with pytest.raises(UsageError, match="format version 99"):
        load_model(path)
    save_model(path, network, INFO)
    state = load_file(path)
    del state["output.conv.weight"]
    save_file(state, path, metadata={"nstyle": json.dumps({"format_version": 1, "styles": ["a", "b"], "width": 0.25})})
    with pytest.raises(UsageError, match=r"is damaged.*output.conv.weight"):
        load_model(path)


def test_find_model(tmp_path: Path, network: TransformerNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, created in (("old", 5.0), ("new", 9.0), ("middle", 7.0)):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        save_model(
            tmp_path / "checkpoints" / name / "model.safetensors",
            network,
            ModelInfo(styles=("a", "b"), width=0.25, created=created),
        )
    os.utime(tmp_path / "checkpoints" / "old" / "model.safetensors")  # Touched last, but it records the oldest time.
    assert newest_run() == Path("checkpoints/new")
    assert find_model() == Path("checkpoints/new/model.safetensors")
    assert find_model("old") == Path("checkpoints/old/model.safetensors")
    assert describe_model(find_model("old")) == "checkpoints/old"
    assert describe_model(find_model("default")) == "the shipped model default"
    assert describe_model(Path("other.safetensors")) == "other.safetensors"
    assert find_model("checkpoints/old/model.safetensors") == Path("checkpoints/old/model.safetensors")
    with pytest.raises(UsageError, match="model 'nothing' not found"):
        find_model("nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"holds no model\.safetensors"):
        find_model("empty")


def test_a_bare_checkout_finds_what_comes_with_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in str(f)]; "
        "from nstyle.demo.materials import sample_styles; from nstyle.models.locate import shipped_models; "
        "print(*shipped_models().values(), *sample_styles().values(), sep='\\n')"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    found = [Path(line) for line in done.stdout.splitlines()]
    assert {root / "checkpoints" / "default.safetensors", root / "data" / "styles" / "waves.jpg"} <= set(found)
    assert {path.parent for path in found} == {root / "checkpoints", root / "data" / "styles"}


def test_shipped_model_is_small_and_complete() -> None:
    path = shipped_models()["default"]
    assert path.stat().st_size < 4_000_000
    network, info = load_model(path)
    assert len(info.styles) >= 6
    assert sum(p.numel() for p in network.parameters()) == 1_674_432 + 3_206 * len(info.styles)
    assert info.preset["name"] == "relative"
    assert info.vgg["release"] == "oxford"
