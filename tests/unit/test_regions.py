"""Regions painted under masks, in the shipped model: each looks like this part of the whole picture in its style."""

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from PIL import Image

import nstyle
from nstyle.models.transformer import REACH

Levels = npt.NDArray[np.uint8]
SKY, WATER = "starry-night", "great-wave"


@pytest.fixture(scope="module")
def stylizer() -> nstyle.Stylizer:
    return nstyle.load("default")


@pytest.fixture(scope="module")
def photo() -> Levels:
    """A real photograph (240, 320, 3) of which the upper half is sky, for the most part."""
    return np.array(Image.fromarray(skimage.data.rocket()).resize((320, 240)))


@pytest.fixture(scope="module")
def whole(stylizer: nstyle.Stylizer, photo: Levels) -> dict[str, Levels]:
    """The whole picture in every style."""
    return {style: stylizer.stylize(photo, style) for style in (SKY, WATER)}


@pytest.fixture(scope="module")
def halves(stylizer: nstyle.Stylizer, photo: Levels) -> Levels:
    """The upper half in one style and the lower half in the other one."""
    return stylizer.stylize(photo, WATER, masks={SKY: upper(photo)})


def upper(photo: Levels) -> npt.NDArray[np.bool_]:
    mask = np.zeros(photo.shape[:2], dtype=bool)
    mask[: len(photo) // 2] = True
    return mask


def test_half_a_picture_looks_like_that_half_of_the_whole(halves: Levels, whole: dict[str, Levels]) -> None:
    """Mean and deviation of every channel; with the moments of the mixed picture they were up to 64 % off."""
    for style, half in ((SKY, slice(None, 120)), (WATER, slice(120, None))):
        painted, expected = (picture[half].reshape(-1, 3).astype(float) for picture in (halves, whole[style]))
        np.testing.assert_allclose(painted.mean(axis=0), expected.mean(axis=0), rtol=0.15)
        np.testing.assert_allclose(painted.std(axis=0), expected.std(axis=0), rtol=0.15)


def test_beyond_the_reach_of_the_edge_it_is_the_whole_picture(halves: Levels, whole: dict[str, Levels]) -> None:
    for style, part in ((SKY, slice(None, 120 - REACH)), (WATER, slice(120 + REACH, None))):
        difference = halves[part].astype(float) - whole[style][part]
        assert np.abs(difference).mean() < 0.5


def test_edges_are_no_harder_than_a_cut(
    stylizer: nstyle.Stylizer, photo: Levels, halves: Levels, whole: dict[str, Levels]
) -> None:
    """A hard mask draws no line that the two pictures, cut and joined, would not have, and a soft one no step."""
    cut = np.where(upper(photo)[..., None], whole[SKY], whole[WATER])
    assert steps(halves).max() < 1.25 * steps(cut).max()
    ramp = np.linspace(255, 0, len(photo)).round().astype(np.uint8)
    soft = stylizer.stylize(photo, WATER, masks={SKY: np.repeat(ramp[:, None], photo.shape[1], axis=1)})
    assert steps(soft).max() < 1.1 * max(steps(picture).max() for picture in whole.values())


def steps(picture: Levels) -> npt.NDArray[np.float64]:
    """The difference between neighbouring rows, averaged over columns and channels."""
    return np.asarray(np.abs(np.diff(picture.astype(float), axis=0)).mean(axis=(1, 2)))


def test_masks_of_one_mix_paint_what_the_mix_paints(
    stylizer: nstyle.Stylizer, photo: Levels, whole: dict[str, Levels]
) -> None:
    """A mask that covers all is the plain style, and one that covers nothing is the rest, blended as without masks."""
    everywhere, nowhere = np.full(photo.shape[:2], 255, np.uint8), np.zeros(photo.shape[:2], np.uint8)
    blend = {SKY: 0.5, WATER: 0.5}
    for painted, expected in (
        (stylizer.stylize(photo, masks={SKY: everywhere}), whole[SKY]),
        (stylizer.stylize(photo, blend, masks={"scream": nowhere}), stylizer.stylize(photo, blend)),
    ):
        assert np.abs(painted.astype(float) - expected).mean() < 0.5
