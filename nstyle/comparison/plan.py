"""What a comparison trains: one n-style network and n single-style networks per seed, all with the same settings."""

from dataclasses import dataclass, replace
from pathlib import Path

from nstyle.data.styles import StyleFile
from nstyle.errors import check_setting
from nstyle.training.config import TrainingConfig
from nstyle.training.run_directory import RunDirectory

N_STYLE = "n-style"
MIN_HELD_OUT = 2
"""Photographs that are needed for a standard deviation."""


@dataclass(frozen=True)
class Member:
    """One network of a comparison, in a run directory of its own."""

    name: str
    """``n-style`` or ``single-STYLE``, after which its folder is called."""
    run: RunDirectory
    styles: tuple[StyleFile, ...]
    seed: int
    milestones: tuple[int, ...]
    """Updates at which the weights are wanted; the last one ends the run."""

    @property
    def label(self) -> str:
        """Such as ``n-style, seed 0`` or ``single-munch-the-scream, seed 0``."""
        return f"{self.name}, seed {self.seed}"

    def model(self, milestone: int) -> Path:
        """Return the weights at a milestone: the run's own model at the last, a copy beside it at others."""
        return self.run.model if milestone == self.milestones[-1] else self.run.path / f"model-{milestone}.safetensors"


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a comparison computes.

    Both protocols come from the same runs: *per network*, every network after ``updates``; *per style*, the n-style network
    after ``updates`` against single ones after ``updates / n``, so that every style has had as many.
    """

    out: Path
    styles: tuple[StyleFile, ...]
    config: TrainingConfig
    """Of every network, but for its seed and length; resolved for this machine."""
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
        return self._member(N_STYLE, seed, self.styles, (self.updates,))

    def single(self, seed: int, style: StyleFile) -> Member:
        """Return the network of one style and a seed, counted from 0."""
        return self._member(f"single-{style.name}", seed, (style,), tuple(sorted({self.updates_per_style, self.updates})))

    def members(self) -> list[Member]:
        """Return all networks in the order in which they are trained."""
        return [member for seed in range(self.seeds) for member in (self.n_style(seed), *(self.single(seed, style) for style in self.styles))]

    def config_of(self, member: Member) -> TrainingConfig:
        """Return the settings of a network."""
        names = {style.name for style in member.styles}
        factors = {name: factor for name, factor in self.config.style_factors.items() if name in names}
        return replace(self.config, seed=member.seed, style_factors=factors)

    def _member(self, name: str, seed: int, styles: tuple[StyleFile, ...], milestones: tuple[int, ...]) -> Member:
        number = self.config.seed + seed
        return Member(name, RunDirectory(self.out / f"seed-{number}" / name), styles, number, milestones)
