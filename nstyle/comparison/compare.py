"""The report on one n-style network against n single-style ones: ``nstyle.compare`` and ``nstyle compare``."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nstyle.comparison.cost import costs
from nstyle.comparison.evaluate import PROTOCOLS, Evaluation, evaluate
from nstyle.comparison.experiment import Status, train_networks
from nstyle.comparison.gap import relative_gaps
from nstyle.comparison.identity import settings_file
from nstyle.comparison.plan import N_STYLE, Plan
from nstyle.comparison.prepare import HELD_OUT, prepare_comparison
from nstyle.comparison.sections import (
    OVERALL,
    cost_section,
    curve_section,
    gap_section,
    loss_section,
    paint,
    seed_section,
    setting_section,
)
from nstyle.comparison.words import AllGaps, in_words
from nstyle.imaging.pictures import read_size
from nstyle.renamed import renamed
from nstyle.reports.folder import csv_text, write_folder
from nstyle.reports.formats import DEFAULT_FORMATS, Format, check_formats
from nstyle.reports.page import Section
from nstyle.system.locks import FolderLock
from nstyle.system.output_folders import output_folder
from nstyle.training.validation import TERMS

PICTURES = 3
"""Number of held-out photographs that are painted if none are named."""


@renamed(report="progress")
def compare(
    styles: Sequence[str | Path],
    *,
    out: str | Path,
    seeds: int = 1,
    held_out: int = HELD_OUT,
    photos: Sequence[str | Path] = (),
    command: str = "",
    formats: Sequence[str] = DEFAULT_FORMATS,
    progress: Callable[[Status], None] = lambda status: None,
    notice: Callable[[str], None] = lambda text: None,
    **settings: Any,
) -> Path:
    """Train one n-style network and n single-style networks alike, and write a report on the gap between them.

    A comparison that was interrupted continues where it stopped. A finished one only writes its report again.

    Args:
        styles: Paintings, patterns or folders.
        out: Folder of the comparison and its report.
        seeds: How many times everything is trained, with seeds that follow each other.
        held_out: Number of photographs that are kept out of training, to measure the losses on.
        photos: Photographs to paint with all networks. None: three that were held out.
        command: The command that made the comparison, for the report. Empty for a call from Python.
        formats: The formats of the figures: ``png``, ``svg``, ``pdf``.
        progress: Called with the status after every update.
        notice: Called with a line of text before the training, and before every measurement.
        settings: Settings of :func:`nstyle.train`. ``updates`` is the number of updates of each network.

    Returns:
        The page of the report.

    Raises:
        UsageError: If a setting, a painting or the photographs are invalid, or the folder holds something else or is
            being written by another process.
        NstyleError: If training fails or is interrupted; what was done stays.
    """
    chosen = check_formats(formats)
    for photo in photos:
        read_size(Path(photo))
    with FolderLock(output_folder(out, "comparison")):
        plan = prepare_comparison(styles, out=out, seeds=seeds, held_out=held_out, **settings)
        networks = len(plan.members())
        notice(f"{networks} networks of {plan.updates} updates each, on {plan.config.device}, into {plan.out}")
        train_networks(plan, progress)
        evaluation = evaluate(plan, notice)
        shown = [Path(photo) for photo in photos] or evaluation.photos[:PICTURES]
        return _write_report(plan, evaluation, shown, command, chosen)


def _write_report(
    plan: Plan, evaluation: Evaluation, photos: Sequence[Path], command: str, formats: Sequence[Format]
) -> Path:
    gaps = {
        protocol: {term: relative_gaps(evaluation.of(N_STYLE, term), evaluation.of(single, term)) for term in TERMS}
        for protocol, single in PROTOCOLS.items()
    }
    n_style, single = costs(plan)
    sections = [
        Section("In words", in_words(plan, evaluation, gaps, n_style, single)),
        gap_section(plan, gaps),
        loss_section(plan, evaluation),
        curve_section(plan),
        *([seed_section(plan, evaluation)] if plan.seeds > 1 else []),
        paint(plan, photos),
        cost_section(plan, n_style, single),
        setting_section(plan),
    ]
    columns, rows = _gap_rows(plan, gaps)
    numbers = {
        "styles": list(plan.names),
        "updates": plan.updates,
        "updates_per_style": plan.updates_per_style,
        "seeds": [plan.config.seed + r for r in range(plan.seeds)],
        "photographs": len(evaluation.photos),
        "identity": json.loads(settings_file(plan).read_text(encoding="utf-8")),
        "content": plan.config.content,
        "validation": plan.config.validation,
        "losses": _mean_losses(plan, evaluation),
        "spread_over_styles": _spreads(gaps) if len(plan.styles) > 1 else {},
        "gaps": [dict(zip(columns, row, strict=True)) for row in rows],
        "cost": {"n-style": vars(n_style), "single": vars(single)},
    }
    tables = {"gaps.csv": csv_text(columns, rows), "losses.csv": csv_text(Evaluation.COLUMNS, evaluation.rows(plan))}
    title = f"One network in {len(plan.styles)} styles against {len(plan.styles)} in one each"
    return write_folder(plan.out, title, sections, numbers, tables, command, formats)


def _mean_losses(plan: Plan, evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return mean and standard deviation over photographs by network, style and term, after the mean over seeds."""
    return [
        {
            "network": network,
            "style": name,
            "term": term,
            "mean": float(values.mean()),
            "standard_deviation": float(values.std(ddof=1)),
        }
        for network in evaluation.losses
        for k, name in enumerate(plan.names)
        for term in TERMS
        for values in [evaluation.of(network, term)[:, k].mean(axis=0)]
    ]


def _spreads(gaps: AllGaps) -> dict[str, dict[str, float]]:
    return {protocol: {term: values.spread for term, values in by_term.items()} for protocol, by_term in gaps.items()}


def _gap_rows(plan: Plan, gaps: AllGaps) -> tuple[list[str], list[list[Any]]]:
    rows: list[list[Any]] = []
    for protocol, by_term in gaps.items():
        for term, values in by_term.items():
            named = [*zip(plan.names, values.by_style, strict=True), (OVERALL, values.overall)]
            rows += [[protocol, term, name, interval.gap, interval.low, interval.high] for name, interval in named]
    return ["protocol", "term", "style", "gap", "low", "high"], rows
