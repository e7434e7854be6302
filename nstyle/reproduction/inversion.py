"""The style-inversion chapter (no author given): table 1.1, figures 1.3 to 1.7, and the claims of section 1.4."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nstyle.reconstruction.all_runs import loss_plot
from nstyle.reconstruction.config import DEFAULT_LR
from nstyle.reconstruction.finished_runs import Run
from nstyle.reconstruction.style_inversion_schedule import (
    EXTENSION,
    FEATURE_SCALE,
    ITERATIONS,
    MAX_EXTENSIONS,
    style_inversion_settings,
)
from nstyle.reports.page import Figure
from nstyle.reproduction.figures import not_made
from nstyle.reproduction.inversion_findings import (
    adam_against_lbfgs,
    depth,
    endings,
    gram_against_moments,
    loss_after,
    more_moments,
    rebuilt,
    scales,
    seeds,
    table_of_iterations,
)
from nstyle.reproduction.inverted import LIMIT, Inverted, inverted, losses_by_layer, measures_by_loss, measures_table
from nstyle.reproduction.recipe import Exhibit, Materials, Recipe, Shown
from nstyle.reproduction.reconstructions import Axes, Reconstructions
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import Scale

SIZE = 256
"""In pixels; it is not stated."""
LAYERS = tuple(ITERATIONS)
MOMENTS = (1, 2, 3, 4)
PAINTINGS = 3
"""The most paintings: figures 1.4 to 1.6 show the moments of one each."""
LAYER, FEW_AND_MANY = "relu2_1", (2, 4)
"""Where seeds and optimizers are compared, and for which moments; neither is stated."""
SEEDS = (0, 1, 2)
Sentences = Callable[[Sequence[Inverted]], str]


def lengths(settings: Mapping[str, Any], scale: Scale) -> dict[str, Any]:
    """Return what the chapter takes for a loss at a layer, with table, extensions and patience scaled alike."""
    chapter = style_inversion_settings(settings["loss"], settings.get("moments"), tuple(settings["layers"]))
    for name in ("iterations", "patience"):
        chapter[name] = scale.steps(chapter[name]) if chapter[name] else 0
    chapter["lr"] = DEFAULT_LR[settings.get("optimizer", chapter["optimizer"])]
    return {name: value for name, value in chapter.items() if name not in settings}


def exhibits(materials: Materials, scale: Scale) -> Sequence[Exhibit]:
    """Return the chapter's table, figures and claims."""
    paintings = materials.paintings[:PAINTINGS]
    common: Axes = {"size": [scale.size(SIZE)], **materials.axes}

    def work(name: str, styles: Sequence[Path], axes: Axes) -> Reconstructions:
        chosen = {"style": styles, "layers": LAYERS, **axes, **common}
        return Reconstructions(name, chosen, dependent=partial(lengths, scale=scale))

    of_moments: Axes = {"loss": ["moments"], "moments": MOMENTS}
    at_one_layer: Axes = {"layers": [LAYER], "loss": ["moments"], "moments": FEW_AND_MANY}
    gram, mmd = work("gram", paintings, {"loss": ["gram"]}), work("mmd", paintings, {"loss": ["mmd"]})
    moments = [work(f"moments-{i}", [style], of_moments) for i, style in enumerate(paintings, start=1)]
    features = work("features", paintings[:1], {"loss": ["gram"], "feature_scale": [FEATURE_SCALE, 1.0]})
    optimizers = work("optimizers", paintings[:1], {**at_one_layer, "optimizer": ["adam", "lbfgs"]})
    of_seeds = work("seeds", paintings[:1], {**at_one_layer, "seed": SEEDS})
    return [
        Exhibit(
            "table-1.1",
            "Table 1.1: iterations by layer and loss",
            "From 20,000 iterations for one moment at relu1_1 to 400,000 for four at relu2_2. A reconstruction stops "
            f"when its loss is below {LIMIT}, and is otherwise extended by {EXTENSION:,} iterations, up to "
            f"{MAX_EXTENSIONS} times.",
            (gram, *moments, mmd),
            partial(_table, works=(gram, *moments, mmd), extension=EXTENSION * scale.factor),
        ),
        Exhibit(
            "figure-1.3",
            "Figure 1.3: Gram matrices",
            "The first layers take up the colours of the painting, deeper ones rather its patterns; the deeper the "
            "layer, the larger the structures, as receptive fields grow.",
            (gram,),
            partial(_figure, work=gram, label=_painting, sentences=depth),
        ),
        *(_of_moments(i, moments[i] if i < len(moments) else None) for i in range(PAINTINGS)),
        Exhibit(
            "figure-1.7",
            "Figure 1.7: maximum mean discrepancy",
            "MMD brings back the painting itself and no style of it, as it is compared here: between the same places, "
            "and so with all moments of each map of features aligned.",
            (mmd,),
            partial(_figure, work=mmd, label=_painting, sentences=rebuilt),
        ),
        Exhibit(
            "gram-and-moments",
            "Gram matrices against moments",
            "Moments keep slightly larger structures than Gram matrices at about the same loss, and colours better. "
            "Gram converges in about as many iterations as two moments, and nearly always without artefacts. More "
            "than two moments take longer, and often end in a noisy local minimum; artefacts grow in number and size "
            "with the moments.",
            (gram, *moments),
            partial(_gram_and_moments, gram=gram, moments=moments),
        ),
        Exhibit(
            "features",
            "Features divided by 255, or not",
            f"How features were scaled is not stated, and the threshold of {LIMIT} depends on it. Divided by 255 "
            "is our reading.",
            (features,),
            partial(_varied, work=features, column="features times", value=_feature_scale, sentences=_of_features),
        ),
        Exhibit(
            "optimizer",
            "L-BFGS in the place of Adam",
            "Adam does not find the best picture for moments; an optimizer that knows the curvature, such as L-BFGS, "
            "brings no benefit and gives worse pictures. Neither its settings nor pictures are shown.",
            (optimizers,),
            partial(_varied, work=optimizers, column="optimizer", value=_optimizer, sentences=_of_optimizers),
        ),
        Exhibit(
            "seeds",
            "Other seeds",
            "Artefacts of the moment loss depend on the seed too: with another one they have other sizes and lie in "
            "other places. No pictures are shown.",
            (of_seeds,),
            partial(_varied, work=of_seeds, column="seed", value=_seed, sentences=_of_seeds),
        ),
    ]


