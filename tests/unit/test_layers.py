"""Layers by the names that people give them, and errors that name the nearest ones."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

import nstyle
from nstyle.encoders.layers import canonical_layer, layer_names
from nstyle.encoders.lite import LiteWeights
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import UsageError
from nstyle.losses.presets import RELATIVE
from nstyle.reconstruction.layer_weights import layer_weights


@pytest.mark.parametrize(
    ("spelling", "networks", "name"),
    [
        ("relu4_2", (), "relu4_2"),
        (" ReLU4_2 ", (), "relu4_2"),
        ("conv 4_2", (), "conv4_2"),
        ("block4_conv2", (), "relu4_2"),
        ("Block1_Conv1", (), "relu1_1"),
        ("block4_pool", (), "pool4"),
        ("relu3_4", (), "relu3_4"),
        ("block5_conv4", ("vgg19",), "relu5_4"),
        ("features.20", ("vgg16",), "relu4_2"),
        ("features[20]", ("vgg16",), "relu4_2"),
        ("Features[ 22 ]", ("vgg19",), "relu4_2"),
        ("features.1", (), "relu1_1"),
        ("features.21", (), "features.21"),
        ("features.36", (), "pool5"),
        ("features.15", ("lite",), "relu3_3"),
        ("block2_conv2", ("lite",), "relu2_2"),
    ],
)
def test_spellings(spelling: str, networks: Any, name: str) -> None:
    assert canonical_layer(spelling, *networks) == name


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_torchvisions_numbers_and_keras_names_cover_every_layer(architecture: Any) -> None:
    for index, name in enumerate(layer_names(architecture)):
        assert canonical_layer(f"features.{index}", architecture) == name
        if name.startswith("relu"):
            assert canonical_layer(f"block{name[4]}_conv{name[6]}", architecture) == name


@pytest.mark.parametrize(
    ("spelling", "networks", "message"),
    [
        ("relu9_1", ("vgg16",), r"vgg16 has no layer 'relu9_1'; did you mean relu5_1, relu5_2, relu5_3, relu4_1\?"),
        ("block1_conv9", ("vgg16",), r"vgg16 has no layer 'block1_conv9'; did you mean relu1_2, relu1_1, relu2_2"),
        ("relu3_4", ("vgg16",), r"vgg16 has no layer 'relu3_4'; did you mean relu3_3, relu3_2"),
        ("pool7", (), r"VGG has no layer 'pool7'; did you mean pool5, pool4, pool3, pool2\?"),
        ("rel2_1", (), r"VGG has no layer 'rel2_1'; did you mean relu2_1"),
        ("features.99", ("vgg16",), r"vgg16 has no layer 'features.99'; did you mean relu"),
        ("bla", ("vgg16",), r"vgg16 has no layer 'bla'; did you mean relu1_1, .*relu5_3\?"),
        ("", (), r"VGG has no layer ''; did you mean relu1_1"),
        ("block1_conv1", ("lite",), r"lite has no layer 'block1_conv1'; expected some of relu1_2, relu2_2, relu3_3"),
    ],
)
def test_errors_name_the_nearest_layers(spelling: str, networks: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        canonical_layer(spelling, *networks)


def test_weights_are_kept_and_a_layer_counts_once() -> None:
    assert layer_weights("block1_conv1=0.5, RELU2_1") == {"relu1_1": 0.5, "relu2_1": 1.0}
    assert layer_weights(["block1_conv1"]) == layer_weights({"features.1": 1.0}) == {"relu1_1": 1.0}
    with pytest.raises(UsageError, match="the layers name relu1_1 twice, once as 'block1_conv1'"):
        layer_weights("relu1_1,block1_conv1")


def test_presets_store_canonical_names() -> None:
    preset = replace(
        RELATIVE, content_layers=("block3_conv3",), style_layers=("features.20", "Relu3_4", "block4_conv2")
    )
    assert (preset.content_layers, preset.style_layers) == (("relu3_3",), ("relu4_2", "relu3_4"))
    with pytest.raises(UsageError, match="VGG has no layer 'relu8_1'; did you mean relu5_1"):
        RELATIVE.override(style_layers=("relu8_1",))


@pytest.mark.parametrize(("architecture", "name"), [("vgg16", "conv4_3"), ("vgg19", "conv4_2")])
def test_numbers_count_in_the_network_that_is_used(architecture: Any, name: str) -> None:
    picture = Image.linear_gradient("L").resize((32, 32))
    options: dict[str, Any] = {"style": picture, "encoder": VGGWeights.random(architecture), "size": 32}
    result = nstyle.reconstruct(**options, layers="features[21]=2", iterations=1, precision="fp32")
    assert result.config.style_layers == {name: 2.0}
    assert set(result.terms) == {f"style/{name}"}


@pytest.mark.parametrize("layer", ["block9_conv1", "bla", "relu9_1"])
@pytest.mark.parametrize("network", ["vgg16", "lite"])
def test_unknown_layers_are_refused_before_pictures_are_measured(layer: str, network: str) -> None:
    encoder = VGGWeights.random() if network == "vgg16" else LiteWeights.random()
    with pytest.raises(UsageError, match=f"{network} has no layer '{layer}'; (did you mean|expected some of) relu"):
        nstyle.reconstruct(style=Image.new("RGB", (2, 2)), layers=layer, encoder=encoder)


def test_names_are_known_without_torch() -> None:
    code = "import sys, nstyle.encoders.layers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
