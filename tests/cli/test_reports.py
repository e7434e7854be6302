"""compare, report and interpolate, from the command line and from Python, on tiny real photographs."""

import csv
import json
import os
import re
import shutil
import signal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file

import nstyle
from nstyle.comparison.experiment import Status
from nstyle.comparison.prepare import prepare_comparison
from nstyle.encoders.vgg import VGGWeights
from nstyle.encoders.vgg_weights import load_vgg_weights
from nstyle.imaging.pictures import read_picture
from nstyle.losses.presets import RELATIVE
from nstyle.models.model_file import ModelInfo, save_model
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.interrupts import InterruptedRunError
from tests.conftest import STYLE_NAMES, Run

KINDS = ("png", "svg", "pdf", "csv")
PNG, SVG = b"\x89PNG", b"<?xml"


@pytest.fixture(scope="module")
def settings(photos: Path, vgg_file: Path) -> dict[str, Any]:
    return {
        "content": str(photos),
        "vgg": str(vgg_file),
        "updates": 4,
        "batch_size": 2,
        "size": 32,
        "width": 0.125,
        "held_out": 2,
    }


@pytest.fixture(scope="module")
def pair(styles: Path) -> list[Path]:
    return [styles / f"{name}.png" for name in STYLE_NAMES[:2]]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory, pair: list[Path], settings: dict[str, Any]) -> Path:
    """A finished comparison of two styles."""
    return nstyle.compare(pair, out=tmp_path_factory.mktemp("comparison") / "gap", **settings).parent


