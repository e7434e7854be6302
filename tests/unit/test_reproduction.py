"""The parts of a reproduction: estimates of time, its folder, and sentences that are derived from results."""

import io
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from nstyle.comparison.gap import Interval
from nstyle.data.photos import PhotoIndex
from nstyle.encoders.lite import read_lite_weights
from nstyle.encoders.load import build_encoder
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import UsageError
from nstyle.imaging.folders import list_pictures
from nstyle.imaging.pictures import read_picture, resize, to_tensor
from nstyle.losses.functional import gram
from nstyle.reconstruction.run_folder import RunFolder
from nstyle.reconstruction.sweep import SweepProgress
from nstyle.reproduction import clock as clock_module
from nstyle.reproduction import trainings
from nstyle.reproduction.activations import STYLE_POWER, normalized_weights
from nstyle.reproduction.clock import Clock
from nstyle.reproduction.du import easier_text
from nstyle.reproduction.early import _crossing
from nstyle.reproduction.early_networks import gap_text, order_text
from nstyle.reproduction.figures import amount, listed, snapshot_sheet, verdict
from nstyle.reproduction.folder import RECORD, ReproductionFolder, training_set
from nstyle.reproduction.learning import figures_of
from nstyle.reproduction.measures import rises
from nstyle.reproduction.nikulina import share_text
from nstyle.reproduction.pictures import Pictures
from nstyle.reproduction.recipe import Materials
from nstyle.reproduction.recipes import RECIPES
from nstyle.reproduction.reconstructions import Halved, Reconstructions, span
from nstyle.reproduction.reproduce import _announce, _do
from nstyle.reproduction.scale import Scale
from nstyle.reproduction.work import UNSEEN, Display
from nstyle.system.durations import in_words
from nstyle.system.interrupts import InterruptedRunError
from nstyle.training.run_directory import RunDirectory


@pytest.fixture
def materials(photo: Path, styles: Path, photos: Path, short_vgg_file: Path) -> Materials:
    return Materials((photo,), (styles / "mosaic.png",), photos, (str(short_vgg_file),))


