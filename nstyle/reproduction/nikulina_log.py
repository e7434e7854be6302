"""The losses that K. Nikulina printed under more and fewer style layers, beside ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nstyle.reconstruction.finished_runs import Run
from nstyle.reports.page import Figure, Table, number
from nstyle.reports.plots import Line, Panel, panels_plot
from nstyle.reproduction.figures import not_made, picture_sheet, verdict
from nstyle.reproduction.measures import difference, rises
from nstyle.reproduction.recipe import Shown
from nstyle.reproduction.reconstructions import Reconstructions
from nstyle.reproduction.results import Results

ITERATIONS, EVERY = 1000, 100
"""The last line that she printed, and the iterations between lines."""

JUMP = 2.0
"""The least growth of a loss between two lines that we call a jump."""


@dataclass(frozen=True)
class Log:
    """Weighted losses as they are printed, after every tenth of the run."""

    style: Sequence[float]
    content: Sequence[float]

    @classmethod
    def of(cls, run: Run) -> "Log":
        """Read the losses of a run after each tenth of its iterations."""
        losses, weights = run.folder.read_losses(), run.config.term_weights
        last = len(losses["loss"]) - 1
        lines = [round(last * at / ITERATIONS) for at in range(EVERY, ITERATIONS + 1, EVERY)]
        style, content = (
            [sum(weights[name] * losses[name][line] for name in weights if name.startswith(kind)) for line in lines]
            for kind in ("style/", "content/")
        )
        return cls(style, content)

    @property
    def largest_jump(self) -> float:
        """The largest factor by which the style loss grows from a line to the next, 1 if it never does."""
        return max([1.0, *(b / a for a, b in pairwise(self.style) if a > 0)])


MORE = Log(
    (24997116, 12943774, 11101772, 1368549504, 32696660, 15160137, 10735396, 161575648, 17375792),
    (439.914246, 330.756958, 313.066162, 2120.258057, 500.322113, 354.615967, 306.472412, 973.164124, 376.941162),
)
FEWER = Log(
    (335.635254, 266.210236, 225.366150, 197.908630, 178.411972, 163.338669, 150.930756, 140.314728, 131.044891,
     122.823410),
    (1.353561, 1.478559, 1.581075, 1.653480, 1.703268, 1.736927, 1.760454, 1.777241, 1.789942, 1.800234),
)  # fmt: skip
"""What she printed with three style layers more and with two fewer. There is no log of the original number."""


def layers_shown(results: Results, work: Reconstructions) -> Shown:
    """Show the pictures of fewer, as many and more layers, and both logs beside ours."""
    runs = {len(run.layers): run for run in results.runs(work)}
    failed = not_made(results.failures(work))
    counts = sorted(runs)
    labelled = [(f"{count} style layers", runs[count]) for count in counts]
    figures = [picture_sheet(work.name, "From the photograph, by the number of style layers", labelled)]
    fewer, as_many, *more = [len(layers) for layers in work.axes["style_layers"]]
    pairs = {"two fewer": (FEWER, fewer), "three more": (MORE, more[0])}
    logs = {name: (log, Log.of(runs[count])) for name, (log, count) in pairs.items() if count in runs}
    if logs:
        figures.append(_plot(logs))
    texts = [jump_text(logs["three more"][1].largest_jump)] if "three more" in logs else []
    texts += [way_text(logs["two fewer"][1])] if "two fewer" in logs else []
    if all(count in runs for count in (fewer, as_many, more[0])):
        pictures = {count: run.folder.read_result() for count, run in runs.items()}
        texts.append(same_text(*(difference(pictures[count], pictures[as_many]) for count in (fewer, more[0]))))
    texts.append("Ours are after the same part of the run.")
    return Shown(" ".join([*texts, failed]).strip(), figures, [_table(name, *both) for name, both in logs.items()])


def jump_text(jump: float) -> str:
    """Say whether the style loss jumped with three more layers here too, from its largest growth between two lines."""
    most = f"from line to line it grows at most by a factor of {jump:.3g} (hers: {MORE.largest_jump:.0f})"
    return verdict(
        jump >= JUMP,
        f"with three more layers the style loss jumps; {most}",
        f"three more layers let it not jump; {most}",
    )


def way_text(fewer: Log) -> str:
    """Say whether with two layers fewer the style loss only falls and the content loss only grows, as hers do."""
    ends = f"from {number(fewer.style[0])} to {number(fewer.style[-1])}"
    content = f"from {number(fewer.content[0])} to {number(fewer.content[-1])}"
    return verdict(
        rises(fewer.style[::-1]) and rises(fewer.content),
        f"with two fewer the style loss falls at every line, {ends}, and the content loss grows, {content}",
        f"with two fewer not every line has less style loss ({ends}) and more content loss ({content})",
    )


def same_text(fewer: float, more: float) -> str:
    """Say whether two layers fewer change the picture less than three more, from the differences in levels."""
    return verdict(
        fewer < more,
        f"two fewer change the picture by {fewer:.1f} levels, three more by {more:.1f}",
        f"two fewer change the picture by {fewer:.1f} levels of 255, and three more only by {more:.1f}",
    )


def _table(name: str, hers: Log, ours: Log) -> Table:
    rows = []
    for line, (style, content) in enumerate(zip(ours.style, ours.content, strict=True)):
        printed = [number(hers.style[line]), number(hers.content[line])] if line < len(hers.style) else ["", ""]
        rows.append([f"{EVERY * (line + 1):,}", printed[0], number(style), printed[1], number(content)])
    return Table([f"{name}: iteration", "style, hers", "style, ours", "content, hers", "content, ours"], rows)


def _plot(logs: Mapping[str, tuple[Log, Log]]) -> Figure:
    """Draw the style losses over their first printed values."""
    panels = []
    for name, both in logs.items():
        lines = {
            label: Line.of(
                [EVERY * (i + 1) for i in range(len(log.style))], [x / (log.style[0] or 1) for x in log.style]
            )
            for label, log in zip(("hers", "ours"), both, strict=True)
        }
        panels.append(Panel(lines, "iteration of hers", "style loss / its first line", name))
    return Figure.of_plot("layers-loss", "Style losses as printed, over the first line", panels_plot(panels))
