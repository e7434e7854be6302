"""What training lays on photographs: grain in octaves and plain areas, which follow from the photograph alone."""

import numpy as np
import pytest
import torch
from torch import Tensor

from nstyle.imaging.grain import DEVIATIONS, OCTAVES, add_grain, grain
from nstyle.training.augmentation import Augmentation
from nstyle.training.plain import lay_plain_areas

SEEDS = torch.tensor([0, 1234567])


def grain_on(photos: Tensor, levels: float) -> Tensor:
    """Return the grain that a network sees on grey photographs, (B, H, W) in levels of 255."""
    seen = Augmentation(grain=levels)(photos)
    assert torch.equal(seen.colors, photos.float() / 255)
    difference = seen.grainy - seen.colors
    inner = difference[..., 1:-1, 1:-1]  # The corners tell the crops apart.
    assert torch.allclose(inner[:, :1].expand_as(inner), inner)
    return inner[:, 0] * 255


def crops(count: int, side: int) -> Tensor:
    """Make grey crops that differ in one pixel."""
    photos = torch.full((count, 3, side, side), 128, dtype=torch.uint8)
    photos[:, 2, -1, -1] = torch.arange(count) % 250
    photos[:, 0, 0, 0] = torch.arange(count) // 250
    return photos


def test_the_octaves_of_grain_have_one_deviation_each_and_half_the_frequencies() -> None:
    whole = grain(SEEDS, 1024, 1024)[:, 0].double()
    assert whole.mean().abs() < 0.1
    assert torch.allclose(whole.std(dim=(1, 2)), torch.tensor(len(OCTAVES) ** 0.5).double(), rtol=0.02)
    assert not torch.equal(whole[0], whole[1])
    energy = torch.fft.fft2(whole[0]).abs().square() / whole[0].numel()
    distance = torch.hypot(torch.fft.fftfreq(1024)[:, None], torch.fft.fftfreq(1024))
    # Above a quarter of the sampling rate there is hardly more than the white octave, whose power is 1 everywhere.
    assert 0.9 < energy[distance > 0.45].mean() < 1.2
    assert energy[(distance > 0) & (distance < 1 / 64)].mean() > 100
    assert DEVIATIONS[1] == 1


def test_grain_belongs_to_the_place_in_the_picture() -> None:
    whole = grain(SEEDS, 200, 96)
    assert torch.equal(grain(SEEDS, 40, 50, top=144), whole[..., 144:184, :50])
    assert torch.equal(grain(SEEDS, 40, 50, top=144, left=32), whole[..., 144:184, 32:82])
    plain = torch.full((1, 3, 300, 60), 128, dtype=torch.uint8)
    moved = add_grain(plain.clone(), 2.0, (3, 21))
    assert torch.equal(moved[..., :-5, :-2], add_grain(plain.clone(), 2.0, (-2, 19))[..., 5:, 2:])
    with pytest.raises(ValueError, match="multiples of 16"):
        grain(SEEDS, 40, 50, top=8)
    grey = torch.full((1, 3, 600, 40), 128, dtype=torch.uint8)
    grainy = add_grain(grey.clone(), 2.0)
    assert torch.equal(add_grain(grey[..., :300, :].clone(), 2.0), grainy[..., :300, :])
    assert grainy.float().std().item() == pytest.approx(2 * len(OCTAVES) ** 0.5, abs=0.5)


def test_strengths_are_uniform_and_differ_between_crops() -> None:
    photos = crops(2000, 32)
    slopes = grain_on(photos, 8.0).diff().std(dim=(1, 2)) / grain(SEEDS, 1024, 1024).diff().std()
    strengths = slopes.numpy()
    assert np.abs(np.quantile(strengths, [0.25, 0.5, 0.75]) - [2, 4, 6]).max() < 0.4
    assert len(np.unique(strengths)) == 2000


def test_all_of_it_follows_from_the_crop_alone() -> None:
    photos = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    lay = Augmentation(grain=4.0, plain=0.5)
    whole, singles = lay(photos), [lay(photo[None]) for photo in photos]
    assert torch.equal(torch.cat([single.colors for single in singles]), whole.colors)
    assert torch.equal(torch.cat([single.grainy for single in singles]), whole.grainy)
    assert torch.equal(lay(photos.contiguous(memory_format=torch.channels_last)).grainy, whole.grainy)
    changed = photos.clone()
    changed[0, 0, 0, 0] ^= 1
    assert not torch.equal(lay(changed).grainy[0], whole.grainy[0])
    assert torch.equal(lay(changed).grainy[1:], whole.grainy[1:])


def test_colours_stay_colours_and_nothing_is_laid_where_nothing_is_asked() -> None:
    photos = crops(2, 32)
    grainy = Augmentation(grain=64.0)(photos).grainy
    assert 0 <= grainy.min()
    assert grainy.max() <= 1
    seen = Augmentation()(photos)
    assert seen.grainy is seen.colors
    assert torch.equal(Augmentation(plain=1e-9)(photos).colors, seen.colors)


def test_plain_areas_are_laid_on_a_share_of_the_photographs() -> None:
    photos = torch.randint(0, 256, (200, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    seeds = torch.arange(200)
    laid = lay_plain_areas(photos, seeds, 0.3)
    changed = (laid != photos).flatten(1).any(dim=1)
    assert 40 < changed.sum() < 80
    drawn = [photo for photo, before in zip(laid, photos, strict=True) if not (photo == before).all(dim=0).any()]
    assert 10 < len(drawn) < 40
    # Noise differs from pixel to pixel; what is drawn does so at outlines only.
    flat = [float((photo[:, 1:].int() - photo[:, :-1].int()).abs().amax(dim=0).le(6).float().mean()) for photo in drawn]
    assert min(flat) > 0.6
    assert torch.equal(lay_plain_areas(photos, seeds, 1.0)[changed], laid[changed])
