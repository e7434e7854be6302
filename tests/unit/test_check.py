"""The check of VGG weights tells the real ones from wrong, mislabelled and damaged ones."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from nstyle.encoders.check import check_weights
from nstyle.encoders.fingerprint import TOLERANCE, built_in_picture, compare, fingerprint, known_fingerprints
from nstyle.encoders.vgg import VGGFeatures, VGGWeights
from nstyle.encoders.vgg_weights import load_vgg_weights, read_vgg_file
from nstyle.errors import UsageError
from nstyle.imaging.pictures import to_tensor
from nstyle.losses.functional import gram
from nstyle.reconstruction.check import MIN_FALL, check_vgg, expected_fall

State = dict[str, Tensor]
Metadata = dict[str, str]


@pytest.fixture
def rewrite(real_vgg: str, tmp_path: Path) -> Callable[[Callable[[State, Metadata], None]], VGGWeights]:
    """Write the real weights again with a change, and read them back."""

    def write(change: Callable[[State, Metadata], None]) -> VGGWeights:
        with safe_open(real_vgg, framework="pt") as file:
            state, metadata = {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata())
        change(state, metadata)
        path = tmp_path / "changed.safetensors"
        save_file(state, path, metadata=metadata)
        return read_vgg_file(path)

    return write


def failures(weights: VGGWeights) -> list[str]:
    verdict = check_vgg(weights, size=48, iterations=25)
    return [finding.what for finding in verdict.findings if not finding.ok]


@pytest.mark.slow  # tests/cli does the same from the shell.
def test_real_weights_that_stop_early_pass(real_short_vgg: str) -> None:
    verdict = check_vgg(load_vgg_weights(real_short_vgg), size=96, iterations=60)
    assert verdict.ok, [finding for finding in verdict.findings if not finding.ok]
    assert "oxford vgg16 by its fingerprint" in verdict.findings[0].detail
    details = " ".join(f"{finding.what} {finding.detail}" for finding in verdict.findings)
    assert "cut: no relu4_3" in details
    assert "cut: no relu4_1, relu5_1" in details
    assert [shown.label for shown in verdict.pictures][-2:] == ["content relu2_2", "content relu3_3"]


@pytest.mark.slow
@pytest.mark.parametrize("iterations", [10, 15])
def test_good_weights_are_not_called_bad_for_a_short_check(real_vgg: str, iterations: int) -> None:
    verdict = check_vgg(load_vgg_weights(real_vgg), size=64, iterations=iterations)
    assert verdict.ok, [finding for finding in verdict.findings if not finding.ok]


def test_what_is_expected_grows_with_the_iterations_up_to_that_of_the_default() -> None:
    falls = [expected_fall("style", 192, n) for n in (10, 15, 50, 100, 1000)]
    assert falls == sorted(falls)
    assert falls[0] > 1
    assert falls[-1] == falls[-2] == MIN_FALL["style"]
    assert expected_fall("style", 64, 100) < expected_fall("style", 192, 100) > expected_fall("style", 512, 100)


def test_random_weights_fail(random_vgg: VGGWeights) -> None:
    assert "origin" in failures(random_vgg)


def test_a_first_layer_for_blue_green_red_fails(
    rewrite: Callable[[Callable[[State, Metadata], None]], VGGWeights],
) -> None:
    def swap(state: State, metadata: Metadata) -> None:
        state["features.0.weight"] = state["features.0.weight"].flip(1).contiguous()

    assert "order of colours" in failures(rewrite(swap))


@pytest.mark.parametrize("index", [7, 14])
def test_one_permuted_layer_fails(
    index: int, rewrite: Callable[[Callable[[State, Metadata], None]], VGGWeights]
) -> None:
    """14 is the file's last convolution, whose order no Gram matrix shows."""

    def permute(state: State, metadata: Metadata) -> None:
        order = torch.randperm(len(state[f"features.{index}.bias"]), generator=torch.Generator().manual_seed(0))
        for name in ("weight", "bias"):
            state[f"features.{index}.{name}"] = state[f"features.{index}.{name}"][order].contiguous()

    assert "origin" in failures(rewrite(permute))


