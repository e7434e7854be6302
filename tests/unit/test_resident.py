"""Photographs that are kept decoded: the same crops as from disk, without waiting for the device."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nstyle.data.choice import choose_sampler, fitting_storage
from nstyle.data.crops import CropSampler
from nstyle.data.draws import num_threads, work_ahead
from nstyle.data.photos import BrokenPhotosError, PhotoIndex, index_folder
from nstyle.data.resident import ResidentSampler
from nstyle.errors import UsageError
from nstyle.system.ranks import Ranks
from nstyle.training.config import TrainingConfig

CPU = torch.device("cpu")
SIZE = 48


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> PhotoIndex:
    """Photographs of every proportion: wide, tall, large, of the crop's very size, and smaller than it."""
    from skimage import data

    folder = tmp_path_factory.mktemp("varied")
    sizes = {
        "wide": (150, 60),
        "tall": (70, 110),
        "large": (400, 300),
        "exact": (SIZE, SIZE),
        "small": (40, 34),
        "reduced": (900, 700),
    }
    for number, (name, size) in enumerate(sizes.items()):
        image = Image.fromarray(getattr(data, ("astronaut", "coffee", "chelsea")[number % 3])()).resize(
            size, Image.Resampling.LANCZOS
        )
        image.save(folder / f"{name}.{'jpg' if name == 'reduced' else 'png'}")
    return PhotoIndex(folder, tuple(sorted(folder.iterdir())))


def differences(a: Tensor, b: Tensor) -> Tensor:
    return (a.int() - b.int()).abs()


@pytest.mark.parametrize("seed", [0, 7])
def test_kept_photographs_give_the_crops_of_the_files(varied: PhotoIndex, seed: int) -> None:
    files, kept = CropSampler(varied, SIZE, seed), ResidentSampler(varied, SIZE, seed, CPU)
    wholes = [kept._find(i)[1].whole for i in range(48)]
    assert {files.draws.crop(i, whole).flipped for i, whole in enumerate(wholes)} == {True, False}
    difference = differences(torch.stack([files.sample(i) for i in range(48)]), kept.batch(0, 48))
    upright = torch.tensor([height > width for width, height in wholes])
    assert difference[~upright].max() <= 1
    assert (difference[~upright] > 0).float().mean() < 0.001
    # Pillow 13 resizes their columns first, and clips in between.
    assert 4 <= upright.sum() <= 12
    assert (difference[upright] > 1).float().mean() < 0.01
    assert difference[upright].float().mean() < 0.3


def test_a_crop_without_resizing_is_exact(varied: PhotoIndex) -> None:
    exact = PhotoIndex(varied.root, tuple(path for path in varied.files if path.stem == "small"))
    files, kept = CropSampler(exact, 34, 0), ResidentSampler(exact, 34, 0, CPU)
    same = [i for i in range(100) if files.draws.crop(i, (40, 34)).resized == (40, 34)]
    assert len(same) > 2
    assert all(torch.equal(files.sample(i), kept.sample(i)) for i in same)


def test_kept_crops_depend_on_seed_and_position_only(varied: PhotoIndex) -> None:
    sampler = ResidentSampler(varied, SIZE, 1, CPU)
    whole = list(sampler.batches(0, 6, 4))
    resumed = list(ResidentSampler(varied, SIZE, 1, CPU, workers=1).batches(4, 6, 4, workers=5))
    assert whole[0].shape == (4, 3, SIZE, SIZE)
    assert whole[0].dtype == torch.uint8
    assert all(torch.equal(a, b) for a, b in zip(whole[4:], resumed, strict=True))
    assert not torch.equal(whole[0], ResidentSampler(varied, SIZE, 2, CPU).batch(0, 4))


def test_ranks_get_their_part_of_the_batch(varied: PhotoIndex) -> None:
    sampler = ResidentSampler(varied, SIZE, 0, CPU)
    parts = [next(sampler.batches(2, 3, 4, ranks=Ranks(rank, 2))) for rank in range(2)]
    difference = differences(torch.cat(parts), sampler.batch(2, 4))
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 0.001  # Sums of another length may be rounded the other way.


