"""``nstyle reconstruct`` as a user calls it, on tiny real pictures."""

import csv
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nstyle import reconstruct
from nstyle.errors import UsageError
from nstyle.reconstruction.cells import make_cells
from nstyle.reconstruction.config_file import read_settings
from nstyle.reconstruction.finished_runs import read_runs
from nstyle.reconstruction.inputs import read_inputs
from nstyle.reconstruction.report import write_report
from nstyle.reconstruction.run_folder import RunFolder
from nstyle.reconstruction.run_settings import captions
from nstyle.reconstruction.sweep import sweep

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def picture(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.copy()


@pytest.fixture
def painting(styles: Path) -> Path:
    return styles / "mosaic.png"


def test_style_writes_everything_that_is_asked_for(
    nstyle: Run, short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reconstruct", "style", painting, "--layers", "relu1_1,relu2_1", "--size", 48, "--iterations", 6,
        "--snapshots-every", 2, "--animation", "gif", "--tensorboard", "--vgg", short_vgg_file, "--out", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    out = tmp_path / "out"
    assert picture(out / "result.png").size == (48, 38)
    assert sorted(path.name for path in (out / "snapshots").iterdir()) == [f"{i:06d}.png" for i in (0, 2, 4, 6)]
    with Image.open(out / "animation.gif") as animation:
        assert animation.n_frames in (
            4,
            5,
        )  # Pillow merges the best picture with the last snapshot where they are the same.
    assert list((out / "tensorboard").iterdir())
    with (out / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == list(range(7))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert float(rows[3]["loss"]) == pytest.approx(
        float(rows[3]["style/relu1_1"]) + float(rows[3]["style/relu2_1"]), rel=1e-5
    )
    run = json.loads((out / "run.json").read_text())
    assert run["best"]["loss"] == min(float(row["loss"]) for row in rows)
    assert run["command"].startswith("nstyle reconstruct style ")
    assert run["config"]["loss"] == "gram"
    assert b"style/relu2_1" in done.stderr


@pytest.mark.parametrize("extension", ["webp", "mp4"])
def test_other_animations(extension: str, nstyle: Run, short_vgg_file: Path, painting: Path, tmp_path: Path) -> None:
    if extension == "mp4":
        pytest.importorskip("av")
    done = nstyle(
        "reconstruct", "style", painting, "--layers", "relu1_1", "--size", 33, "--iterations", 4,
        "--snapshots-every", 1, "--animation", extension, "--vgg", short_vgg_file, "--out", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    data = (tmp_path / "out" / f"animation.{extension}").read_bytes()
    assert data[8:12] == b"WEBP" if extension == "webp" else data[4:8] == b"ftyp"


def test_resume_continues_to_the_bit_and_a_run_is_not_overwritten(
    nstyle: Run, short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    command = ["reconstruct", "style", painting, "--layers", "relu1_1,relu1_2", "--size", 48, "--vgg", short_vgg_file]
    assert nstyle(*command, "--iterations", 8, "--out", "whole").returncode == 0
    assert nstyle(*command, "--iterations", 3, "--out", "parts").returncode == 0
    again = nstyle(*command, "--iterations", 8, "--out", "parts")
    assert again.returncode == 2
    assert b"parts holds a reconstruction already; continue it with --resume" in again.stderr
    changed = nstyle(*command, "--iterations", 8, "--seed", 1, "--out", "parts", "--resume")
    assert changed.returncode == 2
    assert b"parts was made with seed 0, not 1" in changed.stderr
    assert nstyle(*command, "--iterations", 8, "--out", "parts", "--resume").returncode == 0
    for name in ("result.png", "losses.csv"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    empty = nstyle(*command, "--out", "nothing", "--resume")
    assert empty.returncode == 2
    assert b"nothing has nothing to resume" in empty.stderr


def test_content_and_transfer_on_a_real_photograph(
    nstyle: Run, short_vgg_file: Path, painting: Path, photo: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reconstruct",
        "content",
        photo,
        "--layers",
        "relu2_2",
        "--size",
        64,
        "--iterations",
        40,
        "--vgg",
        short_vgg_file,
        "--out",
        "content",
    )
    assert done.returncode == 0, done.stderr.decode()
    result = picture(tmp_path / "content" / "result.png")
    original = picture(photo).convert("RGB").resize(result.size, Image.Resampling.LANCZOS)
    near, far = np.asarray(result, dtype=float), np.asarray(original, dtype=float)
    assert np.corrcoef(near.mean(axis=2).ravel(), far.mean(axis=2).ravel())[0, 1] > 0.5
    done = nstyle(
        "reconstruct", "transfer", photo, painting, painting, "--content-layers", "relu2_2",
        "--style-layers", "relu1_1,relu2_1=0.5", "--style-weight", 10, "--weights", "0.8,0.2", "--size", 48,
        "--iterations", 3, "--tv-weight", 1, "--tv", "power-1.25", "--pooling", "average",
        "--content-loss", "half-sum", "--vgg", short_vgg_file, "--out", "transfer",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    terms = json.loads((tmp_path / "transfer" / "run.json").read_text())["best"]["terms"]
    assert list(terms) == ["style/relu1_1", "style/relu2_1", "content/relu2_2", "tv"]


def test_the_recorded_command_makes_the_same_picture(
    nstyle: Run, short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reconstruct", "style", painting, "--layers", "relu1_2=0.5", "--loss", "moments", "--moments", 3, "--size", 40,
        "--optimizer", "adam", "--lr", 0.02, "--iterations", 5, "--start", "white", "--feature-scale", 0.01,
        "--vgg", short_vgg_file, "--out", "one",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    words = shlex.split(json.loads((tmp_path / "one" / "run.json").read_text())["command"])
    assert words[0] == "nstyle"
    assert nstyle(*words[1:], "--out", "two").returncode == 0
    assert (tmp_path / "one" / "result.png").read_bytes() == (tmp_path / "two" / "result.png").read_bytes()


def test_config_repeats_a_run_to_the_bit_and_options_override_it(
    nstyle: Run, short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    exact = ["--precision", "fp32", "--device", "cpu"]
    done = nstyle(
        "reconstruct", "style", painting, painting, "--layers", "block1_conv2=0.5,relu2_1", "--weights", "3,1",
        "--size", 40, "--iterations", 5, "--seed", 3, "--tv-weight", 0.1, *exact,
        "--vgg", short_vgg_file, "--out", "one",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    one, two, other = (RunFolder(tmp_path / name) for name in ("one", "two", "other"))
    settings = tomllib.loads(one.settings.read_text())
    assert settings["style"] == [str(painting.absolute())] * 2
    assert settings["style_layers"] == {"relu1_2": 0.5, "relu2_1": 1.0}
    assert (settings["style_mix"], settings["vgg"], settings["lr"]) == ([3.0, 1.0], str(short_vgg_file), 1.0)
    again = nstyle("reconstruct", "style", "--config", "one/config.toml", "--out", "two")
    assert again.returncode == 0, again.stderr.decode()
    for file in ("result", "losses", "settings"):
        assert getattr(two, file).read_bytes() == getattr(one, file).read_bytes()
    assert two.read_description()["identity"] == one.read_description()["identity"]
    changed = nstyle(
        "reconstruct", "style", "--config", "one/config.toml", "--optimizer", "adam", "--layers", "relu1_1",
        "--out", "other",
    )  # fmt: skip
    assert changed.returncode == 0, changed.stderr.decode()
    config = other.read_description()["config"]
    assert (config["optimizer"], config["lr"], config["iterations"], config["seed"]) == ("adam", 0.001, 5, 3)
    assert config["style_layers"] == {"relu1_1": 1.0}
    assert nstyle("reconstruct", "style", "--config", "one/config.toml", "--iterations", 7, "--out", "one",
                  "--resume").returncode == 0  # fmt: skip
    assert one.read_description()["iterations"] == 7


def test_config_of_a_transfer_in_python_and_on_the_command_line(
    nstyle: Run, short_vgg_file: Path, painting: Path, photo: Path, tmp_path: Path
) -> None:
    first = reconstruct(
        content=photo, style=painting, content_layers="relu2_2", style_layers="relu1_1", size=48, iterations=3,
        precision="fp32", device="cpu", vgg=short_vgg_file, out=tmp_path / "one",
    )  # fmt: skip
    second = reconstruct(**read_settings(tmp_path / "one" / "config.toml"))
    assert np.array_equal(first.image, second.image)
    assert (first.loss, first.terms) == (second.loss, second.terms)
    done = nstyle("reconstruct", "transfer", "--config", "one/config.toml", "--out", "two")
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "two" / "losses.csv").read_bytes() == (tmp_path / "one" / "losses.csv").read_bytes()
    refused = nstyle("reconstruct", "style", "--config", "one/config.toml", "--out", "three")
    assert refused.returncode == 2
    assert b"one/config.toml is about a content too; repeat it with nstyle reconstruct transfer" in refused.stderr
    (tmp_path / "wrong.toml").write_text("iteration = 3")
    wrong = nstyle("reconstruct", "style", painting, "--config", "wrong.toml", "--out", "three")
    assert (
        b"wrong.toml cannot be read as the settings of a reconstruction: there is no setting --iteration"
        in wrong.stderr
    )
    (tmp_path / "small.toml").write_text('size = 32\nlayers = "relu1_1"\niterations = 2')
    small = nstyle(
        "reconstruct", "style", painting, "--config", "small.toml", "--vgg", short_vgg_file, "--out", "small"
    )
    assert small.returncode == 0, small.stderr.decode()
    assert picture(tmp_path / "small" / "result.png").width == 32


def test_sweep_lays_out_a_grid_skips_what_is_done_and_notes_what_cannot_be(
    nstyle: Run, short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    command = [
        "reconstruct", "sweep", "style", painting, "--layers", "relu1_1,relu2_1,relu4_1", "--per-layer", "single",
        "--loss", "gram,moments", "--moments", "1,2", "--size", 32, "--iterations", 3,
        "--vgg", short_vgg_file, "--out", "sweep",
    ]  # fmt: skip
    first = nstyle(*command)
    assert first.returncode == 1
    assert b"6 cells made, 0 done already, 3 failed" in first.stderr
    assert b"relu4_1 was asked for, but these vgg16 weights stop at relu3_3" in first.stderr
    folder = tmp_path / "sweep"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/result.png")}
    assert len(before) == 6
    (folder / "layers-relu2_1_loss-gram" / "run.json").unlink()
    second = nstyle(*command)
    assert b"1 cells made, 5 done already, 3 failed" in second.stderr
    assert sum(path.stat().st_mtime_ns == time for path, time in before.items()) == 5
    grid = picture(folder / "grid.png")
    assert grid.width > 3 * 32
    report = nstyle("reconstruct", "report", folder, "--out", "report")
    assert report.returncode == 0, report.stderr.decode()
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page
    assert "relu4_1" in page
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.html",
        "report.json",
        "layers-losses.png",
        "moments.png",
        "loss.png",
        "loss.svg",
        "runs.csv",
        *(
            f"table-{name}.{kind}"
            for name in ("layers-and-losses", "all-runs", "all-runs-2")
            for kind in ("csv", "tex")
        ),
    }


def test_sweep_finds_cells_under_other_names_and_keeps_values_apart(
    short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    options = {"style": painting, "out": tmp_path / "sweep"}
    axes = {"layers": ["relu1_1"], "size": [32], "iterations": [2], "vgg": [str(short_vgg_file)]}
    assert sweep({**axes, "seed": [0]}, **options).reused == 0
    again = sweep({**axes, "seed": [0, 1]}, **options)
    assert (again.reused, len(again.cells)) == (1, 2)
    assert len(sweep({**axes, "style_weight": [1234567.0, 1234568.0]}, **options).cells) == 2
    layers = [("relu1_1", "relu1_2"), {"relu1_1": 1.0, "relu2_1": 0.5}, "relu1_1,relu1_2"]
    assert [cell.labels["layers"] for cell in make_cells({"layers": layers[:2]})] == [
        "relu1_1+relu1_2",
        "relu1_1+relu2_1=0.5",
    ]
    with pytest.raises(UsageError, match=r"there is no setting `sizes`; did you mean `size`\?"):
        sweep({**axes, "sizes": [32]}, **options)
    shorter = sweep({**axes, "iterations": [1]}, **options)
    assert shorter.reused == 0
    assert json.loads((tmp_path / "sweep" / "run" / "run.json").read_text())["iterations"] == 1


def test_report_keeps_losses_and_budgets_apart(
    short_vgg_file: Path, painting: Path, photo: Path, tmp_path: Path
) -> None:
    common = {"size": [32], "vgg": [str(short_vgg_file)]}
    taus = ["relu1_1", "relu1_1,relu2_1"]
    sweep(
        {**common, "layers": taus, "loss": ["gram", "mean-std"], "iterations": [2], "start": ["style"]},
        style=painting,
        out=tmp_path / "taus",
    )
    reconstruct(
        content=photo, layers="relu2_1", size=32, vgg=str(short_vgg_file), iterations=2, out=tmp_path / "content"
    )
    page = write_report([tmp_path / "taus", tmp_path / "taus", tmp_path / "content"], tmp_path / "report").read_text()
    assert "Style reconstructions (gram)" in page
    assert "Style reconstructions (mean-std)" in page
    assert "<h2>Content</h2>" in page
    assert "5 runs." in page
    (tmp_path / "content" / "run.json").write_text('{"format": 1}')
    with pytest.raises(UsageError, match=r"run.json is damaged: it lacks best"):
        write_report([tmp_path / "content"], tmp_path / "report")


def test_the_report_names_what_was_varied_and_keeps_every_setting(
    short_vgg_file: Path, painting: Path, photo: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.png"
    Image.open(painting).convert("L").save(other)
    axes = {
        "content_layers": ["relu2_2"], "style_layers": ["relu1_1"], "vgg": [str(short_vgg_file)], "size": [32],
        "iterations": [2], "style_weight": [100.0, 1000.0], "tv_weight": [0.0, 2.0],
    }  # fmt: skip
    sweep(axes, style=[painting, other], content=photo, out=tmp_path / "sweep")
    runs, _ = read_runs([tmp_path / "sweep"])
    assert captions(runs)[:2] == ["style weight 100, tv weight 0", "style weight 100, tv weight 2"]
    assert captions(runs[:1]) == ["style_weight-100_tv_weight-0"]
    inputs, missing = read_inputs(runs)
    assert [label for label, _ in inputs] == [
        f"photograph {photo.name}", f"painting {painting.name}", "painting other.png"
    ]  # fmt: skip
    assert not missing
    (runs[0].folder.losses).unlink()
    page = write_report([tmp_path / "sweep"], tmp_path / "report").read_text()
    with (tmp_path / "report" / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["style weight"] for row in rows] == ["100", "100", "1000", "1000"]
    known = {"size": "32", "min size": "", "iterations per size": "2", "photograph": photo.name, "seed": "0"}
    assert {name: rows[0][name] for name in known} == known
    assert rows[0]["paintings"] == f"{painting.name} + other.png"
    assert re.findall(r"<th[^>]*>([^<]*)</th>", page)[:3] == ["style weight", "tv weight", "start loss"]
    assert "<td>size</td><td>32</td>" in page
    drawing = (tmp_path / "report" / "loss.svg").read_text()
    assert "style weight 1000, tv weight 2" in drawing
    assert "total loss / its start" in drawing


def test_pictures_that_changed_since_are_not_shown_as_inputs(short_vgg_file: Path, photo: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.png"
    Image.open(photo).save(mine)
    reconstruct(content=mine, layers="relu1_1", size=32, vgg=str(short_vgg_file), iterations=1, out=tmp_path / "run")
    Image.new("RGB", (64, 64)).save(mine)
    page = write_report([tmp_path / "run"], tmp_path / "report").read_text()
    assert "No longer where they were, so not shown: " in page


def test_inversion_schedules_share_one_figure_although_their_budgets_differ(
    short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    axes = {
        "layers": ["relu1_1", "relu1_2"],
        "loss": ["gram", "moments"],
        "moments": [1],
        "schedule": ["inversion-table"],
        "size": [32],
    }
    sweep({**axes, "vgg": [str(short_vgg_file)], "threshold": [1e9]}, style=painting, out=tmp_path / "sweep")
    page = write_report([tmp_path / "sweep"], tmp_path / "report").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "schedule inversion-table" in page


def test_report_of_blocks_has_the_sources_curves_and_table(
    nstyle: Run, short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    sweep = nstyle(
        "reconstruct", "sweep", "style", painting, "--layers", "relu1_1,relu2_1,relu3_1,relu4_1",
        "--per-layer", "cumulative", "--optimizer", "adam", "--lr", 0.02, "--size", 32, "--iterations", 4,
        "--vgg", short_vgg_file, "--out", "taus",
    )  # fmt: skip
    assert sweep.returncode == 1
    assert nstyle("reconstruct", "report", "taus", "--out", "report").returncode == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert "initial phi for tau 3" in page
    assert "stop at relu3_3" in page
    assert (tmp_path / "report" / "phi-gram.svg").exists()
    run = json.loads((tmp_path / "taus" / "layers-relu1_1+relu2_1+relu3_1" / "run.json").read_text())
    assert f"{run['initial']['style/relu2_1']:.5g}" in page


def test_sweep_over_transfers_and_numbers(
    nstyle: Run, short_vgg_file: Path, painting: Path, photo: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reconstruct", "sweep", "transfer", photo, painting, "--content-layers", "relu2_2", "--style-layers", "relu1_1",
        "--style-layers", "relu1_1,relu2_1", "--style-weight", "1,1e2", "--pooling", "max,average",
        "--size", 32, "--iterations", 2, "--vgg", short_vgg_file, "--out", "sweep",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert b"8 cells made" in done.stderr
    cells = json.loads((tmp_path / "sweep" / "sweep.json").read_text())["cells"]
    assert cells[3]["labels"] == {"style_layers": "relu1_1", "style_weight": "100", "pooling": "average"}


def test_several_paintings_are_an_axis_of_a_sweep_unless_weights_mix_them(
    nstyle: Run, short_vgg_file: Path, styles: Path, photo: Path, tmp_path: Path
) -> None:
    command = [
        "reconstruct", "sweep", "transfer", photo, styles / "mosaic.png", styles / "waves.png",
        "--content-layers", "relu2_2", "--style-layers", "relu1_1", "--size", 32, "--iterations", 1,
        "--vgg", short_vgg_file, "--out", "sweep",
    ]  # fmt: skip
    done = nstyle(*command)
    assert b"2 cells made, 0 done already, 0 failed" in done.stderr
    assert sorted(path.name for path in (tmp_path / "sweep").glob("*/")) == ["style-mosaic", "style-waves"]
    mixed = nstyle(*command, "--weights", "1,1", "--weights", "3,1")
    assert b"2 cells made, 0 done already, 0 failed" in mixed.stderr
    run = json.loads((tmp_path / "sweep" / "style_mix-3+1" / "run.json").read_text())
    assert [Path(name).stem for name in run["styles"]] == ["mosaic", "waves"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["style", "PAINTING", "--layers", "relu4_1"],
            "layer relu4_1 was asked for, but these vgg16 weights stop at relu3_3",
        ),
        (["style", "PAINTING", "--layers", "relu2_9"], "has no layer 'relu2_9'; did you mean relu2_"),
        (
            ["style", "PAINTING", "--layers", "block1_conv7"],
            "has no layer 'block1_conv7'; did you mean relu1_2, relu1_1",
        ),
        (["style", "PAINTING", "--layers", "bla"], "has no layer 'bla'; did you mean relu1_1, "),
        (["sweep", "style", "PAINTING", "--layers", "relu9_1"], "has no layer 'relu9_1'; did you mean relu5_1"),
        (
            ["style", "PAINTING", "--layers", "bla", "--vgg", "lite"],
            "lite has no layer 'bla'; expected some of relu1_2",
        ),
        (["style", "PAINTING"], "no layers were given; name some with --layers"),
        (["style", "--layers", "relu1_1"], "no PAINTING was given; name one, or a file that does with --config"),
        (["transfer", "PAINTING"], "no PAINTING was given"),
        (["style", "PAINTING", "--layers", "relu1_1", "--weights", "much"], "--weights is much; expected numbers"),
        (["style", "missing.png", "--layers", "relu1_1"], "missing.png: no such file"),
        (["style", "PAINTING", "--layers", "relu1_1", "--animation", "gif"], "give --snapshots-every as well"),
        (
            ["style", "PAINTING", "--layers", "relu1_1", "--snapshots-every", 1, "--animation", "avi"],
            "expected one of .gif, .webp, .mp4",
        ),
        (
            ["transfer", "PAINTING", "PAINTING"],
            "stop at relu3_3; choose shallower layers (--layers, --style-layers, --content-layers)",
        ),
        (
            ["sweep", "paint", "PAINTING", "--layers", "relu1_1"],
            "the task is 'paint'; expected style, content or transfer",
        ),
        (
            ["sweep", "style", "PAINTING", "--layers", "relu1_1", "--per-layer", "all"],
            "--per-layer is all; expected single or cumulative",
        ),
        (["sweep", "style", "PAINTING", "--layers", "relu1_1", "--lr", "fast"], "--lr is fast; expected numbers"),
        (["report", "."], "is no finished reconstruction"),
        (
            ["style", "PAINTING", "--layers", "relu1_1", "--vgg", "missing.safetensors"],
            "missing.safetensors: no such file; expected VGG",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[object], message: str, nstyle: Run, short_vgg_file: Path, painting: Path, tmp_path: Path
) -> None:
    words = [painting if word == "PAINTING" else word for word in arguments]
    vgg = [] if "--vgg" in words or "report" in words else ["--vgg", short_vgg_file]
    done = nstyle("reconstruct", *words, *vgg, "--out", "out")
    assert done.returncode == 2, done.stderr.decode()
    assert message in done.stderr.decode()
    assert len(done.stderr.decode().strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_check_exits_with_its_verdict(nstyle: Run, short_vgg_file: Path, photo: Path, tmp_path: Path) -> None:
    done = nstyle("reconstruct", "check", photo, "--vgg", short_vgg_file, "--size", 48, "--iterations", 10)
    assert done.returncode == 1
    assert "FAIL" in done.stdout.decode()
    assert "origin" in done.stdout.decode()
    assert picture(tmp_path / "vgg-check.png").mode == "RGB"
    (tmp_path / "not-vgg.safetensors").write_bytes(b"nothing")
    broken = nstyle("reconstruct", "check", "--vgg", "not-vgg.safetensors")
    assert broken.returncode == 1
    assert "FAIL" in broken.stdout.decode()
    bad = nstyle("reconstruct", "check", "--vgg", short_vgg_file, "--out", "table.txt")
    assert bad.returncode == 2
    assert b"--out is table.txt" in bad.stderr


@pytest.mark.parametrize("fixture", ["real_short_vgg", pytest.param("real_vgg", marks=pytest.mark.slow)])
def test_check_passes_the_real_weights(nstyle: Run, fixture: str, request: pytest.FixtureRequest) -> None:
    weights = request.getfixturevalue(fixture)
    done = nstyle("reconstruct", "check", "--vgg", weights, "--size", 96, "--iterations", 60)
    assert done.returncode == 0, done.stdout.decode()
    assert "FAIL" not in done.stdout.decode()
