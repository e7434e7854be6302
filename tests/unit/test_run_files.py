"""The files of a run: damaged ones are refused in one line, and never crash or fill the memory."""

import copy
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from nstyle.data.styles import TrainedStyles
from nstyle.errors import NstyleError, UsageError
from nstyle.models.model_file import ModelInfo
from nstyle.models.pickle_file import unpickle
from nstyle.models.transformer import TransformerNetwork
from nstyle.training.optimizer_state import checked_state
from nstyle.training.run_directory import RunDirectory
from nstyle.training.targets_file import read_targets, targets_file

INFO = ModelInfo(styles=("a", "b"), width=0.03, run_updates=3)
STYLES = TrainedStyles(("waves", "梵高"), {"relu1_2@0": torch.rand(2, 64, 64), "pool1@1": torch.rand(2, 64, 64)})
STYLES.targets["spectrum"] = torch.rand(2, 2, 3, 64, 33)


def trained() -> tuple[TransformerNetwork, torch.optim.Adam]:
    network = TransformerNetwork(2, width=0.03)
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    return network, optimizer


def flips(data: bytes, count: int) -> list[bytes]:
    """The data with one bit changed, in places all over it."""
    places = range(0, len(data), max(1, len(data) // count))
    return [data[:i] + bytes([data[i] ^ (1 << i % 8)]) + data[i + 1 :] for i in places]


def test_targets_come_back_and_flips_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "styles.safetensors"
    good = targets_file(STYLES)
    noticed = 0
    for data in (good, *flips(good, 200), *flips(good[:600], 200), good[:100], b""):
        path.write_bytes(data + good[600:] if len(data) == 600 else data)
        try:
            styles = read_targets(path)
        except UsageError:
            noticed += 1
            continue
        assert styles.names == STYLES.names
        assert all(torch.equal(value, STYLES.targets[term]) for term, value in styles.targets.items())
    assert noticed > 300


@pytest.mark.parametrize(
    ("names", "tensors", "message"),
    [
        (["../x", "b"], {}, "a style is called '../x'"),
        (["a", "a"], {}, "two styles are called 'a'"),
        (["a", 5], {}, "a style is called '5'"),
        ("ab", {}, "expected a list of names"),
        ({"a": 1}, {}, "expected a list of names"),
        ([], {}, "expected a list of names"),
        (["a"], {}, r"expected F32 of \[1, 64, 64\]"),
        (["a", "b"], {"relu1_1@0": torch.zeros(2, 3, 3)}, r"shape \[2, 3, 3\]; expected F32 of \[2, 64, 64\]"),
        (["a", "b"], {"relu1_1@0": torch.zeros(2, 64, 64, dtype=torch.int64)}, "is I64"),
        (["a", "b"], {"relu1_1@0": torch.full((2, 64, 64), float("nan"))}, "not finite"),
        (["a", "b"], {"relu9_9@0": torch.zeros(2, 64, 64)}, "no layer 'relu9_9'"),
        (["a", "b"], {"../x": torch.zeros(2, 64, 64)}, "has a target ../x"),
        (["a", "b"], {"spectrum": torch.zeros(2, 2, 3, 64, 64)}, r"expected F32 of \[2, 2, 3, 64, 33\]"),
        (["a", "b"], {"relu1_1@x": torch.zeros(2, 64, 64)}, "has a target relu1_1@x"),
    ],
)
def test_targets_are_checked(tmp_path: Path, names: object, tensors: dict[str, Tensor], message: str) -> None:
    path = tmp_path / "styles.safetensors"
    save_file(
        {**STYLES.targets, **tensors}, path, metadata={"styles": json.dumps(names)}
    )  # As 0.1 did, without checksum.
    with pytest.raises(UsageError, match=message) as raised:
        read_targets(path)
    assert "\n" not in str(raised.value)


def test_targets_of_version_0_1_and_of_another_loss(tmp_path: Path) -> None:
    save_file(STYLES.targets, tmp_path / "old.safetensors", metadata={"styles": json.dumps(STYLES.names)})
    styles = read_targets(tmp_path / "old.safetensors")
    assert styles.names == STYLES.names
    with pytest.raises(UsageError, match="lack relu4_1@0"):
        styles.check_terms(["relu1_2@0", "relu4_1@0"])
    save_file(load_file(tmp_path / "old.safetensors"), tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match="expected a list of names"):
        read_targets(tmp_path / "none.safetensors")


def test_a_checkpoint_comes_back_and_flips_are_noticed(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    network, optimizer = trained()
    state = optimizer.state_dict()
    run.save_checkpoint(network, INFO, state, 3)
    path = run.training_state(3)
    good = path.read_bytes()
    noticed = 0
    for data in (good, *flips(good, 120), good[: len(good) // 2], b""):
        path.write_bytes(data)
        try:
            read = checked_state(run.load_checkpoint()[2]["state"], list(network.parameters()))
        except ValueError:
            noticed += 1
            continue
        for i, values in state["state"].items():
            assert all(torch.equal(value, read[i][name]) for name, value in values.items())
            assert read[i]["exp_avg"].stride() == list(network.parameters())[i].stride()
    assert noticed > 60


class Malicious:
    """An object whose unpickling would run code."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("owned"),))


def spoil(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """Change the state of the third parameter."""
    return lambda state: change(state["optimizer"]["state"][2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("optimizer"), "holds no optimizer"),
        (lambda s: s.update(optimizer=[]), "holds no optimizer"),
        (lambda s: s.update(update=4), "is of update 4"),
        (lambda s: s.update(x=Malicious()), "UnpicklingError"),
        (lambda s: s["optimizer"].pop("state"), "is NoneType; expected a dictionary"),
        (lambda s: s["optimizer"]["state"].pop(0), "of other than"),
        (lambda s: s["optimizer"]["state"].update(x={}), "of other than"),
        (lambda s: s["optimizer"]["state"].update({2: []}), "does not hold"),
        (spoil(lambda p: p.pop("step")), "does not hold step"),
        (spoil(lambda p: p.update(more=1)), "does not hold step"),
        (spoil(lambda p: p.update(step=3)), "step of parameter 2 is no dense float32 tensor"),
        (spoil(lambda p: p.update(step=torch.zeros(5))), "step of parameter 2 has shape"),
        (spoil(lambda p: p.update(exp_avg=torch.zeros(1))), "exp_avg of parameter 2 has shape"),
        (spoil(lambda p: p.update(exp_avg=torch.zeros(1).expand(10**6, 10**6))), "exp_avg of parameter 2 has shape"),
        (spoil(lambda p: p.update(exp_avg=p["exp_avg"].half())), "no dense float32"),
        (spoil(lambda p: p.update(exp_avg=p["exp_avg"].to_sparse())), "no dense float32"),
        (spoil(lambda p: p.update(exp_avg=p["exp_avg"].to("meta"))), "no dense float32"),
        (spoil(lambda p: p["exp_avg"].fill_(float("nan"))), "exp_avg of parameter 2 holds values"),
        (spoil(lambda p: p["exp_avg_sq"].fill_(-1)), "exp_avg_sq of parameter 2 holds values"),
    ],
)
def test_the_optimizers_state_is_checked(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """A moment of a wrong shape used to end in a segmentation fault."""
    run = RunDirectory(tmp_path)
    network, optimizer = trained()
    run.save_checkpoint(network, INFO, optimizer.state_dict(), 3)
    state = {"optimizer": copy.deepcopy(optimizer.state_dict()), "update": 3}  # As 0.1 did, without checksum.
    change(state)
    torch.save(state, run.training_state(3))
    with pytest.raises(ValueError, match=message) as raised:
        checked_state(run.load_checkpoint()[2].get("state"), list(network.parameters()))
    assert "\n" not in str(raised.value)
    assert not Path("owned").exists()


def test_moments_of_other_strides_are_copied_into_place() -> None:
    """The fused kernel reads the memory of a moment as if it lay as the parameter does."""
    network, optimizer = trained()
    state = copy.deepcopy(optimizer.state_dict()["state"])
    state[0]["exp_avg"] = torch.ones(()).expand(state[0]["exp_avg"].shape)
    first = next(network.parameters())
    moment = checked_state(state, list(network.parameters()))[0]["exp_avg"]
    assert moment.stride() == first.stride()
    assert moment.untyped_storage().nbytes() == first.untyped_storage().nbytes()


def test_a_state_of_no_update_is_empty() -> None:
    assert checked_state({}, list(TransformerNetwork(1, width=0.03).parameters())) == {}


def test_compressed_pickles_are_refused() -> None:
    """A few kilobytes of them may fill the memory."""
    buffer = io.BytesIO()
    torch.save(torch.zeros(10**6), buffer)
    packed = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with pytest.raises(ValueError, match="compressed"):
        unpickle(packed.getvalue())


@pytest.mark.parametrize(
    "data", [b"", b"x", b"PK\x03\x04", b"\x80\x02.", b"\x80\x02]q\x00.", b"(" * 10**5, b"]" * 10**5]
)
def test_what_is_no_pickle_is_one_line(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"Error|BadZipFile") as raised:
        unpickle(data)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


def test_a_checkpoint_that_cannot_be_written_again_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, optimizer = trained()
    run = RunDirectory(tmp_path)
    run.save_checkpoint(network, INFO, optimizer.state_dict(), 3)

    def fail(*arguments: object, **options: object) -> None:
        raise NstyleError("the disk is full")

    monkeypatch.setattr("nstyle.training.run_directory.save_model", fail)
    for update in (3, 4):
        with pytest.raises(NstyleError, match="the disk is full"):
            run.save_checkpoint(network, INFO, optimizer.state_dict(), update)
    assert [path.name for path in tmp_path.glob("training-*.pt")] == ["training-3.pt"]