def _of_moments(index: int, work: Reconstructions | None) -> Exhibit:
    """Return one of the three figures of moments. Without a painting for it there is nothing to do."""
    return Exhibit(
        f"figure-1.{4 + index}",
        f"Figure 1.{4 + index}: one to four moments, {('first', 'second', 'third')[index]} painting",
        "Each further moment improves the style: structures grow, and colours come nearer to those of the painting.",
        (work,) if work else (),
        partial(_figure, work=work, label=_loss, sentences=more_moments) if work else _no_painting,
    )


def _no_painting(results: Results) -> Shown:
    return Shown("It shows another painting than the figures before, and no further one was given.")


def _painting(run: Run) -> str:
    return Path(run.pictures[0]).stem


def _loss(run: Run) -> str:
    return run.config.loss_label


def _feature_scale(run: Run) -> str:
    return "1/255" if run.config.feature_scale == FEATURE_SCALE else f"{run.config.feature_scale:g}"


def _optimizer(run: Run) -> str:
    return str(run.config.optimizer)


def _seed(run: Run) -> str:
    return str(run.config.seed)


def _table(results: Results, works: Sequence[Reconstructions], extension: float) -> Shown:
    made = [one for work in works for one in inverted(results, work)]
    order = [(layer, loss) for layer, losses in ITERATIONS.items() for loss in losses]
    made.sort(key=lambda one: order.index((one.layer, one.loss)))
    failures = [failure for work in works for failure in results.failures(work)]
    text = f"{endings(made, extension)} {not_made(failures)}"
    return Shown(text, tables=[table_of_iterations(made)])


