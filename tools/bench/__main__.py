"""Time training, painting, reading photographs and start-up, beside a plain recipe in the same run: one table, and
JSON.

    python tools/bench [--rounds 3] [--only train,paint,log,load,start] [--quick] [--device auto] [--photos FOLDER]
    [--json FILE]

Every row is measured in a process of its own, once a round; rounds go through all rows, and medians count. Weights of
VGG are random: what they are does not change the time. The fraction of peak is the work of the plain formulation
(convolutions and matrix products as they are written, whatever is computed in their stead) over the machine's measured
matmul peak, of the row's own precision in training and of the faster one in painting.
"""

import argparse
import json
import logging
import multiprocessing
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import load
import log
import machine
import paint
import start
import table
import torch
import train
from rows import Bench, Result, Row, Sample, Size
from samples import Samples

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.folders import list_pictures
from nstyle.system.devices import choose_device

NO_TIME = "not measured, as the time was up"
SUBJECTS = {module.SUBJECT: module.rows for module in (train, paint, log, load, start)}


def main() -> None:
    """Measure the rows and print the table. The exit status is 1 if a row failed, and 2 for bad usage."""
    parser = argparse.ArgumentParser(
        prog="tools/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often every row is measured [3; 1 when --quick]")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="subjects")
    parser.add_argument(
        "--quick", action="store_true", help="one round, one piece of work a row, nothing compiled, nothing over 1080p"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--photos", type=Path, help="folder of photographs [scikit-image's samples, as JPEGs of 640x480]"
    )
    parser.add_argument("--crop", type=int, default=256, help="side of the training crops in pixels")
    parser.add_argument("--sizes", type=_sizes, help="pictures to paint, such as 256x256,1920x1080")
    parser.add_argument("--json", type=Path, help="write the figures to a file too")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin no row after so long; --resume does what is missing"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep what was measured in a file, and measure only what it lacks"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            failed = _bench(arguments, Path(folder))
    except NstyleError as error:
        print(f"tools/bench: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    sys.exit(1 if failed else 0)


def _sizes(text: str) -> tuple[Size, ...]:
    pairs = [part.split("x") for part in text.split(",")]
    return tuple((int(width), int(height)) for width, height in pairs)


def _bench(arguments: argparse.Namespace, folder: Path) -> bool:
    started = time.monotonic()
    subjects = arguments.only.split(",")
    if unknown := set(subjects) - set(SUBJECTS):
        raise UsageError(f"--only names {', '.join(sorted(unknown))}; expected some of {', '.join(SUBJECTS)}")
    device = choose_device(arguments.device)
    if arguments.photos is not None and not list_pictures(arguments.photos):
        raise UsageError(f"{arguments.photos} holds no pictures; expected a folder of photographs")
    samples = folder / "samples"
    samples.mkdir()
    photos = arguments.photos or load.make_photos(samples)
    bench = Bench(
        device=str(device),
        quick=arguments.quick,
        crop=arguments.crop,
        sizes=arguments.sizes,
        photos=photos,
        prepared=folder,
    )
    rows = machine.rows(bench) + [row for subject in subjects for row in SUBJECTS[subject](bench)]
    rounds = 1 if arguments.quick else arguments.rounds
    results = _measure(rows, rounds, Samples(arguments.resume, bench), started + 60 * arguments.minutes)

    figures = table.summarize(results)
    about = machine.describe(device)
    command = shlex.join(["python", "tools/bench", *sys.argv[1:]])
    where = (
        arguments.photos
        or f"scikit-image's {', '.join(load.SAMPLES)} as JPEGs of {'x'.join(map(str, load.SAMPLE_SIZE))}"
    )
    print(command, _sentence(about), sep="\n")
    medians = "one round" if rounds == 1 else f"medians of {rounds} rounds"
    print(f"batch {train.BATCH} where no other is named, crops of {bench.crop} px; photographs: {where}; {medians}\n")
    print(table.render(figures))
    if arguments.json is not None:
        report = {
            "command": command,
            "machine": about,
            "rounds": rounds,
            "batch": train.BATCH,
            "crop": bench.crop,
            "rows": figures,
        }
        arguments.json.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return any(result.failure for result in results)


def _sentence(about: dict[str, object]) -> str:
    sets = about["instruction_sets"]
    return (
        f"{about['cpu']}, {about['cores']} cores, {about['threads']} threads "
        f"({' '.join(sets) if isinstance(sets, list) else ''}); device {about['device']}; torch {about['torch']}, "
        f"Pillow {about['pillow']}, Python {about['python']}, nstyle {about['nstyle']}"
    )


def _measure(rows: Sequence[Row], rounds: int, samples: Samples, end: float) -> list[Result]:
    """Measure all rows in turn, round after round, except for known samples. A row that failed is left out of later
    rounds."""
    results = [Result(row) for row in rows]
    for number in range(rounds):
        for result in results:
            row = result.row
            if result.failure or (row.once and number > 0):
                continue
            if known := samples.recall(row, number):
                result.samples.append(known)
                continue
            if time.monotonic() > end:
                result.failure = "" if result.samples else NO_TIME
                continue
            print(f"round {number + 1}/{rounds}: {row.subject}: {row.name}: ", end="", file=sys.stderr, flush=True)
            try:
                result.samples.append(_in_new_process(row))
                samples.keep(row, number, result.samples[-1])
                print(f"{result.samples[-1].seconds:.4g} s", file=sys.stderr)
            except (
                Exception
            ) as error:  # For example out of memory or a missing compiler. The other rows are still useful.
                result.failure = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                result.samples.clear()
                print(f"failed: {result.failure}", file=sys.stderr)
    return results


def _in_new_process(row: Row) -> Sample:
    """Measure a row in a new process, which is forked from one that has imported torch if the system supports
    forking."""
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload([torch.__name__])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(row.measure).result()


if __name__ == "__main__":
    main()