def test_a_broken_file_is_replaced_as_from_disk(photos: Path, tmp_path: Path) -> None:
    for path in photos.rglob("*.jpg"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = tmp_path / "coffee.jpg"
    broken.write_bytes(broken.read_bytes()[:1500])  # The header is fine.
    index = index_folder(tmp_path)
    files, kept = CropSampler(index, SIZE, 3), ResidentSampler(index, SIZE, 3, CPU)
    assert differences(files.batch(0, 12), kept.batch(0, 12)).max() <= 1
    assert list(files.monitor.broken) == list(kept.monitor.broken) == [str(broken)]
    only = ResidentSampler(PhotoIndex(tmp_path, (broken,)), SIZE, 3, CPU)
    with pytest.raises(BrokenPhotosError, match="none of the 1 photographs"):
        next(only.batches(0, 1, 1))


class NothingWaits(TorchDispatchMode):
    """Fail on operations that read from a device, or that bring Python numbers to one."""

    WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "item", "lift_fresh", "equal", "is_nonzero")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.overloadpacket.__name__ not in self.WAITING, func
        tensors = (
            [index for index in args[1] if index is not None]
            if func.overloadpacket.__name__.startswith("index")
            else []
        )
        assert all(tensor.dtype not in (torch.bool, torch.uint8) for tensor in tensors), func
        return func(*args, **kwargs or {})


def test_nothing_in_the_loop_waits_for_the_device(varied: PhotoIndex) -> None:
    batches = ResidentSampler(varied, SIZE, 0, CPU).batches(0, 3, 4)
    with NothingWaits():
        assert [len(batch) for batch in batches] == [4, 4, 4]
    with NothingWaits(), pytest.raises(AssertionError, match="local_scalar_dense"):
        torch.ones(()).item()


def total(sampler: ResidentSampler) -> int:
    return sum(kept.pixels.numel() for kept in sampler._kept if kept is not None)


def test_photographs_are_reduced_where_they_do_not_fit_whole(varied: PhotoIndex) -> None:
    whole, fits = fitting_storage(varied, SIZE, 10**9)
    assert fits
    assert whole.short_side is None
    decoded = ResidentSampler(varied, SIZE, 0, CPU)
    assert whole.bytes == decoded.bytes == total(decoded)
    reduced, fits = fitting_storage(varied, SIZE, whole.bytes // 3)
    assert fits
    assert reduced.short_side is not None
    assert reduced.short_side >= 1.17 * SIZE
    assert not fitting_storage(varied, SIZE, 10_000)[1]
    kept = ResidentSampler(varied, SIZE, 0, CPU, short_side=reduced.short_side)
    assert abs(total(kept) / reduced.bytes - 1) < 0.02
    assert max(min(k.pixels.shape[1:]) for k in kept._kept if k is not None) == reduced.short_side
    # The same squares, if softer where they are zoomed.
    assert differences(kept.batch(0, 12), decoded.batch(0, 12)).float().mean() < 6


@pytest.mark.parametrize(
    ("crops", "budget", "taken", "line"),
    [
        (6, 10**9, ResidentSampler, "6 photographs are kept on cpu, decoded (0.0 GB)"),
        (6, 180_000, ResidentSampler, "6 photographs are kept on cpu, decoded and reduced to 117 px"),
        (6, 10_000, CropSampler, "as they are needed: on cpu they take"),
        (5, 10**9, CropSampler, "the run draws 5 crops, fewer than the 6 photographs"),
        (6, 0, CropSampler, "photographs are decoded in 3 threads as they are needed"),
        (6, None, CropSampler, ""),
    ],
)
def test_choice_of_sampler(
    varied: PhotoIndex, caplog: pytest.LogCaptureFixture, crops: int, budget: int | None, taken: type, line: str
) -> None:
    caplog.set_level("INFO")
    sampler = choose_sampler(varied, SIZE, 0, CPU, crops=crops, batch_size=4, workers=3, budget=budget)
    assert type(sampler) is taken
    assert line in caplog.text
    assert len(caplog.records) == bool(line), "one line says which, where there was a choice"
    assert sampler.index is varied


def test_an_estimate_that_was_too_low_falls_back_to_the_files(
    varied: PhotoIndex, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nstyle.data.choice.read_size", lambda path, near_side: (10, 10))
    caplog.set_level("INFO")
    assert type(choose_sampler(varied, SIZE, 0, CPU, crops=100, batch_size=4, budget=100_000)) is CropSampler
    assert "as they are needed" in caplog.text


def test_threads_go_by_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, expected in ((1, 2), (6, 6), (64, 16)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: range(cores), raising=False)
        assert num_threads(0) == expected
    assert num_threads(5) == 5
    with pytest.raises(UsageError, match="`workers` is 257; expected 0 to 256"):
        TrainingConfig(workers=257)


@pytest.mark.parametrize(("workers", "ahead"), [(1, 4), (8, 10)])
def test_work_is_done_ahead_in_order_and_no_further_than_it_should_be(workers: int, ahead: int) -> None:
    begun: list[int] = []
    work: Callable[[int], int] = lambda number: begun.append(number) or number  # noqa: E731
    results = work_ahead(work, range(30), workers)
    assert next(results) == 0
    results.close()
    assert max(begun) < ahead
    assert list(work_ahead(work, range(30), workers)) == list(range(30))
