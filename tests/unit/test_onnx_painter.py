"""Painting in ONNX Runtime: the same pictures as with torch, and torch where it must be."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nstyle
from nstyle.errors import UsageError
from nstyle.exports.kept import kept_path
from nstyle.imaging import grain as torch_grain
from nstyle.imaging import numpy_grain
from nstyle.inference import backend_costs
from nstyle.inference.backend_costs import Cost
from nstyle.inference.backends import is_faster, may_take_onnx
from nstyle.inference.onnx_painter import OnnxPainter, fits_in_one_piece
from nstyle.inference.options import PaintOptions, Request
from nstyle.inference.plan import Job, Output
from nstyle.models.locate import find_model
from nstyle.system.files import write_atomically
from nstyle.system.ranks import ONE, Ranks

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
MIX = {"van-gogh-starry-night": 0.25, "plain": 0.75}


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def painter(model: Path, notices: list[str]) -> OnnxPainter:
    return OnnxPainter(model, notices.append)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"grain": 3.0},
        {"strength": 0.4, "grain": 0.0},
        {"strength": 2.5},
        {"size": 77, "keep_color": "luminance"},
        {"strength": 0},
        {"tiling": "exact"},
    ],
)
def test_pictures_are_those_of_torch(
    painter: OnnxPainter, stylizer: nstyle.Stylizer, photo: Path, options: dict[str, object], notices: list[str]
) -> None:
    asked = PaintOptions(**options)
    painted, expected = (np.asarray(who.paint(photo, MIX, asked), np.int16) for who in (painter, stylizer))
    assert painted.shape == expected.shape
    assert np.abs(painted - expected).mean() < 1
    assert notices == []


@pytest.mark.parametrize(
    ("options", "masked", "what"),
    [
        ({"stroke": 2.0}, False, "`stroke`"),
        ({"tiling": "sampled"}, False, "`tiling` sampled"),
        ({}, True, "`masks`"),
        ({"size": 5000}, False, "5000x"),
    ],
)
def test_what_onnx_runtime_cannot_do_torch_does_and_one_line_says_so(
    painter: OnnxPainter,
    stylizer: nstyle.Stylizer,
    image: Image.Image,
    options: dict[str, object],
    masked: bool,
    what: str,
    notices: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = []
    monkeypatch.setattr("nstyle.inference.stylizer.load", lambda model: loaded.append(model) or stylizer)
    monkeypatch.setattr("nstyle.inference.onnx_painter.MEMORY", 100_000_000)
    masks = {"plain": Image.new("L", image.size, 128)} if masked else None
    asked = PaintOptions(**{**options, "tiling": options.get("tiling", "auto")})
    if what == "5000x":
        monkeypatch.setattr(type(stylizer), "paint", lambda *arguments: image)
    for _ in range(2):
        painted = painter.paint(image, MIX, asked, masks)
    assert np.array_equal(np.asarray(painted), np.asarray(stylizer.paint(image, MIX, asked, masks)))
    assert len(loaded) == len(notices) == 1
    assert notices[0].startswith("painting with torch")
    assert what in notices[0]


def test_a_kept_export_that_was_damaged_is_made_anew(
    model: Path, painter: OnnxPainter, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options = PaintOptions()
    expected = np.asarray(OnnxPainter(model, print).paint(photo, MIX, options))
    (kept,) = (tmp_path / "nstyle" / "exports").iterdir()
    content = kept.read_bytes()
    kept.write_bytes(content[: len(content) // 2])
    assert np.array_equal(np.asarray(OnnxPainter(model, print).paint(photo, MIX, options)), expected)
    assert kept.read_bytes() == content


def test_another_model_of_the_same_name_has_another_export(tmp_path: Path, model: Path, photo: Path) -> None:
    """What is kept belongs to the content of a file."""
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(model.read_bytes())
    before = np.asarray(OnnxPainter(copy, print).paint(photo, {"plain": 1.0}, PaintOptions()))
    torch.manual_seed(3)
    from nstyle.models.model_file import save_model
    from nstyle.models.model_info import ModelInfo
    from nstyle.models.transformer import TransformerNetwork

    save_model(copy, TransformerNetwork(2, width=0.1), ModelInfo(styles=("plain", "other"), width=0.1))
    after = np.asarray(OnnxPainter(copy, print).paint(photo, {"plain": 1.0}, PaintOptions()))
    assert not np.array_equal(before, after)


@pytest.mark.parametrize(("height", "width", "top"), [(40, 70, 0), (17, 33, 256), (1, 1, 0)])
def test_grain_is_the_same_without_torch(height: int, width: int, top: int) -> None:
    expected = torch_grain.grain(torch.zeros(1, dtype=torch.int64), height, width, top=top)[0, 0].numpy()
    np.testing.assert_allclose(numpy_grain.grain(height, width, top=top), expected, atol=1e-5)


def test_grain_goes_on_from_band_to_band() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 20, 3), dtype=np.uint8)
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
    expected = torch_grain.add_grain(tensor, 5.0)[0].permute(1, 2, 0).numpy()
    assert np.abs(numpy_grain.add_grain(pixels, 5.0).astype(int) - expected).max() <= 1


def test_auto_takes_what_is_faster_for_all_pictures_together(
    model: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = {
        "onnx": Cost(0.5, 3e-5),
        "torch": Cost(1.5, 1e-5),
    }  # They meet at 50,000 pixels; the photograph has 13,000.
    monkeypatch.setattr("nstyle.inference.backends.known_costs", lambda model, notice: costs)
    jobs = [Job(str(photo), (Output({}, "a.png"),), None)]
    request = Request(photos=(str(photo),))
    assert is_faster(model, request, jobs, print)
    assert not is_faster(model, request, jobs * 5, print)
    assert not is_faster(model, Request(photos=(str(photo),), options=PaintOptions(size=1000)), jobs, print)


def test_costs_are_measured_once_and_not_on_a_busy_machine(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    measured = {"onnx": Cost(0.5, 3e-5), "torch": Cost(1.5, 1e-5)}
    monkeypatch.setattr(backend_costs, "measure", lambda model: measured)
    monkeypatch.setattr(backend_costs, "is_busy", lambda: True)
    assert backend_costs.known_costs(model, notices.append) is None
    monkeypatch.setattr(backend_costs, "is_busy", lambda: False)
    assert backend_costs.known_costs(model, notices.append) == measured
    monkeypatch.setattr(backend_costs, "measure", None)
    assert backend_costs.known_costs(model, notices.append) == measured
    assert len(notices) == 1
    (kept,) = (tmp_path / "nstyle" / "backends").iterdir()
    kept.write_text("{}")
    monkeypatch.setattr(backend_costs, "measure", lambda model: dict.fromkeys(measured, Cost(1, 1)))
    assert backend_costs.known_costs(model, notices.append) == dict.fromkeys(measured, Cost(1, 1))


def test_costs_that_cannot_be_kept_are_not_called_unmeasured(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "nstyle").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    measured = {"onnx": Cost(0.5, 3e-5), "torch": Cost(1.5, 1e-5)}
    monkeypatch.setattr(backend_costs, "measure", lambda model: measured)
    monkeypatch.setattr(backend_costs, "is_busy", lambda: False)
    assert backend_costs.known_costs(model, notices.append) == measured
    assert "what was measured is not kept" in caplog.text


@pytest.mark.slow
def test_both_are_really_measured(model: Path) -> None:
    costs = backend_costs.measure(model)
    assert costs.keys() == {"onnx", "torch"}
    assert all(cost.start > 0 and cost.per_pixel > 0 for cost in costs.values())


PICTURES = [Job("a.jpg", (), None)]


def test_auto_keeps_to_torch_where_onnx_runtime_cannot_help(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain = Request(photos=("a.jpg",), device="cpu")
    assert not may_take_onnx(find_model("slim"), plain, PICTURES, ONE)  # Torch is there already.
    monkeypatch.delitem(sys.modules, "torch")
    assert may_take_onnx(find_model("slim"), plain, PICTURES, ONE)
    assert not may_take_onnx(model, plain, PICTURES, ONE)  # Its export would have to be made.
    kept = kept_path(model)
    assert kept is not None
    write_atomically(kept, b"made by --backend onnx")
    assert may_take_onnx(model, plain, PICTURES, ONE)
    assert not may_take_onnx(model, Request(photos=("a.jpg",), device="cuda"), PICTURES, ONE)
    assert not may_take_onnx(model, Request(photos=("a.jpg",), device="cpu", masks=("a=b.png",)), PICTURES, ONE)
    assert not may_take_onnx(
        model, Request(photos=("a.jpg",), device="cpu", options=PaintOptions(stroke=2.0)), PICTURES, ONE
    )
    assert not may_take_onnx(model, plain, PICTURES, Ranks(0, 2, 0))
    assert not may_take_onnx(model, plain, [Job("a.mp4", (), None, moves=True)], ONE)
    monkeypatch.setattr("nstyle.inference.backends.has_onnx", lambda: False)
    assert not may_take_onnx(model, plain, PICTURES, ONE)


def test_the_backend_must_fit_the_device(model: Path, photo: Path, tmp_path: Path) -> None:
    from nstyle.inference.batch import stylize_files

    request = Request(photos=(str(photo),), model=str(model), style="plain", backend="onnx", device="cuda")
    with pytest.raises(UsageError, match="`backend` onnx paints on the CPU"):
        list(stylize_files(request, print))


def test_thin_pictures_count_as_the_network_sees_them() -> None:
    assert fits_in_one_piece(5_000_000, 1, 0.05)
    assert not fits_in_one_piece(5_000_000, 1, 1.0)
    assert not fits_in_one_piece(1, 5_000_000, 1.0)
    assert fits_in_one_piece(2000, 2000, 1.0)
