"""Strokes of another size: how large they are, and what becomes of the photograph's detail."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image, ImageFilter

import nstyle
from nstyle.errors import UsageError
from nstyle.inference import stroke as module
from nstyle.inference.stroke import EPSILON, RADIUS, local_gain, paint_with_stroke, restore_detail, size_for_stroke


def values(image: Image.Image) -> npt.NDArray[np.float64]:
    return np.asarray(image).astype(float)


def halved(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def wavelength(image: Image.Image) -> float:
    """The mean wavelength of what a picture shows in pixels: the inverse of its luminance's mean frequency, weighted by
    power."""
    luminance = values(image.convert("L"))
    power = np.abs(np.fft.rfft2((luminance - luminance.mean()) * np.outer(*map(np.hanning, luminance.shape)))) ** 2
    frequencies = np.hypot(np.fft.fftfreq(image.height)[:, None], np.fft.rfftfreq(image.width)[None])
    return float(power.sum() / (frequencies * power).sum())


@pytest.mark.parametrize("stroke", [1.5, 2, 4, 0.5])
def test_strokes_are_as_many_times_as_large(stroke: float) -> None:
    """A sky that is as many times as large holds the same strokes. Reducing costs their finest part."""
    model = nstyle.load("slim")
    own, other = (
        model.stylize(Image.new("RGB", (round(192 * x), round(192 * x)), (140, 170, 210)), "scream", grain=4, stroke=x)
        for x in (1, stroke)
    )
    assert wavelength(other) / wavelength(own) == pytest.approx(stroke, rel=0.1 if stroke > 1 else 0.25)


def test_stroke_1_changes_nothing(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    for options in ({}, {"grain": 3.0}, {"strength": 0.5, "keep_color": "luminance"}):
        painted = stylizer.stylize(image, "plain", stroke=1, **options)
        assert np.array_equal(np.asarray(painted), np.asarray(stylizer.stylize(image, "plain", **options)))


@pytest.mark.parametrize("stroke", [0.5, 1.3, 4])
def test_every_option_keeps_the_size(stylizer: nstyle.Stylizer, image: Image.Image, stroke: float) -> None:
    image = image.resize((128, 96))
    mask = np.zeros((image.height, image.width), np.uint8)
    mask[:, : image.width // 2] = 255
    options = {"stroke": stroke, "grain": 2, "masks": {"starry": mask}, "keep_color": "luminance", "strength": 2}
    painted = stylizer.stylize(image, "plain", **options)
    assert painted.size == image.size
    assert np.array_equal(stylizer.stylize(np.asarray(image), "plain", **options), np.asarray(painted))
    assert max(stylizer.stylize(image, "plain", stroke=stroke, size=80).size) == 80


def test_detail_comes_back_with_the_contrast_and_the_colours_of_the_painting(image: Image.Image) -> None:
    """A painting that turns the photograph's luminance into three others is as sharp as if it were painted in full."""

    def recoloured(picture: Image.Image) -> Image.Image:
        grey = picture.convert("L")
        return Image.merge(
            "RGB", [grey.point(lambda v, a=a, b=b: a * v + b) for a, b in ((0.5, 60), (-0.4, 190), (0.2, 90))]
        )

    small, expected = halved(image), values(recoloured(image))
    blurred = values(recoloured(small).resize(image.size, Image.Resampling.BICUBIC))
    restored = values(restore_detail(recoloured(small), small, image))
    assert np.abs(restored - expected).mean() < 0.3 * np.abs(blurred - expected).mean()


def test_a_sharp_edge_stays_sharp_and_has_no_halo() -> None:
    levels = np.full((120, 160, 3), 40, np.uint8)
    levels[:, 81:] = 200
    photo = Image.fromarray(levels)
    restored = values(paint_with_stroke(photo, 2, lambda shown: shown.point(lambda v: 250 - v)))[60, :, 0]
    assert np.abs(restored - (250.0 - levels[60, :, 0])).max() <= 6  # 160 levels apart.


def test_a_plain_photograph_adds_nothing_to_the_strokes() -> None:
    photo, small = (Image.new("RGB", size, (90, 120, 200)) for size in ((90, 120), (45, 60)))
    strokes = Image.fromarray(np.random.default_rng(0).integers(80, 176, (60, 45, 3), dtype=np.uint8))
    restored = values(restore_detail(strokes, small, photo))
    assert np.abs(restored - values(strokes.resize(photo.size, Image.Resampling.BICUBIC))).max() <= 1
    plain = Image.new("RGB", small.size, (10, 200, 77))
    assert np.array_equal(values(restore_detail(plain, small, photo)), values(plain.resize(photo.size)))


def test_what_the_painting_ignores_stays_away() -> None:
    """The photograph's grain, where the painting has nothing that follows it."""
    noise = np.random.default_rng(0).normal(128, 20, (128, 128, 1)).clip(0, 255).astype(np.uint8)
    photo = Image.fromarray(np.repeat(noise, 3, axis=2))
    small = halved(photo)
    restored = values(restore_detail(Image.new("RGB", small.size, (10, 200, 77)), small, photo))
    assert np.ptp(restored.reshape(-1, 3), axis=0).max() == 0


def test_the_gain_is_the_mean_of_slopes_over_windows() -> None:
    """Against least squares in double precision, window by window."""
    draw = np.random.default_rng(0)
    i, p = draw.random((14, 17)), draw.random((14, 17))

    def window(y: int, x: int) -> tuple[slice, slice]:
        return slice(max(0, y - RADIUS), y + RADIUS + 1), slice(max(0, x - RADIUS), x + RADIUS + 1)

    slopes = np.empty_like(i)
    for y, x in np.ndindex(i.shape):
        a, b = i[window(y, x)].ravel(), p[window(y, x)].ravel()
        slopes[y, x] = np.cov(a, b, bias=True)[0, 1] / (a.var() + EPSILON)
    expected = [[slopes[window(y, x)].mean() for x in range(17)] for y in range(14)]
    gain = local_gain(torch.tensor(i).float(), torch.tensor(p).float()[None])
    np.testing.assert_allclose(gain[0].numpy(), expected, atol=1e-4)


def test_bands_join_without_a_seam(image: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    reduced = image.resize((image.width * 2 // 3, image.height * 2 // 3), Image.Resampling.LANCZOS)
    painted = reduced.filter(ImageFilter.FIND_EDGES)
    whole = values(restore_detail(painted, reduced, image))
    monkeypatch.setattr(module, "ROWS", 17)
    assert np.abs(values(restore_detail(painted, reduced, image)) - whole).max() <= 1


def test_small_pictures_are_reduced_to_64_px_at_most() -> None:
    assert size_for_stroke((4000, 3000), 1.5) == (2667, 2000)
    assert size_for_stroke((400, 100), 4) == (256, 64)
    assert size_for_stroke((30, 3000), 4) == (30, 3000)
    assert size_for_stroke((30, 1), 0.5) == (60, 2)


def test_float_pixels_have_the_strokes_of_the_network(stylizer: nstyle.Stylizer) -> None:
    with pytest.raises(UsageError, match="`stroke` and `grain` are for files"):
        stylizer.stylize(torch.rand(3, 20, 24), "plain", stroke=2)
