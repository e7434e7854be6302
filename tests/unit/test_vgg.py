"""Frozen VGG features against torchvision's networks, and the weights files."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from nstyle.encoders.layers import Architecture, layer_names
from nstyle.encoders.vgg import VGGFeatures, VGGWeights
from nstyle.encoders.vgg_weights import load_vgg_weights
from nstyle.errors import NstyleError, UsageError


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_every_layer_equals_torchvision(architecture: Architecture) -> None:
    import torchvision

    weights = VGGWeights.random(architecture)
    oracle = getattr(torchvision.models, architecture)(weights=None).features.eval()
    oracle.load_state_dict({key.removeprefix("features."): value for key, value in weights.state.items()})
    names = layer_names(architecture)
    assert len(names) == len(oracle)
    image = torch.rand(1, 3, 40, 48)
    features = VGGFeatures(weights, names)(image)
    x = (image - torch.tensor(weights.mean).view(3, 1, 1)) / torch.tensor(weights.std).view(3, 1, 1)
    for name, layer in zip(names, oracle, strict=True):
        x = layer(x).detach().clone()  # torchvision's ReLUs work in place.
        torch.testing.assert_close(
            features[name], x, rtol=1e-4, atol=1e-4, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_relu4_3_is_index_22() -> None:
    """tyui592 labels index 22 relu_4_2."""
    assert layer_names("vgg16")[22] == "relu4_3"
    assert layer_names("vgg16").index("relu4_2") == 20


def test_average_pooling(random_vgg: VGGWeights) -> None:
    image = torch.rand(1, 3, 16, 16)
    maximum, average = (
        VGGFeatures(random_vgg, ["relu1_2", "pool1"], pooling=pooling)(image) for pooling in ("max", "average")
    )
    torch.testing.assert_close(average["pool1"], torch.nn.functional.avg_pool2d(average["relu1_2"], 2))
    assert not torch.allclose(maximum["pool1"], average["pool1"])


def test_no_deeper_than_asked(random_vgg: VGGWeights) -> None:
    vgg = VGGFeatures(random_vgg, ["relu1_2", "relu2_2"])
    assert set(vgg.convs) == {"conv1_1", "conv1_2", "conv2_1", "conv2_2"}
    calls: list[str] = []
    for name, conv in vgg.convs.items():
        conv.register_forward_hook(lambda *_, name=name: calls.append(name))
    vgg(torch.rand(1, 3, 8, 8), ["relu1_2"])
    assert calls == ["conv1_1", "conv1_2"]


def test_input_is_not_modified(random_vgg: VGGWeights) -> None:
    """pytorch/examples and Deep Fried divide their argument in place."""
    image = torch.rand(1, 3, 8, 8)
    before = image.clone()
    VGGFeatures(random_vgg, ["relu1_1"])(image)
    assert torch.equal(image, before)


def test_frozen_and_first_layer_float32(random_vgg: VGGWeights) -> None:
    vgg = VGGFeatures(random_vgg, ["conv1_1", "relu2_1"], dtype=torch.bfloat16)
    assert not any(p.requires_grad for p in vgg.parameters())
    assert vgg.convs["conv1_1"].weight.dtype == torch.float32
    assert vgg.convs["conv2_1"].weight.dtype == torch.bfloat16


def test_truncated_weights_name_both_layers(random_vgg: VGGWeights, short_vgg_file: Path) -> None:
    weights = load_vgg_weights(short_vgg_file)
    assert weights.deepest == "relu3_3"
    VGGFeatures(weights, ["relu3_3"])
    with pytest.raises(UsageError, match=r"relu4_3.*stop at relu3_3"):
        VGGFeatures(weights, ["relu4_3"])
    assert random_vgg.deepest == "pool5"


def test_unknown_layer(random_vgg: VGGWeights) -> None:
    with pytest.raises(UsageError, match="relu9_9"):
        VGGFeatures(random_vgg, ["relu9_9"])


def test_state_dict_file_and_recognized_architecture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "vgg19.pth"
    torch.save(VGGWeights.random("vgg19").state, path)
    weights = load_vgg_weights(path)
    assert weights.architecture == "vgg19"
    assert weights.mean == (0.485, 0.456, 0.406)
    assert "torchvision's mean and std are assumed" in caplog.text


def test_half_precision_and_cut_after_conv4_1(tmp_path: Path, random_vgg: VGGWeights) -> None:
    kept = {key: value.half() for key, value in random_vgg.state.items() if int(key.split(".")[1]) <= 17}
    save_file(kept, tmp_path / "small.safetensors", metadata={"mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"})
    weights = load_vgg_weights(tmp_path / "small.safetensors")
    assert (weights.architecture, {value.dtype for value in weights.state.values()}) == ("vgg16", {torch.float32})
    photo = torch.rand(1, 3, 32, 32)
    deepest = VGGFeatures(weights, ("relu4_1",))(photo)["relu4_1"]
    torch.testing.assert_close(
        deepest, VGGFeatures(random_vgg, ("relu4_1",))(photo)["relu4_1"], rtol=0.02, atol=0.02 * float(deepest.max())
    )
    with pytest.raises(UsageError, match="relu4_2"):
        VGGFeatures(weights, ("relu4_2",))


def test_environment_variable(vgg_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSTYLE_VGG", str(vgg_file))
    assert load_vgg_weights().sha256 == load_vgg_weights(vgg_file).sha256


@pytest.mark.parametrize(
    "content", [b"", b"not weights", b"root:x:0:0:root:/root:/bin/bash\n", b"\x80\x02crafted pickle"]
)
def test_damaged_weights(tmp_path: Path, content: bytes) -> None:
    for name in ("a.safetensors", "a.pth"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UsageError, match="expected safetensors or a state dict"):
            load_vgg_weights(path)


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "owned",))

    torch.save({"features.0.weight": Malicious()}, tmp_path / "evil.pth")
    with pytest.raises(UsageError):
        load_vgg_weights(tmp_path / "evil.pth")
    assert not (tmp_path / "owned").exists()


def test_wrong_shapes(tmp_path: Path) -> None:
    state = {
        "features.0.weight": torch.zeros(64, 3, 5, 5),
        "features.0.bias": torch.zeros(64),
        "features.14.weight": torch.zeros(1),
    }
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(UsageError, match=r"shape \(64, 3, 5, 5\).*expected \(64, 3, 3, 3\)"):
        load_vgg_weights(tmp_path / "a.safetensors")


def first_block(random_vgg: VGGWeights) -> dict[str, object]:
    return {key: value for key, value in random_vgg.state.items() if int(key.split(".")[1]) <= 14}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("mean", text)
            for text in ("", "a,b,c", "0.1,0.2", "0.1,0.2,nan", "inf,0,0", "-1,0,0", "0.1,0.2,200", "1" * 9999)
        ),
        *(("std", text) for text in ("", "0,0,0", "0.2,0.2,-0.2", "1e-46,1,1", "nan,1,1", "1,1,1e999", "0.2;0.2;0.2")),
        ("architecture", "lite"),
        ("architecture", "vgg\n16"),
    ],
)
def test_metadata_are_checked(tmp_path: Path, random_vgg: VGGWeights, name: str, value: str) -> None:
    metadata = {"architecture": "vgg16", "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225", name: value}
    save_file(first_block(random_vgg), tmp_path / "a.safetensors", metadata=metadata)
    with pytest.raises(UsageError, match=r"expected three numbers from|expected vgg16 or vgg19") as raised:
        load_vgg_weights(tmp_path / "a.safetensors")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < len(str(tmp_path)) + 300


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "weights",
        [0.0] * 64,
        {},
        torch.zeros(64, dtype=torch.int64),
        torch.zeros(64, dtype=torch.complex64),
        torch.zeros(64).to_sparse(),
        torch.zeros(64, device="meta"),
        torch.zeros(64).bool(),
        torch.full((64,), 1e300, dtype=torch.float64),
        torch.full((64,), float("nan")),
        torch.zeros(1).expand(10**6, 10**6),
        torch.zeros(()),
    ],
)
def test_values_that_are_no_weights(tmp_path: Path, random_vgg: VGGWeights, value: object) -> None:
    torch.save({**first_block(random_vgg), "features.0.bias": value}, tmp_path / "a.pth")
    with pytest.raises(UsageError, match=r"features\.0\.bias (is no tensor|has shape|holds values)") as raised:
        load_vgg_weights(tmp_path / "a.pth")
    assert "\n" not in str(raised.value)


def test_what_a_file_holds_beside_the_convolutions_is_ignored(tmp_path: Path, random_vgg: VGGWeights) -> None:
    others = {"features.1.x": "text", "features.99.weight": None, 5: 7, "features.": torch.zeros(1), ("a",): [1]}
    torch.save({**first_block(random_vgg), **others}, tmp_path / "a.pth")
    assert load_vgg_weights(tmp_path / "a.pth").state.keys() == first_block(random_vgg).keys()
    torch.save([1, 2], tmp_path / "b.pth")
    with pytest.raises(UsageError, match="it holds a list"):
        load_vgg_weights(tmp_path / "b.pth")


def test_missing_file_and_blocked_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_vgg_weights(tmp_path / "nothing.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def blocked(*args: object, **kwargs: object) -> None:
        raise OSError("blocked")

    monkeypatch.setattr("nstyle.encoders.vgg_weights.check_reachable", blocked)
    with pytest.raises(NstyleError, match=r"put vgg16-397923af.pth into .*NSTYLE_VGG.* `vgg` lite"):
        load_vgg_weights("imagenet")
    monkeypatch.setattr("nstyle.encoders.vgg_weights.check_reachable", lambda url: None)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", blocked)
    with pytest.raises(NstyleError, match=r"put vgg16-397923af.pth into .*NSTYLE_VGG"):
        load_vgg_weights("imagenet")


def test_a_download_that_stalls_half_way_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stalling(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(b"0" * 1000)
            self.wfile.flush()
            released.wait(30)

        def log_message(self, *arguments: object) -> None:
            pass

    released = Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/vgg16-397923af.pth"
        monkeypatch.setattr("torchvision.models.VGG16_Weights", SimpleNamespace(IMAGENET1K_V1=SimpleNamespace(url=url)))
        monkeypatch.setattr("nstyle.encoders.reachable.STALL", 0.3)
        monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
        with pytest.raises(NstyleError, match=r"cannot be downloaded .*timed out.*put vgg16-397923af.pth into"):
            load_vgg_weights("imagenet")
        released.set()
        server.shutdown()
    assert socket.getdefaulttimeout() is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # Half a file would be taken for a whole one.


def test_caffe_order_of_colours_is_turned_around(
    real_vgg: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = load_vgg_weights(real_vgg)
    caffe = dict(weights.state) | {"features.0.weight": weights.state["features.0.weight"].flip(1)}
    torch.save(caffe, tmp_path / "caffe.pth")
    turned = load_vgg_weights(tmp_path / "caffe.pth")
    assert torch.equal(turned.state["features.0.weight"], weights.state["features.0.weight"])
    assert turned.release == "oxford"
    assert "blue, green, red" in caplog.text


def test_real_weights_are_recognized_as_oxford(real_vgg: str) -> None:
    weights = load_vgg_weights(real_vgg)
    assert weights.release == "oxford"
    assert weights.mean == pytest.approx((0.48502, 0.45796, 0.40760))
    assert weights.std == pytest.approx((1 / 255,) * 3, rel=1e-5)


def test_a_file_of_the_other_network_is_refused(vgg_file: Path) -> None:
    assert load_vgg_weights(vgg_file, architecture="vgg16").architecture == "vgg16"
    with pytest.raises(UsageError, match="holds vgg16, but vgg19 was asked for"):
        load_vgg_weights(vgg_file, architecture="vgg19")
