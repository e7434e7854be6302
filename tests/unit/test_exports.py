"""Exports paint what the model paints, in ONNX Runtime, at sizes and in batches that no export has seen."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import nstyle
from nstyle.errors import NstyleError, UsageError
from nstyle.models.model_file import load_model, save_model
from nstyle.models.model_info import ModelInfo
from nstyle.models.transformer import TransformerNetwork

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def session(path: Path) -> "onnxruntime.InferenceSession":
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nstyle.export(model, tmp_path_factory.mktemp("export") / "m.onnx")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).random(shape, dtype=np.float32)


def expected(stylizer: nstyle.Stylizer, image: np.ndarray, weights: list[float]) -> np.ndarray:
    return stylizer.stylize(torch.from_numpy(image), weights, tiling="whole").numpy()


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (7, 5), (15, 17), (16, 16), (61, 62), (50, 37), (64, 130)])
def test_an_export_paints_what_the_model_paints_at_every_size(
    exported: Path, stylizer: nstyle.Stylizer, size: tuple[int, int]
) -> None:
    image, weights = noise(1, 3, *size), [0.2, 0.5, 0.3]
    painted = session(exported).run(["stylized"], {"image": image, "mix": np.array([weights], np.float32)})[0]
    assert painted.shape == image.shape
    np.testing.assert_allclose(painted, expected(stylizer, image, weights), atol=1e-3)


def test_every_picture_of_a_batch_has_a_mix_of_its_own(exported: Path, stylizer: nstyle.Stylizer) -> None:
    images, mixes = noise(3, 3, 33, 46), [[1.0, 0, 0], [0, 0, 1.0], [0.5, 0.25, 0.25]]
    painted = session(exported).run(None, {"image": images, "mix": np.array(mixes, np.float32)})[0]
    for picture, image, mix in zip(painted, images, mixes, strict=True):
        np.testing.assert_allclose(picture, expected(stylizer, image[None], mix)[0], atol=1e-3)


def test_a_picture_of_one_pixel_is_painted(exported: Path) -> None:
    painted = session(exported).run(None, {"image": noise(1, 3, 1, 1), "mix": np.eye(3, dtype=np.float32)[:1]})[0]
    assert painted.shape == (1, 3, 1, 1)
    assert ((painted >= 0) & (painted <= 1)).all()


def test_a_fixed_mix_needs_no_input(model: Path, stylizer: nstyle.Stylizer, tmp_path: Path) -> None:
    path = nstyle.export(model, tmp_path / "one.onnx", weights={"wave": 1, "starry": 3})
    image = noise(2, 3, 21, 40)
    assert [value.name for value in session(path).get_inputs()] == ["image"]
    painted = session(path).run(None, {"image": image})[0]
    np.testing.assert_allclose(painted, expected(stylizer, image, [0.75, 0.25, 0]), atol=1e-3)


def test_half_precision_halves_the_file_and_keeps_the_norms_in_float32(
    model: Path, exported: Path, stylizer: nstyle.Stylizer, tmp_path: Path
) -> None:
    path = nstyle.export(model, tmp_path / "half.onnx", half=True)
    image = noise(1, 3, 50, 37)
    painted = session(path).run(None, {"image": image, "mix": np.array([[0, 1, 0]], np.float32)})[0]
    assert painted.dtype == np.float32
    assert np.abs(painted - expected(stylizer, image, [0, 1, 0])).mean() < 1 / 255
    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    types = {value.name: value.type.tensor_type.elem_type for value in [*graph.value_info, *graph.input]}
    kernels = {tensor.name: tensor.data_type for tensor in graph.initializer if len(tensor.dims) == 4}
    assert set(kernels.values()) == {onnx.TensorProto.FLOAT16}
    norms = [node for node in graph.node if node.op_type == "InstanceNormalization"]
    assert {types[node.input[0]] for node in norms} == {onnx.TensorProto.FLOAT}
    size, full = (sum(len(t.raw_data) for t in onnx.load(p).graph.initializer) for p in (path, exported))
    assert size < 0.6 * full


def test_an_export_is_valid_and_describes_itself(exported: Path, model: Path) -> None:
    loaded = onnx.load(exported)
    onnx.checker.check_model(loaded, full_check=True)
    assert {entry.domain: entry.version for entry in loaded.opset_import} == {"": 17}
    inputs = [
        (value.name, [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim])
        for value in loaded.graph.input
    ]
    assert inputs == [("image", ["batch", 3, "height", "width"]), ("mix", ["batch", 3])]
    metadata = {entry.key: entry.value for entry in loaded.metadata_props}
    assert json.loads(metadata["styles"]) == ["van-gogh-starry-night", "hokusai-great-wave", "plain"]
    assert metadata.keys() == {"styles", "weights", "grain", "licence", "card", "version", "nstyle"}
    assert metadata["licence"] == "not stated"


def test_a_shipped_model_takes_its_card_and_licence_along(tmp_path: Path) -> None:
    path = nstyle.export(Path(__file__).parents[2] / "checkpoints/slim.safetensors", tmp_path / "slim.onnx")
    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert metadata["licence"] == "mit"
    assert "# Model card: slim" in metadata["card"]
    assert metadata["grain"] == "2"


def test_a_wrong_export_is_never_left(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nstyle.exports.network as network

    right = network.corner_kernels
    monkeypatch.setattr(network, "corner_kernels", lambda weight: right(weight).flip(3))
    with pytest.raises(NstyleError, match=r"not written: at \d+x\d+ px it differs from the network by"):
        nstyle.export(model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_requests_are_refused_before_any_work(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "there.onnx"
    there.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists; give `overwrite`"):
        nstyle.export(model, there)
    assert there.read_bytes() == b"mine"
    with pytest.raises(UsageError, match=r"expected a file ending in \.onnx"):
        nstyle.export(model, tmp_path / "m.pt")
    with pytest.raises(UsageError, match="got 2 weights for 3 styles"):
        nstyle.export(model, tmp_path / "m.onnx", weights=[1, 1])
    monkeypatch.setattr("nstyle.exports.runtime.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'nstyle\[onnx\]'"):
        nstyle.export(model, tmp_path / "m.onnx")


def test_a_network_of_any_width_and_one_style(tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_model(tmp_path / "m.safetensors", TransformerNetwork(1, width=0.07), ModelInfo(styles=("a",), width=0.07))
    path = nstyle.export(tmp_path / "m.safetensors", tmp_path / "m.onnx", overwrite=True)
    network, _ = load_model(tmp_path / "m.safetensors")
    image = noise(1, 3, 20, 30)
    painted = session(path).run(None, {"image": image, "mix": np.ones((1, 1), np.float32)})[0]
    stylizer = nstyle.Stylizer(network, ModelInfo(styles=("a",), width=0.07))
    np.testing.assert_allclose(painted, expected(stylizer, image, [1]), atol=1e-3)
