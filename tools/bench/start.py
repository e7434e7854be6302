"""Time start-up: commands from the shell to their end, and the heavy packages that they import."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from paint import fill
from rows import Bench, Row, Sample

import nstyle
from nstyle.imaging.folders import list_pictures
from nstyle.imaging.pictures import encode, read_picture
from nstyle.models.locate import DEFAULT

SUBJECT = "start"
HEAVY = (
    "torch",
    "torch._dynamo",
    "torchvision",
    "numpy",
    "PIL",
    "sympy",
    "scipy",
    "matplotlib",
    "tensorboard",
    "pycocotools",
    "rich",
    "jinja2",
)
"""The modules that are named in the table if a command imports them."""


def rows(bench: Bench) -> list[Row]:
    """List the rows of the commands."""
    picture = bench.prepared / "start.jpg"
    picture.write_bytes(
        encode(fill(read_picture(list_pictures(bench.photos)[0]).over_white(), (256, 256)), picture.suffix)
    )
    style = nstyle.load(DEFAULT).styles[0]
    paint = ["stylize", str(picture), "--model", DEFAULT, "--style", style, "--device", bench.device, "--overwrite"]
    commands = {
        "nstyle --help": ["--help"],
        "nstyle models": ["models"],
        "nstyle stylize, 256x256": [*paint, "--out", str(picture.with_suffix(".png"))],
    }
    return [
        Row(subject=SUBJECT, name=name, measure=partial(_run, arguments, bench.prepared))
        for name, arguments in commands.items()
    ]


def _run(arguments: list[str], folder: Path) -> Sample:
    command = ["-m", "nstyle", *arguments]
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd=folder)
    seconds = time.perf_counter() - started
    traced = subprocess.run(
        [sys.executable, "-X", "importtime", *command], check=True, capture_output=True, text=True, cwd=folder
    )
    imported = {
        line.rpartition("|")[2].strip() for line in traced.stderr.splitlines() if line.startswith("import time:")
    }
    return Sample(
        seconds=seconds, note="imports " + (", ".join(name for name in HEAVY if name in imported) or "nothing heavy")
    )