@pytest.mark.parametrize(
    ("key", "value"), [("mean", "0.485,0.456,0.406"), ("std", "0.229,0.224,0.225"), ("mean", "0.40760,0.45796,0.48502")]
)
def test_wrong_mean_or_std_fails(
    key: str, value: str, rewrite: Callable[[Callable[[State, Metadata], None]], VGGWeights]
) -> None:
    def change(state: State, metadata: Metadata) -> None:
        metadata[key] = value

    assert "origin" in failures(rewrite(change))


@pytest.mark.parametrize("missing", ["features.5.weight", "features.5.bias"])
def test_a_missing_layer_in_the_middle_fails(missing: str, random_vgg: VGGWeights) -> None:
    state = {key: value for key, value in random_vgg.state.items() if key != missing}
    verdict = check_vgg(dataclasses.replace(random_vgg, state=state), size=48, iterations=10)
    assert "conv2_2 and deeper" in str(verdict.findings) or "but the layers before it are missing" in str(
        verdict.findings
    )
    assert not verdict.ok


def test_bad_arguments_are_not_blamed_on_the_weights(random_vgg: VGGWeights) -> None:
    with pytest.raises(UsageError, match="`size` is 8"):
        check_vgg(random_vgg, size=8)
    with pytest.raises(UsageError, match="`iterations` is 9; expected at least 10"):
        check_vgg(random_vgg, iterations=9)
    with pytest.raises(UsageError, match="64x1 px at `size` 48 is too narrow; expected at least 16 px"):
        check_vgg(random_vgg, Image.new("RGB", (64, 1)), size=48)


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_features_equal_torchvisions_through_block_5(architecture: str) -> None:
    found = check_weights(VGGWeights.random(architecture))[-1]  # type: ignore[arg-type]
    assert found.what == "features equal torchvision's"
    assert found.ok, found.detail
    assert found.detail.startswith("31 layers" if architecture == "vgg16" else "37 layers")


def test_a_known_hash_without_a_stored_fingerprint_says_so(random_vgg: VGGWeights) -> None:
    finding = check_weights(dataclasses.replace(random_vgg, sha256="397923af" + 56 * "0"))[0]
    assert finding.ok
    assert (
        "torchvision vgg16 by the first 8 digits of its sha256; no fingerprint of that release is stored"
        in finding.detail
    )


@pytest.mark.parametrize(("fixture", "deepest"), [("real_vgg", "relu5_3"), ("real_short_vgg", "relu3_3")])
def test_stored_fingerprints_recognize_the_real_weights(
    fixture: str, deepest: str, request: pytest.FixtureRequest
) -> None:
    findings = check_weights(load_vgg_weights(request.getfixturevalue(fixture)))
    assert all(finding.ok for finding in findings), findings
    assert findings[0].detail == f"oxford vgg16 by its fingerprint, relu1_1 to {deepest}"


def test_the_fingerprint_holds_the_norm_of_the_losses_gram_matrix(random_vgg: VGGWeights) -> None:
    with torch.no_grad():
        feature = VGGFeatures(random_vgg, ["relu3_1"])(to_tensor(built_in_picture())[None])["relu3_1"]
    assert fingerprint(random_vgg)["relu3_1"][1] == gram(feature, "chw").double().norm().item()


def test_fingerprints_tell_a_deviation_above_the_tolerance() -> None:
    stored = known_fingerprints()["oxford/vgg16"]
    assert not compare(stored, stored).difference
    near = {name: [value * (1 + 0.5 * TOLERANCE) for value in row] for name, row in stored.items()}
    assert not compare(near, stored).difference
    far = {
        **stored,
        "relu2_1": [stored["relu2_1"][0], stored["relu2_1"][1] * (1 + 2 * TOLERANCE), stored["relu2_1"][2]],
    }
    assert compare(far, stored).agreeing == ("relu1_1", "relu1_2")
    assert "Gram norm at relu2_1" in compare(far, stored).difference


def test_the_built_in_picture_uses_every_colour_and_is_the_same_everywhere(random_vgg: VGGWeights) -> None:
    picture = built_in_picture()
    assert isinstance(picture, Image.Image)
    assert picture.size == (128, 128)
    assert all(low < 40 and high > 215 for low, high in picture.getextrema())
    layers = [f"relu{block}_{i}" for block, count in enumerate((2, 2, 3, 3, 3), start=1) for i in range(1, count + 1)]
    assert list(fingerprint(random_vgg)) == layers