def test_an_update_of_each_kind_is_timed_once_and_time_goes_by_area_and_length(
    materials: Materials, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[int] = []

    def time_one(config, pictures):  # type: ignore[no-untyped-def]
        timed.append(config.size)
        return 1e-6

    monkeypatch.setattr(clock_module, "_time_reconstruction", time_one)
    axes = {"style": list(materials.paintings), **materials.axes}
    small = Reconstructions("small", {"layers": ["relu1_1"], "iterations": [10], "size": [64], "seed": [0, 1], **axes})
    large = Reconstructions("large", {"layers": ["relu1_1"], "iterations": [30], "size": [128], **axes})
    ladder = Reconstructions(
        "ladder", {"layers": ["relu1_1"], "iterations": [10], "size": [128], "min_size": [64], **axes}
    )
    clock = Clock()
    assert small.seconds(clock) == pytest.approx(2 * 10 * 64 * 51 * 1e-6)  # The painting is 100 px by 80.
    assert large.seconds(clock) == pytest.approx(30 * 128 * 102 * 1e-6)
    assert ladder.seconds(clock) == pytest.approx(10 * (64 * 51 + 91 * 73 + 128 * 102) * 1e-6)
    assert timed == [64]


def test_the_median_step_leaves_the_first_and_the_last_one_out() -> None:
    assert clock_module._step([0, 5, 6, 7.1, 8, 40]) == pytest.approx(1.1)


def test_a_training_that_is_stopped_while_it_is_timed_ends_the_reproduction(
    photos: Path, styles: Path, short_vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object, **settings: object) -> None:
        raise InterruptedRunError("stopped at update 4 of 4", 15)

    monkeypatch.setattr(clock_module, "train", stop)
    with pytest.raises(InterruptedRunError, match="stopped while an update was timed") as stopped:
        Clock().training([styles / "mosaic.png"], {"updates": 10, "size": 64})
    assert stopped.value.exit_status == 143


def test_stopped_work_says_that_the_same_command_goes_on(materials: Materials, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Stopped(Reconstructions):
        def run(self, folder: Path, display: Display) -> None:
            raise InterruptedRunError("stopped at iteration 3 of 20; `resume` goes on", 2)

    length = {"iterations": [20], "size": [64]}
    record = ReproductionFolder.open(tmp_path / "out", RECIPES["du"], Scale(), [], [])
    with pytest.raises(InterruptedRunError, match=r"stopped in work; .* the same command goes on$") as stopped:
        _do(
            [Stopped("work", {"layers": ["relu1_1"], "style": materials.paintings, **length, **materials.axes})],
            record,
            UNSEEN,
        )
    assert stopped.value.exit_status == 130


def test_what_is_done_is_not_timed_again(materials: Materials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def time_none(self: Clock, *arguments: object) -> float:
        raise AssertionError("timed")

    monkeypatch.setattr(Clock, "reconstruction", time_none)
    said: list[str] = []
    exhibits = [each for each in RECIPES["du"].exhibits(materials, Scale(0.001)) if each.key == "k"]
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "sweep.json").write_text("{}")
    _announce(RECIPES["du"], Scale(0.001), tmp_path, exhibits, exhibits, replace(UNSEEN, notice=said.append))
    assert said == []


def test_layers_that_the_encoder_lacks_are_no_part_of_the_estimate(materials: Materials) -> None:
    axes = {"style": list(materials.paintings), "iterations": [10], "size": [64], **materials.axes}
    work = Reconstructions("work", {"layers": ["relu1_1", "relu3_3", "relu4_1"], **axes})
    assert [list(config.style_layers) for config, _, _ in work.planned] == [["relu1_1"], ["relu3_3"]]
    assert work.extent == "3 reconstructions, 10 iterations, 64 px"
    assert work.shortage == ", of which 2 can be made"


def test_pictures_and_encoders_that_do_not_fit_are_no_part_of_the_work(styles: Path, tmp_path: Path) -> None:
    Image.new("RGB", (640, 40)).save(tmp_path / "strip.png")
    axes = {"style": [tmp_path / "strip.png"], "iterations": [10], "size": [64], "vgg": ["lite"]}
    small = Reconstructions("small", {"layers": ["relu1_2", "relu4_1"], **axes})
    assert [list(config.style_layers) for config, _, _ in small.planned] == [["relu1_2"]]
    averaged = {**axes, "style": [styles / "mosaic.png"], "pooling": ["average"]}
    assert Reconstructions("average", {"layers": ["relu1_2"], **averaged}).shortage == ", of which none can be made"


def test_a_reconstruction_in_two_halves_goes_on_wherever_it_was_stopped(materials: Materials, tmp_path: Path) -> None:
    settings = {"layers": "relu1_1", "iterations": 8, "size": 64, "patience": 0, "style": materials.paintings[0]}
    work, folder = Halved("halves", {**settings, **materials.settings}), tmp_path / "halves"

    def stop(now: SweepProgress) -> None:
        if now.iteration.iteration == 2:
            raise InterruptedRunError("stopped at iteration 2", 2)

    said: list[str] = []
    display = replace(UNSEEN, notice=said.append)
    with pytest.raises(InterruptedRunError):
        work.run(folder, replace(display, sweep=lambda: nullcontext(stop)))
    assert RunFolder(folder).state.exists()
    assert not work.is_done(folder)
    work.run(folder, display)
    assert work.is_done(folder)
    assert said == ["halves: the first half", "halves: the first half", "halves: the second half"]
    assert len(RunFolder(folder).read_losses()["loss"]) == 9


def test_a_training_that_goes_on_takes_photographs_and_weights_from_where_they_are_now(
    styles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, object]] = []
    monkeypatch.setattr(trainings, "train", lambda *styles, **settings: given.append(settings))
    monkeypatch.setattr(RunDirectory, "has_run", property(lambda run: True))
    monkeypatch.setattr(trainings.Training, "is_done", lambda self, folder: False)
    settings = {"preset": "relative-3", "updates": 20, "size": 64, "content": "moved", "vgg": "lite", "device": "auto"}
    trainings.Training("ten", (styles / "mosaic.png",), settings).run(tmp_path, UNSEEN)
    (passed,) = given
    assert {name: passed[name] for name in ("resume", "content", "vgg", "device")} == {
        "resume": True, "content": "moved", "vgg": "lite", "device": "auto"
    }  # fmt: skip


def test_blends_take_two_paintings(styles: Path, photo: Path) -> None:
    settings = {"preset": "relative-3", "updates": 20, "size": 64, "vgg": "lite"}
    one = trainings.Training("one", (styles / "mosaic.png",), settings)
    assert (
        trainings.Blends("blends", photo, one, 4, {"size": 64}).lack == "it blends styles, and one painting was given"
    )
    two = replace(one, styles=(styles / "mosaic.png", styles / "waves.png"))
    assert trainings.Blends("blends", photo, two, 4, {"size": 64}).lack == ""


def test_a_folder_holds_one_recipe_at_one_scale_with_the_same_pictures(
    materials: Materials, photos: Path, tmp_path: Path
) -> None:
    folder, pictures = tmp_path / "out", [*materials.paintings, *materials.photos]
    ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures, []).save()
    again = ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures, [])
    with again.timed("starts"):
        pass
    assert ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures, []).seconds["starts"] > 0
    with pytest.raises(UsageError, match=r"holds a reproduction of du with recipe du, not gatys"):
        ReproductionFolder.open(folder, RECIPES["gatys"], Scale(0.1), pictures, [])
    with pytest.raises(UsageError, match=r"with scale 0\.1, not 0\.2"):
        ReproductionFolder.open(folder, RECIPES["du"], Scale(0.2), pictures, [])
    with pytest.raises(UsageError, match=r"with pictures \w[^\[]*, not none;"):
        ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures[:1], [])
    with pytest.raises(UsageError, match=r"with encoders none, not lite "):
        ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures, [read_lite_weights()])
    photographs = PhotoIndex(photos, tuple(photos.iterdir())[:1])
    ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures, [], training_set(photographs)).save()
    kept = ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures, [])
    assert kept.identity["content"] == training_set(photographs)
    with pytest.raises(UsageError, match=r"with content 1 photograph \w+, not samples"):
        ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures, [], training_set(None))
    (folder / RECORD).write_text('{"identity": 3}')
    with pytest.raises(UsageError, match="cannot be read"):
        ReproductionFolder.open(folder, RECIPES["du"], Scale(0.1), pictures, [])


