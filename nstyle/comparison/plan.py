"""The plan of a comparison: one n-style network and n single-style networks per seed, all with the same settings."""

from dataclasses import dataclass, replace
from pathlib import Path

from nstyle.data.styles import StyleFile
from nstyle.errors import check_setting
from nstyle.training.config import MAX_SEED, TrainingConfig
from nstyle.training.run_directory import RunDirectory

N_STYLE = "n-style"
MAX_SEEDS = 1000
"""More would take years to train."""
MIN_HELD_OUT = 2
"""Number of photographs that a standard deviation needs."""


@dataclass(frozen=True)
class Member:
    """A network of a comparison, which has its own run directory."""

    name: str
    """``n-style`` or ``single-STYLE``, which is the name of its folder."""
    run: RunDirectory
    styles: tuple[StyleFile, ...]
    seed: int
    milestones: tuple[int, ...]
    """The updates after which the weights are kept. The run ends at the last one."""

    @property
    def label(self) -> str:
        """The name with the seed, such as ``n-style, seed 0`` or ``single-munch-the-scream, seed 0``."""
        return f"{self.name}, seed {self.seed}"

    def model(self, milestone: int) -> Path:
        """Return the model file of a milestone: that of the run for the last one, and a copy beside it for others."""
        return self.run.model if milestone == self.milestones[-1] else self.run.path / f"model-{milestone}.safetensors"


@dataclass(frozen=True)
class Plan:
    """The paintings, settings and seeds of a comparison.

    There are two protocols, which use the same runs. *Per network* compares all networks after ``updates``. *Per style*
    compares the n-style network after ``updates`` with the single-style ones after ``updates / n``, so that every style
    had the same number.
    """

    out: Path
    styles: tuple[StyleFile, ...]
    config: TrainingConfig
    """The settings of every network but its seed and number of updates, resolved for this machine."""
    seeds: int

    def __post_init__(self) -> None:
        n, config = len(self.styles), self.config
        check_setting(n >= 1, "styles", n, "at least one painting")
        check_setting(1 <= self.seeds <= MAX_SEEDS, "seeds", self.seeds, f"1 to {MAX_SEEDS}")
        last_seed = config.seed + self.seeds - 1
        check_setting(last_seed <= MAX_SEED, "the last `seed`", last_seed, f"at most {MAX_SEED}")
        check_setting(
            config.updates % n == 0,
            "updates",
            config.updates,
            f"a multiple of the {n} styles, for the protocol per style",
        )
        check_setting(
            config.lr_schedule == "constant",
            "lr_schedule",
            config.lr_schedule,
            "constant: networks are compared on their way",
        )
        check_setting(
            config.schedule == "round-robin",
            "schedule",
            config.schedule,
            "round-robin: updates are counted per style",
        )
        check_setting(config.held_out >= MIN_HELD_OUT, "held_out", config.held_out, f"at least {MIN_HELD_OUT}")
        check_setting(
            not config.init_from, "`init_from`", config.init_from, "nothing: every network starts from its seed"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the styles."""
        return tuple(style.name for style in self.styles)

    @property
    def updates(self) -> int:
        """Number of updates of every network."""
        return self.config.updates

    @property
    def updates_per_style(self) -> int:
        """Number of updates that each style has in the n-style network."""
        return self.config.updates // len(self.styles)

    def n_style(self, seed: int) -> Member:
        """Return the n-style network of a seed; seeds are counted from 0."""
        return self._member(N_STYLE, seed, self.styles, (self.updates,))

    def single(self, seed: int, style: StyleFile) -> Member:
        """Return the single-style network of a style and a seed; seeds are counted from 0."""
        return self._member(
            f"single-{style.name}", seed, (style,), tuple(sorted({self.updates_per_style, self.updates}))
        )

    def members(self) -> list[Member]:
        """Return all networks in the order of their training."""
        return [
            member
            for seed in range(self.seeds)
            for member in (self.n_style(seed), *(self.single(seed, style) for style in self.styles))
        ]

    def config_of(self, member: Member) -> TrainingConfig:
        """Return the settings of a network."""
        names = {style.name for style in member.styles}
        factors = {name: factor for name, factor in self.config.style_factors.items() if name in names}
        return replace(self.config, seed=member.seed, style_factors=factors)

    def _member(self, name: str, seed: int, styles: tuple[StyleFile, ...], milestones: tuple[int, ...]) -> Member:
        number = self.config.seed + seed
        return Member(name, RunDirectory(self.out / f"seed-{number}" / name), styles, number, milestones)
