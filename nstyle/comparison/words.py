"""The result of a comparison in words: what it shows, and what it does not show."""

from nstyle.comparison.cost import Cost
from nstyle.comparison.evaluate import PER_NETWORK, PER_STYLE, PROTOCOLS, SINGLE, Evaluation
from nstyle.comparison.gap import CONFIDENCE, Gaps, Interval, seed_spread
from nstyle.comparison.plan import Plan
from nstyle.system.durations import in_words as in_time

AllGaps = dict[str, dict[str, Gaps]]
"""Gaps by protocol and term."""
FEW = 10
"""The text calls intervals over fewer seeds than this too narrow. With noise between seeds only, they hold the true gap
in 56 % of cases for 2 seeds, 74 % for 3, 88 % for 5 and 90 % for 8, instead of in 95 %
(``tools/bootstrap_coverage.py``)."""


def in_words(plan: Plan, evaluation: Evaluation, gaps: AllGaps, n_style: Cost, single: Cost) -> str:
    """Describe what the numbers show, and what they do not show.

    Args:
        plan: The comparison.
        evaluation: The losses.
        gaps: The gaps.
        n_style: The cost of the n-style network.
        single: The cost of all single-style networks together.
    """
    n, updates = len(plan.styles), plan.updates
    opening = {
        PER_NETWORK: f"Per network, all after {updates:,} updates (each style had {plan.updates_per_style:,} of them "
        f"in the {n}-style network)",
        PER_STYLE: f"Per style, {plan.updates_per_style:,} updates for each ({updates:,} of the {n}-style network, "
        f"{plan.updates_per_style:,} of each single one)",
    }
    paragraphs = [f"{opening[protocol]}: {_sentence(plan, gaps[protocol])}" for protocol in PROTOCOLS]
    photos = f"the {len(evaluation.photos)} held-out photographs"
    if plan.seeds == 1:
        covers = (
            f"The intervals ({CONFIDENCE:.0%}) cover the choice of {photos} only. Networks of another seed would "
            "differ from these, by an amount that one seed cannot tell: a gap is no property of n-style networks "
            "before it holds over several seeds (`seeds`)."
        )
    else:
        spread = seed_spread(evaluation.of(SINGLE, "style"))
        assert spread is not None
        narrow = (
            " With so few seeds they are too narrow: two seeds give intervals that hold the truth about half of the "
            "time."
        )
        few = narrow if plan.seeds < FEW else ""
        covers = (
            f"The intervals ({CONFIDENCE:.0%}) cover the choice of {photos} and of {plan.seeds} seeds.{few} Between "
            f"seeds, the style loss of a single-style network alone differs by {100 * spread.min():.1f} to "
            f"{100 * spread.max():.1f} % (standard deviation, by style)."
        )
    limits = (
        f"Losses were measured in float32 on {plan.config.size} px crops, at one point of training at a constant rate, "
        "where they still move from update to update. They do not show how networks trained longer, on larger crops "
        "or in other styles would do, and a loss is no judgement of a picture: look at the paintings below."
    )
    return "\n\n".join([*paragraphs, *_equal_time(plan, n_style, single), covers, limits])


def _equal_time(plan: Plan, n_style: Cost, single: Cost) -> list[str]:
    """Say how equal numbers of updates per style compare in time, if the logs tell the speed of both."""
    if not (n_style.updates_per_second and single.updates_per_second) or len(plan.styles) == 1:
        return []
    one, other = plan.updates / n_style.updates_per_second, plan.updates / single.updates_per_second
    return [
        f"In time: {plan.updates:,} updates of the n-style network took {in_time(one)}, and "
        f"{plan.updates_per_style:,} in each of the single ones {in_time(other)} together ({percent(other / one - 1)})."
        " So equal updates per style are equal time, but for that difference; at equal updates per network the single "
        f"ones took {len(plan.styles) * other / one:.1f} times as long."
    ]


def _sentence(plan: Plan, gaps: dict[str, Gaps]) -> str:
    parts = []
    for term in ("style", "content", "total"):
        overall = gaps[term].overall
        parts.append(f"the n-style network's {term} loss is {_direction(overall)}")
    by_style = dict(zip(plan.names, gaps["style"].by_style, strict=True))
    ends = ""
    if len(by_style) > 1:
        low, high = (
            min(by_style, key=lambda name: by_style[name].gap),
            max(by_style, key=lambda name: by_style[name].gap),
        )
        ends = (
            f" Its style loss is {percent(by_style[low].gap)} for {low} at one end and {percent(by_style[high].gap)} "
            f"for {high} at the other."
        )
    return f"{'; '.join(parts)}.{ends}"


def _direction(interval: Interval) -> str:
    span = f"{percent(interval.gap)}, interval {percent(interval.low)} to {percent(interval.high)}"
    if interval.low == interval.high == 0:
        return "exactly equal"
    if interval.low <= 0 <= interval.high:
        return f"not told apart from the single ones' ({span})"
    return f"{'higher' if interval.gap > 0 else 'lower'} than the single ones' ({span})"


def percent(value: float) -> str:
    """Format 0.05 as +5.0 %."""
    return f"{100 * value:+.1f} %"
