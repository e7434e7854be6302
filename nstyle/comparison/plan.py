"""What a comparison trains: one n-style network and n single-style networks per seed, all with the same settings."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nstyle.data.photos import PhotoIndex
from nstyle.data.styles import StyleFile
from nstyle.errors import UsageError, check_setting
from nstyle.image import write_atomically
from nstyle.models.vgg_weights import load_vgg_weights
from nstyle.training.api import RESUMABLE
from nstyle.training.config import TrainingConfig
from nstyle.training.run_directory import RunDirectory
from nstyle.training.setup import resolve, split_photographs

logger = logging.getLogger(__name__)

SETTINGS_FILE = "comparison.json"
NOT_COMPARED = (*RESUMABLE, "seed", "init_from", "rows_only")
"""Settings of the runs that may differ when a comparison is continued, that are stored elsewhere, or that have one value.

Photographs and VGG weights may lie elsewhere then, but must be the same: they are compared by what they are.
"""
CONTENTS = {
    "vgg": "VGG weights (--vgg, NSTYLE_VGG)",
    "photographs": "photographs (--content)",
    "held_out_photographs": "held-out photographs",
}
"""What settings of which only a hash is kept are called."""
MIN_HELD_OUT = 2
BATCHES, BATCH = 32, 4
"""Batches that a believable evaluation has at least (Dumoulin et al. 2017), and photographs in each."""


@dataclass(frozen=True)
class Member:
    """One network of a comparison, in a run directory of its own."""

    run: RunDirectory
    styles: tuple[StyleFile, ...]
    seed: int
    milestones: tuple[int, ...]
    """Updates at which the weights are wanted; the last one ends the run."""

    @property
    def label(self) -> str:
        """Such as ``n-style, seed 0`` or ``single munch-the-scream, seed 0``."""
        kind = "n-style" if self.run.path.name == N_STYLE else f"single {self.styles[0].name}"
        return f"{kind}, seed {self.seed}"

    def model(self, milestone: int) -> Path:
        """Return the weights at a milestone: the run's own model at the last, a copy beside it at others."""
        return self.run.model if milestone == self.milestones[-1] else self.run.path / f"model-{milestone}.safetensors"


