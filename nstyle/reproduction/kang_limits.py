"""A. Kang's limitations: faces, noise, strong colours and edges, fine details, pictures that do not go together."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

from nstyle.reconstruction.finished_runs import Run
from nstyle.reports.page import Table
from nstyle.reproduction.figures import not_made, picture_sheet, verdict
from nstyle.reproduction.kang_units import STYLE_WEIGHT, Units
from nstyle.reproduction.measures import colour_by_place, difference, grain
from nstyle.reproduction.recipe import Exhibit, Materials, Shown
from nstyle.reproduction.reconstructions import Axes, Reconstructions
from nstyle.reproduction.results import Results

MOST = 3
"""The most photographs and paintings that are paired."""
NOISY = ((1e5, 0.0), (3e4, 5.0), (5e4, 1.0))
"""Weights s and v that left noise, besides 10,000 and 0."""


def limits(materials: Materials, common: Axes, steps: Reconstructions, units: Units) -> Exhibit:
    """Return the exhibit of the limits.

    Args:
        materials: The pictures.
        common: The settings of all reconstructions, but for pictures and weights.
        steps: The transfer with s = 10,000 and v = 0 that another exhibit shows.
        units: What his weights are of ours.
    """
    photos, paintings = list(materials.photos[:MOST]), list(materials.paintings[:MOST])
    usual: Axes = {"style_weight": [units.style * STYLE_WEIGHT], **common}
    pairs = Reconstructions("pairs", {"content": photos, "style": paintings, **usual})
    one: Axes = {"style": paintings[:1], "content": photos[:1], "tv": ["power-1.25"], **common}
    noisy = [
        Reconstructions(
            f"noise-{s:.0f}-{v:.0f}", {"style_weight": [units.style * s], "tv_weight": [units.variation * v], **one}
        )
        for s, v in NOISY
    ]
    return Exhibit(
        "limitations",
        "Limitations",
        "Faces come out badly; strong colours take over, most of all at the edges (of the picture, as we read it); "
        "some pictures stay noisy, and no other weights helped, with (s, v) = (1e4, 0), (1e5, 0), (3e4, 5) and "
        "(5e4, 1); fine details of a style and pictures that do not go together fail. Shapes are not kept in general.",
        (pairs, steps, *noisy),
        partial(_limits, pairs=pairs, noise=(steps, *noisy), units=units),
    )


def _limits(results: Results, pairs: Reconstructions, noise: Sequence[Reconstructions], units: Units) -> Shown:
    photos = {source.fingerprint: source.image for cell in pairs.cells if (source := cell.pictures.content)}
    runs = results.runs(pairs)
    noisy = [(units.label(run), run) for work in noise for run in results.runs(work)]
    failures = [failure for work in (pairs, *noise) for failure in results.failures(work)]
    if not runs or not noisy:
        return Shown(not_made(failures))
    rows, colours, distances, left = [], [], {}, []
    for run in runs:
        result = run.folder.read_result()
        photo = photos[run.description["identity"]["content"]].resize(result.size)
        label = " in ".join(Path(name).stem for name in run.pictures)
        distances[label] = difference(result, photo)
        before, after = colour_by_place(photo), colour_by_place(result)
        colours.append((after[0] - before[0], after[1] - before[1]))
        left.append(_left_by_layer(run))
        rows.append([label, f"{distances[label]:.1f}", *(f"{gain:+.1f}" for gain in colours[-1])])
    grains = {label: grain(run.folder.read_result()) for label, run in noisy}
    texts = [
        "Faces are for the eye, as nothing here measures a face: the first row has "
        f"{Path(runs[0].pictures[0]).stem}. {apart_text(distances)}",
        colour_text(colours),
        noise_text(grains, grain(photos[noisy[0][1].description["identity"]["content"]].resize(_size(noisy[0][1])))),
        detail_text({layer: fmean(each[layer] for each in left) for layer in left[0]}),
    ]
    tables = [
        Table(["picture", "from the photograph, levels of 255", "colour gained at the border", "inside"], rows),
        Table(["weights", "grain, levels of 255"], [[label, f"{value:.2f}"] for label, value in grains.items()]),
    ]
    figures = [
        results.grid(pairs, "Photographs in paintings, s = 10,000 and v = 0"),
        picture_sheet("noise", "Four pairs of weights", noisy),
    ]
    return Shown("\n\n".join([*texts, not_made(failures)]).strip(), figures, tables)


def _size(run: Run) -> tuple[int, int]:
    return run.folder.read_result().size


def _left_by_layer(run: Run) -> dict[str, float]:
    """Return by style layer the error that is left of that of the start."""
    terms, initial = run.description["best"]["terms"], run.description["initial"]
    return {layer: terms[f"style/{layer}"] / (initial[f"style/{layer}"] or 1) for layer in run.config.style_layers}


def apart_text(distances: Mapping[str, float]) -> str:
    """Say which picture is farthest from its photograph, of those that may not go together."""
    most, least = max(distances, key=distances.__getitem__), min(distances, key=distances.__getitem__)
    if most == least:
        return f"{most} is {distances[most]:.1f} levels from its photograph. Give more pictures to compare."
    return (
        f"Farthest from its photograph is {most}, {distances[most]:.1f} levels, and nearest {least}, "
        f"{distances[least]:.1f}."
    )


def colour_text(gains: Sequence[tuple[float, float]]) -> str:
    """Say whether colours grow stronger at the border than inside, from gains in levels by picture."""
    border, inside = (fmean(part) for part in zip(*gains, strict=True))
    return verdict(
        border > inside > 0,
        f"colours are stronger than the photograph's, by {border:.1f} levels at the border and {inside:.1f} inside",
        f"against the photograph colours change by {border:+.1f} levels at the border and {inside:+.1f} inside, so "
        f"that they are {'lost less' if border > inside else 'not stronger'} at the border",
    )


def noise_text(grains: Mapping[str, float], photograph: float) -> str:
    """Say whether some weights take noise away: to the grain that the photograph itself has."""
    least = min(grains, key=grains.__getitem__)
    return verdict(
        grains[least] > photograph,
        f"noise stays under all weights. The least grain, {grains[least]:.1f} levels, is at {least}; the photograph "
        f"has {photograph:.1f}",
        f"at {least} there is no more grain than in the photograph, {grains[least]:.1f} and {photograph:.1f} levels",
    )


def detail_text(left: Mapping[str, float]) -> str:
    """Say whether fine layers of the style are matched least, from the error that is left by layer, finest first.

    That is how fine details are measured here: the source names no layer.
    """
    finest, *_, deepest = left
    each = ", ".join(f"{layer} {100 * share:.2g} %" for layer, share in left.items())
    matched = verdict(
        left[finest] == max(left.values()),
        f"the finest layer, {finest}, is matched least",
        f"the finest layer, {finest}, is not what is matched least, but {max(left, key=left.__getitem__)}",
    )
    return f"{matched} Of the style error of the noise this is left, {finest} to {deepest}: {each}."
