"""J. Early, J. Sian and A. Stonard, *A Learned Representation for Artistic Style*: figures 1 to 5 and table 1."""

import math
from collections.abc import Sequence
from functools import partial

from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.finished_runs import Run
from nstyle.reports.page import Figure, Table, number
from nstyle.reports.plots import line_plot
from nstyle.reproduction.early_networks import (
    CONTENT_GAPS,
    FALL,
    STYLE_GAPS,
    curves_shown,
    pairs_shown,
    square_shown,
    way_shown,
)
from nstyle.reproduction.figures import listed, not_made, verdict
from nstyle.reproduction.measures import rises
from nstyle.reproduction.recipe import Exhibit, Materials, Recipe, Shown
from nstyle.reproduction.reconstructions import Reconstructions
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import Scale
from nstyle.reproduction.trainings import Blends, Comparison, Training

CURVES, PAIRS = 40_000, 10_000
"""Updates of figure 1, and of each network of figure 2."""
STYLES, COMPARED, CORNERS = 10, 5, 4
"""Styles of figures 1, 2 and 5a."""
SIZE, BATCH = 256, 4
"""Of crops, and of the picture that is reconstructed, in pixels; photographs per update."""
LR = 1e-3
"""Adam's rate, of trainings (pytorch/examples, which their repository follows) and of reconstructions (section 4)."""
ITERATIONS = 10_000
"""Figure 4 goes past 2,000 updates; where it ends is not stated, as it stops early."""
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
PHI = (0.0294e7, 2.5988e7, 8.4401e7, 0.0758e7)
"""Table 1: the loss of each layer at the start of tau 4."""
TAU = (0.909, 7.336, 150.189, 15906.612)
"""Table 1: the cumulative loss that was reached."""
THERE = dict(zip(LAYERS, zip(PHI, TAU, strict=True), strict=True))
CROSSING = 2000
"""About the update from which conv4_1 is learnt faster than conv1_1, which we take for where their lines cross in
figure 4."""


def exhibits(materials: Materials, scale: Scale) -> Sequence[Exhibit]:
    """Return the figures and the table of the report."""
    trained = {
        "preset": "johnson",
        "size": scale.size(SIZE),
        "batch_size": BATCH,
        "lr": LR,
        "content": str(materials.content),
        **materials.settings,
    }
    ten = Training("ten-styles", materials.paintings[:STYLES], {**trained, "updates": scale.steps(CURVES)})
    compared = materials.paintings[:COMPARED]
    pairs = math.ceil(scale.steps(PAIRS) / len(compared)) * len(compared)  # Each style gets the same number.
    pair = Comparison("n-against-one", compared, {**trained, "updates": pairs})
    blocks = Reconstructions(
        "blocks",
        {
            "layers": [",".join(LAYERS[: n + 1]) for n in range(len(LAYERS))],
            "style": [materials.paintings[0]],
            "optimizer": ["adam"],
            "lr": [LR],
            "iterations": [scale.steps(ITERATIONS)],
            "size": [scale.size(SIZE)],
            **materials.axes,
        },
    )
    blends = Blends("blends", materials.photos[0], ten, CORNERS, {"size": scale.size(SIZE), **materials.settings})
    return [
        Exhibit(
            "figure-1",
            "Figure 1: learning curves of ten styles",
            f"One network learns ten styles in {CURVES:,} updates, all of them at once, but not equally well: in their "
            f"published logs the style losses of the last updates lie between {number(FALL[0])} and {number(FALL[1])}.",
            (ten,),
            partial(curves_shown, work=ten),
        ),
        Exhibit(
            "figure-2",
            "Figure 2: one network in five styles against five in one each",
            f"After {PAIRS:,} updates of each network the n-style one is overall slightly worse. Losses of the single "
            "ones follow a similar trend, so that some styles are taken to be harder than others. In their published "
            f"logs the n-style network's style losses are {_percent(STYLE_GAPS)} above those of the single ones, its "
            f"content losses {_percent(CONTENT_GAPS)}.",
            (pair,),
            partial(pairs_shown, work=pair),
        ),
        Exhibit(
            "figure-3",
            "Figure 3: style reconstructions of blocks 1 to 4",
            "Starry Night from noise, by Adam at 0.001, with the losses of the first layer of the first n blocks added "
            "up (tau n): the deeper, the higher the level of the features.",
            (blocks,),
            partial(_blocks, work=blocks),
        ),
        Exhibit(
            "figure-4",
            "Figure 4: each layer's loss while tau 4 falls",
            "Over their own starts, conv3_1 falls fastest. conv1_1 is learnt faster than conv4_1 until about "
            f"{CROSSING:,} updates, and conv4_1 faster from there on, where we take the lines to cross.",
            (blocks,),
            partial(_phi, work=blocks),
        ),
        Exhibit(
            "table-1",
            "Table 1: phi at the start of tau 4, and tau at the end",
            "The largest phi is that of conv3_1; tau grows by orders of magnitude with each block. Numbers depend on "
            "the divisor of the Gram matrices and on the release of VGG, which are not stated: only their order "
            "compares.",
            (blocks,),
            partial(_table, work=blocks),
        ),
        Exhibit(
            "figure-5a",
            "Figure 5a: blends of four styles in a square",
            "Each square is painted with weights by its distance from the corners, each of which is one style. Blends "
            "are new styles; an even mix merges its styles well.",
            (ten, blends),
            partial(square_shown, work=blends),
        ),
        Exhibit(
            "figure-5b",
            "Figure 5b: the losses of two styles on the way between them",
            "As the weight goes from style A to style B, the loss of A grows and that of B falls.",
            (ten, blends),
            partial(way_shown, work=blends),
        ),
    ]


