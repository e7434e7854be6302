"""Several processes under torchrun: two on the CPU, through gloo. Small crops, a small network, random VGG."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import nstyle
from nstyle.models.model_file import read_info
from nstyle.training.run_directory import RunDirectory

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
Start = Callable[..., Any]
SHOW_THREADS = """
import atexit
from pathlib import Path
from nstyle.cli import main

@atexit.register
def show_threads():
    print(*(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")))

main()
"""


@pytest.fixture
def settings(photos: Path, vgg_file: Path) -> dict[str, Any]:
    return {
        "content": str(photos),
        "vgg": str(vgg_file),
        "updates": 6,
        "checkpoint_every": 6,
        "batch_size": 4,
        "schedule": "round-robin-batch",
        "size": 32,
        "width": 0.25,
        "precision": "fp32",
        "device": "cpu",
    }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``nstyle`` in two processes; whatever still runs at the end is killed."""
    started = []

    def start(
        *arguments: object, launcher: tuple[str, ...] = (), worker: tuple[str, ...] = ("-m", "nstyle")
    ) -> subprocess.Popen[str]:
        command = [*TORCHRUN, *launcher, *worker, *map(str, arguments)]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # Torchrun then ends its workers.
            process.communicate(timeout=60)


def train(styles: Path, out: Path, settings: dict[str, Any]) -> list[object]:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    return ["train", "--styles", styles / "waves.png", styles / "mosaic.png", "--out", out, *options]


def ours(errors: str) -> list[str]:
    """Return the lines that nstyle printed; torchrun prints a page of its own when a worker fails."""
    return [line for line in errors.splitlines() if line.startswith("nstyle: ")]


def updates(run: Path) -> list[dict[str, Any]]:
    return [row for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if "losses" in row]


def workers(launcher: subprocess.Popen[str]) -> dict[int, int]:
    """Return the process ids of a torchrun's workers by rank."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            environment = dict(entry.partition("=")[::2] for entry in (folder / "environ").read_text().split("\0"))
        except (OSError, IndexError, ValueError):
            continue
        if parent == launcher.pid and "RANK" in environment:
            found[int(environment["RANK"])] = int(folder.name)
    return found


def wait_for(condition: Callable[[], Any], launcher: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert launcher.poll() is None, launcher.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_same_losses(run: Path, other: Path, rel: float) -> None:
    for row, expected in zip(updates(run), updates(other), strict=True):
        assert row["update"] == expected["update"]
        assert row["total"] == pytest.approx(expected["total"], rel=rel)
        assert list(row["losses"]) == list(expected["losses"])
        for style, terms in expected["losses"].items():
            assert row["losses"][style] == pytest.approx(terms, rel=rel)


def test_two_ranks_step_like_one_and_one_goes_on(
    tmp_path: Path, settings: dict[str, Any], styles: Path, start: Start
) -> None:
    two, one = tmp_path / "two", tmp_path / "one"
    settings |= {"preset": "relative-3"}  # At relu4_1 random weights are faint, and rounding shows.
    process = start(*train(styles, two, settings | {"updates": 1}))
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert output == ""
    assert errors.count("training 2 styles to update 1 on cpu in 2 processes") == errors.count("done: ") == 1
    assert (two / "samples" / "000001.jpg").exists()

    paintings = [styles / "waves.png", styles / "mosaic.png"]
    nstyle.train(paintings, out=one, **settings | {"updates": 1})
    # After one update, Adam's first moment is (1 - beta1) times the gradient, clipped.
    _, _, state, _ = RunDirectory(two).load_checkpoint()
    _, _, expected, _ = RunDirectory(one).load_checkpoint()
    gradients, reference = ([entry["exp_avg"] for entry in s["state"].values()] for s in (state, expected))
    largest = max(float(gradient.abs().max()) for gradient in reference)
    assert largest > 0
    for gradient, wanted in zip(gradients, reference, strict=True):
        # Gradients that are 0 but for rounding have no digits to compare; sums in another order differ in the fifth
        # digit.
        torch.testing.assert_close(
            gradient, wanted, rtol=1e-4, atol=max(1e-4 * float(wanted.abs().max()), 1e-6 * largest)
        )

    for run in (two, one):
        nstyle.train(out=run, resume=True, updates=4)
        assert [row["update"] for row in updates(run)] == [1, 2, 3, 4]
    assert_same_losses(two, one, rel=3e-3)  # Adam turns gradients that are 0 but for rounding into whole steps.


def test_no_thread_of_the_group_outlives_it(
    tmp_path: Path, settings: dict[str, Any], styles: Path, start: Start
) -> None:
    """A thread of gloo that frees a tensor while the interpreter ends aborts the process; see
    nstyle.system.processes.joined."""
    worker = tmp_path / "worker.py"
    worker.write_text(SHOW_THREADS)
    process = start(
        *train(styles, tmp_path / "run", settings | {"updates": 1, "checkpoint_every": 1}), worker=(str(worker),)
    )
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert output.count("\n") == 2
    assert "gloo" not in output
    assert "tcpstore" not in output


@pytest.mark.slow
def test_a_killed_worker_is_started_again_and_goes_on(
    tmp_path: Path, settings: dict[str, Any], styles: Path, start: Start
) -> None:
    settings |= {"updates": 40, "checkpoint_every": 10}
    run = tmp_path / "run"
    process = start(*train(styles, run, settings), launcher=("--max-restarts", "1"))
    wait_for((run / "model.safetensors").exists, process)
    os.kill(workers(process)[1], signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "to update 40 on cpu in 2 processes" in errors
    begun_at = [int(line.split("from update ")[1].split()[0]) for line in errors.splitlines() if "from update " in line]
    assert len(begun_at) == 1, errors
    assert 10 <= begun_at[0] <= 40
    assert begun_at[0] % 10 == 0
    assert [row["update"] for row in updates(run)] == list(range(1, 41))
    assert [path.name for path in run.glob("training-*.pt")] == ["training-40.pt"]


@pytest.mark.slow
def test_what_was_there_before_is_refused_however_often_torchrun_tries(
    tmp_path: Path, settings: dict[str, Any], styles: Path, start: Start
) -> None:
    run = nstyle.train(
        [styles / "waves.png", styles / "mosaic.png"],
        out=tmp_path / "run",
        **settings | {"updates": 1, "checkpoint_every": 1},
    )
    process = start(*train(styles, run, settings), launcher=("--max-restarts", "1"))
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert (
        ours(errors) == [f"nstyle: {run} holds a run already; continue it with --resume, or choose another --out"] * 2
    )
    assert read_info(run / "model.safetensors").updates == 1


def test_a_signal_to_one_rank_stops_all_with_the_state_saved(
    tmp_path: Path, settings: dict[str, Any], styles: Path, start: Start
) -> None:
    settings |= {"updates": 100000, "checkpoint_every": 50000}
    run = tmp_path / "run"
    process = start(*train(styles, run, settings))
    wait_for(lambda: (run / "metrics.jsonl").exists() and (run / "metrics.jsonl").stat().st_size, process)
    os.kill(workers(process)[1], signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert errors.count("everything is saved, continue with: nstyle train --resume") == 1
    stopped_at = read_info(run / "model.safetensors").updates
    assert stopped_at > 0
    assert updates(run)[-1]["update"] == stopped_at
    assert "exitcode  : 143" in errors


@pytest.mark.slow
def test_photographs_that_break_stop_all_ranks(
    tmp_path: Path, settings: dict[str, Any], styles: Path, photos: Path, start: Start
) -> None:
    content = tmp_path / "content"
    content.mkdir()
    for i, path in enumerate(sorted(photos.rglob("*.jpg")) * 2):
        (content / f"{i}.jpg").write_bytes(path.read_bytes())
    settings |= {"content": str(content), "updates": 100000, "checkpoint_every": 50000}
    run = tmp_path / "run"
    process = start(*train(styles, run, settings))
    wait_for(lambda: (run / "metrics.jsonl").exists() and (run / "metrics.jsonl").stat().st_size, process)
    for path in content.iterdir():
        path.write_bytes(b"")
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "be read any more" in ours(errors)[-1]
    assert updates(run)[-1]["update"] == read_info(run / "model.safetensors").updates > 0


def test_what_cannot_be_shared_is_refused_in_one_line(
    tmp_path: Path, settings: dict[str, Any], styles: Path, start: Start
) -> None:
    process = start(*train(styles, tmp_path / "run", settings | {"batch_size": 3}))
    assert ours(process.communicate(timeout=60)[1]) == [
        "nstyle: --batch-size is 3, the photographs per update of all 2 processes together; expected a multiple of 2"
    ]
    assert not (tmp_path / "run").exists()
    process = start("models")
    assert ours(process.communicate(timeout=60)[1]) == [
        "nstyle: nstyle models runs in one process, but there are 2; only train, add-style, stylize can share work"
    ]


def test_a_folder_is_painted_once(tmp_path: Path, photos: Path, model: Path, start: Start, nstyle: Start) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, path in enumerate(sorted(photos.rglob("*.jpg")) + sorted(photos.glob("*.jpg"))[:1]):
        (folder / f"{i}.jpg").write_bytes(path.read_bytes())
    (folder / "broken.jpg").write_bytes(b"no picture")
    command = ("stylize", folder, "--model", model, "--style", "plain", "--out", tmp_path / "painted", "--json")
    process = start(*command)
    output, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert sum("1 of 6 files could not be painted" in line for line in ours(errors)) == 1
    results = json.loads(output)
    assert sorted(Path(result["photo"]).name for result in results) == [
        "0.jpg",
        "1.jpg",
        "2.jpg",
        "3.jpg",
        "4.jpg",
        "broken.jpg",
    ]
    assert sorted(path.name for path in (tmp_path / "painted").iterdir()) == [f"{i}_plain.png" for i in range(5)]
    alone = nstyle(
        "stylize", folder / "3.jpg", "--model", model, "--style", "plain", OMP_NUM_THREADS="1"
    )  # As torchrun sets it.
    assert alone.returncode == 0
    assert (tmp_path / "3_plain.png").read_bytes() == (tmp_path / "painted" / "3_plain.png").read_bytes()
    process = start(*command)
    assert ["exists; give --overwrite" in line for line in ours(process.communicate(timeout=60)[1])] == [True]
