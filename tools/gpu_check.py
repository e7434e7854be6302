"""Everything worth knowing of a GPU in a quarter of an hour, with one command.

    python tools/gpu_check.py --out DIR --minutes 8 [--content PHOTOS --styles FILE... --vgg FILE] [-- OPTIONS OF nstyle
    train]

The GPU tests; compiled and captured updates against eager ones; the bench beside a plain recipe; a profile of an
update; then training for the minutes that are left. Runs from a checkout without installation. Everything is written to
DIR as it goes, summary.md first to be read; called again with the same DIR, what failed or is missing is done, and
training goes on.
"""

import argparse
import os
import re
import signal
import sys
import time
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from check.folder import Folder, OtherCheckError, Record
from check.steps import STEPS, Asked
from check.summary import machine, write_summary

ROOT = Path(__file__).resolve().parents[1]
INTERRUPTED = "interrupted; call again to go on"


def main() -> None:
    """Run the missing steps. The exit status is 1 if a step failed, and 2 for bad usage."""
    asked, only = _parse(sys.argv[1:])
    if missing := _missing_packages():
        sys.exit(f"[gpu_check] these packages are not installed: {', '.join(missing)}; nothing was begun")
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Folder(asked.out)
    try:
        folder.claim({"machine": machine(), "device": asked.device, "quick": str(asked.quick)})
    except OtherCheckError as error:
        sys.exit(f"[gpu_check] {error}; choose another --out")
    chosen = [step for step in STEPS if step in only]
    for name in chosen:
        if folder.is_done(name):
            _say(f"{name}: done before")
            continue
        _say(f"{name} ...")
        started = time.monotonic()
        try:
            state, note, command = STEPS[name](asked)
        except KeyboardInterrupt:
            state, note, command = "unfinished", INTERRUPTED, []
        folder.write(Record(name, state, note, round(time.monotonic() - started, 1), tuple(command)))
        write_summary(folder, asked)
        _say(f"{name}: {state}{f', {note}' if note else ''}")
        if note == INTERRUPTED:
            _say(f"summary: {folder.path / 'summary.md'}")
            sys.exit(128 + signal.SIGTERM)
    _say(f"summary: {write_summary(folder, asked)}")
    sys.exit(1 if any(folder.read(name).state == "failed" for name in chosen) else 0)


def _parse(arguments: list[str]) -> tuple[Asked, list[str]]:
    own, extra = (
        (arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :])
        if "--" in arguments
        else (arguments, [])
    )
    parser = argparse.ArgumentParser(
        prog="tools/gpu_check.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Everything after -- goes to nstyle train as it is, or to nstyle compare with --compare.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for all that is found")
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="for all steps; training gets what the others leave [8]"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--only", metavar="STEP,STEP", help=f"of {', '.join(STEPS)} [all but the last]")
    parser.add_argument("--content", type=Path, help="folder of photographs to train on [scikit-image's]")
    parser.add_argument("--styles", nargs="+", metavar="FILE", help="paintings to train [the drawn samples]")
    parser.add_argument(
        "--vgg",
        default=os.environ.get("NSTYLE_VGG") or "lite",
        help="VGG weights to train under [NSTYLE_VGG, else lite]",
    )
    parser.add_argument("--quick", action="store_true", help="small crops and few updates: a rehearsal on a CPU")
    parser.add_argument(
        "--compare", action="store_true", help="instead of training, one n-style network against n single-style ones"
    )
    given = parser.parse_args(own)
    instead = "training" if given.compare else "compare"
    only = given.only.split(",") if given.only else [name for name in STEPS if name != instead]
    if unknown := [name for name in only if name not in STEPS]:
        parser.error(f"--only names {unknown[0]}; expected some of {', '.join(STEPS)}")
    styles = given.styles or sorted(map(str, (ROOT / "data" / "styles").glob("*.jpg")))
    asked = Asked(
        root=ROOT,
        out=given.out.resolve(),
        device=_device(given.device),
        deadline=time.monotonic() + 60 * given.minutes,
        content=given.content and given.content.resolve(),
        styles=tuple(str(Path(style).resolve()) for style in styles),
        vgg=given.vgg if given.vgg in ("lite", "imagenet") else str(Path(given.vgg).resolve()),
        quick=given.quick,
        extra=tuple(extra),
    )
    return asked, only


def _missing_packages() -> list[str]:
    """List what pyproject.toml requires and is not installed, before time on the card goes by without it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[\s<>=!~\[;]", requirement, maxsplit=1)[0] for requirement in project["dependencies"]]
    return [name for name in names if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _device(name: str) -> str:
    if name != "auto":
        return name
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(f"[gpu_check] {text}", flush=True)


if __name__ == "__main__":
    main()
