"""The recipes after Kang's slides and Nikulina's homework: their settings, units, logs, and what is said of results."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from nstyle.encoders.vgg import VGGWeights
from nstyle.losses.functional import gram, total_variation
from nstyle.reconstruction.objective import TV_POWER
from nstyle.reproduction import kang, kang_limits, kang_units, nikulina, nikulina_log
from nstyle.reproduction.measures import colour_by_place, correlation, difference, grain, is_trade
from nstyle.reproduction.recipe import Exhibit, Materials
from nstyle.reproduction.reconstructions import Reconstructions
from nstyle.reproduction.scale import Scale
from tests.conftest import write_vgg

TORCHVISION_STD = 0.226


@pytest.fixture
def materials(photo: Path, styles: Path) -> Materials:
    """A photograph of 48 x 64 px, say, two paintings, and an encoder with Oxford's units."""
    with Image.open(photo) as image:
        size = image.size
    return Materials((photo,), tuple(sorted(styles.glob("*.png"))[:2]), photo.parent, sizes=(size,), std=1 / 255)


def sweeps(exhibits: Sequence[Exhibit]) -> dict[str, Reconstructions]:
    works = {work.name: work for exhibit in exhibits for work in exhibit.work}
    return {name: work for name, work in works.items() if isinstance(work, Reconstructions)}


def test_kang_at_full_scale_has_the_settings_of_the_slides(materials: Materials) -> None:
    works = sweeps(kang.exhibits(materials, Scale(1)))
    usual = works["iterations"].axes
    assert (usual["iterations"], usual["size"], usual["style_weight"]) == ([420], [512], [1e4])
    assert (usual["loss"], usual["content_loss"], usual["start"]) == (["gram-gatys"], ["half-sum"], ["noise"])
    assert usual["content_layers"] == ["block4_conv2"]
    assert sum(usual["style_layers"][0].values()) == pytest.approx(1)
    assert usual["feature_scale"] == [1], "Oxford's units are his"
    assert works["iterations"].snapshots_every == 20
    assert works["style-weight"].axes["style_weight"] == [1e2, 1e3, 1e4, 1e5]
    assert [len(layers) for layers in works["layers"].axes["style_layers"]] == [2, 3, 4, 5]
    assert works["starts"].axes["style_weight"] == [1e5]
    assert works["two-styles"].axes["style_mix"] == [(1, 0), (0, 1), (0.5, 0.5)]
    factor = kang_units.Units.at(materials.sizes[0], 512).variation
    noisy = {
        (work.axes["style_weight"][0], round(work.axes["tv_weight"][0] / factor, 6))
        for name, work in works.items()
        if name.startswith("noise-")
    }
    assert noisy == {(1e5, 0), (3e4, 5), (5e4, 1)}


def test_what_an_encoder_does_not_reach_is_not_planned(materials: Materials, short_vgg_file: Path) -> None:
    materials = replace(materials, vgg=(str(short_vgg_file),), std=TORCHVISION_STD)
    works = sweeps(nikulina.exhibits(materials, Scale(1)))
    planned = {name: len(work.planned) for name, work in works.items()}
    assert planned == {
        "pooling": 2,
        "optimizer": 4,
        "layers": 2,
        "networks": 1,
        "networks-deep": 1,
        "style-reconstruction": 7,
    }
    config = works["pooling"].planned[0][0]
    assert (config.iterations, config.size, config.start, config.optimizer) == (1000, 512, "content", "sgd")
    assert config.lr == 0.01
    assert config.feature_scale == 1, "torchvision's units are the tutorial's"


def test_a_complete_encoder_makes_everything(materials: Materials, random_vgg: VGGWeights, tmp_path: Path) -> None:
    complete = write_vgg(tmp_path / "complete.safetensors", random_vgg, last=28)
    materials = replace(materials, vgg=(str(complete),))
    works = sweeps(kang.exhibits(materials, Scale(1)))
    planned = {name: len(works[name].planned) for name in ("variation-weight", "two-styles", "rates", "noise-30000-5")}
    assert planned == {"variation-weight": 5, "two-styles": 3, "rates": 9, "noise-30000-5": 1}


