"""What the style-inversion chapter says about its figures, held against what was made here, in sentences."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median

from PIL import Image

from nstyle.reconstruction.style_inversion_schedule import EXTENSION, MAX_EXTENSIONS
from nstyle.reports.page import Table, number
from nstyle.reproduction.figures import listed, verdict
from nstyle.reproduction.inverted import LIMIT, Inverted, by, counted, grows, how_far, judged
from nstyle.reproduction.measures import correlation, difference
from nstyle.reproduction.reconstructions import span

SAME_PLACES = 0.5
"""A likeness above this means that structures lie in the same places, one below it that they lie elsewhere."""
COUNTS = {"moments-1": "one", "moments-2": "two", "moments-3": "three", "moments-4": "four"}
ABOUT = 1.5
"""Numbers of iterations within this factor count as about the same."""


def table_of_iterations(made: Sequence[Inverted]) -> Table:
    """Lay table 1.1 beside how long each reconstruction was allowed to take here, and where it stopped."""
    paintings = list(dict.fromkeys(one.painting for one in made))
    rows = []
    for (layer, loss), runs in by(made, "layer", "loss").items():
        whole = runs[0].table + MAX_EXTENSIONS * EXTENSION
        planned = round(runs[0].planned * runs[0].table / whole)
        endings = {one.painting: one.ending for one in runs}
        rows.append(
            [layer, loss, f"{runs[0].table:,}", f"{planned:,}", f"{runs[0].planned:,}"]
            + [endings.get(painting, "-") for painting in paintings]
        )
    columns = ["layer", "loss", "source", "here", "with all extensions", *(f"{name} stopped at" for name in paintings)]
    return Table(columns, rows)


def endings(made: Sequence[Inverted], extension: float) -> str:
    """Say where reconstructions stopped.

    Args:
        made: All of them.
        extension: The iterations of an extension here.
    """
    bounded = [one for one in made if one.loss != "mmd"]
    discrepancies = [one for one in made if one.loss == "mmd"]
    extended = [one.extension for one in bounded if one.reached and one.extension]
    within = sum(one.reached and not one.extension for one in bounded)
    text = f"{within} of {len(bounded)} Gram and moment reconstructions went below {LIMIT} within the table's number"
    text += f", {len(extended)} in an extension"
    text += f" (the {span(extended)}. of {MAX_EXTENSIONS})" if extended else ""
    text += f", and {sum(not one.reached for one in bounded)} not even in {MAX_EXTENSIONS} extensions."
    text += f" An extension is {EXTENSION:,} iterations in the source and {number(extension)} here."
    if discrepancies:
        plateaus = sum(one.stopped == "plateau" for one in discrepancies)
        text += (
            f" MMD can be negative, so that a threshold says nothing about it: here it stops on a plateau, which "
            f"{plateaus} of {len(discrepancies)} reconstructions reached."
        )
    return text


def depth(made: Sequence[Inverted]) -> str:
    """Hold Gram reconstructions of several layers against the claims on depth."""
    paintings = list(by(made, "painting").values())
    larger = counted(
        [grows(runs, "radius") for runs in paintings], "the deeper the layer, the larger the structures", "paintings"
    )
    colours = [min(runs, key=lambda one: one.colours).layer.startswith("relu1_") for runs in paintings]
    return judged(
        made, f"{larger} {counted(colours, 'colours are nearest to the painting in the first block', 'paintings')}"
    )


def more_moments(made: Sequence[Inverted]) -> str:
    """Hold one to four moments at several layers against the claim that each further one improves the style."""
    layers = list(by(made, "painting", "layer").values())
    larger = counted(
        [grows(runs, "radius") for runs in layers], "each further moment makes structures larger", "layers"
    )
    nearer = counted(
        [grows(runs[::-1], "colours") for runs in layers], "each further moment brings colours nearer", "layers"
    )
    return judged(made, f"{larger} {nearer}")


def gram_against_moments(gram: Sequence[Inverted], moments: Sequence[Inverted]) -> str:
    """Hold both losses at the same layers of the same paintings against the claims on their difference."""
    of_gram = {key: runs[0] for key, runs in by(gram, "painting", "layer").items()}
    pairs = [(of_gram[one.painting, one.layer], one) for one in moments if (one.painting, one.layer) in of_gram]
    if not pairs:
        return "There is nothing to compare."
    larger = counted([m.radius > g.radius for g, m in pairs], "moments keep larger structures than Gram", "pairs")
    nearer = counted([m.colours < g.colours for g, m in pairs], "moments keep colours better than Gram", "pairs")
    ratio = median(m.end / g.end if g.end > 0 else float("inf") for g, m in pairs)
    many = [(g, m) for g, m in pairs if int(m.loss.split("-")[1]) > 2]
    noisy = counted([m.grain > g.grain for g, m in many], "more than two moments leave more grain than Gram", "pairs")
    stacks = list(by(moments, "painting", "layer").values())
    artefacts = counted([grows(runs, "grain") for runs in stacks], "each further moment adds grain", "layers")
    losses = f"The moments' losses end at {ratio:.2g} times Gram's in the median."
    return judged([*gram, *moments], " ".join([larger, nearer, losses, _convergence(pairs), noisy, artefacts]))


def _convergence(pairs: Sequence[tuple[Inverted, Inverted]]) -> str:
    """Compare the iterations to the threshold, where Gram reached it. A loss that never did took more."""
    ratios: dict[str, list[float]] = {}
    for gram, moments in pairs:
        if gram.reached:
            taken = moments.iterations / gram.iterations if moments.reached else float("inf")
            ratios.setdefault(moments.loss, []).append(taken)
    if not ratios:
        return "Gram went below the threshold nowhere, so that the iterations it takes cannot be compared."
    medians = {loss: median(values) for loss, values in ratios.items()}
    words = [
        f"{COUNTS[loss]} moment{'s' * (loss != 'moments-1')} "
        + ("more than were planned" if value == float("inf") else f"{value:.2g} times as many")
        for loss, value in medians.items()
    ]
    two = medians.get("moments-2", float("inf"))
    others = [value for loss, value in medians.items() if int(loss.split("-")[1]) > 2]
    return (
        f"To the threshold, beside Gram and in the median, took {listed(words)}. "
        + verdict(
            1 / ABOUT <= two <= ABOUT, "two moments take about as many as Gram", "two moments take another number"
        )
        + " "
        + verdict(
            all(value > 1 for value in others), "more than two take more", "more than two do not always take more"
        )
    )


def rebuilt(made: Sequence[Inverted]) -> str:
    """Hold MMD reconstructions against the claim that they are the painting."""
    cases = [one.likeness > SAME_PLACES for one in made]
    text = counted(cases, "the painting itself comes back, with everything in its place", "pictures")
    alike = [one.likeness for one in made]
    far = [one.distance for one in made]
    text += f" Their likeness to it is {min(alike):.2f} to {max(alike):.2f}, and they are {span(far)} levels from it."
    return judged(made, text)


def scales(made: Sequence[Inverted], factors: Sequence[str], pictures: Sequence[Image.Image]) -> str:
    """Say what the scale of features changes: the loss, when it stops, and how much of the picture.

    Args:
        made: The reconstructions.
        factors: What the features of each were multiplied with.
        pictures: The picture of each.
    """
    words = []
    for factor in dict.fromkeys(factors):
        reached = [one.reached for one, own in zip(made, factors, strict=True) if own == factor]
        words.append(f"{sum(reached)} of {len(reached)} with features times {factor}")
    text = f"Below {LIMIT} went {listed(words)}."
    layers: dict[str, list[int]] = {}
    for i, one in enumerate(made):
        layers.setdefault(one.layer, []).append(i)
    pairs = [(i, j) for both in layers.values() for i, j in combinations(both, 2)]
    if pairs:
        apart = [difference(pictures[i], pictures[j]) for i, j in pairs]
        starts = [max(made[i].start, made[j].start) / min(made[i].start, made[j].start) for i, j in pairs]
        factor = " to ".join(dict.fromkeys(number(value) for value in (min(starts), max(starts))))
        text += (
            f" The losses of the same noise differ by a factor of {factor}, so that the same threshold asks for "
            f"something else. The pictures of both differ by {min(apart):.1f} to {max(apart):.1f} levels of 255 (root "
            "mean square)."
        )
    return f"{text} {how_far(made)}"


def adam_against_lbfgs(made: Sequence[Inverted], at_equal: Sequence[float]) -> str:
    """Hold both optimizers against the claim that L-BFGS is of no use and gives worse pictures.

    Args:
        made: The reconstructions.
        at_equal: The loss of each within as many evaluations as there were iterations planned; see :func:`loss_after`.
    """
    cells: dict[str, dict[str, tuple[Inverted, float]]] = {}
    for one, loss in zip(made, at_equal, strict=True):
        cells.setdefault(one.loss, {})[one.optimizer] = one, loss
    pairs = [(both["adam"], both["lbfgs"]) for both in cells.values() if len(both) == 2]
    useless = [
        b.evaluations >= a.evaluations if a.reached and b.reached else loss_b >= loss_a
        for (a, loss_a), (b, loss_b) in pairs
    ]
    lower = counted(useless, "L-BFGS gets no further in as many evaluations, and no faster to the threshold", "losses")
    worse = counted(
        [b.colours > a.colours and b.grain > a.grain for (a, _), (b, _) in pairs],
        "its pictures have both more grain and colours that are further off",
        "losses",
    )
    each = [b.evaluations / max(1, b.iterations) for _, (b, _) in pairs]
    facts = f"L-BFGS took {min(each):.2f} to {max(each):.2f} evaluations for an update, Adam one." if each else ""
    return judged(made, f"{lower} {worse}", facts)


def loss_after(losses: Sequence[float], evaluations: int, allowed: int) -> float:
    """Return the lowest loss within so many evaluations, which are taken to be spread evenly over the updates.

    Args:
        losses: The loss of the start and after each update.
        evaluations: The evaluations of all updates.
        allowed: The evaluations that count.
    """
    updates = len(losses) - 1
    within = updates if evaluations <= allowed else updates * allowed // evaluations
    return min(losses[: within + 1])


def seeds(made: Sequence[Inverted], pictures: Sequence[Image.Image]) -> str:
    """Hold pictures of several seeds against the claim that artefacts move, and differ in size, with the seed."""
    texts, moved = [], []
    for loss in dict.fromkeys(one.loss for one in made):
        same = [i for i, one in enumerate(made) if one.loss == loss]
        alike = [correlation(pictures[i], pictures[j]) for i, j in combinations(same, 2)]
        moved += [value < SAME_PLACES for value in alike]
        radii, ends = [made[i].radius for i in same], [made[i].end for i in same]
        texts.append(
            f"{loss}: radii of {min(radii):.1f} to {max(radii):.1f} px, losses of {number(min(ends))} to "
            f"{number(max(ends))}" + (f", likeness of two seeds at most {max(alike):.2f}" if alike else "")
        )
    text = counted(moved, "structures and artefacts lie elsewhere with another seed", "pairs of seeds")
    return judged(made, f"{text} {'. '.join(texts)}.")
