"""The grain of training: white Gaussian noise that is a function of the photograph."""

import numpy as np
import torch
from torch import Tensor

from nstyle.training.grain import add_grain


def grain_on(photos: Tensor, levels: float) -> Tensor:
    """Return the grain alone, (B, H, W) in levels of 255."""
    grey = torch.full(photos.shape, 0.5)
    grainy = add_grain(photos, grey, levels) - grey
    assert torch.equal(grainy[:, :1].expand_as(grainy), grainy)
    return grainy[:, 0] * 255


def crops(count: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_the_grain_is_white_and_gaussian() -> None:
    for photo in (crops(1, 256), torch.zeros(1, 3, 256, 256, dtype=torch.uint8)):
        noise = grain_on(photo, 16.0)[0]
        noise = ((noise - noise.mean()) / noise.std()).double()
        assert abs(noise.pow(3).mean()) < 0.05
        assert abs(noise.pow(4).mean() - 3) < 0.1
        energy = torch.fft.fft2(noise).abs().square() / noise.numel()
        # Of 32,768 free frequencies of white noise, the strongest has ln(32768) = 10.4 times the mean energy.
        assert energy.max() < 18


def test_strengths_are_uniform_and_differ_between_crops() -> None:
    photos = torch.full((2000, 3, 32, 32), 128, dtype=torch.uint8)
    photos[:, 2, 31, 31] = torch.arange(2000) % 250
    photos[:, 0, 0, 0] = torch.arange(2000) // 250
    strengths = np.sort(grain_on(photos, 8.0).std(dim=(1, 2)).numpy())
    expected = np.linspace(0, 8, 2000)
    assert np.abs(strengths - expected).max() < 0.7
    assert len(np.unique(strengths)) == 2000


def test_the_grain_follows_from_the_crop_alone() -> None:
    photos = crops(4, 32)
    whole = grain_on(photos, 4.0)
    assert torch.equal(torch.cat([grain_on(photo[None], 4.0) for photo in photos]), whole)
    assert torch.equal(grain_on(photos.contiguous(memory_format=torch.channels_last), 4.0), whole)
    changed = photos.clone()
    changed[0, 0, 0, 0] ^= 1
    assert not torch.equal(grain_on(changed, 4.0)[0], whole[0])
    assert torch.equal(grain_on(changed, 4.0)[1:], whole[1:])


def test_colours_stay_colours() -> None:
    photos = crops(2, 32)
    grainy = add_grain(photos, photos.float() / 255, 64.0)
    assert 0 <= grainy.min()
    assert grainy.max() <= 1
    assert torch.equal(add_grain(photos, photos.float() / 255, 0.0), photos.float() / 255)
