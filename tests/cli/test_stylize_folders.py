"""``nstyle stylize`` on folders as people have them: what one photograph does, it does to itself alone."""

import io
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import nstyle as package
from nstyle.imaging.pictures import read_size
from nstyle.inference import reading, writing
from nstyle.inference.batch import stylize_files
from nstyle.inference.options import Request
from nstyle.inference.stylizer import Stylizer
from nstyle.inference.writing import Failure, Result
from nstyle.models.model_file import load_model, save_model
from nstyle.models.model_info import read_info

DAMAGED_EXIF = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12\x00\x03\xff\xff\xff\xff\x00\x06"


def outcomes(
    tmp_path: Path, model: Path, *photos: Path, status: type[Exception] | None = None, **values: Any
) -> tuple[list[str], list[Failure], list[str]]:
    """Paint in this process, and return the files below ``out``, the failures and the lines that were said."""
    lines: list[str] = []
    request = {"style": "plain", "out": str(tmp_path / "out"), "model": str(model)} | values
    results: list[Result | Failure] = []
    with pytest.raises(status) if status else nullcontext() as raised:
        for result in stylize_files(Request(photos=tuple(map(str, photos)), **request), lines.append):
            results.append(result)
    assert raised is None or raised.type is status
    out = tmp_path / "out"
    painted = [str(Path(result.output).relative_to(out)) for result in results if isinstance(result, Result)]
    return painted, [result for result in results if isinstance(result, Failure)], lines


def copy(photo: Path, *paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo.read_bytes())


