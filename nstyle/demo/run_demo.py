"""The whole demo: photographs, pictures, two trainings, and the page."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from nstyle.data.samples import check_photographs, write_photographs, write_styles
from nstyle.demo.encoder import choose_vgg
from nstyle.demo.folder import DemoFolder
from nstyle.demo.picture_maker import PaintingProgress, PictureMaker
from nstyle.demo.plan import PLAN, DemoPlan
from nstyle.demo.sections import append_section, paint_section, scratch_section
from nstyle.demo.training import TrainingDisplay, train
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
from nstyle.system.locks import FolderLock
from nstyle.system.output_folders import output_folder
from nstyle.version import __version__

TITLE = "The first minutes with nstyle"


@dataclass(frozen=True)
class Display:
    """How the demo shows what it does."""

    notice: Callable[[str], None]
    """Called with a line of text about every step."""
    painting: Callable[[], AbstractContextManager[PaintingProgress]]
    """Opens a display for pictures, which is called with the progress."""
    training: TrainingDisplay
    """Opens a display for updates."""


def run_demo(out: str | Path, *, vgg: str | None = None, plan: DemoPlan = PLAN, display: Display) -> Path:
    """Paint sample photographs, train two models, and write a page with everything. What an earlier run made is kept.

    Args:
        out: Folder of the demo.
        vgg: See :func:`nstyle.demo.encoder.choose_vgg`.
        plan: What to make.
        display: Where to show what is done.

    Returns:
        The page.

    Raises:
        UsageError: If the folder holds something else or is being written by another process, or ``vgg`` names no VGG
            weights.
        NstyleError: If scikit-image is missing, a file cannot be written, or the demo is interrupted; what is done
            stays.
    """
    model = shipped_models()[DEFAULT]
    with FolderLock(output_folder(out, "demo"), subfolders=("photographs", "pictures", "styles")):
        folder = DemoFolder.open(out, plan, model)
        check_photographs(folder.photographs)
        settle_vgg(folder, vgg, display.notice)
        folder.save()
        try:
            _make(folder, plan, model, display)
        except InterruptedRunError as error:
            raise InterruptedRunError(
                f"stopped; what is done is kept, and the same command goes on: nstyle demo --out {folder.shown()}",
                error.signal_number,
            ) from error
    return folder.page


def settle_vgg(folder: DemoFolder, given: str | None, notice: Callable[[str], None]) -> None:
    """Choose the VGG weights of a new demo. A demo that was begun keeps its own.

    Raises:
        UsageError: If the demo was begun with other weights than are asked for, or they cannot be read.
    """
    asked = default_source(given) if given else ""
    if folder.vgg and asked not in ("", folder.asked, folder.vgg):
        raise UsageError(
            f"{folder.path} holds a demo that trains with --vgg {folder.vgg}; remove it, or choose another --out"
        )
    if not folder.vgg:
        folder.asked, folder.vgg = asked, choose_vgg(given, notice)


def _make(folder: DemoFolder, plan: DemoPlan, model: Path, display: Display) -> None:
    display.notice(f"1 of 5: photographs into {folder.photographs}, styles drawn by our own code into {folder.styles}")
    photographs = {path.stem: read_picture(path).over_white() for path in write_photographs(folder.photographs)}
    write_styles(folder.styles)
    stylizer = load(model)
    display.notice(f"2 of 5: painting with the shipped model, {len(stylizer.styles)} styles and blends of them")
    with display.painting() as progress:
        painted = paint_section(PictureMaker(folder, plan, photographs, progress), stylizer)
    display.notice(
        f"3 of 5: add-style, teaching the model {len(plan.append.styles)} more styles in about "
        f"{plan.append.seconds:.0f} seconds"
    )
    run = train(folder, plan.append, model, display.notice, display.training)
    with display.painting() as progress:
        appended = append_section(PictureMaker(folder, plan, photographs, progress), stylizer, run)
    count = len(plan.scratch.styles)
    display.notice(
        f"4 of 5: train, a small network of {count} styles from nothing in about {plan.scratch.seconds:.0f} seconds"
    )
    run = train(folder, plan.scratch, model, display.notice, display.training)
    with display.painting() as progress:
        scratch = scratch_section(PictureMaker(folder, plan, photographs, progress), run)
    display.notice(f"5 of 5: the page, {folder.page}")
    sections = [
        _summary_section(folder, plan),
        painted,
        appended,
        scratch,
        _next_section(folder, plan),
        _measured_section(folder, plan),
    ]
    write_atomically(folder.page, render(TITLE, sections, f"nstyle {__version__}").encode())


def _summary_section(folder: DemoFolder, plan: DemoPlan) -> Section:
    styles = [*plan.append.styles, *plan.scratch.styles]
    text = (
        f"Everything here was made on this machine in {sum(folder.seconds.values()):.0f} seconds, two trainings "
        f"included. Below each picture stands the command that makes it. The styles {', '.join(styles[:-1])} and "
        f"{styles[-1]} were drawn by nstyle's own code; they, the photographs, the models and all pictures lie in "
        f"{folder.shown()}."
    )
    return Section("In short", text)


def _next_section(folder: DemoFolder, plan: DemoPlan) -> Section:
    commands = (
        "nstyle stylize photo.jpg --all --out painted",
        "nstyle add-style default --styles painting.jpg --content photographs --out checkpoints/mine",
        "nstyle train --styles paintings/*.jpg --content photographs",
        f"nstyle report {folder.shown(plan.append.run)} {folder.shown(plan.scratch.run)} --out curves",
    )
    text = "With your own photographs and paintings. A few thousand photographs to train on make all the difference."
    return Section("What next", text, commands=commands)


def _measured_section(folder: DemoFolder, plan: DemoPlan) -> Section:
    """List the time and the memory that the demo took, and the machine."""
    info = read_info(folder.run(plan.append.run) / MODEL_FILE)
    steps = {
        "pictures of the shipped model": folder.took("paint"),
        "add-style, training": folder.seconds.get(f"{plan.append.run}-training", 0.0),
        "train, training": folder.seconds.get(f"{plan.scratch.run}-training", 0.0),
        "everything that took time": sum(folder.seconds.values()),
    }
    rows = [[name, f"{seconds:.1f} s"] for name, seconds in steps.items()]
    rows += [["most memory of the process", f"{folder.peak / 1e9:.2f} GB"]] if folder.peak else []
    rows += [["VGG", f"{info.vgg.get('architecture')}, {info.vgg_in_words}"]]
    rows += [[name, value] for name, value in describe_machine().items()]
    return Section("What it took", "", tables=[Table(["", "measured here"], rows)])
