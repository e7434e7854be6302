"""Finished reconstructions, read from their folders and grouped into the experiments of the sources."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nstyle.errors import UsageError
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.layer_weights import layers_text
from nstyle.reconstruction.run_folder import RunFolder
from nstyle.reports.kinds import hint
from nstyle.strict_json import parse_json

OF_FIGURES = ("layers", "style_layers", "content_layers", "loss", "moments")
"""Axes of a sweep in which the runs of one figure may differ."""


@dataclass(frozen=True)
class Run:
    """A finished reconstruction."""

    folder: RunFolder
    description: dict[str, Any]
    config: ReconstructionConfig
    labels: dict[str, str] = field(default_factory=dict)
    """What it is in its sweep, by axis."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The style layers, or the content layers if there are none."""
        return tuple(self.config.style_layers or self.config.content_layers)

    @property
    def pictures(self) -> list[str]:
        """The photograph and the paintings, as they were given."""
        return [name for name in (self.description["content"], *self.description["styles"]) if name]

    @property
    def sources(self) -> list[tuple[str, str]]:
        """The photograph and the paintings, each with a fingerprint of its pixels and as it was given."""
        description, identity = self.description, self.description["identity"]
        photograph = [(identity["content"], description["content"])] if description["content"] else []
        return [*photograph, *zip(identity["styles"], description["styles"], strict=False)]

    @property
    def initial_loss(self) -> float:
        """The weighted loss of the start, at the first size of a ladder."""
        return float(
            sum(weight * self.description["initial"][name] for name, weight in self.config.term_weights.items())
        )

    @property
    def best_loss(self) -> float:
        """The weighted loss of the best picture."""
        return float(self.description["best"]["loss"])

    @property
    def label(self) -> str:
        """The layers with their weights, such as ``relu1_1+relu2_1=0.5``."""
        return layers_text({**self.config.content_layers, **self.config.style_layers})

    @property
    def surroundings(self) -> str:
        """What runs of one figure have in common: everything but the layers and the loss.

        This includes the number of iterations, unless a schedule sets it for each layer and loss.
        """
        left_out = ["style_layers", "content_layers", "loss", "moments", "device", "vgg", "iterations", "precision"]
        values = {name: value for name, value in self.description["identity"].items() if name not in left_out}
        if self.config.schedule is None:
            values |= {name: getattr(self.config, name) for name in ("iterations", "patience", "threshold")}
        return json.dumps(values, sort_keys=True)

    @property
    def budget(self) -> str:
        """The pictures, the optimizer, the iterations and other settings in words."""
        config = self.config
        words = [" + ".join(Path(name).stem for name in self.pictures), f"{config.optimizer} at {config.lr:g}"]
        words += [f"schedule {config.schedule}" if config.schedule else f"{config.iterations} iterations"]
        words += [
            f"{config.size} px" + (f" from {config.min_size} px on" if config.min_size else ""),
            f"start {config.start}",
        ]
        words += [f"mix {':'.join(f'{part:g}' for part in config.style_mix)}"] if config.style_mix else []
        words += [f"tv {config.tv} x {config.tv_weight:g}"] if config.tv_weight else []
        words += [f"seed {config.seed}"] if config.start == "noise" else []
        words += [f"{config.pooling} pooling"] if config.pooling != "max" else []
        words += [f"features x {config.feature_scale:.4g}"] if config.feature_scale != 1 else []
        vgg = self.description["vgg"]
        return ", ".join([*words, f"{vgg['architecture']} {vgg['release']}"])


@dataclass(frozen=True)
class Failure:
    """A cell of a sweep that could not be made."""

    labels: dict[str, str]
    reason: str
    sweep: Path
    """The folder of the sweep."""

    def is_beside(self, run: Run) -> bool:
        """Tell whether the cell would have differed from a run of its sweep only in layers and loss."""
        ours, theirs = (
            {axis: label for axis, label in labels.items() if axis not in OF_FIGURES}
            for labels in (self.labels, run.labels)
        )
        return self.sweep == run.folder.path.parent and ours == theirs


def read_runs(paths: Sequence[Path]) -> tuple[list[Run], list[Failure]]:
    """Read run folders and sweep folders.

    Raises:
        UsageError: If a path is no such folder, or a file in it is damaged.
    """
    runs: list[Run] = []
    failures: list[Failure] = []
    for path in {path.resolve(): path for path in paths}.values():
        if not path.is_dir():
            raise UsageError(f"{path} is no folder; expected a reconstruction or a sweep")
        if (path / "sweep.json").exists():
            made, failed = _read_sweep(path)
            runs += made
            failures += failed
        else:
            runs.append(_read_run(path))
    return list({run.folder.path.resolve(): run for run in runs}.values()), failures


def _read_run(path: Path, labels: dict[str, str] | None = None) -> Run:
    folder = RunFolder(path)
    if not folder.description.exists() and (other := hint(path)):
        raise UsageError(f"{path} is no finished reconstruction{other}")
    description = folder.read_description()
    return Run(folder, description, ReconstructionConfig.from_dict(description["config"]), labels or {})


def _read_sweep(path: Path) -> tuple[list[Run], list[Failure]]:
    try:
        cells = parse_json((path / "sweep.json").read_bytes())["cells"]
        failures = [Failure(cell["labels"], cell["failed"], path) for cell in cells if cell["failed"]]
        made = [(path / cell["folder"], cell["labels"]) for cell in cells if not cell["failed"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path / 'sweep.json'} cannot be read ({type(error).__name__})") from error
    return [_read_run(folder, labels) for folder, labels in made], failures


def group(runs: Iterable[Run]) -> list[list[Run]]:
    """Group runs that differ only in layers and loss. Of several with the same ones, each is in another group."""
    groups: dict[tuple[str, int], list[Run]] = {}
    seen: Counter[tuple[str, str, str]] = Counter()
    for run in runs:
        which = (run.surroundings, run.label, run.config.loss_label)
        groups.setdefault((run.surroundings, seen[which]), []).append(run)
        seen[which] += 1
    return list(groups.values())


def single_layer_runs(runs: Iterable[Run]) -> list[Run]:
    """Select the style reconstructions from a single layer, which the style-inversion chapter shows."""
    return [run for run in runs if len(run.config.style_layers) == 1 and not run.config.content_layers]


def cumulative_chains(runs: Iterable[Run]) -> list[list[Run]]:
    """Select for each loss the longest chain of style reconstructions from the first n layers of a list.

    These are tau_1, tau_2, ... of Early, Sian and Stonard.
    """
    by_loss: dict[str, dict[tuple[tuple[str, float], ...], Run]] = {}
    for run in runs:
        if run.config.style_layers and not run.config.content_layers:
            by_loss.setdefault(run.config.loss_label, {})[tuple(run.config.style_layers.items())] = run
    longest = []
    for by_layers in by_loss.values():
        chains = [
            [by_layers[layers[:n]] for n in range(1, len(layers) + 1) if layers[:n] in by_layers]
            for layers in by_layers
        ]
        longest.append(max(chains, key=len))
    return [chain for chain in longest if len(chain) > 1]