def _percent(values: Sequence[float]) -> str:
    return ", ".join(f"{value:+.0f}" for value in values[:-1]) + f" and {values[-1]:+.0f} %"


def _blocks(results: Results, work: Reconstructions) -> Shown:
    caption = "tau 1 to tau 4, after their figure 3"
    return Shown(_stops(results.runs(work)) + not_made(results.failures(work)), [results.grid(work, caption)])


def _stops(runs: Sequence[Run]) -> str:
    ends = {"iterations": "at its last iteration", "plateau": "on a plateau", "converged": "converged"}
    stopped = [f"tau {len(run.layers)} {ends[run.description['stopped']]}" for run in runs]
    return f"They ended: {listed(stopped)}. "


def _phi(results: Results, work: Reconstructions) -> Shown:
    deepest = results.runs(work)[-1]
    losses = deepest.folder.read_losses()
    series = {
        layer: [value / losses[f"style/{layer}"][0] for value in losses[f"style/{layer}"]] for layer in deepest.layers
    }
    at_end = {layer: values[-1] for layer, values in series.items()}
    fastest = min(at_end, key=at_end.__getitem__)
    text = f"{fastest} falls farthest, to {at_end[fastest]:.2g} of its start. "
    if LAYERS[-1] in series:
        text += _crossing(series[LAYERS[0]], series[LAYERS[-1]])
    plot = line_plot(losses["iteration"], series, x_label="iteration", y_label="phi / its value at the start")
    text += not_made(results.failures(work))
    return Shown(text, [Figure.of_plot("phi", "Each layer's loss over its start, after their figure 4", plot)])


def _crossing(first: Sequence[float], last: Sequence[float]) -> str:
    """Say whether the loss of conv4_1 falls below that of conv1_1 for good, as in figure 4."""
    below = [b < a for a, b in zip(first, last, strict=True)]
    if not below[-1]:
        last_below = max((i for i, is_below in enumerate(below) if is_below), default=None)
        once = f" It lay below until iteration {last_below:,}." if last_below is not None else ""
        return f"Not so here: conv4_1 ends above conv1_1, at {last[-1]:.2g} against {first[-1]:.2g}.{once} "
    since = max((i for i, is_below in enumerate(below) if not is_below), default=0) + 1
    return (
        verdict(
            since > 1,
            f"they cross; conv4_1 lies below conv1_1 from iteration {since:,} on",
            "conv4_1 lies below conv1_1 from the first iteration on, so they do not cross",
        )
        + " "
    )


def _table(results: Results, work: Reconstructions) -> Shown:
    runs = results.runs(work)
    initial = runs[-1].description["initial"]
    phi = {run.layers[-1]: initial[f"style/{run.layers[-1]}"] for run in runs}
    rows = [
        [layer, number(there_phi), number(phi[layer]), number(there_tau), number(run.best_loss)]
        for run in runs
        for layer in [run.layers[-1]]
        for there_phi, there_tau in [THERE[layer]]
    ]
    columns = ["layer", "initial phi, source", "initial phi, here", "tau, source", "tau, here"]
    largest = max(phi, key=phi.__getitem__)
    taus = [run.best_loss for run in runs]
    text = verdict(largest == "relu3_1", "the largest phi is that of conv3_1", f"the largest phi is that of {largest}")
    text += " " + verdict(rises(taus), "tau grows with each block", "tau does not grow with each block")
    vgg = runs[-1].description["vgg"]
    text += f" Gram matrices are divided by C H W here; the weights are {vgg['architecture']}, {vgg['release']}. "
    return Shown(text + not_made(results.failures(work)), tables=[Table(columns, rows)])


EARLY = Recipe(
    "early",
    "J. Early, J. Sian and A. Stonard, A Learned Representation for Artistic Style, a reproduction of Dumoulin et al. "
    "2017, University of Southampton",
    "Learning curves of ten styles, five styles in one network against five networks, style reconstructions of "
    "blocks 1 to 4 with table 1, and blends of four styles.",
    "Networks are trained with the preset johnson, whose weights are pytorch/examples' under torchvision's VGG16 and "
    "Johnson et al.'s own under Oxford's. Where fewer than ten paintings are given, there are fewer styles. Their "
    f"pictures of blocks are {SIZE} x {SIZE} px, ours have the proportions of the painting. Their rule of early "
    "stopping is not stated; here a reconstruction ends when its loss has not come lower for "
    f"{ReconstructionConfig.patience} iterations.",
    exhibits,
)
