"""Line plots for reports: colours that the colour-blind tell apart (Okabe and Ito 2008), labelled axes, nothing else."""

import io
from collections.abc import Mapping, Sequence

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")


def line_plot(x: Sequence[float], series: Mapping[str, Sequence[float]], *, x_label: str, y_label: str, log_y: bool = False) -> bytes:
    """Plot series over one axis.

    Args:
        x: Shared by all series.
        series: Values by label, each as long as ``x``.
        x_label: With its unit, if it has one.
        y_label: Likewise.
        log_y: Whether the y axis is logarithmic.

    Returns:
        A PNG of 1280x800 px.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=160, layout="constrained")
    axes = figure.subplots()
    for i, (label, values) in enumerate(series.items()):
        axes.plot(x, values, label=label, color=COLORS[i % len(COLORS)], linestyle=STYLES[i // len(COLORS) % len(STYLES)], linewidth=1.4)
    if log_y:
        axes.set_yscale("log")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
