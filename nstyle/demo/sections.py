"""The sections of the page: the shipped model, and the two trainings with their styles, blends and learning curves."""

from pathlib import Path

import torch
from PIL import Image

from nstyle.data.samples import CREDITS
from nstyle.demo.picture_maker import CORNERS, PictureMaker, cut
from nstyle.demo.plan import DemoTraining
from nstyle.demo.training import training_command
from nstyle.imaging.layout import labelled_table
from nstyle.imaging.pictures import read_picture
from nstyle.inference.stylizer import Stylizer, load
from nstyle.models.locate import DEFAULT, MODEL_FILE
from nstyle.models.model_file import read_info
from nstyle.reports.page import Figure, Section
from nstyle.training.curves import read_curves
from nstyle.training.report import curves_plot


def paint_section(maker: PictureMaker, model: Stylizer) -> Section:
    """Paint with every style of the shipped model, and with blends of them."""
    styles, columns = model.styles, maker.plan.columns
    spread = [styles[i * len(styles) // columns] for i in range(min(columns, len(styles)))]
    figures = [
        maker.all_styles(model, "astronaut"),
        maker.several_photographs(model, spread),
        maker.blend_strip("paint-blend", model, DEFAULT, "chelsea", (styles[0], styles[1])),
    ]
    if len(styles) >= CORNERS:
        corners = [styles[i * (len(styles) - 1) // (CORNERS - 1)] for i in range(CORNERS)]
        figures.append(maker.four_styles(model, "coffee", corners))
    figures.append(maker.by_halves(model, "rocket", styles[0]))
    text = (
        f"The model that comes with nstyle holds {len(styles)} styles. They share every convolution; a style is a "
        f"scale and a shift of each channel, and blends mix those, never pixels. {CREDITS}"
    )
    return Section("Painting with the shipped model", text, figures)


def append_section(maker: PictureMaker, model: Stylizer, run: Path) -> Section:
    """Show the styles that were appended to the shipped model."""
    grown, training = load(run), maker.plan.append
    figures = _figures(maker, training, run, grown, "astronaut", (model.styles[0], training.styles[0]))
    kept = "bit for bit as they were" if keeps_styles(model, grown) else "changed, which must not be: please report it"
    text = (
        f"{_how_it_was_trained(maker, training, run)} Only the scales and shifts of the new styles are trained: all "
        f"weights of the {len(model.styles)} old ones are {kept} (compared just now). Minutes more make them better; "
        "so do more photographs."
    )
    return Section(f"Teaching it {len(training.styles)} more styles", text, figures)


def scratch_section(maker: PictureMaker, run: Path) -> Section:
    """Show the small network that was trained from random weights."""
    network, training = load(run), maker.plan.scratch
    figures = _figures(maker, training, run, network, "chelsea", (training.styles[0], training.styles[1]))
    text = (
        f"{_how_it_was_trained(maker, training, run)} It began with random weights, is {training.width:g} times as "
        f"wide as the shipped model, and has seen {len(maker.photographs)} photographs. It shows that training works, "
        "not how well: the shipped model had thousands of photographs and thousands of updates."
    )
    return Section("A network of your own, from nothing", text, figures)


def learnt_styles(maker: PictureMaker, training: DemoTraining, model: Stylizer) -> Figure:
    """Show each new style beside the photographs painted in it."""
    folder = maker.folder

    def make() -> Image.Image:
        cells: list[list[Image.Image | str]] = []
        for i, name in enumerate(training.styles):
            maker.progress(name, i / len(training.styles))
            style = read_picture(folder.styles / f"{name}.jpg").over_white()
            painted = (model.stylize(cut(photo), name, size=maker.plan.cell) for photo in maker.photographs.values())
            cells.append([cut(style), *painted])
        return labelled_table([""] * len(cells), ["the style", *maker.photographs], cells, cell=maker.plan.cell)

    painting = (
        f"nstyle stylize {folder.shown('photographs')} --model {folder.shown(training.run)} --all {maker.painted()}"
    )
    command = f"{training_command(folder, training)}\n{painting}"
    return folder.picture(
        f"{training.run}-learnt",
        f"{' and '.join(training.styles)}: the style, and photographs painted in it",
        command,
        make,
    )


def keeps_styles(old: Stylizer, new: Stylizer) -> bool:
    """Tell whether the weights of the old model, and its styles in their order, are in the new one bit for bit."""
    grown = new.network.state_dict()
    rows = len(old.styles)
    same = (
        torch.equal(value, grown[name][:rows] if name.endswith(("gamma_SC", "beta_SC")) else grown[name])
        for name, value in old.network.state_dict().items()
    )
    return new.styles[:rows] == old.styles and all(same)


def _figures(
    maker: PictureMaker, training: DemoTraining, run: Path, model: Stylizer, photo: str, ends: tuple[str, str]
) -> list[Figure]:
    return [
        learnt_styles(maker, training, model),
        maker.blend_strip(f"{training.run}-blend", model, maker.folder.shown(training.run), photo, ends),
        Figure.of_plot(
            f"{training.run}-curves",
            "The losses of every update, faint, and their running means: every update sees other crops, so they "
            "scatter",
            curves_plot(read_curves(run)),
        ),
    ]


def _how_it_was_trained(maker: PictureMaker, training: DemoTraining, run: Path) -> str:
    info = read_info(run / MODEL_FILE)
    seconds = maker.folder.seconds.get(f"{training.run}-training", 0.0)
    return (
        f"{info.run_updates} updates on crops of the {len(maker.photographs)} photographs, in {seconds:.0f} seconds, "
        f"against the features of {info.vgg.get('architecture')} ({info.vgg.get('release')})."
    )