N_STYLE = "n-style"


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a comparison computes.

    Both protocols come from the same runs: *per network*, every network after ``updates``; *per style*, the n-style network
    after ``updates`` against single ones after ``updates / n``, so that every style has had as many.
    """

    out: Path
    styles: tuple[StyleFile, ...]
    config: TrainingConfig
    """Of every network, but for its seed and length."""
    seeds: int

    def __post_init__(self) -> None:
        n, config = len(self.styles), self.config
        check_setting(n >= 1, "--styles", n, "at least one painting")
        check_setting(self.seeds >= 1, "--seeds", self.seeds, "at least 1")
        check_setting(config.updates % n == 0, "--updates", config.updates, f"a multiple of the {n} styles, for the protocol per style")
        check_setting(config.lr_schedule == "constant", "--lr-schedule", config.lr_schedule, "constant: networks are compared on their way")
        check_setting(config.schedule == "round-robin", "--schedule", config.schedule, "round-robin: updates are counted per style")
        check_setting(config.held_out >= MIN_HELD_OUT, "--held-out", config.held_out, f"at least {MIN_HELD_OUT}")
        check_setting(not config.init_from, "--init-from", config.init_from, "nothing: every network starts from its seed")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the styles."""
        return tuple(style.name for style in self.styles)

    @property
    def updates(self) -> int:
        """Updates of every network."""
        return self.config.updates

    @property
    def updates_per_style(self) -> int:
        """Updates that each style has in the n-style network."""
        return self.config.updates // len(self.styles)

    def n_style(self, seed: int) -> Member:
        """Return the n-style network of a seed, counted from 0."""
        return Member(RunDirectory(self._folder(seed) / N_STYLE), self.styles, self.config.seed + seed, (self.updates,))

    def single(self, seed: int, style: StyleFile) -> Member:
        """Return the network of one style and a seed, counted from 0."""
        run = RunDirectory(self._folder(seed) / f"single-{style.name}")
        return Member(run, (style,), self.config.seed + seed, tuple(sorted({self.updates_per_style, self.updates})))

    def members(self) -> list[Member]:
        """Return all networks in the order in which they are trained."""
        return [member for seed in range(self.seeds) for member in (self.n_style(seed), *(self.single(seed, style) for style in self.styles))]

    def config_of(self, member: Member) -> TrainingConfig:
        """Return the settings of a network."""
        names = {style.name for style in member.styles}
        factors = {name: factor for name, factor in self.config.style_factors.items() if name in names}
        return replace(self.config, seed=member.seed, style_factors=factors)

    def _folder(self, seed: int) -> Path:
        return self.out / f"seed-{self.config.seed + seed}"

    def identity(self) -> dict[str, Any]:
        """Return what must not change when a comparison is continued. Seeds may be added."""
        values = {name: value for name, value in asdict(self.config).items() if name not in NOT_COMPARED}
        paintings = [{"name": style.name, "sha256": hashlib.sha256(style.path.read_bytes()).hexdigest()} for style in self.styles]
        content, held_out = split_photographs(self.config)
        identity = {
            "updates": self.updates,
            "seed": self.config.seed,
            "styles": paintings,
            "vgg": load_vgg_weights(self.config.vgg).sha256,
            "photographs": _fingerprint(content),
            "held_out_photographs": _fingerprint(held_out),
            "settings": values,
        }
        plain: dict[str, Any] = json.loads(json.dumps(identity))
        return plain

    def check_photographs(self) -> None:
        """Refuse photographs that would judge after they were trained on, and warn of few.

        Raises:
            UsageError: If a file is among both, or fewer than two are held out.
        """
        content, held_out = split_photographs(self.config)
        judges = held_out.files[: self.config.held_out]
        both = {path.resolve() for path in content.files} & {path.resolve() for path in judges}
        if both:
            raise UsageError(
                f"{min(both)} is both in --content and in --validation, as {len(both)} are; expected none: what was trained on cannot judge"
            )
        if len(judges) < MIN_HELD_OUT:
            expected = f"expected at least {MIN_HELD_OUT}, better {BATCHES * BATCH}"
            raise UsageError(f"{len(judges)} photographs of {held_out.root} are left to judge by; {expected}")
        if len(judges) < BATCHES * BATCH:
            logger.warning("%d photographs judge, less than %d batches of %d: intervals will be wide", len(judges), BATCHES, BATCH)

    def claim(self) -> None:
        """Write the settings into the folder, or check that they are those of the comparison that is there.

        Raises:
            UsageError: If the folder holds another comparison, or something else.
        """
        path = self.out / SETTINGS_FILE
        identity = self.identity()
        if not path.exists():
            if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
                raise UsageError(f"{self.out} is there already and holds no comparison; choose another --out")
            write_atomically(path, json.dumps(identity, indent=2).encode())
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            was, now = _flat(found), _flat(identity)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path} cannot be read ({type(error).__name__}); choose another --out") from error
        for name, value in now.items():
            if was.get(name) != value:
                if name in CONTENTS:
                    raise UsageError(f"{self.out} holds a comparison with other {CONTENTS[name]}; give the same ones, or choose another --out")
                shown = (was.get(name), value) if name != "styles" else ([s["name"] for s in was.get(name, [])], list(self.names))
                same = " (of other files)" if shown[0] == shown[1] else ""
                raise UsageError(
                    f"{self.out} holds a comparison with {name.replace('_', '-')} {shown[0]}, not {shown[1]}{same}; choose another --out"
                )


def make_plan(out: Path, styles: Sequence[StyleFile], config: TrainingConfig, seeds: int) -> Plan:
    """Check the settings and fix what depends on the machine.

    Raises:
        UsageError: If a setting does not do, or a folder is not there.
    """
    return Plan(out, tuple(styles), resolve(config), seeds)


def _fingerprint(index: PhotoIndex) -> str:
    """Return a hash of the names and sizes of photographs, wherever their folder lies."""
    names = [path.relative_to(index.root) if path.is_relative_to(index.root) else path for path in index.files]
    listed = [f"{name.as_posix()} {path.stat().st_size}" for name, path in zip(names, index.files, strict=True)]
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()


def _flat(identity: dict[str, Any]) -> dict[str, Any]:
    """Return all settings on one level: those of the runs, and within them those of the loss."""
    settings = identity["settings"]
    nested = {**identity, **settings, **settings["loss"]}
    return {name: value for name, value in nested.items() if name not in ("settings", "loss")}
