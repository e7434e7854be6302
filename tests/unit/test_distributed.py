"""Ranks and what is theirs. What they do together is in tests/integration/test_distributed.py."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from nstyle.data.crops import CropSampler
from nstyle.data.photos import PhotoIndex
from nstyle.errors import NstyleError, UsageError
from nstyle.system.processes import ALONE, joined, was_begun
from nstyle.system.ranks import ONE, Ranks
from nstyle.training.schedule import style_ids


def test_ranks_come_from_torchruns_environment() -> None:
    assert Ranks.from_environment({"RANK": "9", "WORLD_SIZE": "16", "LOCAL_RANK": "1"}) == Ranks(9, 16, 1)
    assert Ranks.from_environment({"MASTER_ADDR": "localhost"}) == ONE


@pytest.mark.parametrize(
    "given", ["9 16 -", "- - 0", "x 2 0", "-1 2 0", "2 2 0", "0 0 0", "0 2 2", "1 2 -1", f"{'9' * 5000} 2 0", "0 2 "]
)
def test_ranks_that_are_none_are_refused_in_one_line(given: str) -> None:
    values = zip(("RANK", "WORLD_SIZE", "LOCAL_RANK"), given.split(" "), strict=True)
    with pytest.raises(UsageError, match=r"^the environment has RANK=.*; expected numbers as torchrun sets them"):
        Ranks.from_environment({name: value for name, value in values if value != "-"})


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_parts_of_a_batch_are_the_batch(photos: Path, size: int) -> None:
    index = PhotoIndex(photos, tuple(sorted(photos.rglob("*.jpg"))))
    sampler = CropSampler(index, 32, seed=0)
    for update in range(3):
        parts = [sampler.batch(update, 4, Ranks(rank, size)) for rank in range(size)]
        assert {len(part) for part in parts} == {4 // size}
        assert torch.equal(torch.cat(parts), sampler.batch(update, 4))
    (streamed,) = sampler.batches(2, 3, 4, ranks=Ranks(size - 1, size))
    assert torch.equal(streamed, parts[-1])


def test_styles_are_balanced_over_the_ranks() -> None:
    ids = style_ids("round-robin-batch", 5, num_styles=3, batch_size=12, updates=10, seed=0)
    for rank in range(4):
        assert Counter(Ranks(rank, 4).part(ids)) == {0: 1, 1: 1, 2: 1}


def test_every_process_takes_a_device_of_its_own() -> None:
    two = Ranks(1, 2, 1)
    assert ONE.place(torch.device("cuda", 3)) == torch.device("cuda", 3)
    assert two.place(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(UsageError, match=r"`device` is cuda:0, but each of the 2 processes takes a GPU of its own"):
        two.place(torch.device("cuda", 0))
    with pytest.raises(UsageError, match=r"`device` is mps, which 2 processes cannot share"):
        two.place(torch.device("mps"))
    with pytest.raises(UsageError, match=r"more processes on a machine than its \d+ GPUs"):
        Ranks(99, 100, 99).place(torch.device("cuda"))


def test_a_batch_must_be_shared_out_evenly() -> None:
    Ranks(0, 4).check_batch(8)
    with pytest.raises(UsageError, match=r"`batch_size` is 6, .* all 4 processes together; expected a multiple of 4"):
        Ranks(0, 4).check_batch(6)


def test_one_process_needs_no_others(tmp_path: Path) -> None:
    with joined() as group:
        assert group is ALONE
        assert group.agree(15) == 15
        assert group.in_turn(lambda: 3) == 3
        with pytest.raises(NstyleError, match="full"), group.together():
            raise NstyleError("full")
    assert not torch.distributed.is_initialized()
    assert not was_begun(tmp_path)