def _figure(results: Results, work: Reconstructions, label: Callable[[Run], str], sentences: Sentences) -> Shown:
    runs, made = results.runs(work), inverted(results, work)
    if not runs:
        return Shown(not_made(results.failures(work)))
    losses = losses_by_layer(runs, label)
    figures = [
        results.grid(work, "The best picture of each"),
        Figure.of_plot(f"{work.name}-loss", "The loss at each layer", losses),
    ]
    return Shown(f"{sentences(made)} {not_made(results.failures(work))}", figures, [measures_table(made)])


def _gram_and_moments(results: Results, gram: Reconstructions, moments: Sequence[Reconstructions]) -> Shown:
    of_gram = inverted(results, gram)
    of_moments = [one for work in moments for one in inverted(results, work)]
    text = f"{gram_against_moments(of_gram, of_moments)} The pictures are those of figures 1.3 to 1.6."
    return Shown(text, tables=[measures_by_loss([*of_gram, *of_moments])])


def _varied(
    results: Results,
    work: Reconstructions,
    column: str,
    value: Callable[[Run], str],
    sentences: Callable[[Sequence[Run], Sequence[Inverted]], str],
) -> Shown:
    """Show runs that differ in something besides layer and loss."""
    runs, made = results.runs(work), inverted(results, work)
    if not runs:
        return Shown(not_made(results.failures(work)))
    values = [value(run) for run in runs]
    lines = [
        (f"{run.config.loss_label} at {run.label}, {column} {text}", run)
        for run, text in zip(runs, values, strict=True)
    ]
    figures = [
        results.grid(work, "The best picture of each"),
        Figure.of_plot(f"{work.name}-loss", "The loss of each", loss_plot(lines)),
    ]
    text = f"{sentences(runs, made)} {not_made(results.failures(work))}"
    return Shown(text, figures, [measures_table(made, (column, values))])


def _of_features(runs: Sequence[Run], made: Sequence[Inverted]) -> str:
    return scales(made, [_feature_scale(run) for run in runs], [run.folder.read_result() for run in runs])


def _of_optimizers(runs: Sequence[Run], made: Sequence[Inverted]) -> str:
    losses = [run.folder.read_losses()["loss"] for run in runs]
    equal = [loss_after(of, one.evaluations, one.planned) for of, one in zip(losses, made, strict=True)]
    return adam_against_lbfgs(made, equal)


def _of_seeds(runs: Sequence[Run], made: Sequence[Inverted]) -> str:
    return seeds(made, [run.folder.read_result() for run in runs])


MEASURES = (
    "How pictures are measured: the structure radius is the distance at which the autocorrelation of the blurred "
    "lightness falls to 1/e. The distance of colours is how far the values of red, green and blue must move to become "
    "the painting's, in levels of 255, wherever they are. Grain is how far a picture is from its median over 3x3 "
    "pixels, over that of the painting, and stands in for artefacts, which the chapter judges by eye. Likeness is the "
    "correlation with the blurred painting."
)
INVERSION = Recipe(
    "inversion",
    "The style-inversion chapter, on style representation and style losses by inverting VGG features; no author given",
    "Paintings rebuilt from noise by Gram matrices, one to four moments and MMD at four layers, with the iterations "
    "of table 1.1, and what section 1.4 says of them.",
    "As in the chapter, Adam at 0.001 with its defaults moves noise of seed 0. It does not state the size (256 px "
    "here), the scale of features (divided by 255 here), the noise (normal around grey, clipped, here) or what the "
    "threshold means for MMD, which can be negative (here it stops where it fell by less than a thousandth in the "
    "length of an extension). Extensions are part of one run, which stops at the threshold or after the last of them. "
    "Pixels are kept in [0, 1].\n\nAt a scale below 1 the numbers of table 1.1, the length of the extensions and the "
    "patience of MMD are all multiplied with it, and no run or patience is less than 20; rate, threshold and the "
    f"number of extensions stay.\n\n{MEASURES}",
    exhibits,
)
