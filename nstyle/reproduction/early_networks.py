"""The networks of Early, Sian and Stonard: learning curves, one against several, and blends, held against ours."""

from collections.abc import Sequence
from itertools import combinations

from nstyle.comparison.evaluate import PER_NETWORK
from nstyle.comparison.gap import Interval
from nstyle.comparison.plan import N_STYLE
from nstyle.comparison.sections import OVERALL
from nstyle.reports.page import Figure, Table, number
from nstyle.reproduction.figures import listed, verdict
from nstyle.reproduction.learning import figures_of, gaps_by_style, last_losses, losses_by_style, report_of
from nstyle.reproduction.recipe import Shown
from nstyle.reproduction.results import Results
from nstyle.reproduction.trainings import Blends, Comparison, Training
from nstyle.training.curves import read_curves
from nstyle.training.report import curves_plot

STYLE_GAPS, CONTENT_GAPS = (12, 36, 44, 34, 26), (44, 25, 4, 8, 32)
"""Their published logs: losses of the n-style network over those of single ones, means over the last 100 updates of
each network, in percent above 1."""
FALL = (49_552.0, 151_904.0)
"""Their published logs of ten styles: least and largest mean style loss of a style over its last 20 updates."""
ALIKE = 0.75
"""The least share of pairs of styles that both kinds of networks put in the same order for us to call it a trend."""


def curves_shown(results: Results, work: Training) -> Shown:
    """Show how ten styles are learnt, and how far their losses lie apart."""
    curves = read_curves(results.folder_of(work))
    rows = last_losses(curves)
    style = {name: loss for name, _, loss in rows}
    least, most = min(style, key=style.__getitem__), max(style, key=style.__getitem__)
    text = (
        f"After {work.settings['updates']:,} updates the style losses lie between {number(style[least])} ({least}) and "
        f"{number(style[most])} ({most}), a factor of {style[most] / style[least]:.1f}; in their logs "
        f"{FALL[1] / FALL[0]:.1f}. Absolute values are those of the weights that the preset has under this release."
    )
    figure = Figure.of_plot("learning-curves", "Content and style loss by style, weighted", curves_plot(curves))
    table = Table(
        ["style", "content loss, last 20 updates", "style loss, last 20 updates"],
        [[name, number(content), number(loss)] for name, content, loss in rows],
    )
    return Shown(text, [figure], [table])


def pairs_shown(results: Results, work: Comparison) -> Shown:
    """Show how much more loss one network for all styles has than one for each."""
    report = report_of(results.folder_of(work))
    gaps = {term: gaps_by_style(report, PER_NETWORK, term) for term in ("content", "style")}
    texts = [
        gap_text(term, gaps[term].pop(OVERALL), list(gaps[term].values()), theirs)
        for term, theirs in (("style", STYLE_GAPS), ("content", CONTENT_GAPS))
    ]
    texts.append(order_text(*(list(losses_by_style(report, network).values()) for network in (N_STYLE, "single"))))
    rows = [[name, *(f"{100 * gaps[term][name].gap:+.0f} %" for term in gaps)] for name in report["styles"]]
    texts.append(
        f"These are {work.settings['updates']:,} updates of each network, and losses on photographs that were held "
        "out; its own page, in n-against-one, has all intervals."
    )
    figures = figures_of(results.folder_of(work), "curves", "Training losses, by network")
    return Shown(" ".join(texts), figures, [Table(["style", "content gap", "style gap"], rows)])


def gap_text(term: str, overall: Interval, by_style: Sequence[Interval], theirs: Sequence[int]) -> str:
    """Say whether the n-style network has more loss of a kind than the single ones, as it has in the source."""
    percent = [100 * interval.gap for interval in by_style]
    what = (
        f"overall the n-style network's {term} loss lies {100 * overall.gap:+.0f} % from the single ones', with an "
        f"interval of {100 * overall.low:+.0f} to {100 * overall.high:+.0f} %, and by style {min(percent):+.0f} to "
        f"{max(percent):+.0f} % (in their logs {min(theirs):+d} to {max(theirs):+d} %)"
    )
    return verdict(overall.low > 0, what)


def order_text(n_style: Sequence[float], single: Sequence[float]) -> str:
    """Say whether styles with more style loss in the n-style network have more in single ones, as in the source."""
    pairs = list(combinations(zip(n_style, single, strict=True), 2))
    if not pairs:
        return ""
    same = sum((a[0] < b[0]) == (a[1] < b[1]) for a, b in pairs)
    what = f"in {same} of {len(pairs)} pairs of styles the same one has more style loss in both kinds of networks"
    return verdict(same >= ALIKE * len(pairs), what)


def square_shown(results: Results, work: Blends) -> Shown:
    """Show blends of four styles in a square."""
    corners = ("top left", "top right", "bottom left", "bottom right")
    names = report_of(results.folder_of(work))["styles"]
    placed = listed([f"{name} {corner}" for name, corner in zip(names, corners, strict=False)])
    figures = figures_of(
        results.folder_of(work), "grid", f"One style in each corner, and blends between them: {placed}"
    )
    text = "Weights of gamma and beta are bilinear in the place."
    return Shown(text if figures else "A square needs four styles.", figures)


def way_shown(results: Results, work: Blends) -> Shown:
    """Show the style losses on the way from style to style, and which of them move one way."""
    report = report_of(results.folder_of(work))
    checks = [(name, check) for leg in report["legs"] for name, check in leg["monotone"].items()]
    one_way = [name for name, check in checks if check["holds"]]
    text = f"{len(one_way)} of {len(checks)} curves that should move one way do so at every step."
    caption = f"Style losses along the way: mean and band of one standard deviation over {report['losses']}"
    return Shown(text, figures_of(results.folder_of(work), "losses", caption))
