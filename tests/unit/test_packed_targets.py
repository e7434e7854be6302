"""Style targets in half precision: what they lose, what does not fit, and how a model file holds them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from nstyle.errors import UsageError
from nstyle.losses.packed_targets import PackedTargets, join_targets, pack_targets, select_rows, unpack_targets
from nstyle.models.model_file import ModelInfo, load_model, load_targets, read_info, save_model
from nstyle.models.transformer import TransformerNetwork

TERMS = ("relu1_2@0", "relu4_1@2")


@pytest.fixture
def targets() -> dict[str, Tensor]:
    """Gram matrices of three styles, from far beyond half precision down to far below it, and of a black painting."""
    torch.manual_seed(0)
    features = torch.rand(3, 8, 50, dtype=torch.float64) * torch.tensor([3e4, 1.0, 1e-6]).double()[:, None, None]
    large = (features @ features.mT).float()
    return {TERMS[0]: large, TERMS[1]: large[:, :5, :5] * torch.tensor([1.0, 0.0, 1.0])[:, None, None]}


def test_half_precision_moves_no_entry_by_more_than_its_rounding(targets: dict[str, Tensor]) -> None:
    packed = pack_targets(targets, TERMS)
    assert packed[TERMS[0]].shape == (3, 36)
    assert packed[TERMS[0]].dtype == torch.float16
    unpacked = unpack_targets(packed, TERMS, 3)
    for term, value in targets.items():
        torch.testing.assert_close(unpacked[term], value, rtol=2**-11, atol=0)
        assert torch.equal(unpacked[term], unpacked[term].mT)
    again = pack_targets(unpacked, TERMS)
    assert all(torch.equal(value, again[name]) for name, value in packed.items())


def test_styles_are_chosen_and_joined(targets: dict[str, Tensor]) -> None:
    packed = pack_targets(targets, TERMS)
    turned = join_targets(select_rows(packed, [2]), select_rows(packed, [1, 0]))
    assert torch.equal(unpack_targets(turned, TERMS, 3)[TERMS[1]], unpack_targets(packed, TERMS, 3)[TERMS[1]].flip(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({TERMS[0]: torch.zeros(3, 35).half()}, "expected upper triangles of 3 matrices"),
        ({TERMS[0]: torch.zeros(2, 36).half()}, "expected upper triangles of 3 matrices"),
        ({TERMS[0]: torch.zeros(3, 36)}, "expected upper triangles of 3 matrices"),
        ({TERMS[0]: torch.zeros(3).half()}, "expected upper triangles of 3 matrices"),
        ({TERMS[0]: torch.zeros(3, 0).half()}, "expected upper triangles of 3 matrices"),
        ({TERMS[0] + ".scale": torch.full((3,), torch.inf)}, "not finite"),
        ({TERMS[0] + ".scale": None}, "lack relu1_2@0"),
    ],
)
def test_targets_that_are_none(targets: dict[str, Tensor], change: dict[str, Tensor | None], message: str) -> None:
    changed = {name: value for name, value in (pack_targets(targets, TERMS) | change).items() if value is not None}
    with pytest.raises(UsageError, match=message):
        unpack_targets(changed, TERMS, 3)


@pytest.fixture
def packed(targets: dict[str, Tensor]) -> PackedTargets:
    return pack_targets(targets, TERMS)


@pytest.fixture
def network() -> TransformerNetwork:
    return TransformerNetwork(3, width=0.1)


def test_a_model_file_with_targets_has_version_3_and_paints_as_before(
    tmp_path: Path, network: TransformerNetwork, packed: PackedTargets
) -> None:
    info = ModelInfo(styles=("a", "b", "c"), width=0.1, grain=2.0)
    save_model(tmp_path / "with.safetensors", network, info, targets=packed)
    save_model(tmp_path / "without.safetensors", network, read_info(tmp_path / "with.safetensors"))
    assert read_info(tmp_path / "without.safetensors") == info, "what a description says of targets is not believed"
    assert load_targets(tmp_path / "without.safetensors") == {}
    loaded, described = load_model(tmp_path / "with.safetensors")
    assert (described.format_version, described.grain) == (3, 2.0)
    assert described.target_bytes == 3 * (36 + 15) * 2 + 2 * 3 * 4
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in network.state_dict().items())
    stored = load_targets(tmp_path / "with.safetensors")
    assert stored.keys() == packed.keys()
    assert all(torch.equal(value, stored[name]) for name, value in packed.items())


def test_damaged_targets_are_noticed_where_they_are_read(
    tmp_path: Path, network: TransformerNetwork, packed: PackedTargets
) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, network, ModelInfo(styles=("a", "b", "c"), width=0.1), targets=packed)
    good = path.read_bytes()
    place = good.index(packed[TERMS[0]].numpy().tobytes())
    path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
    load_model(path)
    with pytest.raises(UsageError, match=r"is damaged: its style targets are not what was written"):
        load_targets(path)


def test_targets_that_are_not_announced_are_refused(
    tmp_path: Path, network: TransformerNetwork, packed: PackedTargets
) -> None:
    """The format of version 3 is there for them, so that no reader takes them for weights."""
    path = tmp_path / "m.safetensors"
    save_model(path, network, ModelInfo(styles=("a", "b", "c"), width=0.1))
    tensors = load_file(path) | {f"targets.{name}": value for name, value in packed.items()}
    description = '{"format_version": VERSION, "styles": ["a", "b", "c"], "width": 0.1TARGETS}'
    save_file(tensors, path, {"nstyle": description.replace("VERSION", "1").replace("TARGETS", "")})
    with pytest.raises(UsageError, match=r"have an unknown targets\.relu1_2@0"):
        load_model(path)
    for version, stated, message in ((1, 330, "3 with targets"), (3, 0, "3 with targets"), (3, 4, "holds 330 bytes")):
        entry = f', "target_bytes": {stated}'
        save_file(tensors, path, {"nstyle": description.replace("VERSION", str(version)).replace("TARGETS", entry)})
        with pytest.raises(UsageError, match=message):
            load_targets(path)
