"""The recipe of the style-inversion chapter: its lengths, and the sentences that hold claims against results."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nstyle.reconstruction.style_inversion_schedule import ITERATIONS
from nstyle.reproduction.inversion import exhibits
from nstyle.reproduction.inversion_findings import (
    adam_against_lbfgs,
    depth,
    endings,
    gram_against_moments,
    loss_after,
    more_moments,
    rebuilt,
    scales,
    seeds,
    table_of_iterations,
)
from nstyle.reproduction.inverted import Inverted
from nstyle.reproduction.measures import colour_distance, correlation, grain
from nstyle.reproduction.recipe import Exhibit, Materials
from nstyle.reproduction.reconstructions import Reconstructions
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import Scale
from nstyle.reproduction.work import Display

MADE = Inverted("night", "relu1_1", "gram", 1.0, 9e-6, 90_000, 340_000, "threshold", 1e-3)
LAYERS = tuple(ITERATIONS)


def of_layers(loss: str, radii: Sequence[float], colours: Sequence[float], **others: object) -> list[Inverted]:
    made = replace(MADE, loss=loss, **others)  # type: ignore[arg-type]
    return [
        replace(made, layer=layer, radius=radius, colours=colour)
        for layer, radius, colour in zip(LAYERS, radii, colours, strict=True)
    ]


@pytest.fixture
def materials(styles: Path, photo: Path, short_vgg_file: Path) -> Materials:
    return Materials((photo,), tuple(sorted(styles.iterdir())), photo.parent, (str(short_vgg_file),), "cpu")


def works(made: Sequence[Exhibit]) -> dict[str, Reconstructions]:
    found = {work.name: work for exhibit in made for work in exhibit.work}
    return {name: work for name, work in found.items() if isinstance(work, Reconstructions)}


def test_every_cell_of_table_1_1_is_made_with_the_chapters_own_numbers(materials: Materials) -> None:
    (table, *_) = exhibits(materials, Scale())
    cells = [config for work in works([table]).values() for config, _, _ in work.planned]
    assert len(cells) == 3 * 24
    for config in cells:
        (layer,) = config.style_layers
        assert config.iterations == ITERATIONS[layer][config.loss_label] + 240_000
        assert (config.optimizer, config.lr, config.seed, config.start, config.size) == ("adam", 1e-3, 0, "noise", 256)
        assert config.feature_scale == pytest.approx(1 / 255)
        assert (config.threshold, config.patience) == ((None, 1000) if config.loss == "mmd" else (1e-5, 0))


def test_lengths_are_scaled_by_layer_and_loss(materials: Materials) -> None:
    cells = works(exhibits(materials, Scale(0.1)))
    lengths = {next(iter(config.style_layers)): config.iterations for config, _, _ in cells["gram"].planned}
    assert lengths == {"relu1_1": 34_000, "relu1_2": 39_000, "relu2_1": 44_000, "relu2_2": 49_000}
    assert {config.patience for config, _, _ in cells["mmd"].planned} == {100}


def test_lbfgs_has_its_own_rate_and_features_their_own_scale(materials: Materials) -> None:
    cells = works(exhibits(materials, Scale()))
    assert {(c.optimizer, c.lr) for c, _, _ in cells["optimizers"].planned} == {("adam", 1e-3), ("lbfgs", 1.0)}
    assert {c.feature_scale for c, _, _ in cells["features"].planned} == {1 / 255, 1.0}
    assert {c.seed for c, _, _ in cells["seeds"].planned} == {0, 1, 2}


def test_without_further_paintings_their_figures_say_so(materials: Materials) -> None:
    by_key = {made.key: made for made in exhibits(replace(materials, paintings=materials.paintings[:1]), Scale())}
    assert [bool(by_key[f"figure-1.{n}"].work) for n in (3, 4, 5, 6, 7)] == [True, True, False, False, True]


@pytest.mark.parametrize(
    ("iterations", "extension"), [(90_000, 0), (100_000, 0), (100_001, 1), (101_000, 1), (101_001, 2), (340_000, 240)]
)
def test_the_extension_of_an_ending(iterations: int, extension: int) -> None:
    assert replace(MADE, iterations=iterations).extension == extension
    assert replace(MADE, iterations=iterations // 10, planned=34_000).extension in (extension, extension - 1)


def test_endings_are_counted_and_laid_beside_the_table() -> None:
    extended = replace(MADE, painting="wave", iterations=104_500)
    unmet = replace(MADE, layer="relu1_2", iterations=390_000, planned=390_000, stopped="iterations")
    discrepancy = replace(MADE, loss="mmd", stopped="plateau")
    text = endings([MADE, extended, unmet, discrepancy], 1000)
    assert "1 of 3" in text
    assert "1 in an extension (the 5. of 240), and 1 not even" in text
    assert "1 of 1 reconstructions" in text
    table = table_of_iterations([MADE, extended, unmet])
    assert table.rows[0] == ["relu1_1", "gram", "100,000", "100,000", "340,000", "90,000, threshold",
                             "104,500, threshold in extension 5"]  # fmt: skip
    assert table.rows[1][-2:] == ["390,000, all extensions", "-"]


def test_noise_is_not_judged() -> None:
    early = of_layers(
        "gram", (1, 2, 3, 4), (1, 2, 3, 4), iterations=68, planned=68, stopped="iterations", grain=3.0, end=2e-4
    )
    assert depth(early).startswith("Too short to be judged: 4 of 4 pictures ended after 68 updates")
    assert "Agreed" not in depth(early)
    clean = [replace(one, grain=1.5) for one in early]
    long = [replace(one, iterations=50_000, planned=50_000) for one in early]
    assert "Agreed" in depth(clean)
    assert "Agreed" in depth(long)


def test_grain_of_pictures_whose_losses_fell_far_is_named() -> None:
    grainy = of_layers("gram", (1, 2, 3, 4), (1, 2, 3, 4), iterations=1824, lr=0.001, stopped="threshold", grain=6.5)
    warning = "4 of 4 pictures have more than 2 times the painting's grain"
    assert warning in depth(grainy)
    assert "Agreed" in depth(grainy)
    assert warning not in depth([replace(one, grain=1.5) for one in grainy])
    unmet = [replace(one, stopped="iterations", end=2e-6 * one.start) for one in grainy]
    assert warning in depth(unmet)
    assert "Agreed" in depth(unmet), "A loss that fell far is judged, though it missed the threshold."


def test_depth() -> None:
    assert depth(of_layers("gram", (5, 6, 7, 8), (1, 2, 3, 4))).count("Agreed") == 2
    finer = depth(of_layers("gram", (5, 6, 7, 6), (4, 3, 2, 1)))
    assert "Not so here: 'the deeper the layer, the larger the structures' holds for 0 of 1 paintings." in finer
    assert finer.count("Not so here") == 2


def test_more_moments() -> None:
    better = [of_layers(f"moments-{n}", (n, n, n, n), (9 - n, 9 - n, 9 - n, 9 - n)) for n in (1, 2, 3, 4)]
    assert more_moments([one for made in better for one in made]).count("Agreed") == 2
    worse = [of_layers(f"moments-{n}", (5, 5, 5, 5 + n), (n, n, n, n)) for n in (1, 2, 3, 4)]
    text = more_moments([one for made in worse for one in made])
    assert "larger' holds for 1 of 4 layers" in text
    assert "nearer' holds for 0 of 4 layers" in text


def test_gram_against_moments_compares_iterations_only_where_gram_reached_the_threshold() -> None:
    gram = of_layers("gram", (5, 5, 5, 5), (5, 5, 5, 5), grain=1.0)
    moments = [
        one
        for n, iterations in ((1, 30_000), (2, 95_000), (3, 200_000), (4, 340_000))
        for one in of_layers(
            f"moments-{n}",
            (6, 6, 6, 6),
            (4, 4, 4, 4),
            iterations=iterations,
            grain=n,
            stopped="iterations" if n == 4 else "threshold",
        )
    ]
    text = gram_against_moments(gram, moments)
    assert "one moment 0.33 times as many, two moments 1.1 times as many" in text
    assert "and four moments more than were planned." in text
    assert "Not so here" not in text
    nowhere = [replace(one, stopped="iterations") for one in gram]
    assert "Gram went below the threshold nowhere" in gram_against_moments(nowhere, moments)


def test_a_discrepancy_that_copies_and_one_that_does_not() -> None:
    copies = of_layers("mmd", (9, 9, 9, 9), (1, 1, 1, 1), likeness=0.9, distance=12.0, stopped="plateau")
    assert rebuilt(copies).startswith("Agreed")
    assert "3 of 4 pictures" in rebuilt([*copies[:3], replace(copies[3], likeness=0.1)])


def test_optimizers_are_compared_at_equal_evaluations() -> None:
    assert loss_after([9, 5, 4, 3, 2], evaluations=8, allowed=4) == 4
    assert loss_after([9, 5, 4, 3, 2], evaluations=4, allowed=4) == 2
    adam = replace(MADE, loss="moments-4", stopped="iterations", iterations=340_000, evaluations=340_000)
    lbfgs = replace(adam, optimizer="lbfgs", colours=3.0, grain=2.0, evaluations=374_000)
    assert adam_against_lbfgs([adam, lbfgs], [0.1, 0.2]).count("Agreed") == 2
    assert adam_against_lbfgs([adam, replace(lbfgs, grain=0.0)], [0.2, 0.1]).count("Not so here") == 2
    assert "1.10 to 1.10 evaluations" in adam_against_lbfgs([adam, lbfgs], [0.1, 0.2])


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8))


def test_seeds_and_scales_of_features() -> None:
    assert seeds([MADE, MADE], [noise(0), noise(1)]).startswith("Agreed")
    assert seeds([MADE, MADE], [noise(0), noise(0)]).startswith("Not so here")
    unscaled = replace(MADE, start=4.2e9, stopped="iterations")
    text = scales([MADE, unscaled], ["1/255", "1"], [noise(0), noise(0)])
    assert "1 of 1 with features times 1/255 and 0 of 1 with features times 1" in text
    assert "differ by 0.0 to 0.0 levels" in text


def test_measures_tell_places_from_colours() -> None:
    picture = noise(0)
    shuffled = Image.fromarray(np.asarray(picture)[::-1, ::-1].copy())
    assert colour_distance(shuffled, picture) == 0
    assert correlation(picture, picture) == pytest.approx(1)
    assert abs(correlation(shuffled, picture)) < 0.3
    plain = Image.new("RGB", picture.size, (120, 120, 120))
    assert (grain(plain), correlation(plain, picture)) == (0, 0)
    assert colour_distance(plain, Image.new("RGB", picture.size, (130, 120, 100))) == pytest.approx(10)


def test_what_is_made_again_is_shown_with_its_own_numbers(
    styles: Path, photo: Path, short_vgg_file: Path, tmp_path: Path
) -> None:
    materials = Materials((photo,), (styles / "mosaic.png",), photo.parent, (str(short_vgg_file),), "cpu")
    (exhibit,) = [made for made in exhibits(materials, Scale(1e-6)) if made.key == "optimizer"]
    (work,) = exhibit.work
    said: list[str] = []
    nothing = Display(said.append, lambda: nullcontext(lambda now: None), nullcontext, nullcontext)  # type: ignore[arg-type]
    work.run(tmp_path / work.name, nothing)
    shown = exhibit.here(Results(tmp_path))
    (table,) = shown.tables
    assert [(row[0], row[3]) for row in table.rows] == [
        ("adam", "moments-2"), ("lbfgs", "moments-2"), ("adam", "moments-4"), ("lbfgs", "moments-4")
    ]  # fmt: skip
    assert [figure.name for figure in shown.figures] == ["optimizers", "optimizers-loss"]
    evaluations = {run.config.optimizer: run.description["evaluations"] for run in Results(tmp_path).runs(work)}
    assert evaluations["adam"] == Results(tmp_path).runs(work)[0].description["iterations"]
    said.clear()
    work.run(tmp_path / work.name, nothing)
    assert all("done already" in line for line in said)
    assert len(said) == 4