def test_one_painting_is_enough_for_both_recipes(materials: Materials) -> None:
    alone = replace(materials, paintings=materials.paintings[:1])
    assert sweeps(kang.exhibits(alone, Scale(1)))["two-styles"].axes["style_mix"] == [(1,)]
    assert len(nikulina.exhibits(alone, Scale(1))) == 5


def test_total_variation_is_converted_to_kangs() -> None:
    image = torch.rand(1, 3, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    levels = (255 * image[0]).tolist()
    his = math.fsum(
        ((rows[i + 1][j] - rows[i][j]) ** 2 + (rows[i][j + 1] - rows[i][j]) ** 2) ** 1.25
        for rows in levels
        for i in range(4)
        for j in range(6)
    )
    ours = total_variation(image, TV_POWER["power-1.25"]).item()
    assert kang_units.variation_factor(7, 5) * ours == pytest.approx(his, rel=1e-12)


def test_kangs_style_keeps_its_balance_with_the_content_in_a_smaller_picture() -> None:
    units = kang_units.Units.at((1000, 500), 128)
    assert units.style == (128 / 512) ** 2
    assert units.variation == kang_units.variation_factor(128, 64)


def test_layer_weights_make_the_tutorials_mean_of_our_sum() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (gram(torch.rand(1, 128, 3, 4, generator=generator).double(), "chw") for _ in range(2))
    weight = nikulina.by_mean(["relu2_2"])["relu2_2"]
    assert weight * (ours - theirs).square().sum().item() == pytest.approx(
        torch.nn.functional.mse_loss(ours, theirs).item(), rel=1e-12
    )


def test_features_are_brought_to_the_units_of_another_release(materials: Materials) -> None:
    assert materials.feature_scale(TORCHVISION_STD) == pytest.approx(1 / 57.63, rel=1e-3)
    assert replace(materials, std=TORCHVISION_STD).feature_scale(1 / 255) == pytest.approx(57.63, rel=1e-3)


def test_grain_and_difference_are_in_levels_of_255() -> None:
    grey = np.full((8, 8, 3), 100, np.uint8)
    dot = grey.copy()
    dot[4, 4] = 180
    assert grain(Image.fromarray(grey)) == 0
    assert grain(Image.fromarray(dot)) == pytest.approx(80 / 8)
    assert difference(Image.fromarray(dot), Image.fromarray(grey)) == pytest.approx(80 / 8)


def test_correlation_follows_the_arrangement_of_light_and_dark(photo: Path) -> None:
    with Image.open(photo) as image:
        picture = image.convert("RGB")
    assert correlation(picture, picture) == pytest.approx(1)
    assert correlation(picture, ImageOps.invert(picture)) == pytest.approx(-1, abs=0.01)
    assert correlation(picture, Image.new("RGB", picture.size, "red")) == 0


def test_colours_are_told_apart_by_place_and_from_coloured_noise() -> None:
    pixels = np.full((96, 96, 3), 90, np.uint8)
    pixels[:12, :, 0] = pixels[-12:, :, 0] = pixels[:, :12, 0] = pixels[:, -12:, 0] = 190
    border, inside = colour_by_place(Image.fromarray(pixels))
    assert border > 90
    assert inside < 10
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    assert max(colour_by_place(Image.fromarray(noise))) < 30


def test_a_trade_is_told_from_errors_that_fall_together() -> None:
    assert is_trade([(1, 9), (2, 5), (3, 4)])
    assert not is_trade([(1, 9), (2, 5), (2.5, 6)])


def test_sentences_follow_the_numbers() -> None:
    assert kang.grain_text(["0", "1"], [9, 4]) == "Every step takes grain away, from 9.0 levels at v = 0 to 4.0."
    assert "4.0 levels, is at v = 0; not every step" in kang.grain_text(["0", "1"], [4, 9])
    assert kang.fall_text([100, 50, 1, 0]) == "After 2 of 3 iterations 99 % of the fall of the loss is done."
    assert "it lies between them" in kang.between_text([30, 20, 21])
    assert "it does not lie between them" in kang.between_text([30, 31, 21])
    assert kang_limits.colour_text([(20, 5), (10, 5)]).startswith("Agreed: colours are stronger")
    assert kang_limits.colour_text([(-20, -30)]).startswith("Not so here")
    assert kang_limits.colour_text([(0.1, -20)]).startswith("Not so here")
    assert kang_limits.noise_text({"a": 9, "b": 8}, 3).startswith("Agreed")
    assert kang_limits.noise_text({"a": 9, "b": 2}, 3).startswith("Not so here: at b")
    assert kang_limits.detail_text({"relu1_1": 0.5, "relu2_1": 0.01, "relu3_1": 0.2}).startswith("Agreed")
    assert "but relu2_1" in kang_limits.detail_text({"relu1_1": 0.1, "relu2_1": 0.6, "relu3_1": 0.2})
    assert "Farthest from its photograph is b, 9.0" in kang_limits.apart_text({"a": 3, "b": 9})
    assert nikulina.share_text({"average": 0.1, "max": 0.2}, "average", "average pooling").startswith("Agreed")
    assert nikulina.networks_text("few layers", {"vgg19": ("vgg19", 0.1), "vgg16": ("vgg16", 0.2)}) == (
        "Not so here: with few layers, what is left of the loss of the start is 10.0 % with vgg19 and 20.0 % with "
        "vgg16."
    )
    two = {"a": ("vgg16", 0.1), "b": ("vgg16", 0.3)}
    assert nikulina.networks_text("", {**two, "c": ("vgg19", 0.2)}).startswith("Not so here"), (
        "only one of both is better"
    )
    assert nikulina.networks_text("", {**two, "c": ("vgg19", 0.4)}).startswith("Agreed")
    assert "here was only vgg16" in nikulina.networks_text("", two)
    layers = ["relu1_1", "relu1_2", "relu2_1"]
    assert nikulina.arrangement_text(layers, [0.1, 0.9, 0.4]).startswith("Agreed")
    assert nikulina.arrangement_text(layers, [0.1, 0.2, 0.4]).startswith("Not so here")
    assert nikulina.arrangement_text(layers, [0.1, 0.0, 0.05]).startswith("Nothing is left of the arrangement")
    assert nikulina.style_text({"adam at 0.05": 3, "sgd at 0.05": 4}).startswith("Agreed")
    assert nikulina.style_text({"adam at 0.05": 5, "sgd at 0.05": 4}).startswith("Not so here")
    every = {"adam at 0.05": 3, "adam at 0.01": 6, "sgd at 0.05": 4, "sgd at 0.01": 5}
    assert nikulina.style_text(every).startswith("Not so here: which optimizer leaves less style error depends on the")
    assert nikulina_log.way_text(nikulina_log.FEWER).startswith("Agreed")
    assert nikulina_log.way_text(nikulina_log.MORE).startswith("Not so here")
    assert nikulina_log.same_text(3, 8).startswith("Agreed")
    assert nikulina_log.same_text(8, 3).startswith("Not so here")


def test_jumps_of_the_printed_losses_are_found() -> None:
    assert nikulina_log.MORE.largest_jump == pytest.approx(1368549504 / 11101772)
    assert nikulina_log.FEWER.largest_jump == 1
    assert nikulina_log.jump_text(40).startswith("Agreed")
    assert nikulina_log.jump_text(1.001).startswith("Not so here")


@pytest.mark.parametrize(
    ("last", "ends"),
    [((28, 34), ["relu5_3", "relu5_4"]), ((28, 16), ["relu3_3", "relu3_4"]), ((5, 7), ["relu1_2"] * 2)],
)
def test_networks_are_compared_as_deep_as_all_files_go(
    materials: Materials, random_vgg: VGGWeights, tmp_path: Path, last: tuple[int, int], ends: list[str]
) -> None:
    vgg19 = VGGWeights.random("vgg19")
    files = [write_vgg(tmp_path / f"{i}.safetensors", weights, last=n) for i, (weights, n) in enumerate(
        zip((random_vgg, vgg19), last, strict=True)
    )]  # fmt: skip
    works = sweeps(nikulina.exhibits(replace(materials, vgg=tuple(map(str, files))), Scale(0.01)))
    assert [list(cell.settings["style_layers"])[-1] for cell in works["networks-deep"].cells] == ends
