"""Reconstructions of the style-inversion chapter: how far each one went, and its picture beside the painting."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from PIL import Image

from nstyle.reconstruction.finished_runs import Run
from nstyle.reconstruction.structure_radius import structure_radius
from nstyle.reconstruction.style_inversion_schedule import EXTENSION, ITERATIONS, MAX_EXTENSIONS, THRESHOLD
from nstyle.reports.page import Table, number
from nstyle.reports.plots import Line, Panel, Plot, panels_plot
from nstyle.reproduction.figures import verdict
from nstyle.reproduction.measures import colour_distance, correlation, difference, grain, rises
from nstyle.reproduction.reconstructions import Reconstructions, span
from nstyle.reproduction.results import Results

LIMIT = f"{THRESHOLD:.0e}".replace("e-0", "e-")
"""The threshold as it is written: 1e-5."""
CROSSINGS, FALLEN, GRAINY = 50, 1e-5, 2.0
"""Our choice: a picture with more than twice the painting's grain is noise still if it had fewer crossings, and its
loss has not fallen to this part of its start. After 1.3 to 5.9 crossings losses were at 2e-4 and more, and pictures
hard to make out; after 24.5 at 9e-7, with five times the painting's grain over plain swirls.
"""
POINTS = 2000
"""The most points of a line of losses."""


@dataclass(frozen=True)
class Inverted:
    """A reconstruction, measured."""

    painting: str
    layer: str
    loss: str
    """With its moments: ``moments-3``."""
    start: float
    """The loss of the noise."""
    end: float
    """The loss of the best picture."""
    iterations: int
    planned: int
    """The iterations with all extensions, at the scale at hand."""
    stopped: str
    lr: float
    optimizer: str = "adam"
    evaluations: int = 0
    radius: float = 0.0
    """See :func:`nstyle.reconstruction.structure_radius.structure_radius`."""
    colours: float = 0.0
    """See :func:`nstyle.reproduction.measures.colour_distance`."""
    grain: float = 0.0
    """Over that of the painting; see :func:`nstyle.reproduction.measures.grain`."""
    likeness: float = 0.0
    """See :func:`nstyle.reproduction.measures.correlation`."""
    distance: float = 0.0
    """See :func:`nstyle.reproduction.measures.difference`."""

    @property
    def table(self) -> int:
        """The number of iterations in table 1.1."""
        return ITERATIONS[self.layer][self.loss]

    @property
    def extension(self) -> int:
        """The extension in which it ended, 0 if it needed none."""
        at = self.iterations * (self.table + MAX_EXTENSIONS * EXTENSION) / self.planned
        return max(0, math.ceil(round((at - self.table) / EXTENSION, 6)))

    @property
    def reached(self) -> bool:
        """Whether it went below the threshold."""
        return self.stopped == "threshold"

    @property
    def is_noise_still(self) -> bool:
        """Whether the noise of the start is left, as it ended too early.

        That is before Adam, which moves a pixel by about its rate, could go CROSSINGS times from 0 to 1, and before the
        loss has fallen far.
        """
        is_short = self.optimizer == "adam" and self.stopped == "iterations" and self.iterations * self.lr < CROSSINGS
        return is_short and self.end > FALLEN * self.start and self.grain > GRAINY

    @property
    def ending(self) -> str:
        """When it ended and why, in words: ``1,824, threshold``, or ``210,400, threshold in extension 11``."""
        if self.stopped == "iterations":
            return f"{self.iterations:,}, all extensions"
        extension = f" in extension {self.extension}" if self.extension else ""
        return f"{self.iterations:,}, {self.stopped}{extension}"


def inverted(results: Results, work: Reconstructions) -> list[Inverted]:
    """Measure all finished reconstructions of some work, in the order of its axes."""
    paintings = {
        source.fingerprint: (Path(source.name).stem, source.image)
        for cell in work.cells
        for source in cell.pictures.styles
    }
    runs = results.runs(work)
    return [_measured(run, *paintings[run.description["identity"]["styles"][0]]) for run in runs]


def _measured(run: Run, name: str, painting: Image.Image) -> Inverted:
    config, result = run.config, run.folder.read_result()
    resized = painting.convert("RGB").resize(result.size, Image.Resampling.LANCZOS)
    return Inverted(
        painting=name,
        layer=run.layers[0],
        loss=config.loss_label,
        start=run.initial_loss,
        end=run.best_loss,
        iterations=run.description["iterations"],
        planned=config.iterations or 0,
        stopped=run.description["stopped"],
        lr=config.lr or 0.0,
        optimizer=config.optimizer or "",
        evaluations=run.description["evaluations"],
        radius=structure_radius(result),
        colours=colour_distance(result, resized),
        grain=grain(result) / max(grain(resized), 1e-9),
        likeness=correlation(result, resized),
        distance=difference(result, resized),
    )


def measures_table(made: Sequence[Inverted], first: tuple[str, Sequence[str]] | None = None) -> Table:
    """List how every reconstruction went and what its picture is like, with a column of their own in front if given."""
    columns = ["painting", "layer", "loss", "loss of the noise", "loss of the best picture", "source's iterations",
               "ours", "structure radius, px", "distance of colours", "grain", "likeness"]  # fmt: skip
    rows = [
        [one.painting, one.layer, one.loss, number(one.start), number(one.end), f"{one.table:,}", one.ending,
         f"{one.radius:.1f}", f"{one.colours:.1f}", f"{one.grain:.2f}", f"{one.likeness:.2f}"]
        for one in made
    ]  # fmt: skip
    if first is None:
        return Table(columns, rows)
    return Table([first[0], *columns], [[label, *row] for label, row in zip(first[1], rows, strict=True)])


def measures_by_loss(made: Sequence[Inverted]) -> Table:
    """Lay losses side by side: radius, colours and grain at each layer, as means over the paintings."""
    losses = list(dict.fromkeys(one.loss for one in made))
    measures = {"radius": "structure radius, px", "colours": "distance of colours", "grain": "grain"}
    cells = by(made, "layer", "loss")
    rows = [
        [words, layer]
        + [
            f"{fmean(getattr(one, measure) for one in cells[layer, loss]):.2f}" if (layer, loss) in cells else "-"
            for loss in losses
        ]
        for measure, words in measures.items()
        for layer in dict.fromkeys(one.layer for one in made)
    ]
    return Table(["mean over the paintings", "layer", *losses], rows)


def losses_by_layer(runs: Sequence[Run], label: Callable[[Run], str]) -> Plot:
    """Draw the loss of every run against the updates, with a panel for each layer."""
    layers = dict.fromkeys(run.layers[0] for run in runs)
    lines: dict[str, dict[str, Line]] = {layer: {} for layer in layers}
    for run in runs:
        losses = run.folder.read_losses()
        step = -(-len(losses["loss"]) // POINTS)
        lines[run.layers[0]][label(run)] = Line.of(losses["iteration"][::step], losses["loss"][::step])
    return panels_plot([Panel(lines[layer], "iteration", "loss", title=layer) for layer in layers])


def judged(made: Sequence[Inverted], verdicts: str, facts: str = "") -> str:
    """Return verdicts, unless they would be on noise, other facts, and how far the losses fell."""
    early = [one for one in made if one.is_noise_still]
    if early:
        short = span([one.iterations for one in early])
        verdicts = (
            f"Too short to be judged: {len(early)} of {len(made)} pictures ended after {short} updates of Adam at "
            f"{early[0].lr:g} and have more than {GRAINY:g} times the painting's grain, so that what is measured is "
            "mostly the noise of the start."
        )
    grainy = [one for one in made if one.grain > GRAINY]
    warning = (
        f"{len(grainy)} of {len(made)} pictures have more than {GRAINY:g} times the painting's grain, though their "
        "losses fell far, so that radius and colours are partly those of noise."
        if grainy and not early
        else ""
    )
    return " ".join(part for part in (verdicts, warning, facts, how_far(made)) if part)


def how_far(made: Sequence[Inverted]) -> str:
    """Say how many losses went below the threshold, and how far the others fell."""
    signed = [one for one in made if one.start > 0 and one.loss != "mmd"]
    if not signed:
        return ""
    reached = [one for one in signed if one.reached]
    text = f"{len(reached)} of {len(signed)} losses went below {LIMIT}"
    others = [one.end / one.start for one in signed if not one.reached]
    return text + (f"; the others fell to {median(others):.2g} of their start in the median." if others else ".")


def counted(cases: Sequence[bool], what: str, among: str) -> str:
    """Say in how many cases a claim held, as a verdict on all of them: ``Agreed: ... (3 of 3 paintings).``"""
    held = sum(cases)
    return verdict(
        bool(cases) and held == len(cases),
        f"{what} ({held} of {len(cases)} {among})",
        f"'{what}' holds for {held} of {len(cases)} {among}",
    )


def by(made: Sequence[Inverted], *names: str) -> dict[tuple[str, ...], list[Inverted]]:
    """Group reconstructions by some of their fields, in their order."""
    groups: dict[tuple[str, ...], list[Inverted]] = {}
    for one in made:
        groups.setdefault(tuple(getattr(one, name) for name in names), []).append(one)
    return groups


def grows(made: Sequence[Inverted], measure: str) -> bool:
    """Tell whether a measure grows at every step."""
    return rises([getattr(one, measure) for one in made])
