"""The demo as a whole: photographs, painting, two trainings, one page."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from nstyle.demo.folder import DemoFolder
from nstyle.demo.learning import TrainingProgress, learn
from nstyle.demo.lessons import append_section, scratch_section
from nstyle.demo.materials import check_photographs, choose_vgg, write_photographs, write_styles
from nstyle.demo.painting import Report, Studio, paint_section
from nstyle.demo.plan import PLAN, DemoPlan
from nstyle.encoders.vgg_weights import default_source
from nstyle.errors import UsageError
from nstyle.imaging.pictures import read_picture
from nstyle.inference.stylizer import load
from nstyle.models.locate import DEFAULT, MODEL_FILE, shipped_models
from nstyle.models.model_file import read_info
from nstyle.reports.folder import describe_machine
from nstyle.reports.page import Section, Table, render
from nstyle.system.files import write_atomically
from nstyle.system.interrupts import InterruptedRunError
from nstyle.version import __version__

TITLE = "The first minutes with nstyle"


@dataclass(frozen=True)
class Voice:
    """How the demo tells what it does."""

    notice: Callable[[str], None]
    """Told every step in a line."""
    painting: Callable[[], AbstractContextManager[Report]]
    """Opens a display of progress for pictures."""
    training: TrainingProgress
    """Opens one for updates."""


def run_demo(out: str | Path, *, vgg: str | None = None, plan: DemoPlan = PLAN, voice: Voice) -> Path:
    """Paint sample photographs, really train, and write one page with everything. What an earlier run made is kept.

    Args:
        out: Folder of the demo.
        vgg: See :func:`nstyle.demo.materials.choose_vgg`.
        plan: What to make.
        voice: How to tell.

    Returns:
        The page.

    Raises:
        UsageError: If the folder holds something else, or ``vgg`` does not do.
        NstyleError: If scikit-image is missing, a file cannot be written, or the demo is interrupted; what is done stays.
    """
    model = shipped_models()[DEFAULT]
    folder = DemoFolder.open(out, plan, model)
    check_photographs(folder.photographs)
    settle_vgg(folder, vgg, voice.notice)
    folder.save()
    try:
        _make(folder, plan, model, voice)
    except InterruptedRunError as error:
        raise InterruptedRunError(
            f"stopped; what is done is kept, and the same command goes on: nstyle demo --out {folder.shown()}", error.signal_number
        ) from error
    return folder.page


def settle_vgg(folder: DemoFolder, given: str | None, notice: Callable[[str], None]) -> None:
    """Choose VGG weights for a new demo; one that was begun stays with its own.

    Raises:
        UsageError: If others are asked for than a demo was begun with, or they do not do.
    """
    asked = default_source(given) if given else ""
    if folder.vgg and asked not in ("", folder.asked, folder.vgg):
        raise UsageError(f"{folder.path} holds a demo that trains with --vgg {folder.vgg}; remove it, or choose another --out")
    if not folder.vgg:
        folder.asked, folder.vgg = asked, choose_vgg(given, notice)


def _make(folder: DemoFolder, plan: DemoPlan, model: Path, voice: Voice) -> None:
    voice.notice(f"1 of 5: photographs into {folder.photographs}, styles drawn by our own code into {folder.styles}")
    photographs = {path.stem: read_picture(path).over_white() for path in write_photographs(folder.photographs)}
    write_styles(folder.styles)
    stylizer = load(model)
    voice.notice(f"2 of 5: painting with the shipped model, {len(stylizer.styles)} styles and blends of them")
    with voice.painting() as report:
        painted = paint_section(Studio(folder, plan, photographs, report), stylizer)
    voice.notice(f"3 of 5: add-style, teaching the model {len(plan.append.styles)} more styles in about {plan.append.seconds:.0f} seconds")
    run = learn(folder, plan.append, model, voice.notice, voice.training)
    with voice.painting() as report:
        appended = append_section(Studio(folder, plan, photographs, report), stylizer, run)
    count = len(plan.scratch.styles)
    voice.notice(f"4 of 5: train, a small network of {count} styles from nothing in about {plan.scratch.seconds:.0f} seconds")
    run = learn(folder, plan.scratch, model, voice.notice, voice.training)
    with voice.painting() as report:
        scratch = scratch_section(Studio(folder, plan, photographs, report), run)
    voice.notice(f"5 of 5: the page, {folder.page}")
    sections = [_summary_section(folder, plan), painted, appended, scratch, _next_section(folder, plan), _measured_section(folder, plan)]
    write_atomically(folder.page, render(TITLE, sections, f"nstyle {__version__}").encode())


def _summary_section(folder: DemoFolder, plan: DemoPlan) -> Section:
    styles = [*plan.append.styles, *plan.scratch.styles]
    text = (
        f"Everything here was made on this machine in {sum(folder.seconds.values()):.0f} seconds, two trainings included. Below each picture "
        f"stands the command that makes it. The styles {', '.join(styles[:-1])} and {styles[-1]} were drawn by nstyle's own code; they, the "
        f"photographs, the models and all pictures lie in {folder.shown()}."
    )
    return Section("In short", text)


def _next_section(folder: DemoFolder, plan: DemoPlan) -> Section:
    commands = (
        "nstyle stylize photo.jpg --all --output painted",
        "nstyle add-style default --styles painting.jpg --content photographs --out checkpoints/mine",
        "nstyle train --styles paintings/*.jpg --content photographs",
        f"nstyle report {folder.shown(plan.append.run)} {folder.shown(plan.scratch.run)} --out curves",
    )
    text = "With your own photographs and paintings. A few thousand photographs to train on make all the difference."
    return Section("What next", text, commands=commands)


def _measured_section(folder: DemoFolder, plan: DemoPlan) -> Section:
    """Tell what it took, and on which machine."""
    vgg = read_info(folder.run(plan.append.run) / MODEL_FILE).vgg
    steps = {
        "pictures of the shipped model": folder.took("paint"),
        "add-style, training": folder.seconds.get(f"{plan.append.run}-training", 0.0),
        "train, training": folder.seconds.get(f"{plan.scratch.run}-training", 0.0),
        "everything that took time": sum(folder.seconds.values()),
    }
    rows = [[name, f"{seconds:.1f} s"] for name, seconds in steps.items()]
    rows += [["most memory of the process", f"{folder.peak / 1e9:.2f} GB"]] if folder.peak else []
    rows += [["VGG", f"{vgg['architecture']}, {vgg['release']}, sha256 {vgg['sha256'][:12]}"]]
    rows += [[name, value] for name, value in describe_machine().items()]
    return Section("What it took", "", tables=[Table(["", "measured here"], rows)])
