"""The size of structures against fields whose answer is known."""

import math

import numpy as np
import pytest
from PIL import Image, ImageFilter

from nstyle.reconstruction.structure_radius import BLUR, structure_radius


@pytest.mark.parametrize("sigma", [3.0, 6.0])
def test_radius_of_blurred_noise(sigma: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (512, 512), dtype=np.uint8))
    field = np.asarray(noise.filter(ImageFilter.GaussianBlur(sigma)), dtype=float)
    stretched = (field - field.min()) / (field.max() - field.min()) * 255
    radius = structure_radius(Image.fromarray(stretched.astype(np.uint8)))
    assert radius == pytest.approx(2 * math.sqrt(sigma**2 + BLUR**2), rel=0.1)


def test_a_flat_picture_has_no_structure() -> None:
    assert structure_radius(Image.new("RGB", (32, 32), "gray")) == math.inf
