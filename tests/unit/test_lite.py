"""The small encoder: a stand-in for VGG16 that needs no download, and how close it really comes."""

import socket
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from nstyle.encoders.lite import CHANNELS, LAYERS, LiteFeatures, LiteWeights, read_lite_weights
from nstyle.encoders.load import build_encoder, load_encoder_weights
from nstyle.encoders.reachable import check_reachable
from nstyle.encoders.vgg import VGGFeatures
from nstyle.encoders.vgg_weights import load_vgg_weights
from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.pictures import resize, to_tensor
from nstyle.losses.functional import gram
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import RELATIVE
from nstyle.models.locate import shipped_models


@pytest.fixture(scope="module")
def weights() -> LiteWeights:
    return read_lite_weights()


def test_features_have_the_shapes_of_vgg16(weights: LiteWeights) -> None:
    features = LiteFeatures(weights, LAYERS)(torch.rand(2, 3, 36, 44))
    assert {name: tuple(value.shape[1:]) for name, value in features.items()} == {
        "relu1_2": (64, 36, 44),
        "relu2_2": (128, 18, 22),
        "relu3_3": (256, 9, 11),
        "relu4_1": (512, 4, 5),
    }
    assert all((value >= 0).all() for value in features.values())


def test_a_shallow_layer_alone_is_the_same_and_the_input_is_not_modified(weights: LiteWeights) -> None:
    image = torch.rand(1, 3, 32, 32)
    before = image.clone()
    encoder = LiteFeatures(weights, LAYERS)
    torch.testing.assert_close(encoder(image, ["relu1_2"])["relu1_2"], encoder(image)["relu1_2"])
    assert torch.equal(image, before)


def test_frozen_but_the_picture_has_a_gradient(weights: LiteWeights) -> None:
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    encoder = build_encoder(weights, LAYERS, dtype=torch.bfloat16)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    sum(value.float().sum() for value in encoder(image).values()).backward()
    assert image.grad is not None
    assert image.grad.dtype == torch.float32
    assert image.grad.abs().max() > 0


def test_bfloat16_features_are_close_to_float32(weights: LiteWeights) -> None:
    image = torch.rand(1, 3, 64, 64)
    wide, narrow = (build_encoder(weights, LAYERS, dtype=dtype)(image) for dtype in (torch.float32, torch.bfloat16))
    for layer in LAYERS:
        assert (narrow[layer].float() - wide[layer]).norm() < 0.03 * wide[layer].norm()


def test_what_lite_does_not_have_is_refused_in_one_line(weights: LiteWeights) -> None:
    with pytest.raises(UsageError, match="lite has no layer 'relu4_3'; expected some of relu1_2, relu2_2, relu3_3"):
        build_encoder(weights, ["relu1_2", "relu4_3"])
    with pytest.raises(UsageError, match="lite has max pooling only"):
        build_encoder(weights, LAYERS, pooling="average")
    with pytest.raises(UsageError, match="lite is no vgg19"):
        load_encoder_weights("lite", architecture="vgg19")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lite.safetensors"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(NstyleError, match=r"lite\.safetensors cannot be read as nstyle's lite encoder"):
        read_lite_weights(path)


def test_it_is_no_model() -> None:
    assert "lite" not in shipped_models()


@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_it_sees_what_vgg16_sees(name: str, weights: LiteWeights, real_vgg: str) -> None:
    """On photographs that it was not trained on, Gram matrices correlate far better than those of random weights."""
    from skimage import data

    image = to_tensor(resize(Image.fromarray(getattr(data, name)()), long_side=256))[None]
    theirs = VGGFeatures(load_vgg_weights(real_vgg), LAYERS)(image)
    ours, random = (LiteFeatures(given, LAYERS)(image) for given in (weights, LiteWeights.random()))
    for layer, least in (("relu1_2", 0.95), ("relu2_2", 0.9), ("relu3_3", 0.7), ("relu4_1", 0.6)):
        close, far = (_correlation(gram(given[layer], "hw"), gram(theirs[layer], "hw")) for given in (ours, random))
        assert close > least, layer
        assert far < least - 0.3, layer


def _correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def test_its_style_loss_falls_along_its_gradient(weights: LiteWeights) -> None:
    """In float64, a small step down the gradient lowers the loss by what the gradient says."""
    encoder_loss = PerceptualLoss(RELATIVE, weights, dtype=torch.float64).double()
    picture, painting = torch.rand(2, 1, 3, 64, 64, dtype=torch.float64).unbind()
    target = encoder_loss.style_grams(painting)
    image = picture.clone().requires_grad_()
    loss = encoder_loss.style_loss(encoder_loss.style_grams(image), target).sum()
    (gradient,) = torch.autograd.grad(loss, image)
    step = 1e-4 * gradient / gradient.norm()
    ahead, behind = (
        encoder_loss.style_loss(encoder_loss.style_grams(picture + side * step), target).sum() for side in (1, -1)
    )
    assert float((ahead - behind) / 2e-4) == pytest.approx(float(gradient.norm()), rel=1e-3)


def test_train_under_lite_needs_no_vgg(nstyle, photos: Path, styles: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("--updates", "2", "--size", "64", "--batch-size", "2", "--width", "0.25", "--out", run)
    done = nstyle(
        "train", "--vgg", "lite", "--styles", styles / "waves.png", "--content", photos, *options, NSTYLE_VGG=""
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"lite, nstyle" in nstyle("info", run).stdout
    checked = nstyle("reconstruct", "check", "--vgg", "lite")
    assert checked.returncode == 2
    assert b"lite, which is no VGG" in checked.stderr


def test_a_silent_server_is_noticed_within_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = time.monotonic()
        with pytest.raises(OSError, match=r"no answer|timed out"):
            check_reachable(f"http://127.0.0.1:{server.getsockname()[1]}/vgg16.pth", deadline=0.5)
        assert time.monotonic() - started < 5


def test_channels_are_those_of_vgg16(random_vgg) -> None:
    features = VGGFeatures(random_vgg, LAYERS)(torch.rand(1, 3, 16, 16))
    assert {layer: value.shape[1] for layer, value in features.items()} == CHANNELS
