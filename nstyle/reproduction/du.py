"""X. Du, *Dissecting Neural Style Transfer*: starts, the weight k, stored results, and what removes places."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from nstyle.reconstruction.structure_radius import structure_radius
from nstyle.reports.page import Table, number
from nstyle.reproduction.figures import not_made, picture_sheet, snapshot_sheet, verdict
from nstyle.reproduction.measures import errors, rises
from nstyle.reproduction.race import race
from nstyle.reproduction.recipe import Exhibit, Materials, Recipe, Shown
from nstyle.reproduction.reconstructions import Axes, Halved, Reconstructions
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import Scale

CYCLES, SIZE = 5000, 512
"""The training cycles of the command that the document shows, and the size of its arrays, in pixels."""
STARTS = ("noise", "white", "black", "mean", "content", "style", "average")
DECADES = (2e-6, 2e-5, 2e-4, 2e-3, 2e-2)
"""The values of k. The document gives none; from the photograph as it is to no face any more, under these layers."""
LAYERS: Axes = {"content_layers": ["relu2_2"], "style_layers": ["relu1_1,relu1_2,relu2_1,relu2_2,relu3_1"]}
"""The document takes conv_4 for the content, the fourth convolution; the style layers are the first five convolutions,
as in the implementations that it speaks of."""
K, SHUFFLED_RATE = 2e-4, 0.02
MUCH_EASIER = 0.5
"""Our choice: a start is much easier if it needs at most half the iterations."""


def exhibits(materials: Materials, scale: Scale) -> Sequence[Exhibit]:
    """Return the document's experiments."""
    pictures: Axes = {"style": [materials.paintings[0]], "content": [materials.photos[0]]}
    length: Axes = {"iterations": [scale.steps(CYCLES)], "size": [scale.size(SIZE)], "patience": [0]}
    common: Axes = {**pictures, **LAYERS, **length, **materials.axes}
    starts = Reconstructions("starts", {"start": STARTS, "style_weight": [K], **common})
    weights = Reconstructions("k", {"style_weight": DECADES, **common})
    every = max(1, scale.steps(CYCLES) // 10)
    whole = Reconstructions("in-one-go", {"style_weight": [K], **common}, snapshots_every=every)
    halved = Halved("picked-up", {name: values[0] for name, values in whole.axes.items()})
    losses: Axes = {"loss": ["gram", "mean-std", "moments", "mmd"], "moments": [1, 3]}
    style_only: Axes = {"layers": LAYERS["style_layers"], "style": pictures["style"], **length, **materials.axes}
    spatial = Reconstructions("without-places", {**losses, **style_only})
    shuffled = Reconstructions("shuffled", {"loss": ["mmd-shuffled"], "lr": [SHUFFLED_RATE], **style_only})
    return [
        Exhibit(
            "starts",
            "Seven starts",
            "Seven choices are listed: noise, white, black, the mean of the model, the content, the style, and the "
            "average of content and style. The content is said to make the optimization much easier than noise. The "
            "document ends before its results.",
            (starts,),
            partial(_starts, work=starts),
        ),
        Exhibit(
            "k",
            "The weight k of the style",
            "Only the ratio of both weights matters, so the content's is 1 and the style's is k. No values are given.",
            (weights,),
            partial(_weights, work=weights),
        ),
        Exhibit(
            "stored-results",
            "Intermediate results that are stored and picked up again",
            "Instead of trying numbers of iterations, it is run for more than enough of them, intermediate results are "
            "stored, and the program picks them up again when it is started anew.",
            (whole, halved),
            partial(_stored, whole=whole, halved=halved),
        ),
        Exhibit(
            "spatial-information",
            "Other ways to remove the spatial information",
            "Gram matrices are one way to describe how features are distributed without where they are; the section on "
            "other ways has a title and no text.",
            (spatial, shuffled),
            partial(_spatial, works=(spatial, shuffled)),
        ),
    ]


def _starts(results: Results, work: Reconstructions) -> Shown:
    runs = {str(run.config.start): run for run in results.runs(work)}
    shown = race(results, work, "start", runs, "The best picture from each start")
    if not {"content", "noise"} <= set(runs):
        return shown
    content, noise = (runs[start].folder.read_losses()["loss"] for start in ("content", "noise"))
    return replace(shown, text=f"{shown.text} {easier_text(content, noise)}")


def easier_text(content: Sequence[float], noise: Sequence[float]) -> str:
    """Say whether the content is much easier than noise, from the losses of the start and after each iteration."""
    total = len(noise) - 1
    needed = next((i for i, loss in enumerate(content) if loss <= min(noise)), None)
    if needed is None:
        return verdict(False, f"from the content the loss comes nowhere as low as from noise, {number(min(noise))}")
    what = f"from the content {needed:,} iterations bring the loss as low as {total:,} from noise"
    return verdict(needed <= MUCH_EASIER * total, what, f"{what}, which is not much easier")


def _weights(results: Results, work: Reconstructions) -> Shown:
    runs = results.runs(work)
    pairs = [errors(run) for run in runs]
    contents, styles = ([pair[i] for pair in pairs] for i in (0, 1))
    trade = (
        f"the style's error {'falls' if rises(styles[::-1]) else 'does not fall'} and the content's "
        f"{'grows' if rises(contents) else 'does not grow'} at every step"
    )
    rows = [
        [f"{run.config.style_weight:g}", number(content), number(style)]
        for run, (content, style) in zip(runs, pairs, strict=True)
    ]
    table = Table(["k", "content error", "style error, summed over layers"], rows)
    text = f"From k = {rows[0][0]} to {rows[-1][0]} {trade}. {not_made(results.failures(work))}".strip()
    return Shown(text, [results.grid(work, "The best picture for each k")], [table])


def _stored(results: Results, whole: Reconstructions, halved: Halved) -> Shown:
    if not (results.runs(whole) and results.is_made(halved)):
        return Shown(not_made(results.failures(whole)) or f"Not made: {halved.name}.")
    (straight,) = results.runs(whole)
    (resumed,) = results.runs(halved)
    same = straight.folder.read_losses() == resumed.folder.read_losses()
    losses = straight.folder.read_losses()["loss"]
    half, fall = losses[0] - losses[len(losses) // 2], losses[0] - losses[-1]
    text = (
        f"A run that ended after half its {halved.settings['iterations']:,} iterations and was picked up again has "
        f"{'the same losses to the last bit as' if same else 'other losses than'} one that went through. "
        + (
            f"The first half brought {100 * half / fall:.0f} % of the fall of the loss."
            if fall > 0
            else "The loss did not fall."
        )
    )
    return Shown(text, [snapshot_sheet("stored-results", "Every tenth of the iterations", straight)])


def _spatial(results: Results, works: tuple[Reconstructions, ...]) -> Shown:
    runs = [run for work in works for run in results.runs(work)]
    radii = {run.config.loss_label: structure_radius(run.folder.read_result()) for run in runs}
    rows = [[label, f"{radius:.1f}"] for label, radius in radii.items()]
    text = (
        "Each loss rebuilds the painting from noise at the same layers, without a content. The structure radius says "
        "how large structures are: the distance at which the autocorrelation of the blurred lightness falls to 1/e. "
        "mmd compares the same places, so it keeps them and copies the painting; the others throw places away. "
        + not_made([failure for work in works for failure in results.failures(work)])
    )
    of_losses, of_pairs = works
    figures = [
        results.grid(of_losses, "Gram matrices, means and deviations, moments, and discrepancy at the same places")
    ]
    if drawn := [(run.config.loss_label, run) for run in results.runs(of_pairs)]:
        figures.append(picture_sheet(of_pairs.name, "Mean discrepancy over pairs drawn at random, by Adam", drawn))
    return Shown(text, figures, [Table(["loss", "structure radius, px"], rows)])


DU = Recipe(
    "du",
    "X. Du, Dissecting Neural Style Transfer, Australian National University",
    "The seven starts, the weight k over decades, stored results picked up again, and losses without places.",
    "The document is unfinished: it has a method, a command for 5,000 cycles and arrays of 512 px, but no results, no "
    "pictures and no values of k. It takes VGG19; here it is the encoder that was given. Our choices are: the content "
    "at relu2_2, its fourth convolution after the ReLU; the style at the first five convolutions; every k, and "
    f"k = {K:g} where nothing else is said; L-BFGS, but Adam at {SHUFFLED_RATE:g} for pairs that are drawn anew at "
    "every iteration, which L-BFGS cannot follow.",
    exhibits,
)