def test_subfolders_are_kept_and_equal_names_keep_their_extension(model: Path, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    copy(photo, folder / "100" / "IMG_1.jpg", folder / "101" / "IMG_1.jpg", folder / "x.jpg")
    with Image.open(photo) as image:
        image.save(folder / "x.png")
    painted, _, _ = outcomes(tmp_path, model, folder)
    assert sorted(painted) == ["100/IMG_1_plain.png", "101/IMG_1_plain.png", "x.jpg_plain.png", "x.png_plain.png"]


def test_equal_names_of_several_places_are_told_apart_by_their_folder(model: Path, photo: Path, tmp_path: Path) -> None:
    copy(photo, tmp_path / "a" / "1.jpg", tmp_path / "b" / "1.jpg", tmp_path / "b" / "2.jpg")
    painted, _, _ = outcomes(tmp_path, model, tmp_path / "a", tmp_path / "b" / "1.jpg", tmp_path / "b" / "2.jpg")
    assert painted == ["a/1_plain.png", "b/1_plain.png", "2_plain.png"]
    twice, _, _ = outcomes(tmp_path, model, tmp_path / "a", tmp_path / "a" / "1.jpg", out=str(tmp_path / "out" / "2"))
    assert twice == ["2/1_plain.png"]


def test_a_name_that_becomes_too_long_is_cut(model: Path, photo: Path, tmp_path: Path) -> None:
    names = ["ü" * 120 + tail for tail in ("a.jpg", "b.jpg")]
    copy(photo, *(tmp_path / "in" / name for name in names))
    painted, _, _ = outcomes(tmp_path, model, tmp_path / "in")
    assert len(set(painted)) == 2
    assert all(len(name.encode()) < 240 and "~" in name and name.endswith("_plain.png") for name in painted)


def test_a_stopped_folder_goes_on(model: Path, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    copy(photo, folder / "a.jpg", folder / "b.jpg")
    first, _, _ = outcomes(tmp_path, model, folder, style=None, all_styles=True)
    assert len(first) == 8
    expected = {name: (tmp_path / "out" / name).read_bytes() for name in first}
    (tmp_path / "out" / "b_all.png").unlink()
    (tmp_path / "out" / "b_plain.png").unlink()
    copy(tmp_path / "out" / "a_all.png", tmp_path / "out" / "b_all.png")
    again = {"style": None, "all_styles": True, "skip_existing": True}
    painted, _, lines = outcomes(tmp_path, model, folder, **again)
    assert painted == ["b_plain.png", "b_all.png"]
    assert lines == ["6 of 8 pictures exist and are left as they are"]
    assert {name: (tmp_path / "out" / name).read_bytes() for name in first} == expected
    assert outcomes(tmp_path, model, folder, **again)[0] == []
    with pytest.raises(package.UsageError, match="`overwrite` and `skip_existing` were given together"):
        list(stylize_files(Request(photos=(str(folder),), model=str(model), style="plain", overwrite=True,
                                   skip_existing=True), print))  # fmt: skip


def test_paintings_below_the_folder_are_no_photographs(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    copy(photo, folder / "a.jpg")
    given = ("stylize", folder, "--model", model, "--style", "plain", "--out", folder / "painted", "--json")
    for _ in range(2):
        assert len(json.loads(nstyle(*given, "--overwrite").stdout)) == 1
    done = nstyle(*given, "--skip-existing")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert b"1 of 1 pictures exist and are left as they are" in done.stderr


def test_a_list_of_styles_that_names_none_is_one_line(nstyle, model: Path, photo: Path) -> None:
    done = nstyle("stylize", photo, "--model", model, "--styles", ",")
    assert (done.returncode, done.stderr.decode().count("\n")) == (2, 1)
    assert "no style was named; choose among " in done.stderr.decode()


def test_a_style_called_all_keeps_its_picture(model: Path, photo: Path, tmp_path: Path) -> None:
    network, info = load_model(model)
    save_model(tmp_path / "odd.safetensors", network, replace(info, styles=("all", "b", "c")))
    painted, _, _ = outcomes(tmp_path, tmp_path / "odd.safetensors", photo, style=None, all_styles=True)
    assert painted == [f"coffee_{label}.png" for label in ("all", "b", "c", "all-styles")]


def test_a_link_is_written_through(model: Path, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "far" / "real.png")
    list(stylize_files(Request(photos=(str(photo),), model=str(model), style="plain", out=str(link)), print))
    assert link.is_symlink()
    assert read_size(tmp_path / "far" / "real.png") == read_size(photo)


@pytest.mark.parametrize("size", [None, 64])
def test_damaged_metadata_do_not_cost_a_picture(model: Path, photo: Path, tmp_path: Path, size: int | None) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with Image.open(photo) as image:
        for mode in ("L", "RGB"):
            image.convert(mode).save(folder / f"{mode}.jpg", exif=DAMAGED_EXIF)
    painted, failed, _ = outcomes(tmp_path, model, folder, options=package.inference.options.PaintOptions(size=size))
    assert (painted, failed) == (["L_plain.png", "RGB_plain.png"], [])


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    return fail


ERRORS = [
    (MemoryError(), "there is not enough memory to paint it; give a smaller `size`"),
    (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), "not enough memory"),
    (RecursionError("too deep"), "RecursionError: too deep"),
    (OSError(36, "File name too long"), "File name too long"),
]


@pytest.mark.parametrize(("error", "message"), ERRORS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("where", ["read", "paint", "write"])
def test_whatever_one_photograph_raises_the_others_are_painted(
    model: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    error: Exception,
    message: str,
) -> None:
    folder = tmp_path / "in"
    copy(photo, *(folder / f"{name}.jpg" for name in "abc"))
    turn = iter(range(3))
    owner, name = {"read": (reading, "sized"), "paint": (Stylizer, "paint"), "write": (writing, "encode")}[where]
    real = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *a, **k: (raising(error) if next(turn) == 1 else real)(*a, **k))
    painted, failed, lines = outcomes(tmp_path, model, folder, status=package.NstyleError)
    assert painted == ["a_plain.png", "c_plain.png"]
    assert [failure.photo for failure in failed] == [str(folder / "b.jpg")]
    assert message in failed[0].error
    assert lines == [failed[0].error]


def test_a_photograph_that_does_not_fit_the_request_is_a_usage_error(
    model: Path, photos: Path, photo: Path, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.png"
    with Image.open(photo) as image:
        Image.new("L", (image.height, image.width), 255).save(mask)
    _, failed, _ = outcomes(tmp_path, model, photo, status=package.UsageError, masks=(f"plain={mask}",), style="wave")
    assert "does not fit" in failed[0].error
    _, failed, _ = outcomes(tmp_path, model, photo, status=package.UsageError, max_pixels=100)
    assert failed[0].exit_status == 2


def test_a_picture_that_is_not_finite_is_never_written(model: Path, photo: Path, tmp_path: Path) -> None:
    network, info = load_model(model)
    with torch.no_grad():
        network.output.norm.beta_SC.fill_(torch.nan)
    for tiling in ("whole", "exact", "sampled"):
        with pytest.raises(package.NstyleError, match="values that are no numbers, so that nothing is written"):
            Stylizer(network, info).stylize(photo, "plain", tiling=tiling)


def test_huge_and_tiny_weights_blend(model: Path, photo: Path) -> None:
    painter = package.load(model)
    expected = np.asarray(painter.stylize(photo, [0.5, 0, 0.5]))
    for weight in (1e308, 1e-308):
        assert np.array_equal(np.asarray(painter.stylize(photo, [weight, 0, weight])), expected)
    assert read_info(model).styles == painter.styles
    with pytest.raises(package.UsageError, match="expected a finite number"):
        painter.stylize(photo, [10**400, 0, 0])


def test_odd_files_say_nothing_raw(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    """Pillow warns about an animation header that is cut, and about much else."""
    buffer = io.BytesIO()
    with Image.open(photo) as image:
        image.save(buffer, "MPO", save_all=True, append_images=[image])
    data = bytearray(buffer.getvalue())
    at = data.index(b"MPF\x00")
    data[at + 4 : at + 12] = b"\xff" * 8
    (tmp_path / "odd.jpg").write_bytes(data)
    copy(photo, tmp_path / "plain.jpg")
    (tmp_path / "phone.cr3").touch()
    done = nstyle("stylize", "*.jpg", "--model", model, "--style", "plain", "--out", "out", "--range", "0,1000")
    said = done.stderr.decode().splitlines()
    assert done.returncode == 0, said
    assert [line.split("  ")[0] for line in said] == ["out/odd_plain.png", "out/plain_plain.png"]
    folder = nstyle("stylize", ".", "--model", model, "--style", "plain", "--out", "new", "--json")
    assert folder.stderr.decode() == "nstyle: .: 1 left out (1 .cr3)\n"
    assert len(json.loads(folder.stdout)) == 4
    bad = nstyle("stylize", "plain.jpg", "--model", model, "--style", "plain", "--range", "9,1")
    assert (bad.returncode, bad.stderr.decode()) == (2, "nstyle: --range is (9.0, 1.0); expected LOW below HIGH\n")