def test_samples_stand_in_for_pictures_that_were_not_given(photo: Path, tmp_path: Path) -> None:
    pictures = Pictures.given(tmp_path / "pictures", [], [photo])
    assert pictures.stand_ins == "The paintings are samples that stand in for the source's."
    assert not (tmp_path / "pictures").exists()
    materials = pictures.materials(None, ("",), "cpu", 1.0)
    assert materials.photos == (photo,)
    assert materials.content == photo.parent
    assert materials.sizes == ((140, 93),)
    assert [path.parent for path in materials.paintings] == [tmp_path / "pictures" / "paintings"] * 4
    assert all(path.is_file() for path in materials.paintings)


def test_photographs_to_train_on_are_enough_and_hold_no_output(photos: Path, photo: Path, tmp_path: Path) -> None:
    pictures = Pictures.given(tmp_path / "pictures", [], [photo])
    with pytest.raises(UsageError, match=r"`out` is .*reproduced, inside the photographs of `content` "):
        pictures.index(None, photos / "reproduced")
    assert pictures.index(photos, tmp_path) is not None
    assert len(list_pictures(photos / "more")) == 2
    with pytest.raises(UsageError, match=r"more holds 2 photographs; expected at least 4, half of them to train on"):
        pictures.index(photos / "more", tmp_path)
    assert RECIPES["early"].trains()
    assert RECIPES["early"].trains(["figure-5b"])
    assert not RECIPES["early"].trains(["figure-3", "table-1"])
    assert not any(recipe.trains() for name, recipe in RECIPES.items() if name != "early")


def test_networks_are_not_trained_on_sample_paintings(tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    materials = Pictures.given(tmp_path, [], []).materials(None, ("",), "cpu", 1.0)
    assert set(list_pictures(materials.content)) == set(materials.photos)


def test_sentences_say_what_the_results_say() -> None:
    assert verdict(True, "yes", "no") == "Agreed: yes."
    assert verdict(False, "yes", "no") == "Not so here: no."
    assert (amount(1, "style"), amount(0, "style")) == ("1 style", "0 styles")
    assert (rises([1, 2, 3]), rises([1, 1, 3]), rises([0, 0]), rises([1])) == (True, False, False, False)
    assert share_text({"average": 1.0, "max": 1.0}, "average", "average pooling").startswith("Not so here: ")
    assert (listed(["a"]), listed(["a", "b", "c"])) == ("a", "a, b and c")
    assert (span([300]), span([300, 3000]), span([])) == ("300", "300 to 3,000", "0")
    assert [in_words(seconds) for seconds in (40, 720, 12600, 400000)] == ["40 s", "12 min", "3.5 h", "5 days"]


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ([1, 0.5, 0.4, 0.4], [1, 0.8, 0.3, 0.2], "Agreed: they cross; conv4_1 lies below conv1_1 from iteration 2 on"),
        ([1, 0.5, 0.4, 0.4], [1, 0.4, 0.3, 0.2], "from the first iteration on, so they do not cross"),
        ([1, 0.5, 0.2, 0.1], [1, 0.4, 0.3, 0.2], "conv4_1 ends above conv1_1, at 0.2 against 0.1. It lay below"),
        ([1, 0.3, 0.2, 0.1], [1, 0.4, 0.3, 0.2], "Not so here: conv4_1 ends above conv1_1"),
    ],
)
def test_a_crossing_is_told_from_curves_that_do_not_cross(first: list[float], last: list[float], says: str) -> None:
    assert says in _crossing(first, last)


