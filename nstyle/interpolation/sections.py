"""The sections of the report on blends: strips, grid, loss curves, distances, and a summary in words."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from nstyle.imaging.layout import framed_grid, labelled_table
from nstyle.interpolation.follow import LegResult, deviation
from nstyle.reports.page import Figure, Section, Table, number
from nstyle.reports.plots import Line, Panel, panels_plot

STRIP_CELL = 200
GRID_CELL = 220
"""The long sides of the pictures in strips and in the grid, in pixels."""


def in_words(results: Sequence[LegResult], names: Sequence[str], losses: str) -> Section:
    """Summarize in words what the numbers show, and what they do not show."""
    peaks = [max(result.of_the_way) for result in results]
    far = results[int(np.argmax(peaks))]
    at = float(far.alphas[int(np.argmax(far.of_the_way))])
    cross_fade = (
        "The weights mix gamma and beta of the network, never pixels. A blend lies furthest from the plain mix of the "
        f"painted pixels on the way {far.leg.label}, at alpha {at:.2g}: {max(far.distances):.1f} of 255 levels (root "
        f"mean square), {100 * max(peaks):.0f} % of the distance between the pictures at its ends. A blend that were "
        "only a cross-fade would lie at 0."
    )
    limits = (
        f"This is one model, one painted photograph and one choice of {len(names)} styles. A loss that changes evenly "
        "does not say that a blend looks good, and a large distance from the mix of pixels does not say that it looks "
        "better than one: look at the strips."
    )
    return Section("In words", "\n\n".join([cross_fade, _monotone_in_words(results, losses), limits]))


def _monotone_in_words(results: Sequence[LegResult], losses: str) -> str:
    if results[0].losses is None:
        return losses[0].upper() + losses[1:] + "."
    checks = [(result.leg.label, name, check) for result in results for name, check in result.checks().items()]
    broken = [
        f"{name} on {leg} (largest step back {100 * check.worst:.2g} % of its change)"
        for leg, name, check in checks
        if not check.holds
    ]
    holding = f"of {len(checks)} curves that should move one way, {len(checks) - len(broken)} do at every step"
    text = f"Style losses ({losses}): {holding}"
    return text + (f"; not {', '.join(broken)}." if broken else ".")


def strip_section(results: Sequence[LegResult]) -> Section:
    """Show the pictures of every leg above the mixes of pixels."""
    rows, cells = [], []
    for result in results:
        rows += [result.leg.label.replace(" to ", "\nto "), "mix of pixels"]
        cells += [result.blends, result.pixel_mixes]
    columns = [f"{alpha:.2g}" for alpha in results[0].alphas]
    sheet = labelled_table(rows, columns, cells, cell=STRIP_CELL)
    return Section(
        "From style to style",
        "",
        [Figure.of_picture("strip", "By alpha, over the mix of the painted pixels for comparison", sheet)],
    )


def grid_section(
    cells: list[list[Image.Image]], names: Sequence[str], paintings: Sequence[Image.Image | None]
) -> Section:
    """Show four styles in the corners of a square, as in Early, Sian and Stonard, figure 5a."""
    corners = f"{names[0]} top left, {names[1]} top right, {names[2]} bottom left, {names[3]} bottom right"
    caption = f"Bilinear weights (after Early, Sian and Stonard, figure 5a): {corners}"
    return Section(
        "Four corners", "", [Figure.of_picture("grid", caption, framed_grid(cells, paintings, cell=GRID_CELL))]
    )


def loss_section(results: Sequence[LegResult], about: str) -> Section:
    """Plot the style losses along every leg, as in Early, Sian and Stonard, figure 5b."""
    panels, rows = [], []
    for result in results:
        assert result.losses is not None
        shown = [n for n in range(len(result.names)) if max(result.leg.start[n], result.leg.end[n]) > 0]
        lines = {
            f"to {result.names[n]}": Line(
                result.alphas,
                result.losses[:, n].mean(axis=1),
                spread=np.array([deviation(row) for row in result.losses[:, n]]),
            )
            for n in shown
        }
        panels.append(Panel(lines, "alpha", "style loss, unweighted", result.leg.label, linear=True))
        for name, check in result.checks().items():
            verdict = "yes" if check.holds else f"no, by {100 * check.worst:.2g} % of the change"
            n = result.names.index(name)
            ends = [number(float(result.losses[k, n].mean())) for k in (0, -1)]
            rows.append([f"{result.leg.label}: to {name}", *ends, verdict, f"{100 * check.photographs:.0f} %"])
    many = all(result.losses is not None and result.losses.shape[-1] > 1 for result in results)
    drawn = "mean, and band of one standard deviation, over" if many else "measured on"
    caption = f"After Early, Sian and Stonard, figure 5b: {drawn} {about}"
    table = Table(["way and loss", "at alpha 0", "at alpha 1", "mean moves one way", "of single photographs"], rows)
    return Section("Style losses", "", [Figure.of_plot("losses", caption, panels_plot(panels))], [table])


def distance_section(results: Sequence[LegResult]) -> Section:
    """Plot the distances between blends and mixes of pixels."""
    lines = {result.leg.label: Line(result.alphas, np.array(result.distances)) for result in results}
    plot = panels_plot([Panel(lines, "alpha", "distance, levels of 255")])
    rows = [
        [r.leg.label, f"{r.span:.1f}", f"{max(r.distances):.1f}", f"{100 * max(r.of_the_way):.0f} %"] for r in results
    ]
    table = Table(
        ["way", "between its ends, levels", "largest from the mix of pixels", "of that between the ends"], rows
    )
    text = "Root mean squared difference over all pixels and colours of the painted photograph."
    return Section(
        "Not a cross-fade",
        text,
        [Figure.of_plot("distance", "Blend against the mix of the painted pixels", plot)],
        [table],
    )
