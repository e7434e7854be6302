"""What the shipped models paint in plain areas: strokes everywhere, which are no more of a mesh than was measured."""

import statistics

import numpy as np
import pytest

import nstyle
from tools.plain_areas import LEVELS, measure, regularity

MOST_REGULAR = {"default": 0.26, "slim": 0.31}
"""The largest median over styles of the regularity: what ``python tools/plain_areas.py`` gives, and a tenth more."""


@pytest.mark.parametrize("model", ["default", "slim"])
def test_plain_areas_are_painted_and_are_no_mesh(model: str) -> None:
    stylizer = nstyle.load(model)
    areas = [measure(stylizer, style) for style in stylizer.styles[::4]]
    assert [area.painted for area in areas] == [len(LEVELS)] * len(areas)
    assert statistics.median(area.regularity for area in areas) < MOST_REGULAR[model]


def test_a_mesh_is_regular_and_noise_is_not() -> None:
    noise = np.random.default_rng(0).normal(size=(256, 256))
    mesh = np.zeros((256, 256))
    mesh[::4, ::4] = 1
    assert 0.03 < regularity(noise) < 0.05
    assert regularity(mesh) > 0.95
    assert 0.2 < regularity(noise + 2 * mesh) < 0.9