def test_one_network_against_several_is_judged_term_by_term() -> None:
    more, less = Interval(0.5, 0.4, 0.6), Interval(-0.1, -0.2, -0.05)
    assert gap_text("style", more, [more, less], (12, 44)) == (
        "Agreed: overall the n-style network's style loss lies +50 % from the single ones', with an interval of +40 to "
        "+60 %, and by style -10 to +50 % (in their logs +12 to +44 %)."
    )
    assert gap_text("content", less, [less], (4, 44)).startswith("Not so here")
    assert order_text([1, 2, 3], [4, 5, 6]).startswith("Agreed: in 3 of 3 pairs")
    assert order_text([1, 2, 3], [6, 5, 4]).startswith("Not so here: in 0 of 3 pairs")
    assert order_text([1], [2]) == ""


def test_how_much_easier_a_start_is_is_told_in_iterations() -> None:
    noise = [9.0, 5.0, 4.0, 3.0, 2.0]
    assert easier_text([5.0, 3.0, 2.0, 1.5, 1.4], noise) == (
        "Agreed: from the content 2 iterations bring the loss as low as 4 from noise."
    )
    assert easier_text([5.0, 3.0, 2.5, 2.0, 1.9], noise).endswith(
        "3 iterations bring the loss as low as 4 from noise, which is not much easier."
    )
    assert easier_text([5.0, 3.0], noise).startswith("Not so here: from the content the loss comes nowhere as low")


def test_parts_of_a_figure_are_found(tmp_path: Path) -> None:
    for name in ("curves-1", "curves-2", "curves-per-style", "grid"):
        (tmp_path / f"{name}.png").write_bytes(b"png")
    assert [figure.name.removeprefix(f"{tmp_path.name}-") for figure in figures_of(tmp_path, "curves", "")] == [
        "curves-1", "curves-2"
    ]  # fmt: skip
    assert len(figures_of(tmp_path, "grid", "")) == 1
    assert figures_of(tmp_path, "losses", "") == []


def test_a_sheet_shows_every_snapshot_or_evenly_spaced_ones(tmp_path: Path) -> None:
    run = type("Run", (), {"folder": RunFolder(tmp_path)})()
    (tmp_path / "snapshots").mkdir()
    for iteration in range(0, 130, 2):
        Image.new("RGB", (40, 30), (iteration, 0, 0)).save(tmp_path / "snapshots" / f"{iteration:06d}.png")
    with_all = snapshot_sheet("sheet", "caption", run)
    reds = {r for _, (r, g, b) in Image.open(io.BytesIO(with_all.image)).getcolors(1 << 20) if g == b == 0}
    assert {0, 6, 12, 126} <= reds
    assert len(reds & set(range(2, 130))) == 21


def test_weights_of_layers_act_like_activations_of_mean_one(materials: Materials, random_vgg: VGGWeights) -> None:
    weights = normalized_weights(("relu1_1", "relu2_1", "relu4_1"), STYLE_POWER, materials, "max")
    encoder = build_encoder(random_vgg, ["relu1_1", "relu2_1"])
    pictures = [read_picture(path).over_white() for path in (*materials.photos, *materials.paintings)]
    for layer in ("relu1_1", "relu2_1"):
        features = [encoder(to_tensor(resize(picture, long_side=256))[None])[layer].double() for picture in pictures]
        mean = sum(float(each.mean()) for each in features) / len(features)
        scaled = [gram(each / mean, "chw") for each in features]
        whole = [gram(each, "chw") for each in features]
        normalized = float((scaled[0] - scaled[1]).square().sum())
        assert weights[layer] * 3 * float((whole[0] - whole[1]).square().sum()) == pytest.approx(normalized, rel=1e-4)
    assert weights["relu4_1"] == 1 / 3
