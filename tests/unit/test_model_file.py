"""Model files: what they say, what they refuse, how they are found."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from nstyle.errors import NstyleError, UsageError
from nstyle.models.locate import describe_model, find_model, newest_run, run_models, shipped_models
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


def test_grain_makes_a_file_of_version_2_and_its_absence_one_of_version_1(
    tmp_path: Path, network: TransformerNetwork
) -> None:
    path = tmp_path / "m.safetensors"
    for info, version, stored_grain in ((INFO, 1, None), (replace(INFO, grain=4.0), 2, 4.0)):
        save_model(path, network, info)
        with safe_open(path, framework="pt") as file:
            description = json.loads(file.metadata()["nstyle"])
        assert (description["format_version"], description.get("grain")) == (version, stored_grain)
        assert read_info(path) == info
    assert replace(INFO, grain=4.0).painting_grain == 2.0


@pytest.mark.parametrize(
    "entries",
    [
        {"format_version": 1, "grain": 4.0},
        {"format_version": 2},
        {"format_version": 2, "grain": 0},
        {"format_version": 2, "grain": -1.0},
        {"format_version": 2, "grain": 65.0},
        {"format_version": 2, "grain": "much"},
    ],
)
def test_version_and_grain_must_fit(tmp_path: Path, network: TransformerNetwork, entries: dict[str, object]) -> None:
    path = tmp_path / "m.safetensors"
    write_description(path, network, json.dumps({**DESCRIPTION, **entries}))
    with pytest.raises(UsageError, match=r"is damaged: .*grain.*; get the file anew"):
        read_info(path)


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


DESCRIPTION = {"format_version": 1, "styles": ["a", "b"], "width": 0.25, "updates": 7}
WRONG: dict[str, list[object]] = {
    "styles": [None, "ab", 5, [], ["a", "a"], ["a", 5], ["a", "../../../esc/x"], ["a", "b" * 256], ["a"], [["a"], "b"]],
    "width": [None, "1", 0, -1, 1e9, 1e999, True, [1], 0.5],
    "updates": [None, "7", -1, 1.5, 10**400, True],
    "run_updates": [None, "../7", -1, 10**30],
    "size": ["256", -1, 10**9],
    "style_size": [None, 10**9],
    "created": ["now", -1, 1e300, 1e999, None],
    "format_version": [None, "1", 0, 1.5, True, 10**4000],
    "preset": [None, [], "x", {"name": {"a": 1}}, {"name": [[1]]}, {"content_weight": 1e999}],
    "vgg": [None, [], {"sha256": 5}, {"release": None}],
    "unknown": [1],
}


def write_description(path: Path, network: TransformerNetwork, description: str) -> None:
    save_file({name: value.contiguous() for name, value in stored(network).items()}, path, {"nstyle": description})


def stored(network: TransformerNetwork) -> dict[str, torch.Tensor]:
    """The tensors of a network as they are called in files."""
    path = Path(tempfile.mkdtemp()) / "m.safetensors"
    save_model(path, network, INFO)
    return load_file(path)


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_every_entry_of_a_description_is_checked(
    tmp_path: Path, network: TransformerNetwork, key: str, value: object
) -> None:
    path = tmp_path / "m.safetensors"
    write_description(path, network, json.dumps({**DESCRIPTION, key: value}))
    with pytest.raises(UsageError) as raised:
        load_model(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < len(str(path)) + 400


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", "null", "NaN", '{"width": NaN}', "[" * 100_000, '{"a":' * 100_000, "1" * 10_000, "\\ud800"],
)
def test_descriptions_that_are_none(tmp_path: Path, network: TransformerNetwork, text: str) -> None:
    path = tmp_path / "m.safetensors"
    write_description(path, network, text)
    with pytest.raises(UsageError, match="is damaged: its"):
        read_info(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.fill_(float("nan")), "not finite"),
        (lambda w: w.fill_(float("inf")), "not finite"),
        (lambda w: w.mul_(0).add_(1e30), "holds 1e.30, which no trained network does"),
        (lambda w: w[:, :1].contiguous(), "has shape"),
        (lambda w: w.expand(2, *w.shape).contiguous(), "has shape"),
        (lambda w: w.to(torch.int32), "is of type I32"),
        (lambda w: w.double().fill_(1e300), "not finite"),
        (lambda w: None, "lack output.conv.weight"),
    ],
)
def test_weights_that_nothing_can_be_painted_with(
    tmp_path: Path, network: TransformerNetwork, change: Callable[[torch.Tensor], torch.Tensor | None], message: str
) -> None:
    path = tmp_path / "m.safetensors"
    state = stored(network)
    changed = change(state.pop("output.conv.weight"))
    state |= {} if changed is None else {"output.conv.weight": changed}
    save_file(state, path, metadata={"nstyle": json.dumps(DESCRIPTION)})
    with pytest.raises(UsageError, match=message):
        load_model(path)


def test_a_byte_that_changed_later_is_noticed(tmp_path: Path, network: TransformerNetwork) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, network, INFO)
    good = path.read_bytes()
    expected = network.state_dict()
    noticed = 0
    for place in [*range(0, 2600, 23), *range(2600, len(good), len(good) // 60)]:
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        try:
            loaded, info = load_model(path)
        except UsageError:
            noticed += 1
        else:  # The name of the checksum is what changed, or the padding.
            assert info == INFO
            assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in expected.items())
    assert noticed > 150


def test_files_without_a_checksum_are_read(tmp_path: Path, network: TransformerNetwork) -> None:
    """Those of version 0.1 and the shipped ones have none."""
    path = tmp_path / "m.safetensors"
    write_description(path, network, json.dumps(DESCRIPTION))
    assert load_model(path)[1].updates == 7


def test_one_run_that_cannot_be_read_stops_no_other(
    tmp_path: Path, network: TransformerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("good", "folder", "link", "junk", "damaged", "empty", "closed"):
        Path("checkpoints", name).mkdir(parents=True)
    Path("checkpoints/file").touch()
    save_model(Path("checkpoints/good/model.safetensors"), network, INFO)
    Path("checkpoints/folder/model.safetensors").mkdir()
    Path("checkpoints/link/model.safetensors").symlink_to("nowhere")
    Path("checkpoints/junk/model.safetensors").write_bytes(b"junk")
    write_description(Path("checkpoints/damaged/model.safetensors"), network, "{" * 5000)
    save_model(Path("checkpoints/closed/model.safetensors"), network, INFO)

    def refuse(method: Callable[..., object]) -> Callable[..., object]:
        def look(path: Path, *args: object, **kwargs: object) -> object:
            if "closed" in path.parts:
                raise PermissionError(13, "Permission denied", str(path))
            return method(path, *args, **kwargs)

        return look

    for method in (
        "stat",
        "lstat",
        "is_file",
        "is_dir",
        "exists",
    ):  # The tests may run as root, whom nothing is closed to.
        monkeypatch.setattr(Path, method, refuse(getattr(Path, method)))
    assert [path.parent.name for path in run_models()] == ["closed", "damaged", "folder", "good", "junk", "link"]
    assert newest_run() == Path("checkpoints/good")
    assert find_model() == Path("checkpoints/good/model.safetensors")
    for path in run_models():
        if path.parent.name != "good":
            with pytest.raises(UsageError, match=path.parent.name):
                read_info(path)
    with pytest.raises(UsageError, match="not found"):
        find_model("x" * 5000)


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
        "from nstyle.data.samples import sample_styles; from nstyle.models.locate import shipped_models; "
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