class Links(HTMLParser):
    """Everything that a page would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]


def check_report(folder: Path) -> dict[str, Any]:
    """Check what all reports promise, and return the numbers."""
    page = (folder / "report.html").read_text()
    links = Links(page)
    assert links.found
    assert all(link.startswith("data:") for link in links.found)
    assert "script" not in links.tags
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert list(folder.glob("*.csv"))
    pictures, drawings = list(folder.glob("*.png")), list(folder.glob("*.svg"))
    assert all(path.read_bytes().startswith(PNG) for path in pictures)
    assert all(path.read_bytes().startswith(SVG) for path in drawings)
    assert {path.stem for path in drawings} <= {path.stem for path in pictures}
    numbers: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert {"command", "nstyle", "torch", "python", "system", "processor"} <= set(numbers["made"])
    return numbers


def contains(sheet: Image.Image, picture: Image.Image) -> bool:
    """Tell whether a sheet shows a picture to the pixel, by its middle row."""
    wanted = np.asarray(picture)[picture.height // 2].tobytes()
    return any(wanted in row.tobytes() for row in np.asarray(sheet.convert("RGB")))


def read_table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_comparison_holds_what_it_promises(comparison: Path, pair: list[Path], photos: Path) -> None:
    numbers = check_report(comparison)
    assert numbers["styles"] == ["waves", "mosaic"]
    assert (numbers["updates"], numbers["updates_per_style"], numbers["photographs"]) == (4, 2, 2)
    names = {path.stem for path in comparison.glob("*.svg")}
    assert names == {"gap", "curves", "curves-per-style"}
    losses = read_table(comparison / "losses.csv")
    assert len(list(comparison.glob("pictures-*.png"))) == 2, "one table per photograph"
    table = read_picture(comparison / "pictures-1.png").over_white()
    photo = read_picture(next(photos.rglob(losses[0]["photograph"]))).over_white()
    paintings = [read_picture(path).over_white() for path in pair]
    for shown in (photo, *(ImageOps.contain(each, photo.size, Image.Resampling.LANCZOS) for each in paintings)):
        assert contains(table, shown), "the photograph in the corner, and the paintings below it"
    assert len(losses) == 3 * 2 * 2  # Networks x styles x photographs.
    for protocol, single in (("per network", "single"), ("per style", "single per style")):
        for style in ("waves", "mosaic"):
            means = [
                np.mean(
                    [float(row["style_loss"]) for row in losses if (row["network"], row["style"]) == (network, style)]
                )
                for network in ("n-style", single)
            ]
            gap = next(
                g for g in numbers["gaps"] if (g["protocol"], g["term"], g["style"]) == (protocol, "style", style)
            )
            assert gap["gap"] == pytest.approx(means[0] / means[1] - 1)
            assert gap["low"] <= gap["gap"] <= gap["high"]
    cost = numbers["cost"]
    assert cost["single"]["parameters"] < 2 * cost["n-style"]["parameters"] < 1.1 * cost["single"]["parameters"]
    assert cost["n-style"]["wall_seconds"] > 0
    assert cost["n-style"]["seconds"] is None  # Four updates have no median speed.


def test_networks_are_ordinary_runs_that_saw_the_same_photographs(comparison: Path, nstyle: Run) -> None:
    runs = sorted(path.name for path in (comparison / "seed-0").iterdir())
    assert runs == ["n-style", "single-mosaic", "single-waves"]
    single = comparison / "seed-0" / "single-waves"
    assert {"model.safetensors", "model-2.safetensors", "config.toml", "styles.safetensors", "samples"} <= {
        p.name for p in single.iterdir()
    }
    first = [
        json.loads((comparison / "seed-0" / run / "metrics.jsonl").read_text().splitlines()[0])
        for run in ("n-style", "single-waves")
    ]
    # Before the first update, networks of one seed differ in the number of styles only: the same photographs, the same
    # loss.
    assert first[0]["losses"]["waves"] == pytest.approx(first[1]["losses"]["waves"], rel=1e-4)
    done = nstyle("info", single)
    assert b"waves" in done.stdout


def test_a_finished_comparison_is_reused(
    comparison: Path, pair: list[Path], settings: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(comparison, tmp_path / "gap")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "gap").rglob("*.safetensors")}
    seen: list[Status] = []
    page = nstyle.compare(pair, out=tmp_path / "gap", progress=seen.append, **settings)
    assert not seen
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "gap").rglob("*.safetensors")} == before
    assert (page.parent / "losses.csv").read_bytes() == (comparison / "losses.csv").read_bytes()


@pytest.mark.parametrize("stop_at", [3, 6, 9])
def test_an_interrupted_comparison_goes_on_to_the_same_numbers(
    comparison: Path, pair: list[Path], settings: dict[str, Any], tmp_path: Path, stop_at: int
) -> None:
    """Stopped in the n-style network, in a single one before its first milestone, and in the last."""

    def stop(status: Status) -> None:
        if status.done == stop_at:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(
        InterruptedRunError, match=f"with {stop_at} of 12 updates done; run the same command again"
    ) as caught:
        nstyle.compare(pair, out=tmp_path / "gap", progress=stop, **settings)
    assert caught.value.exit_status == 130
    seen: list[Status] = []
    nstyle.compare(pair, out=tmp_path / "gap", progress=seen.append, **settings)
    assert [status.done for status in seen] == list(range(stop_at + 1, 13))
    assert (tmp_path / "gap" / "losses.csv").read_bytes() == (comparison / "losses.csv").read_bytes()


def test_one_style_is_its_own_control(pair: list[Path], settings: dict[str, Any], tmp_path: Path) -> None:
    """With one style both sides are the same network: whatever gap there were would be the machine's."""
    page = nstyle.compare(pair[:1], out=tmp_path / "gap", **settings)
    gaps = json.loads((page.parent / "report.json").read_text())["gaps"]
    assert {(gap["gap"], gap["low"], gap["high"]) for gap in gaps} == {(0, 0, 0)}
    assert "exactly equal" in page.read_text()


