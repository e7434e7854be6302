"""A. Kang, *An Exploration of Neural Style Transfer*: weights, layers, steps, two styles, starts, rates and limits."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

from nstyle.imaging.pictures import read_picture
from nstyle.reconstruction.all_runs import loss_plot
from nstyle.reconstruction.structure_radius import structure_radius
from nstyle.reports.page import Figure, Table, number
from nstyle.reproduction.figures import not_made, picture_sheet, snapshot_sheet
from nstyle.reproduction.kang_limits import limits
from nstyle.reproduction.kang_units import SIZE, STYLE_WEIGHT, Units
from nstyle.reproduction.measures import difference, errors, grain, is_trade, rises, share_left
from nstyle.reproduction.race import race
from nstyle.reproduction.recipe import Exhibit, Materials, Recipe, Shown
from nstyle.reproduction.reconstructions import Axes, Reconstructions
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import Scale

FRAMES, EVERY = 21, 20
"""The frames of his animation, counted in the slides, and the iterations from one to the next."""
ITERATIONS = FRAMES * EVERY
"""Not stated: as many as the animation has."""
STYLE_WEIGHTS = (1e2, 1e3, 1e4, 1e5)
STRONG = 1e5
"""The weight s of the style for the starts."""
VARIATIONS = (0.0, 1.0, 10.0, 100.0, 1000.0)
"""The weight v of total variation, with none for comparison."""
LAYERS = tuple(f"block{n}_conv1" for n in range(1, 6))
"""The style layers, each with the same weight, of sum 1."""
STD = 1 / 255
"""His VGG19 is Keras', which sees levels of 255."""
STARTS = ("noise", "content", "style", "average")
OPTIMIZERS, RATES = ("lbfgs", "adam", "sgd"), (0.01, 0.1, 1.0)


def exhibits(materials: Materials, scale: Scale) -> Sequence[Exhibit]:
    """Return the experiments and the limits that the slides show."""
    size = scale.size(SIZE)
    units = Units.at(materials.sizes[0], size)
    shared: Axes = {
        "content_layers": ["block4_conv2"],
        "loss": ["gram-gatys"],
        "content_loss": ["half-sum"],
        "feature_scale": [materials.feature_scale(STD)],
        "iterations": [scale.steps(ITERATIONS)],
        "size": [size],
        "patience": [0],
        **materials.axes,
    }
    pictures: Axes = {"style": [materials.paintings[0]], "content": [materials.photos[0]]}
    all_layers: Axes = {"style_layers": [equal(len(LAYERS))]}
    noise: Axes = {"start": ["noise"]}
    usual: Axes = {"style_weight": [units.style * STYLE_WEIGHT], **noise, **all_layers}

    by_style: Axes = {"style_weight": [units.style * s for s in STYLE_WEIGHTS], **noise, **all_layers}
    weights = Reconstructions("style-weight", {**by_style, **pictures, **shared})
    tv: Axes = {"tv_weight": [units.variation * v for v in VARIATIONS], "tv": ["power-1.25"]}
    variation = Reconstructions("variation-weight", {**tv, **usual, **pictures, **shared})
    depths = [equal(count) for count in range(2, len(LAYERS) + 1)]
    layers = Reconstructions("layers", {**usual, "style_layers": depths, **pictures, **shared})
    every = math.ceil(scale.steps(ITERATIONS) / FRAMES)
    steps = Reconstructions("iterations", {**usual, **pictures, **shared}, snapshots_every=every)
    two = materials.paintings[:2]
    mixes = [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)] if len(two) == 2 else [(1.0,)]
    styles = Reconstructions(
        "two-styles", {"style_mix": mixes, **usual, "content": pictures["content"], **shared}, style=two
    )
    strong: Axes = {"style_weight": [units.style * STRONG], **all_layers, **pictures, **shared}
    starts = Reconstructions("starts", {"start": STARTS, **strong})
    rates = Reconstructions("rates", {"optimizer": OPTIMIZERS, "lr": RATES, **usual, **pictures, **shared})
    return [
        Exhibit(
            "style-weight",
            "The weight of the style",
            "Content 1, style 100, 1,000, 10,000 and 100,000, no total variation. Only pictures are shown.",
            (weights,),
            partial(_style_weight, work=weights, units=units),
        ),
        Exhibit(
            "variation-weight",
            "The weight of total variation",
            "Content 1, style 10,000, and 1, 10, 100 and 1,000 times the sum of (dx^2 + dy^2)^1.25, which is loosely "
            "defined. Only pictures are shown.",
            (variation,),
            partial(_variation_weight, work=variation, units=units),
        ),
        Exhibit(
            "layers",
            "Two to five style layers",
            "Style layers block1_conv1 to block5_conv1, from the first two to all five. The lower ones are said to see "
            "pixels, the higher ones to be smoother and more abstract.",
            (layers,),
            partial(_layers, work=layers),
        ),
        Exhibit(
            "iterations",
            "Every 20 iterations",
            f"An animation of {FRAMES} frames, {EVERY} iterations from one to the next, from noise to the painting.",
            (steps,),
            partial(_iterations, work=steps),
        ),
        Exhibit(
            "two-styles",
            "Several paintings at once",
            "One photograph in one style, in another and in both. Two of three people who were asked took the picture "
            "in both, and several styles are said to go together well.",
            (styles,),
            partial(_two_styles, work=styles, names=[painting.stem for painting in two]),
        ),
        Exhibit(
            "starts",
            "Starts",
            "Different initializations under style 100,000. Only pictures are shown, and which starts they are from is "
            "not said in words.",
            (starts,),
            partial(_starts, work=starts),
        ),
        Exhibit(
            "rates",
            "Optimizers and rates",
            "He minimizes with L-BFGS-B, bounded in memory, and compares no other optimizer and no rate.",
            (rates,),
            partial(_rates, work=rates),
        ),
        limits(materials, {**all_layers, **noise, **shared}, steps, units),
    ]


