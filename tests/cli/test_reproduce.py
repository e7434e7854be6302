"""``nstyle reproduce`` as a user calls it, at the smallest scale."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import UsageError
from nstyle.reproduction.recipe import Materials
from nstyle.reproduction.recipes import RECIPES
from nstyle.reproduction.scale import Scale
from nstyle.reproduction.work import Work
from tests.conftest import write_vgg

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def nothing() -> Materials:
    return Materials((Path("photo.jpg"),), tuple(Path(f"{n}.jpg") for n in range(10)), Path("photos"))


def test_all_recipes_and_their_exhibits_are_listed(nstyle: Run) -> None:
    done = nstyle("reproduce")
    assert done.returncode == 0, done.stderr.decode()
    listing = done.stdout.decode()
    for recipe in RECIPES.values():
        assert f"{recipe.name}: {recipe.source}" in listing
        keys = [exhibit.key for exhibit in recipe.exhibits(nothing(), Scale())]
        assert len(set(keys)) == len(keys)
        assert all(f"    {key} " in listing for key in keys)


def kept(work: Work) -> dict[str, object]:
    """Return the settings of some work that a scale must leave as they are.

    Kang's sums over pixels and the chapter's patience are scaled by rules of their own, which other tests hold.
    """
    scaled = {"iterations", "updates", "size", "patience", "style_weight", "tv_weight"}
    settings = {**getattr(work, "axes", {}), **getattr(work, "settings", {})}
    return {name: value for name, value in settings.items() if name not in scaled}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_scale_changes_lengths_and_sizes_and_nothing_else(recipe: object) -> None:
    exhibits = recipe.exhibits  # type: ignore[attr-defined]
    whole, small = exhibits(nothing(), Scale()), exhibits(nothing(), Scale(0.01))
    assert [(a.key, a.title, a.there) for a in whole] == [(b.key, b.title, b.there) for b in small]
    assert [[work.name for work in a.work] for a in whole] == [[work.name for work in b.work] for b in small]
    assert [list(map(kept, a.work)) for a in whole] == [list(map(kept, b.work)) for b in small]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["picasso"], "there is no recipe 'picasso'; expected one of "),
        (["du", "--only", "starts,figure-9"], "--only is figure-9; expected some of starts, k"),
        (["du", "--only", ","], "--only is ','; expected names with commas between them, or no such option"),
        (["du", "--scale", "0"], "--scale is 0.0; expected more than 0 and at most 1"),
        (["du", "--scale", "2"], "--scale is 2.0; expected more than 0 and at most 1"),
        (["du", "--styles", "nowhere.jpg"], "nowhere.jpg"),
        (["du", "--photos", "nowhere.jpg"], "nowhere.jpg"),
        (["du", "--vgg", "one.pth"], "--vgg names 2 encoders, but du takes one; nikulina compares several"),
        (["du", "--device", "abacus"], "--device is abacus; expected auto"),
        (["early", "--content", "nowhere"], "nowhere: no such folder; expected a folder of photographs (--content)"),
    ],
)
def test_bad_requests_are_refused_in_one_line(
    nstyle: Run, short_vgg_file: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = nstyle("reproduce", *arguments, "--vgg", short_vgg_file, "--out", "out")
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert len(done.stderr.decode().splitlines()) == 1
    assert not (tmp_path / "out" / "reproduction.json").exists()


def test_a_recipe_says_its_time_goes_on_and_shows_the_source_beside_ours(
    nstyle: Run, short_vgg_file: Path, photo: Path, styles: Path, tmp_path: Path
) -> None:
    command = ["reproduce", "du", "--only", "stored-results", "--vgg", short_vgg_file, "--out", "out"]
    pictures = ["--photos", photo, "--styles", styles / "mosaic.png"]
    first = nstyle(*command, *pictures, "--scale", 0.0001)
    said = first.stderr.decode()
    assert first.returncode == 0, said
    assert said.index("du at scale 0.0001 takes up to") < said.index(
        "1 of 2: in-one-go, 1 reconstruction, 20 iterations"
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert "In the source. Instead of trying numbers of iterations" in page
    assert "has the same losses to the last bit as one that went through" in page
    assert "<td>1 reconstruction, 5,000 iterations, 512 px</td><td>1 reconstruction, 20 iterations, 64 px</td>" in page
    result = tmp_path / "out" / "picked-up" / "result.png"
    made = result.stat().st_mtime_ns
    again = nstyle(*command, *pictures, "--scale", 0.0001)
    assert again.returncode == 0
    assert "1 of 1: run (done already)" in again.stderr.decode()
    assert "timing" not in again.stderr.decode()
    assert result.stat().st_mtime_ns == made
    other = nstyle(*command, *pictures, "--scale", 0.01)
    assert other.returncode == 2
    assert "out holds a reproduction of du with scale 0.0001, not 0.01" in other.stderr.decode()


def test_what_an_encoder_lacks_is_said_on_the_page(
    nstyle: Run, short_vgg_file: Path, photo: Path, styles: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reproduce", "gatys", "--only", "figure-1-style", "--vgg", short_vgg_file, "--photos", photo,
        "--styles", styles / "mosaic.png", "--scale", 0.0001, "--out", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Not made: " in page
    assert "relu5_1" in page
    rows = (tmp_path / "out" / "table-figure-1-of-2015-style-reconstructions.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["up to", "relu1_1", "relu2_1", "relu3_1"]


def test_an_encoder_that_can_make_nothing_leaves_a_page_that_says_so(
    nstyle: Run, photo: Path, styles: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reproduce", "du", "--only", "stored-results", "--vgg", "lite", "--photos", photo,
        "--styles", styles / "mosaic.png", "--scale", 0.0001, "--out", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Not made: in-one-go (lite has no layer" in page
    assert ", of which none can be made</td>" in page


def test_trainings_that_the_encoder_lacks_layers_for_are_left_out_and_named(
    nstyle: Run, short_vgg_file: Path, photo: Path, photos: Path, styles: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reproduce", "early", "--only", "figure-1,figure-5b", "--vgg", short_vgg_file, "--photos", photo,
        "--content", photos, "--styles", styles / "mosaic.png", "--scale", 0.0001, "--out", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    missing = "preset johnson compares relu4_3, but these vgg16 weights stop at relu3_3"
    assert f"1 of 2: ten-styles cannot be made: {missing}" in done.stderr.decode()
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count(f"Not made: {missing}.") == 2
    here = "1 style, 20 updates, 64 px, of which none can be made"
    assert f"<td>1 style, 40,000 updates, 256 px</td><td>{here}</td>" in page


def test_a_photograph_that_is_the_painting_leaves_no_loss_and_no_traceback(
    nstyle: Run, short_vgg_file: Path, photo: Path, tmp_path: Path
) -> None:
    done = nstyle(
        "reproduce", "nikulina", "--only", "pooling", "--vgg", short_vgg_file, "--photos", photo,
        "--styles", photo, "--scale", 0.0001, "--out", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert "Not so here: with average pooling 100 %" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.slow
def test_networks_are_trained_and_compared(
    nstyle: Run, random_vgg: VGGWeights, photo: Path, photos: Path, styles: Path, tmp_path: Path
) -> None:
    vgg_file = write_vgg(tmp_path / "complete.safetensors", random_vgg, last=30)
    command = ["reproduce", "early", "--only", "figure-1,figure-2,figure-5b", "--scale", 0.0001, "--out", "out"]
    pictures = ["--photos", photo, "--content", photos, "--styles", styles]
    done = nstyle(*command, *pictures, "--vgg", vgg_file)
    assert done.returncode == 0, done.stderr.decode()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["exhibits"] == ["figure-1", "figure-2", "figure-5b"]
    assert set(report["seconds"]) == {"ten-styles", "n-against-one", "blends"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "+12, +36, +44, +34 and +26 %" in page


def test_scale_keeps_its_promises() -> None:
    assert (Scale(0.01).steps(5000), Scale(0.01).size(512)) == (50, 160)
    assert (Scale().steps(5000), Scale().size(512)) == (5000, 512)
    assert Scale(1e-6).steps(5000) == 20
    assert Scale(1e-6).steps(7) == 7
    assert Scale(1e-6).size(512) == 64
    assert Scale(1e-6).size(48) == 48
    with pytest.raises(UsageError, match="scale"):
        Scale(1.5)