def test_seeds_can_be_added(comparison: Path, pair: list[Path], settings: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(comparison, tmp_path / "gap")
    seen: list[Status] = []
    page = nstyle.compare(pair, out=tmp_path / "gap", seeds=2, progress=seen.append, **settings)
    assert len(seen) == 12
    numbers = json.loads((page.parent / "report.json").read_text())
    assert numbers["seeds"] == [0, 1]
    assert "of 2 seeds" in page.read_text()
    losses = read_table(page.parent / "losses.csv")
    assert {row["seed"] for row in losses} == {"0", "1"}
    assert len({row["style_loss"] for row in losses}) == len(losses)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"updates": 5}, "`updates` is 5; expected a multiple of the 2 styles"),
        ({"updates": 8}, "holds a comparison with updates 4, not 8"),
        ({"batch_size": 1}, "holds a comparison with batch-size 2, not 1"),
        ({"style_weight": 3.0}, "holds a comparison with style-weight 10.0, not 3.0"),
        ({"lr_schedule": "one-cycle"}, "`lr_schedule` is one-cycle; expected constant"),
        ({"schedule": "random"}, "`schedule` is random; expected round-robin"),
        ({"held_out": 1}, "`held_out` is 1; expected at least 2"),
        ({"seeds": 0}, "`seeds` is 0; expected 1 to"),
    ],
)
def test_settings_that_do_not_fit(
    comparison: Path, pair: list[Path], settings: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(nstyle.UsageError, match=message):
        nstyle.compare(pair, out=comparison, **{**settings, **change})


def test_a_comparison_with_a_spectrum_does_not_go_on_without_one(
    pair: list[Path], settings: dict[str, Any], tmp_path: Path
) -> None:
    prepare_comparison(pair, out=tmp_path / "gap", **settings)
    record = tmp_path / "gap" / "comparison.json"
    begun = json.loads(record.read_text())
    begun["settings"]["loss"]["spectrum_weight"] = 2.0
    record.write_text(json.dumps(begun))
    with pytest.raises(nstyle.UsageError, match=r"holds a comparison with spectrum-weight 2\.0, not 0\.0"):
        nstyle.compare(pair, out=tmp_path / "gap", **settings)


def test_output_among_the_photographs_is_refused(
    pair: list[Path], settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    for command in (nstyle.compare, nstyle.train):
        given = {name: value for name, value in settings.items() if name != "held_out" or command is nstyle.compare}
        with pytest.raises(nstyle.UsageError, match=r"inside the photographs of `content`"):
            command(pair, out=photos / "gap", **given)
    assert not (photos / "gap").exists()


def test_two_photographs_must_be_readable_to_judge_by(
    pair: list[Path], settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos / "more", tmp_path / "judges")
    damaged = next((tmp_path / "judges").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:400])
    with pytest.raises(nstyle.UsageError, match=r"judges can be read to judge by; expected at least 2"):
        nstyle.compare(pair, out=tmp_path / "gap", validation=str(tmp_path / "judges"), **settings)


def test_another_painting_of_the_same_name_is_another_comparison(
    comparison: Path, pair: list[Path], settings: dict[str, Any], tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "waves.png")
    with pytest.raises(nstyle.UsageError, match="of other files"):
        nstyle.compare([tmp_path / "waves.png", pair[1]], out=comparison, **settings)


def test_other_photographs_or_weights_are_another_comparison(
    comparison: Path, pair: list[Path], settings: dict[str, Any], photos: Path, random_vgg: VGGWeights, tmp_path: Path
) -> None:
    """Networks that were trained on other photographs, or against another VGG, cannot be held against each other."""
    shutil.copytree(photos, tmp_path / "moved")
    nstyle.compare(
        pair, out=comparison, **{**settings, "content": str(tmp_path / "moved")}
    )  # The same ones in another place.
    shutil.copy(tmp_path / "moved" / "coffee.jpg", tmp_path / "moved" / "another.jpg")
    with pytest.raises(nstyle.UsageError, match=r"holds a comparison with other photographs \(`content`\)"):
        nstyle.compare(pair, out=comparison, **{**settings, "content": str(tmp_path / "moved")})
    state = {key: value + 1 for key, value in random_vgg.state.items() if int(key.split(".")[1]) <= 14}
    save_file(
        state,
        tmp_path / "vgg.safetensors",
        {"architecture": "vgg16", "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"},
    )
    with pytest.raises(nstyle.UsageError, match="holds a comparison with other VGG weights"):
        nstyle.compare(pair, out=comparison, **{**settings, "vgg": str(tmp_path / "vgg.safetensors")})


def test_what_was_trained_on_cannot_judge(
    pair: list[Path], settings: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(nstyle.UsageError, match="is both in `content` and in `validation`"):
        nstyle.compare(pair, out=tmp_path / "gap", validation=str(photos / "more"), **settings)
    assert not (tmp_path / "gap").exists()


def test_a_photograph_that_is_not_there_is_told_before_training(
    pair: list[Path], settings: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(nstyle.NstyleError, match=r"typo\.jpg"):
        nstyle.compare(pair, out=tmp_path / "gap", photos=[tmp_path / "typo.jpg"], **settings)
    assert not (tmp_path / "gap").exists()


def test_a_loss_that_explodes_names_the_network(pair: list[Path], settings: dict[str, Any], tmp_path: Path) -> None:
    factors = {"waves": 100.0, "mosaic": 100.0}  # Times the weight they are infinite in float32.
    with pytest.raises(
        nstyle.NstyleError, match=r"n-style, seed 0: the loss became .*; compare with a lower `lr` .* in another `out`"
    ):
        nstyle.compare(
            pair, out=tmp_path / "gap", style_factors=factors, **{**settings, "style_weight": 1e38, "precision": "fp32"}
        )


def test_the_evaluation_counts_style_factors(pair: list[Path], settings: dict[str, Any], tmp_path: Path) -> None:
    page = nstyle.compare(pair, out=tmp_path / "gap", style_factors={"waves": 3.0}, **{**settings, "updates": 2})
    for row in read_table(page.parent / "losses.csv"):
        factor = 3 if row["style"] == "waves" else 1
        assert float(row["total_loss"]) == pytest.approx(
            float(row["content_loss"]) + 10 * factor * float(row["style_loss"]), rel=1e-4
        )


def test_a_folder_that_holds_something_else_is_left_alone(
    pair: list[Path], settings: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(nstyle.UsageError, match="holds other files and no comparison"):
        nstyle.compare(pair, out=tmp_path, **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_milestone_that_was_removed_is_named(
    comparison: Path, pair: list[Path], settings: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(comparison, tmp_path / "gap")
    (tmp_path / "gap" / "seed-0" / "single-waves" / "model-2.safetensors").unlink()
    with pytest.raises(nstyle.UsageError, match=r"model-2\.safetensors is gone, and its run is past it; remove"):
        nstyle.compare(pair, out=tmp_path / "gap", **settings)


def test_compare_on_the_command_line(
    nstyle: Run, pair: list[Path], settings: dict[str, Any], photo: Path, tmp_path: Path
) -> None:
    options = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]
    done = nstyle("compare", "--styles", *pair, *options, "--photos", photo, "--out", "gap")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr.decode().splitlines()[-1] == "gap/report.html"
    assert done.stderr.decode().count("nstyle: content: ") == 1, "It was said for each network."
    text = (tmp_path / "gap" / "report.html").read_text()
    assert re.search(r"<td[^>]*>preset</td>\s*<td[^>]*>relative", text)
    assert "content_weight&#39;" not in text, "Settings are in words."
    made = check_report(tmp_path / "gap")["made"]
    assert made["command"].startswith("nstyle compare --styles ")
    assert (tmp_path / "gap" / "pictures-1.png").exists()
    assert not (tmp_path / "gap" / "pictures-2.png").exists()


def test_report_on_runs_and_published_losses(nstyle: Run, comparison: Path, tmp_path: Path) -> None:
    published = tmp_path / "stats.csv"
    published.write_text("4, 2\nWaves.png, Other, One.png\n0, 9.0, 2.0\n1, 8.0, 1.9\n2, 7.0, 1.8\n3, 6.0, 1.7\n")
    runs = comparison / "seed-0"
    done = nstyle("report", runs / "n-style", runs / "single-waves", published, "--out", "curves")
    assert done.returncode == 0, done.stderr.decode()
    numbers = check_report(tmp_path / "curves")
    assert list(numbers["runs"]) == ["n-style", "single-waves", "stats.csv"]
    assert {path.stem for path in (tmp_path / "curves").glob("*.svg")} == {
        "curves-1",
        "curves-2",
        "curves-3",
        "overlay",
        "overlay-relative",
        "overlay-styles",
        "overlay-per-style",
    }
    assert "different loss conventions" in (tmp_path / "curves" / "report.html").read_text()
    rows = read_table(tmp_path / "curves" / "curves.csv")
    logged = [json.loads(line) for line in (runs / "n-style" / "metrics.jsonl").read_text().splitlines()]
    assert float(rows[0]["content_loss"]) == pytest.approx(logged[0]["losses"]["waves"]["content"])
    assert float(rows[0]["style_loss"]) == pytest.approx(10 * logged[0]["losses"]["waves"]["style"])


def test_a_report_replaces_its_own_files_and_no_other_report(
    nstyle: Run, comparison: Path, model: Path, photo: Path, tmp_path: Path
) -> None:
    runs = comparison / "seed-0"
    done = nstyle("report", runs / "n-style", "--out", comparison)
    assert done.returncode == 2
    assert "holds a report 'One network in 2 styles against 2 in one each'" in done.stderr.decode()
    nstyle("report", runs / "n-style", runs / "single-waves", "--out", "curves")
    (tmp_path / "curves" / "mine.txt").write_text("notes")
    nstyle("report", runs / "n-style", "--out", "curves")
    left = {path.name for path in (tmp_path / "curves").iterdir()}
    assert left == {
        "report.html", "report.json", "curves.csv", "final.csv", "curves.png", "curves.svg", "mine.txt",
        "table-n-style.csv", "table-n-style.tex",
    }  # fmt: skip


def test_report_on_what_is_no_run(nstyle: Run, tmp_path: Path, comparison: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = nstyle("report", "empty", "--out", "curves")
    assert (done.returncode, done.stderr.decode().count("\n")) == (2, 1)
    assert "holds no run to report on" in done.stderr.decode()
    damaged = tmp_path / "damaged"
    shutil.copytree(comparison / "seed-0" / "n-style", damaged)
    (damaged / "metrics.jsonl").write_text("")
    done = nstyle("report", "damaged", "--out", "curves")
    assert (done.returncode, done.stderr.decode().count("\n")) == (2, 1)
    assert "holds no update yet" in done.stderr.decode()
    assert not (tmp_path / "curves").exists()


def test_interpolate_between_the_styles_of_a_run(nstyle: Run, photo: Path, comparison: Path, tmp_path: Path) -> None:
    """A run brings its own targets and held-out photographs."""
    run = comparison / "seed-0" / "n-style"
    options = ["--steps", 3, "--size", 64, "--formats", "png,svg,pdf", "--out", "blends"]
    done = nstyle("interpolate", photo, "--model", run, "--animate", "morph.webp", *options)
    assert done.returncode == 0, done.stderr.decode()
    numbers = check_report(tmp_path / "blends")
    assert "2 photographs held out of the run's training" in numbers["losses"]
    leg = numbers["legs"][0]
    assert set(leg["monotone"]) == {"waves", "mosaic"}
    assert {path.name for path in (tmp_path / "blends").glob("losses.*")} == {f"losses.{kind}" for kind in KINDS}
    distances = [float(row["rms_levels"]) for row in read_table(tmp_path / "blends" / "distance.csv")]
    assert distances[0] == distances[2] == 0
    losses = read_table(tmp_path / "blends" / "losses.csv")
    assert len(losses) == 3 * 2
    with Image.open(tmp_path / "morph.webp") as morph:
        assert getattr(morph, "n_frames", 1) > 10
    before = (tmp_path / "morph.webp").read_bytes()
    over = nstyle("interpolate", "morph.webp", "--model", run, "--animate", "./morph.webp", *options)
    assert over.stderr.decode() == "nstyle: --animate is ./morph.webp, which is to be read; give another file\n"
    assert (tmp_path / "morph.webp").read_bytes() == before


def test_interpolate_without_targets_says_what_would_add_the_curves(model: Path, photo: Path, tmp_path: Path) -> None:
    page = nstyle.interpolate(photo, model, out=tmp_path / "blends", steps=2, size=64)
    numbers = check_report(page.parent)
    assert "comes without style targets; give their paintings with `style_images`" in numbers["losses"]
    assert len(numbers["legs"]) == 4
    assert not (page.parent / "losses.svg").exists()
    assert (page.parent / "strip.png").exists()
    with Image.open(photo) as picture:
        pixels = np.asarray(picture.convert("RGB"))
        again = nstyle.interpolate(picture, model, out=tmp_path / "picture", steps=2, size=64)
    numbers = check_report(again.parent)
    assert numbers["photo"] == "PICTURE"
    as_array = nstyle.interpolate(pixels, model, out=tmp_path / "array", steps=2, size=64)
    assert (as_array.parent / "strip.png").read_bytes() == (again.parent / "strip.png").read_bytes()


def test_paintings_stand_beside_the_corners_of_the_grid(
    photo: Path, styles: Path, vgg_file: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    names = ("waves", "mosaic", "hatching", "coffee")
    weights = load_vgg_weights(vgg_file)
    vgg = {"architecture": weights.architecture, "release": weights.release, "sha256": weights.sha256}
    info = ModelInfo(styles=names, width=0.125, size=32, style_size=48, preset=RELATIVE.to_dict(), vgg=vgg)
    save_model(tmp_path / "four.safetensors", TransformerNetwork(4, width=0.125), info)
    arguments = {"steps": 2, "size": 64, "vgg": str(vgg_file)}
    bare = nstyle.interpolate(photo, tmp_path / "four.safetensors", out=tmp_path / "bare", **arguments)
    framed = nstyle.interpolate(
        photo, tmp_path / "four.safetensors", out=tmp_path / "framed", style_images=[styles, photo], **arguments
    )
    with Image.open(bare.parent / "grid.png") as without, Image.open(framed.parent / "grid.png") as beside:
        assert beside.width > without.width + 2 * 80  # The paintings are 100 px wide, the photograph 140.
    numbers = check_report(framed.parent)
    assert numbers["losses"] == "1 photograph, the one painted, at 32 px, against paintings at 48 px"
    assert len(numbers["legs"]) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--formats", "eps"], "--formats is eps; expected one or more of png,svg,pdf"),
        (["--styles", "waves"], "at least 2 to interpolate between"),
        (
            ["--styles", "waves,nobody"],
            "n-style has no style 'nobody'; it has: waves, mosaic. The shipped model is --model default",
        ),
        (["--steps", "1"], "--steps is 1; expected at least 2"),
        (["--size", "0"], "--size is 0; expected at least 16 px"),
        (["--animate", "morph.avi"], "cannot write an animation as 'morph.avi'"),
        (["--style-images", "PHOTO"], "--style-images holds no painting of 'waves' but coffee"),
    ],
)
def test_bad_interpolations_are_one_line(
    nstyle: Run, comparison: Path, photo: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    words = [photo if word == "PHOTO" else word for word in arguments]
    done = nstyle("interpolate", photo, "--model", comparison / "seed-0" / "n-style", "--out", "blends", *words)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1
    assert not (tmp_path / "blends").exists()