def equal(count: int) -> dict[str, float]:
    """Return the first style layers with equal weights of sum 1."""
    return dict.fromkeys(LAYERS[:count], 1 / count)


def _style_weight(results: Results, work: Reconstructions, units: Units) -> Shown:
    runs = results.runs(work)
    photo = read_picture(work.axes["content"][0]).rgb
    labels = [units.label(run) for run in runs]
    pairs = [errors(run) for run in runs]
    rows = [
        [label, *map(number, pair), f"{difference(run.folder.read_result(), photo):.1f}"]
        for label, pair, run in zip(labels, pairs, runs, strict=True)
    ]
    trade = (
        "With every step of the weight the picture's style error falls and its content error grows."
        if is_trade(pairs)
        else "The errors do not move one way with the weight; see the table."
    )
    table = Table(["weight", "content error", "style error", "from the photograph, levels of 255"], rows)
    figure = picture_sheet(work.name, "From noise, by the weight s of the style", list(zip(labels, runs, strict=True)))
    return Shown(f"{trade} {not_made(results.failures(work))}".strip(), [figure], [table])


def _variation_weight(results: Results, work: Reconstructions, units: Units) -> Shown:
    runs = results.runs(work)
    labels = [f"{run.config.tv_weight / units.variation:,.0f}" for run in runs]
    grains = [grain(run.folder.read_result()) for run in runs]
    text = (
        f"His variation is a sum over pixels and channels on the scale of 0 to 255, ours a mean in [0, 1]: v of his is "
        f"v times 3 (width - 1) (height - 1) 255^2.5, here {units.variation:.4g}, of ours. "
        + grain_text(labels, grains)
        + f" Grain is the root mean square difference of a picture and its median over 3x3 pixels. "
        f"{not_made(results.failures(work))}"
    )
    table = Table(
        ["v", "grain, levels of 255", "content error", "style error"],
        [
            [label, f"{value:.2f}", *map(number, errors(run))]
            for label, value, run in zip(labels, grains, runs, strict=True)
        ],
    )
    labelled = [(f"v = {label}", run) for label, run in zip(labels, runs, strict=True)]
    return Shown(text.strip(), [picture_sheet(work.name, "By the weight v of total variation", labelled)], [table])


def grain_text(labels: Sequence[str], grains: Sequence[float]) -> str:
    """Say how much grain total variation takes away."""
    if rises(grains[::-1]):
        return f"Every step takes grain away, from {grains[0]:.1f} levels at v = {labels[0]} to {grains[-1]:.1f}."
    least = grains.index(min(grains))
    return f"The least grain, {grains[least]:.1f} levels, is at v = {labels[least]}; not every step takes some away."


def _layers(results: Results, work: Reconstructions) -> Shown:
    runs = results.runs(work)
    photo = read_picture(work.axes["content"][0]).rgb
    pictures = [run.folder.read_result() for run in runs]
    radii = [structure_radius(picture) for picture in pictures]
    measured = [(radius, difference(picture, photo)) for radius, picture in zip(radii, pictures, strict=True)]
    structures = f"Structures have {', '.join(f'{radius:.1f}' for radius in radii)} px, from two layers to five."
    labels = [f"{len(run.layers)} layers" for run in runs]
    rows = [[label, *(f"{value:.1f}" for value in pair)] for label, pair in zip(labels, measured, strict=True)]
    figure = picture_sheet(work.name, "The first style layers", list(zip(labels, runs, strict=True)))
    table = Table(["style layers", "structure radius, px", "from the photograph, levels of 255"], rows)
    return Shown(f"{structures} {not_made(results.failures(work))}".strip(), [figure], [table])


