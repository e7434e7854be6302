"""Learning curves, read from our run directories or from the CSV files that Early, Sian and Stonard published."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nstyle.errors import UsageError
from nstyle.models.model_file import read_info
from nstyle.models.style_names import style_name
from nstyle.reports.kinds import hint
from nstyle.training.config import TrainingConfig
from nstyle.training.run_directory import RunDirectory
from nstyle.training.run_log import MOST_UPDATES, RunLog

Values = npt.NDArray[np.float64]
SMOOTHING = 50
"""The divisor of the number of updates that gives the window of the running mean."""
LAST = 100
"""The number of updates over which the loss at the end of a run is averaged."""
PICTURE_NAME = re.compile(r".+?\.(?:jpe?g|png|webp|gif|bmp|tiff?)(?=[\s,]|$)", re.IGNORECASE)
"""A file name in Early, Sian and Stonard's list of styles. The names themselves contain commas and spaces."""


@dataclass(frozen=True)
class Curve:
    """The losses of one style at the updates that trained it, weighted as they enter the total."""

    update: npt.NDArray[np.int64]
    """The numbers of the updates, counted from 1."""
    content: Values
    style: Values


@dataclass(frozen=True)
class CurveSet:
    """The learning curves of one run."""

    curves: dict[str, Curve]
    """The learning curves by style."""
    convention: str
    """The full loss convention. The values of losses can only be compared between runs of the same convention."""
    facts: dict[str, str]
    """Facts about the run, for a table."""

    @property
    def updates(self) -> int:
        """The last update."""
        return max(int(curve.update[-1]) for curve in self.curves.values())

    def final(self, style: str, term: str) -> float:
        """Return the mean of the style's last losses.

        Their number is that of the style's updates among the last 100 if all styles take turns.
        """
        values: Values = getattr(self.curves[style], term)
        return float(values[-max(1, LAST // len(self.curves)) :].mean())

    def mean(self) -> Curve:
        """Average the first losses of all styles, their second losses, and so on, as far as all styles have them.

        Styles that were trained one after the other (``sequential``) are joined instead.
        """
        parts = list(self.curves.values())
        if max(curve.update[0] for curve in parts) > min(curve.update[-1] for curve in parts):
            parts.sort(key=lambda curve: int(curve.update[0]))
            joined = (
                np.concatenate([getattr(curve, name) for curve in parts]) for name in ("update", "content", "style")
            )
            return Curve(*joined)
        count = min(len(curve.update) for curve in parts)
        update = np.max([curve.update[:count] for curve in parts], axis=0)
        content, style = (
            np.mean([getattr(curve, term)[:count] for curve in parts], axis=0) for term in ("content", "style")
        )
        return Curve(update, content, style)


def smooth(values: Values) -> Values:
    """Return the centred running mean over a fiftieth of the values.

    The window is narrower near the start, where losses fall too steeply for the full width, and one-sided near the end.
    """
    i = np.arange(len(values))
    half = np.minimum(i, len(values) // SMOOTHING // 2)
    first, last = i - half, np.minimum(i + half, len(values) - 1)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    smoothed: Values = (sums[last + 1] - sums[first]) / (last + 1 - first)
    return smoothed


def read_curves(path: Path) -> CurveSet:
    """Read a run directory, or a CSV file in Early, Sian and Stonard's format.

    Raises:
        UsageError: If the path is neither, or the run is damaged or holds no update yet.
    """
    if path.is_dir():
        return _read_run(path)
    if path.is_file():
        return _read_published(path)
    raise UsageError(
        f"{path} is not there; expected a run directory, or a CSV file of losses in Early, Sian and Stonard's format"
    )


def _read_run(path: Path) -> CurveSet:
    run = RunDirectory(path)
    if not run.config.exists() or not run.metrics.exists():
        missing = run.config if not run.config.exists() else run.metrics
        raise UsageError(
            f"{path} holds no run to report on: {missing.name} is missing"
            + (hint(path) or "; expected a run directory")
        )
    config, log = TrainingConfig.from_toml(run.config), RunLog.read(run.metrics)
    preset = config.preset
    rows: dict[str, list[tuple[int, float, float]]] = {}
    for line in log.updates:
        for style, terms in line["losses"].items():
            content = preset.content_weight * terms["content"]
            weighted = preset.style_weight * config.style_factors.get(style, 1.0) * terms["style"]
            rows.setdefault(style, []).append((line["update"], content, weighted))
    if not rows:
        raise UsageError(f"{run.metrics} holds no losses; give another run")
    return CurveSet(
        {style: _curve(values) for style, values in rows.items()}, _convention(config, run), _facts(config, log)
    )


def _convention(config: TrainingConfig, run: RunDirectory) -> str:
    """Describe all settings that a loss value depends on."""
    preset = config.preset
    info = read_info(run.model) if run.has_run else None
    parts = [
        preset.name,
        f"content {'+'.join(preset.content_layers)} x {preset.content_weight:g}",
        f"style {'+'.join(preset.style_layers)} on {preset.style_scales} scales x {preset.style_weight:g}",
        f"{preset.reduction}, Gram / {preset.gram_divisor}, {preset.pooling} pooling",
        f"crops of {config.size} px, paintings of {config.style_size} px",
    ]
    parts += [f"style of {name} x {factor:g}" for name, factor in sorted(config.style_factors.items()) if factor != 1]
    parts += (
        [f"{info.vgg.get('architecture')} {info.vgg.get('release')} {info.vgg_sha256[:12]}"]
        if info and info.vgg
        else []
    )
    return ", ".join(parts)


def _facts(config: TrainingConfig, log: RunLog) -> dict[str, str]:
    last = log.validations[-1] if log.validations else None
    speed, peak, seconds = log.updates_per_second, log.peak_memory, log.seconds
    return {
        "batch": f"{config.batch_size} of {config.size} px" + (f", grain {config.grain:g}" if config.grain else ""),
        "schedule": config.schedule,
        "preset": config.preset.name,
        "rate": f"{config.lr:g} {config.lr_schedule}",
        "precision": f"{config.precision} on {config.device}" + (", compiled" if config.compile else ""),
        "seed": str(config.seed),
        "minutes": f"{seconds / 60:.1f}" if seconds is not None else "-",
        "updates/s": f"{speed:.2f}" if speed else "-",
        "peak memory": f"{peak / 2**20:.0f} MiB" if peak else "-",
        "validated at": str(last["update"]) if last else "-",
    }


def _read_published(path: Path) -> CurveSet:
    """Read a file of ``updates, styles``, a line of style names, and rows ``update, style loss, content loss``.

    The styles take turns.
    """
    try:
        head, names_line, *table = path.read_text(encoding="utf-8").splitlines()
        updates, count = (int(value) for value in head.split(","))
        values = np.array([[float(value) for value in line.split(",")] for line in table if line.strip()])
        if count < 1 or values.ndim != 2 or values.shape[1] != 3 or len(values) < count:
            raise ValueError(f"{len(values)} rows for {count} styles")
        if not np.isfinite(values).all():
            raise ValueError("a loss is not finite")
        numbers = values[:, 0].clip(0, MOST_UPDATES - 1).astype(np.int64)
        if not (numbers == values[:, 0]).all() or set((numbers % count).tolist()) != set(range(count)):
            raise ValueError("the updates are not those of all styles in turn")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read as published losses ({error}); expected a line 'updates, styles', "
            "a line of style names, then lines 'update, style loss, content loss'"
        ) from error
    names = _published_names(names_line, count)
    curves = {
        name: Curve(numbers[numbers % count == i] + 1, values[numbers % count == i, 2], values[numbers % count == i, 1])
        for i, name in enumerate(names)
    }
    facts = {
        "published": path.name,
        "updates": str(updates) if len(values) == updates else f"{len(values)} of the {updates} that it names",
    }
    return CurveSet(curves, "as published", facts)


def _published_names(line: str, count: int) -> list[str]:
    """Return the names of the styles in our form, or ``style 1`` and so on if the line does not name each style."""
    names = [name.strip(" ,") for name in PICTURE_NAME.findall(line)]
    names = [style_name(Path(name)) for name in names]
    return names if len(set(names)) == len(names) == count else [f"style {i}" for i in range(1, count + 1)]


def _curve(rows: list[tuple[int, float, float]]) -> Curve:
    table: npt.NDArray[Any] = np.array(rows, dtype=np.float64)
    return Curve(table[:, 0].astype(np.int64), table[:, 1], table[:, 2])
