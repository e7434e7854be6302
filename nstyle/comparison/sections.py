"""The sections of a comparison's report: gaps, losses, curves, pictures and costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from nstyle.comparison.cost import Cost
from nstyle.comparison.evaluate import PER_NETWORK, PROTOCOLS, Evaluation
from nstyle.comparison.gap import CONFIDENCE, RESAMPLES, relative_gap
from nstyle.comparison.plan import N_STYLE, Plan
from nstyle.comparison.words import AllGaps, percent
from nstyle.imaging.layout import fit, labelled_table
from nstyle.imaging.pictures import read_picture
from nstyle.inference.stylizer import Stylizer, load
from nstyle.models.model_file import read_info
from nstyle.reports.page import Figure, Section, Table, number
from nstyle.reports.plots import interval_plot
from nstyle.system.devices import choose_device
from nstyle.training.config import TrainingConfig
from nstyle.training.curves import CurveSet, read_curves
from nstyle.training.report import shared_styles_figures
from nstyle.training.validation import TERMS

OVERALL = "overall"
PICTURE_SIDE = 512
"""Long side of the painted photographs in pixels."""


def gap_section(plan: Plan, gaps: AllGaps) -> Section:
    """Show the gap of every style, with intervals."""
    names = [*plan.names, OVERALL]
    series = {
        f"{protocol}: single ones after {updates:,} updates": [
            [(i.gap, i.low, i.high) for i in (*by_term[term].by_style, by_term[term].overall)] for term in TERMS
        ]
        for protocol, by_term in gaps.items()
        for updates in [plan.updates if protocol == PER_NETWORK else plan.updates_per_style]
    }
    plot = interval_plot(names, series, [f"{term} loss" for term in TERMS])
    caption = (
        f"Loss of the n-style network after {plan.updates:,} updates relative to the single ones, "
        f"with {CONFIDENCE:.0%} intervals"
    )
    text = (
        "The gap is the mean loss over the photographs of the n-style network, over that of the single one, minus 1: "
        "above 0 the n-style network is worse. Both are measured on the same photographs, and drawn again together "
        f"for the intervals (paired bootstrap, {RESAMPLES:,} draws). Overall is the mean over the styles."
    )
    tables = []
    for protocol, by_term in gaps.items():
        rows = []
        for i, name in enumerate(names):
            intervals = [(*by_term[term].by_style, by_term[term].overall)[i] for term in TERMS]
            rows.append([name, *(f"{percent(v.gap)} ({percent(v.low)} to {percent(v.high)})" for v in intervals)])
        if len(plan.styles) > 1:
            rows.append(["standard deviation over styles", *(f"{100 * by_term[term].spread:.1f} %" for term in TERMS)])
        tables.append(Table([protocol, *TERMS], rows))
    return Section("The gap", text, [Figure.of_plot("gap", caption, plot)], tables)


def seed_section(plan: Plan, evaluation: Evaluation) -> Section:
    """Show the gap of every seed separately."""
    rows = []
    for r in range(plan.seeds):
        pairs = [
            (evaluation.of(N_STYLE, term), evaluation.of(single, term))
            for term in TERMS[:2]
            for single in PROTOCOLS.values()
        ]
        gaps = [relative_gap(n_style[r : r + 1], single[r : r + 1]).mean() for n_style, single in pairs]
        rows.append([str(plan.config.seed + r), *(percent(float(gap)) for gap in gaps)])
    columns = ["seed", *(f"{term}, {protocol}" for term in TERMS[:2] for protocol in PROTOCOLS)]
    text = "The overall gap of each seed alone: how far they lie apart says more than an interval over a few."
    return Section("By seed", text, tables=[Table(columns, rows)])


def loss_section(plan: Plan, evaluation: Evaluation) -> Section:
    """Show the losses themselves, with their spread over photographs."""
    tables = []
    for term in TERMS[:2]:
        rows = []
        for k, name in enumerate(plan.names):
            values = [evaluation.of(network, term)[:, k] for network in evaluation.losses]
            rows.append(
                [name, *(f"{number(float(v.mean()))} ± {number(float(v.mean(axis=0).std(ddof=1)))}" for v in values)]
            )
        columns = [
            f"n-style, {plan.updates:,} updates",
            f"single, {plan.updates:,}",
            f"single, {plan.updates_per_style:,}",
        ]
        tables.append(Table([f"{term} loss, unweighted", *columns], rows))
    text = (
        f"Mean and standard deviation over {len(evaluation.photos)} held-out photographs, the same for all networks, "
        "in float32"
        + (f"; means over {plan.seeds} seeds first" if plan.seeds > 1 else "")
        + ". No photograph was trained on."
    )
    return Section("Losses", text, tables=tables)


def curve_section(plan: Plan) -> Section:
    """Show the learning curves: Early, Sian and Stonard, figure 2."""
    sets = {N_STYLE: read_curves(plan.n_style(0).run.path)}
    singles = [read_curves(plan.single(0, style).run.path) for style in plan.styles]
    curves = {style: curve for single in singles for style, curve in single.curves.items()}
    sets["single"] = CurveSet(curves, singles[0].convention, singles[0].facts)
    figures = []
    for per_style, name, caption in (
        (
            False,
            "curves",
            "Training losses against the updates of each network (after Early, Sian and Stonard, figure 2)",
        ),
        (True, "curves-per-style", "The same against the updates that each style has had"),
    ):
        figures += shared_styles_figures(sets, name, caption, per_style=per_style)
    return Section(
        "On the way", "Losses of the training batches of the first seed, smoothed; raw values faint.", figures
    )


def paint(plan: Plan, photos: Sequence[Path]) -> Section:
    """Show photographs as the n-style network and the single-style networks paint them, one table per photograph."""
    networks = _networks(plan)
    paintings = [read_picture(style.path, near_side=PICTURE_SIDE).over_white() for style in plan.styles]
    figures = [
        Figure.of_picture(
            f"pictures-{i}",
            f"{path.name} after every painting, by network and updates",
            _table_of(path, plan.names, paintings, networks),
        )
        for i, path in enumerate(photos, start=1)
    ]
    text = f"The photographs and the paintings, and what the networks of seed {plan.config.seed} make of them."
    return Section("Side by side", text, figures)


def _networks(plan: Plan) -> dict[str, list[Stylizer]]:
    """Load the networks of the first seed: by label, the one that paints each style."""
    device, seed = choose_device(plan.config.device), f"seed {plan.config.seed}"
    n_style = load(plan.n_style(0).model(plan.updates), device=device)
    networks = {f"{len(plan.styles)}-style\n{plan.updates:,} updates\n{seed}": [n_style] * len(plan.styles)}
    for updates in dict.fromkeys((plan.updates, plan.updates_per_style)):
        networks[f"single\n{updates:,} updates\n{seed}"] = [
            load(plan.single(0, style).model(updates), device=device) for style in plan.styles
        ]
    return networks


def _table_of(
    path: Path, names: Sequence[str], paintings: Sequence[Image.Image], networks: Mapping[str, Sequence[Stylizer]]
) -> Image.Image:
    """Lay out a photograph in the corner of a table, with the paintings below it and the networks beside it."""
    photo = fit(read_picture(path, near_side=PICTURE_SIDE).over_white(), PICTURE_SIDE)
    rows: list[list[Image.Image | str]] = [[photo, *networks]]
    for k, (name, painting) in enumerate(zip(names, paintings, strict=True)):
        painted = [models[k].stylize(photo, name) for models in networks.values()]
        rows.append([ImageOps.contain(painting, photo.size, Image.Resampling.LANCZOS), *painted])
    return labelled_table([path.name, *names], [""] * len(rows[0]), rows)


def setting_section(plan: Plan) -> Section:
    """List the settings that all networks share."""
    info = read_info(plan.n_style(0).run.model)
    settings = {**plan.config.to_dict(), **plan.config.preset.to_dict(), "release": None}
    vgg = {"vgg_release": info.vgg.get("release"), "vgg_sha256": info.vgg_sha256}
    settings = {**settings, "preset": settings.pop("name"), **vgg}
    chosen = {name: value for name, value in settings.items() if value not in ("", (), {}, None)}
    rows = [[name.replace("_", " "), str(value)] for name, value in chosen.items()]
    return Section(
        "Settings", "Of every network, but for the seed of further ones.", tables=[Table(["setting", "value"], rows)]
    )


def cost_section(plan: Plan, n_style: Cost, single: Cost) -> Section:
    """Show the cost of one n-style network and of n single-style networks."""
    n = len(plan.styles)
    devices = sorted({TrainingConfig.from_toml(member.run.config).device for member in plan.members()})
    text = (
        f"What it takes to have all {n} styles, after {plan.updates:,} updates of each network"
        + (f", averaged over {plan.seeds} seeds" if plan.seeds > 1 else "")
        + f", trained on {' and '.join(devices)}. Time at the median speed leaves out pauses, compilation, checkpoints "
        "and whatever else "
        "the machine did; wall-clock time has all of it. With as many updates per style instead, the single-style "
        "networks together take as "
        f"many updates as the {n}-style network, and what is saved is bytes. Peak memory is that of the largest single "
        "training: of the "
        "process, or of the tensors on a GPU. A dash stands where the logs are too short to tell."
    )
    few, many = n_style.updates_per_second, single.updates_per_second
    rows = [
        [
            "training time at the median speed",
            _minutes(n_style.seconds),
            _minutes(single.seconds),
            _ratio(single.seconds, n_style.seconds),
        ],
        [
            "the same, per style",
            _minutes(n_style.seconds),
            _minutes(plan.updates / many if many else None),
            _ratio(few, many),
        ],
        [
            "wall-clock time",
            _minutes(n_style.wall_seconds),
            _minutes(single.wall_seconds),
            _ratio(single.wall_seconds, n_style.wall_seconds),
        ],
        ["updates/s, median", _number(few), _number(many), ""],
        [
            "parameters",
            f"{n_style.parameters:,}",
            f"{single.parameters:,}",
            _ratio(single.parameters, n_style.parameters),
        ],
    ]
    for label, one, all_of_them in (
        ("bytes on disk", n_style.disk_bytes, single.disk_bytes),
        ("weights in memory", n_style.weight_bytes, single.weight_bytes),
    ):
        rows.append([label, _mebibytes(one), _mebibytes(all_of_them), _ratio(all_of_them, one)])
    rows.append(["peak memory of training", _mebibytes(n_style.training_bytes), _mebibytes(single.training_bytes), ""])
    return Section(
        "Cost", text, tables=[Table(["", f"one {n}-style network", f"{n} single-style networks", "ratio"], rows)]
    )


def _number(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else "-"


def _minutes(seconds: float | None) -> str:
    return f"{seconds / 60:.1f} min" if seconds is not None else "-"


def _mebibytes(value: int | None) -> str:
    return f"{value / 2**20:,.1f} MiB" if value is not None else "-"


def _ratio(single: float | None, n_style: float | None) -> str:
    return f"{single / n_style:.2f}" if single and n_style else "-"
