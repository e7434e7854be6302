"""The chapters on training: what the new styles look like, how they blend, and the losses on the way."""

from pathlib import Path

import torch
from PIL import Image

from nstyle.demo.learning import training_command
from nstyle.demo.painting import Studio, blend_strip, cut
from nstyle.demo.plan import Lesson
from nstyle.imaging.layout import labelled_table
from nstyle.imaging.pictures import read_picture
from nstyle.inference.stylizer import Stylizer, load
from nstyle.models.locate import MODEL_FILE
from nstyle.models.model_file import read_info
from nstyle.reports.page import Figure, Section
from nstyle.training.curves import read_curves
from nstyle.training.report import curves_plot


def append_section(studio: Studio, model: Stylizer, run: Path) -> Section:
    """Show styles that were appended to the shipped model."""
    grown, lesson = load(run), studio.plan.append
    figures = _figures(studio, lesson, run, grown, "astronaut", (model.styles[0], lesson.styles[0]))
    kept = "bit for bit as they were" if keeps_styles(model, grown) else "changed, which must not be: please report it"
    text = (
        f"{_training(studio, lesson, run)} Only the scales and shifts of the new styles are trained: all weights of the {len(model.styles)} "
        f"old ones are {kept} (compared just now). Minutes more make them better; so do more photographs."
    )
    return Section(f"Teaching it {len(lesson.styles)} more styles", text, figures)


def scratch_section(studio: Studio, run: Path) -> Section:
    """Show a small network that was trained from nothing."""
    network, lesson = load(run), studio.plan.scratch
    figures = _figures(studio, lesson, run, network, "chelsea", (lesson.styles[0], lesson.styles[1]))
    text = (
        f"{_training(studio, lesson, run)} It began with random weights, is {lesson.width:g} times as wide as the shipped model, and has seen "
        f"{len(studio.photographs)} photographs. It shows that training works, not how well: the shipped model had thousands of photographs "
        "and thousands of updates."
    )
    return Section("A network of your own, from nothing", text, figures)


def what_it_learnt(studio: Studio, lesson: Lesson, model: Stylizer) -> Figure:
    """Show each new style beside photographs painted in it."""
    folder = studio.folder

    def make() -> Image.Image:
        cells: list[list[Image.Image | str]] = []
        for i, name in enumerate(lesson.styles):
            studio.report(name, i / len(lesson.styles))
            style = read_picture(folder.styles / f"{name}.jpg").over_white()
            painted = (model.stylize(cut(photo), name, size=studio.plan.cell) for photo in studio.photographs.values())
            cells.append([cut(style), *painted])
        return labelled_table([""] * len(cells), ["the style", *studio.photographs], cells, cell=studio.plan.cell)

    painting = f"nstyle stylize {folder.shown('photographs')} --model {folder.shown(lesson.run)} --all {studio.painted()}"
    command = f"{training_command(folder, lesson)}\n{painting}"
    return folder.picture(f"{lesson.run}-learnt", f"{' and '.join(lesson.styles)}: the style, and photographs painted in it", command, make)


def keeps_styles(old: Stylizer, new: Stylizer) -> bool:
    """Tell whether a grown model holds all weights of the one it grew from, bit for bit, and its styles in the same rows."""
    grown = new.network.state_dict()
    rows = len(old.styles)
    same = (
        torch.equal(value, grown[name][:rows] if name.endswith(("gamma_SC", "beta_SC")) else grown[name])
        for name, value in old.network.state_dict().items()
    )
    return new.styles[:rows] == old.styles and all(same)


def _figures(studio: Studio, lesson: Lesson, run: Path, model: Stylizer, photo: str, ends: tuple[str, str]) -> list[Figure]:
    return [
        what_it_learnt(studio, lesson, model),
        blend_strip(studio, f"{lesson.run}-blend", model, studio.folder.shown(lesson.run), photo, ends),
        Figure.of_plot(
            f"{lesson.run}-curves",
            "The losses of every update, faint, and their running means: every update sees other crops, so they scatter",
            curves_plot(read_curves(run)),
        ),
    ]


def _training(studio: Studio, lesson: Lesson, run: Path) -> str:
    info = read_info(run / MODEL_FILE)
    seconds = studio.folder.seconds.get(f"{lesson.run}-training", 0.0)
    return (
        f"{info.run_updates} updates on crops of the {len(studio.photographs)} photographs, in {seconds:.0f} seconds, against "
        f"the features of {info.vgg['architecture']} ({info.vgg['release']})."
    )
