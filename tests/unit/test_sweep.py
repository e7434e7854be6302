"""Sweeps over pictures and VGG files: one of each in a cell, labels that tell them apart, grid and report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor

from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import NstyleError, UsageError
from nstyle.reconstruction import pictures
from nstyle.reconstruction.cells import make_cells
from nstyle.reconstruction.config_file import read_settings
from nstyle.reconstruction.finished_runs import read_runs
from nstyle.reconstruction.pictures import Source, read_source
from nstyle.reconstruction.report import write_report
from nstyle.reconstruction.run_settings import captions
from nstyle.reconstruction.sweep import sweep
from nstyle.reconstruction.sweep_grid import draw_grid
from tests.conftest import write_vgg

QUICK: dict[str, Any] = {"size": 32, "iterations": 2, "vgg": "lite", "device": "cpu"}


@pytest.fixture
def paintings(styles: Path) -> list[Path]:
    return [styles / "mosaic.png", styles / "waves.png"]


def made_from(folder: Path) -> list[str]:
    return [Path(name).name for name in json.loads((folder / "run.json").read_text())["styles"]]


def place(grid: Image.Image, color: str) -> tuple[float, float]:
    """Return the middle of a plain picture of a grid, in pixels."""
    y, x = np.nonzero((np.asarray(grid) == ImageColor.getrgb(color)).all(axis=2))
    assert len(x) == 32 * 32
    return float(x.mean()), float(y.mean())


def test_each_cell_has_one_painting_and_done_cells_are_kept(paintings: list[Path], tmp_path: Path) -> None:
    axes: dict[str, Any] = {"style": paintings, "layers": ["relu1_2", "relu2_2"]}
    result = sweep(axes, out=tmp_path / "out", **QUICK)
    assert list(result.folders) == [
        "style-mosaic_layers-relu1_2", "style-mosaic_layers-relu2_2",
        "style-waves_layers-relu1_2", "style-waves_layers-relu2_2",
    ]  # fmt: skip
    assert [made_from(folder) for folder in result.folders.values()] == [["mosaic.png"]] * 2 + [["waves.png"]] * 2
    assert sweep(axes, out=tmp_path / "out", **QUICK).reused == 4
    one = {"style": paintings[:1], "layers": ["relu1_2"]}
    assert sweep(one, out=tmp_path / "out", **{**QUICK, "iterations": 1}).reused == 0


def test_progress_counts_the_cells_that_are_still_to_be_made(paintings: list[Path], tmp_path: Path) -> None:
    axes: dict[str, Any] = {"layers": ["relu1_2", "relu2_2", "relu3_3", "relu5_1"]}
    settings = {**QUICK, "iterations": 1, "style": paintings[0], "out": tmp_path / "out"}
    sweep({"layers": ["relu2_2"]}, **settings)
    (tmp_path / "out" / "run").rename(tmp_path / "out" / "layers-relu2_2")
    left: list[int] = []
    result = sweep(axes, progress=lambda now: left.append(now.left), **settings)
    assert (list(dict.fromkeys(left)), result.reused, list(result.failed)) == ([1, 0], 1, ["layers-relu5_1"])


def test_a_result_that_another_cell_will_replace_is_not_reused(tmp_path: Path) -> None:
    red, green, blue = (Image.new("RGB", (40, 40), name) for name in ("red", "green", "blue"))
    first = sweep({"style": [red, green]}, layers="relu1_2", out=tmp_path, **QUICK)
    again = sweep({"style": [green, blue]}, layers="relu1_2", out=tmp_path, **QUICK)
    assert (first.reused, again.reused, len(set(again.folders.values()))) == (0, 0, 2)


def test_what_a_sweep_gives_to_cells_cannot_be_given(paintings: list[Path], tmp_path: Path) -> None:
    for name in ("encoder", "resume", "overwrite"):
        with pytest.raises(UsageError, match=f"there is no setting '?`?{name}"):
            sweep({"style": paintings}, layers="relu1_2", out=tmp_path / "out", **QUICK, **{name: True})


def test_paintings_outside_of_the_axes_are_mixed(paintings: list[Path], photo: Path, tmp_path: Path) -> None:
    layers = {"style_layers": ["relu1_2"], "content_layers": ["relu2_2"]}
    mixed = sweep(layers, out=tmp_path / "mixed", style=paintings, content=photo, **QUICK)
    assert made_from(mixed.folders["run"]) == ["mosaic.png", "waves.png"]
    axis = sweep({**layers, "content": [photo, paintings[0]]}, out=tmp_path / "axis", style=paintings, **QUICK)
    assert list(axis.folders) == ["content-coffee", "content-mosaic"]
    assert all(made_from(folder) == ["mosaic.png", "waves.png"] for folder in axis.folders.values())
    with pytest.raises(UsageError, match="`style` is an axis and an argument; give one of them"):
        sweep({"style": paintings, "layers": ["relu1_2"]}, out=tmp_path / "both", style=paintings[0], **QUICK)
    with pytest.raises(UsageError, match="the axis `style` has several pictures as one value"):
        sweep({"style": [paintings], "layers": ["relu1_2"]}, out=tmp_path / "both", **QUICK)
    with pytest.raises(UsageError, match="the list of `style` is empty"):
        sweep({"style": [], "layers": ["relu1_2"]}, out=tmp_path / "both", **QUICK)


def test_every_picture_is_read_once_and_before_any_work(
    paintings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    original = pictures.open_picture

    def open_picture(picture: Any) -> Any:
        opened.append(Path(picture).name)
        return original(picture)

    monkeypatch.setattr(pictures, "open_picture", open_picture)
    result = sweep({"style": paintings, "layers": ["relu1_2"], "seed": [0, 1]}, out=tmp_path / "out", **QUICK)
    assert not result.failed
    assert opened == ["mosaic.png", "waves.png"]
    with pytest.raises(NstyleError, match=r"missing.png: no such file"):
        sweep({"style": [*paintings, "missing.png"], "layers": ["relu1_2"]}, out=tmp_path / "other", **QUICK)
    assert not list((tmp_path / "other").glob("*"))


def test_labels_of_files_are_stems_and_differ(tmp_path: Path) -> None:
    def labels(*names: str) -> list[str]:
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            Image.new("RGB", (4, 4)).save(tmp_path / name)
        cells = make_cells({"style": [(read_source(tmp_path / name),) for name in names]})
        assert len({cell.name.casefold() for cell in cells}) == len(names)
        return [cell.labels["style"] for cell in cells]

    assert labels("one.png", "other.png") == ["one", "other"]
    assert labels("a/one.png", "b/one.png", "two.png") == ["a/one.png", "b/one.png", "two"]
    assert labels("my cat.png", "my-cat.png") == ["my cat.png-1", "my-cat.png-2"]
    memory = [(read_source(Image.new("RGB", (4, 4), color)),) for color in ("red", "blue")]
    assert [cell.labels["style"] for cell in make_cells({"style": memory})] == ["PICTURE-1", "PICTURE-2"]
    files = ["weights/vgg16.pth", "vgg19.pth", "lite"]
    assert [cell.labels["vgg"] for cell in make_cells({"vgg": files})] == ["vgg16", "vgg19", "lite"]


def test_the_grid_shows_each_painting_beside_its_own_results() -> None:
    def source(color: str) -> Source:
        return read_source(Image.new("RGB", (32, 32), color))

    styles, results = [(source("red"),), (source("lime"),)], iter(["cyan", "magenta", "yellow", "navy"])

    def draw(axes: dict[str, Any]) -> Image.Image:
        return draw_grid(make_cells(axes), lambda cell: Image.new("RGB", (32, 32), next(results)))

    grid = draw({"style": styles, "layers": ["relu1_2"], "seed": [0, 1], "content": [None]})
    for painting, row in (("red", ("cyan", "magenta")), ("lime", ("yellow", "navy"))):
        x, y = place(grid, painting)
        assert [place(grid, result)[1] for result in row] == [y, y]
        assert x < place(grid, row[0])[0] < place(grid, row[1])[0]
    results = iter(["cyan", "magenta"])
    grid = draw({"style": styles, "content": [source("blue")]})
    for painting, result in (("red", "cyan"), ("lime", "magenta")):
        x, y = place(grid, painting)
        assert place(grid, result)[0] == x
        assert place(grid, result)[1] > y == place(grid, "blue")[1]


def test_the_report_names_the_painting_as_what_was_varied(paintings: list[Path], tmp_path: Path) -> None:
    sweep({"style": paintings, "layers": ["relu1_2", "relu2_2"]}, out=tmp_path / "out", **QUICK)
    page = write_report([tmp_path / "out"], tmp_path / "report").read_text()
    assert "<h2>Layers and losses: painting mosaic.png</h2>" in page
    assert "<h2>Layers and losses: painting waves.png</h2>" in page
    runs, _ = read_runs([tmp_path / "out"])
    assert captions(runs[::2]) == ["painting mosaic.png", "painting waves.png"]


def test_vgg16_and_vgg19_in_one_sweep(short_vgg_file: Path, paintings: list[Path], tmp_path: Path) -> None:
    vgg19 = write_vgg(tmp_path / "vgg19.safetensors", VGGWeights.random("vgg19"), last=16)
    files = [str(short_vgg_file), str(vgg19)]
    axes = {"vgg": files, "layers": ["relu1_2", "relu3_4", "relu4_1"]}
    result = sweep(axes, style=paintings[0], out=tmp_path / "out", size=32, iterations=1)
    reasons = {name: reason.split(";")[0] for name, reason in result.failed.items()}
    assert reasons == {
        "vgg-short_layers-relu3_4": "vgg16 has no layer 'relu3_4'",
        "vgg-short_layers-relu4_1": "layer relu4_1 was asked for, but these vgg16 weights stop at relu3_3",
        "vgg-vgg19_layers-relu4_1": "layer relu4_1 was asked for, but these vgg19 weights stop at relu3_4",
    }
    assert read_settings(tmp_path / "out" / "vgg-vgg19_layers-relu3_4" / "config.toml")["vgg"] == str(vgg19)
    runs, failures = read_runs([tmp_path / "out"])
    ours = [run for run in runs if run.description["vgg"]["architecture"] == "vgg19"]
    near = [failure for failure in failures if failure.is_beside(ours[0])]
    assert [failure.labels["layers"] for failure in near] == ["relu4_1"]


def test_captions_name_the_file_where_two_have_one_network(
    short_vgg_file: Path, vgg_file: Path, paintings: list[Path], tmp_path: Path
) -> None:
    sweep(
        {"vgg": [str(short_vgg_file), str(vgg_file)], "layers": ["relu1_1"]},
        style=paintings[0], out=tmp_path / "out", size=32, iterations=1,
    )  # fmt: skip
    runs, _ = read_runs([tmp_path / "out"])
    release = runs[0].description["vgg"]["release"]
    assert captions(runs) == [f"network vgg16 {release} ({name}.safetensors)" for name in ("short", "random")]