def _iterations(results: Results, work: Reconstructions) -> Shown:
    (run,) = results.runs(work)
    caption = f"Every {work.snapshots_every} iterations" if work.snapshots_every > 1 else "Every iteration"
    plot = Figure.of_plot("iterations-loss", "The loss of the same run", loss_plot([(run.label, run)]))
    losses = run.folder.read_losses()["loss"]
    return Shown(fall_text(losses), [snapshot_sheet(work.name, caption, run), plot])


def fall_text(losses: Sequence[float], part: float = 0.99) -> str:
    """Say when most of the fall of a loss was done."""
    goal = losses[0] - part * (losses[0] - min(losses))
    done = next(i for i, loss in enumerate(losses) if loss <= goal)
    return f"After {done:,} of {len(losses) - 1:,} iterations {100 * part:.0f} % of the fall of the loss is done."


def _two_styles(results: Results, work: Reconstructions, names: Sequence[str]) -> Shown:
    runs = results.runs(work)
    of_mix = dict(zip(work.axes["style_mix"], [*names, "both"], strict=False))
    labels = [of_mix[run.config.style_mix] for run in runs]
    failed = not_made(results.failures(work))
    figure = picture_sheet(work.name, "One painting, the other, and both", list(zip(labels, runs, strict=True)))
    if len(runs) < 3:
        few = "" if failed else "This takes two paintings, and one was given."
        return Shown(failed or few, [figure])
    pictures = {label: run.folder.read_result() for label, run in zip(labels, runs, strict=True)}
    apart = {pair: difference(pictures[pair[0]], pictures[pair[1]]) for pair in combinations(labels, 2)}
    rows = [[" and ".join(pair), f"{value:.1f}"] for pair, value in apart.items()]
    table = Table(["pictures", "apart, levels of 255"], rows)
    return Shown(between_text(list(apart.values())), [figure], [table])


def between_text(apart: Sequence[float]) -> str:
    """Say whether the picture of both styles lies between those of each: one to other, one to both, other to both."""
    singles, *to_both = apart
    lies = "lies" if max(to_both) < singles else "does not lie"
    return (
        f"The picture of both is {to_both[0]:.1f} and {to_both[1]:.1f} levels from those of one, which are "
        f"{singles:.1f} apart: it {lies} between them. Which of them people like best was not asked here."
    )


def _starts(results: Results, work: Reconstructions) -> Shown:
    runs = {str(run.config.start): run for run in results.runs(work)}
    return race(results, work, "start", runs, "The best picture from each start")


def _rates(results: Results, work: Reconstructions) -> Shown:
    runs = {f"{run.config.optimizer} at {run.config.lr:g}": run for run in results.runs(work)}
    shown = race(results, work, "optimizer", runs, "By optimizer and rate")
    best = min(runs, key=lambda label: runs[label].best_loss)
    lowest = [label for label in runs if runs[label].config.optimizer == "lbfgs"]
    choice = f"{best} comes lowest, to {100 * share_left(runs[best]):.2g} % of the loss of the start, " + (
        "so that his optimizer is the best of the three."
        if best in lowest
        else "lower than L-BFGS at any of its rates."
    )
    rates = "A rate is the first length that L-BFGS tries along its direction; one of the others is in units of pixels."
    return replace(shown, text=f"{choice} {shown.text} {rates}".strip())


KANG = Recipe(
    "kang",
    "A. Kang, An Exploration of Neural Style Transfer, slides, 2017",
    "Weights of style and of total variation, layers, iterations, two styles, starts, rates, and what did not work.",
    "He takes VGG19 in Keras, content layer block4_conv2 (relu4_2), L-BFGS from noise, half the sum of squares for the "
    "content and Gatys' quarter for the style; here it is the encoder that was given, with its features brought to the "
    "scale that pictures of 0 to 255 have. The number of iterations and the size are not stated: we read "
    f"{ITERATIONS} iterations from the {FRAMES} frames of the animation, and chose {SIZE} px. His content loss and his "
    "variation are sums over pixels and his style loss is not, so that in a smaller picture the same s would weigh "
    "more: here s goes by the area, and the pages give it as he does. He remarks that weights have to be found anew "
    "for another size.",
    exhibits,
)
"""The slides' experiments."""
