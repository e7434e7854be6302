"""L. Gatys, A. Ecker and M. Bethge: figure 1 of 2015, and the transfer of 2016."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from nstyle.encoders.layers import CHANNELS_PER_BLOCK
from nstyle.imaging.pictures import read_picture
from nstyle.reconstruction.all_runs import loss_plot
from nstyle.reconstruction.config import TRANSFER_CONTENT_LAYERS
from nstyle.reconstruction.structure_radius import structure_radius
from nstyle.reports.page import Figure, Table, number
from nstyle.reproduction.activations import CONTENT_POWER, STYLE_POWER, normalized_weights
from nstyle.reproduction.figures import not_made, picture_sheet, verdict
from nstyle.reproduction.measures import difference, errors, rises
from nstyle.reproduction.recipe import Exhibit, Materials, Recipe, Shown
from nstyle.reproduction.reconstructions import Axes, Reconstructions
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import Scale

ITERATIONS, SIZE = 500, 512
"""Neither is stated in 2015; in 2016 pictures have about 512 px. 500 iterations of L-BFGS are our choice."""
BLOCKS = tuple(f"relu{block}_1" for block in range(1, 6))
RATIOS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Content weight over style weight, figure 4 of 2016."""
CHANNELS = dict(zip(BLOCKS, CHANNELS_PER_BLOCK, strict=True))
"""The channels C of the style layers. The first author's code weights the mean over C^2 entries of a Gram matrix by
1e3 / C^2, and the mean content error by 1."""


