"""Reconstructions that minimize one loss in different ways: which came how far."""

from collections.abc import Mapping

from nstyle.reconstruction.all_runs import loss_plot
from nstyle.reconstruction.finished_runs import Run
from nstyle.reports.page import Figure
from nstyle.reproduction.figures import listed, loss_table, not_made
from nstyle.reproduction.recipe import Shown
from nstyle.reproduction.reconstructions import Reconstructions
from nstyle.reproduction.results import Results


def race(results: Results, work: Reconstructions, what: str, runs: Mapping[str, Run], caption: str) -> Shown:
    """Rank runs by the loss of their best pictures, and show their grid, losses and ends.

    Args:
        results: Where the work was done.
        work: The sweep of the runs.
        what: What differs, such as ``start``.
        runs: The runs by what differs.
        caption: The caption of the grid.
    """
    ranked = sorted(runs, key=lambda label: runs[label].best_loss)
    same = len({run.description["iterations"] for run in runs.values()}) == 1
    when = "after the same number of iterations" if same else "at their ends, after different numbers of iterations"
    text = f"From the lowest loss to the highest {when}: {listed(ranked)}."
    failed = not_made(results.failures(work))
    plot = loss_plot(list(runs.items()))
    figures = [results.grid(work, caption), Figure.of_plot(f"{work.name}-loss", f"The loss by {what}", plot)]
    return Shown(f"{text} {failed}".strip(), figures, [loss_table(what, list(runs), list(runs.values()))])
