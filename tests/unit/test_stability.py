"""The stability error: a photograph seen again, a little moved and with other noise."""

import pytest
import torch
from torch import Tensor

from nstyle.errors import UsageError
from nstyle.training.augmentation import Augmentation, Seen
from nstyle.training.config import TrainingConfig
from nstyle.training.stability import CAMERA_NOISE, FARTHEST, FRAME, SeenAgain


def photographs(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, 64, 80), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def looks(count: int, grain: float = 4.0) -> tuple[Seen, SeenAgain]:
    seen = Augmentation(grain=grain)(photographs(count), seeded=True)
    return seen, SeenAgain.of(seen)


def moves(again: SeenAgain) -> Tensor:
    return torch.stack([again.rows[:, FRAME] - FRAME, again.columns[:, FRAME] - FRAME], dim=1)


def test_photographs_move_by_whole_pixels_and_half_of_them_not() -> None:
    _, again = looks(400)
    moved = moves(again)
    assert 160 < (moved == 0).all(dim=1).sum() < 240
    assert moved.abs().max() == FARTHEST
    assert len(moved.unique(dim=0)) > 100
    for moved_down, rows in zip(moved[:, 0], again.rows, strict=True):
        expected = [min(abs(place), 126 - abs(place)) for place in range(int(moved_down), 64 + int(moved_down))]
        assert rows.tolist() == expected


def test_grain_moves_along_and_a_camera_adds_noise() -> None:
    seen, again = looks(60)
    for b in range(60):
        difference = again.grainy[b] - seen.grainy[b][:, again.rows[b]][..., again.columns[b]]
        noise = difference[(again.grainy[b] > 0) & (again.grainy[b] < 1)]
        assert noise.std() < 1.1 * CAMERA_NOISE / 255
        assert noise.mean().abs() < 0.2 / 255


def test_everything_follows_from_the_crop_alone() -> None:
    _, again = looks(4)
    alone = SeenAgain.of(Augmentation(grain=4.0)(photographs(4)[2:3], seeded=True))
    assert torch.equal(alone.grainy[0], again.grainy[2])
    assert not torch.equal(looks(4, grain=0.0)[1].grainy, again.grainy)


def test_what_moves_along_has_no_error_and_what_does_not_has_that_of_an_oracle() -> None:
    _, again = looks(8)
    painted = torch.rand(8, 3, 96, 112)
    first = painted[..., FRAME : FRAME + 64, FRAME : FRAME + 80]
    along = torch.stack(
        [
            picture[:, FRAME + down : FRAME + down + 64, FRAME + right : FRAME + right + 80]
            for picture, (down, right) in zip(painted, moves(again).tolist(), strict=True)
        ]
    )
    assert again.error(first, along).abs().max() == 0
    errors = again.error(first, along + 0.1)
    variance = first.double().var(dim=(1, 2, 3)) + (4 / 255) ** 2
    assert errors.double().numpy() == pytest.approx((0.1**2 / variance).numpy(), rel=1e-4)


def test_the_gradient_goes_to_the_second_picture() -> None:
    _, again = looks(2)
    first, second = (torch.rand(2, 3, 64, 80, requires_grad=True) for _ in range(2))
    again.error(first, second).sum().backward()
    assert first.grad is None
    assert second.grad[..., FRAME:-FRAME, FRAME:-FRAME].all()


def test_crops_that_leave_nothing_to_compare_are_refused() -> None:
    with pytest.raises(UsageError, match="`size` is 48; expected at least 64 px with `stability_weight`"):
        TrainingConfig(size=48, stability_weight=1.0)