def exhibits(materials: Materials, scale: Scale) -> Sequence[Exhibit]:
    """Return the experiments of both papers."""
    photo, painting = materials.photos[0], materials.paintings[0]
    common: Axes = {
        "iterations": [scale.steps(ITERATIONS)],
        "size": [scale.size(SIZE)],
        "patience": [0],
        "pooling": ["average"],
        **materials.axes,
    }

    def of_paper(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Give the style layers equal parts in a network with normalized activations."""
        return {"layers": normalized_weights(tuple(settings["layers"]), STYLE_POWER, materials)}

    def of_code(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Give the layers the parts that they have in the first author's code, in a network with such activations.

        ``gram-gatys`` is a quarter of the mean over the entries of Gram matrices that are means over positions.
        """
        style = normalized_weights(BLOCKS, STYLE_POWER, materials)
        return {
            "style_layers": {name: 4 * len(BLOCKS) * style[name] / CHANNELS[name] ** 2 for name in BLOCKS},
            "content_layers": normalized_weights(tuple(settings["content_layers"]), CONTENT_POWER, materials),
        }

    content = Reconstructions("content", {"layers": BLOCKS, "content": [photo], **common})
    chain = [",".join(BLOCKS[: n + 1]) for n in range(len(BLOCKS))]
    style = Reconstructions(
        "style", {"layers": chain, "style": [painting], "loss": ["gram-gatys"], **common}, dependent=of_paper
    )
    transfer = Reconstructions(
        "transfer",
        {
            "style_weight": [1 / ratio for ratio in RATIOS],
            "style": [painting],
            "content": [photo],
            "loss": ["gram-gatys"],
            "content_layers": [TRANSFER_CONTENT_LAYERS],
            "style_layers": [",".join(BLOCKS)],
            "start": ["noise"],
            **common,
        },
        dependent=of_code,
    )
    return [
        Exhibit(
            "figure-1-content",
            "Figure 1 of 2015, content reconstructions",
            "From noise, pictures are optimized until they match a photograph's features at conv1_1, conv2_1, conv3_1, "
            "conv4_1 and conv5_1. The first three are nearly perfect; in the higher ones details of pixels are lost "
            "while what is shown stays.",
            (content,),
            partial(_content, work=content),
        ),
        Exhibit(
            "figure-1-style",
            "Figure 1 of 2015, style reconstructions",
            "Gram matrices of conv1_1, then conv1_1 and conv2_1, and so on to all five. The pictures match the "
            "painting's style on an increasing scale, and lose the arrangement of the scene.",
            (style,),
            partial(_style, work=style),
        ),
        Exhibit(
            "transfer",
            "The transfer of 2016, at four ratios of content to style",
            "Content conv4_2, style conv1_1 to conv5_1 with a fifth each, from noise, by L-BFGS; alpha / beta from "
            "1e-4 to 1e-1. A strong style leaves a texture of the painting in which the photograph is hardly seen; a "
            "strong content leaves the photograph with little of the style.",
            (transfer,),
            partial(_transfer, work=transfer),
        ),
    ]


def _content(results: Results, work: Reconstructions) -> Shown:
    runs = results.runs(work)
    photo = read_picture(work.axes["content"][0]).rgb
    errors = [difference(run.folder.read_result(), photo) for run in runs]
    deeper = rises(errors)
    text = verdict(
        deeper,
        "the pictures lie the further from the photograph the deeper the layer",
        "the distance from the photograph does not grow at every layer; see the table",
    )
    rows = [[run.label, f"{error:.1f}"] for run, error in zip(runs, errors, strict=True)]
    table = Table(["layer", "distance from the photograph, levels of 255 (root mean square)"], rows)
    return Shown(f"{text} {not_made(results.failures(work))}", [results.grid(work, "One layer each")], [table])


def _style(results: Results, work: Reconstructions) -> Shown:
    runs = results.runs(work)
    radii = [structure_radius(run.folder.read_result()) for run in runs]
    grows = rises(radii)
    text = verdict(
        grows,
        f"structures grow with every block, from {radii[0]:.1f} to {radii[-1]:.1f} px",
        f"structures grow to {max(radii):.1f} px at {runs[radii.index(max(radii))].layers[-1]}, but not at every step",
    )
    labelled = [(f"up to {run.layers[-1]}", run) for run in runs]
    rows = [[run.layers[-1], f"{radius:.1f}"] for run, radius in zip(runs, radii, strict=True)]
    figures = [
        picture_sheet(work.name, "The first one, two, three, four and five blocks together", labelled),
        Figure.of_plot("style-loss", "The loss of each", loss_plot([(run.layers[-1], run) for run in runs])),
    ]
    table = Table(["up to", "structure radius, px"], rows)
    return Shown(f"{text} {not_made(results.failures(work))}", figures, [table])


def _transfer(results: Results, work: Reconstructions) -> Shown:
    runs = results.runs(work)
    if not runs:
        return Shown(not_made(results.failures(work)))
    photo = read_picture(work.axes["content"][0]).rgb
    ratios = [f"{1 / (run.config.style_weight or 1):.0e}" for run in runs]
    distances = [difference(run.folder.read_result(), photo) for run in runs]
    parts = [(content, style * (run.config.style_weight or 1)) for run in runs for content, style in [errors(run)]]
    text = verdict(
        rises(distances[::-1]),
        "the larger the ratio, the closer the picture is to the photograph",
        "the distance from the photograph does not fall at every step",
    )
    labelled = [(f"alpha / beta {ratio}", run) for ratio, run in zip(ratios, runs, strict=True)]
    figure = picture_sheet(work.name, "From noise, by content weight over style weight", labelled)
    columns = ["alpha / beta", "content part of the loss", "style part of the loss", "distance from the photograph"]
    rows = [
        [ratio, *map(number, part), f"{distance:.1f}"]
        for ratio, part, distance in zip(ratios, parts, distances, strict=True)
    ]
    return Shown(f"{text} {not_made(results.failures(work))}".strip(), [figure], [Table(columns, rows)])


GATYS = Recipe(
    "gatys",
    "L. Gatys, A. Ecker and M. Bethge, A Neural Algorithm of Artistic Style, 2015, and Image Style Transfer Using "
    "Convolutional Neural Networks, CVPR 2016",
    "Content and style reconstructions of blocks 1 to 5 (figure 1 of 2015), and the transfer with the defaults of "
    "2016.",
    "The papers take VGG19 with the activations of every filter normalized to mean 1; here it is the encoder that was "
    "given, and the weights of its layers are normalized, by their mean activations over the pictures here: without "
    "that they weigh by the fourth power of their activations, and the deepest one counts for nothing. It pools by "
    "averages. By the formula of 2016, whose content loss is a sum over pixels, the ratio of 1e-3 leaves the "
    "photograph as it is; the first author's published code takes its mean, and weights layers by 1 / C^2, as is done "
    "here. Features are compared after the ReLU. Numbers of iterations are not stated.",
    exhibits,
)
