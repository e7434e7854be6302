"""The cost of one n-style network and of n single-style networks: time, parameters, bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from nstyle.comparison.plan import Member, Plan
from nstyle.models.model_file import load_model
from nstyle.training.run_log import RunLog

BYTES_PER_PARAMETER = 4
"""Parameters are loaded in float32."""


@dataclass(frozen=True)
class Cost:
    """The cost of some networks, averaged over seeds."""

    seconds: float | None
    """Time of training all of them at the median speed, without pauses, compilation and checkpoints. None if the logs
    do not tell."""
    wall_seconds: float | None
    """Wall-clock time of training all of them, with everything that happened meanwhile. None if the logs do not
    tell."""
    updates_per_second: float | None
    parameters: int
    disk_bytes: int
    """Bytes of their model files."""
    weight_bytes: int
    """Bytes of their weights in memory, in float32."""
    training_bytes: int | None
    """The largest peak memory of their trainings. None if the system does not tell."""


def costs(plan: Plan) -> tuple[Cost, Cost]:
    """Return the cost of the n-style network, and of all single-style networks together.

    Raises:
        UsageError: If the log or the model of a run is missing or damaged.
    """
    seeds = range(plan.seeds)
    return (
        _cost([plan.n_style(seed) for seed in seeds], plan.seeds),
        _cost([plan.single(seed, style) for seed in seeds for style in plan.styles], plan.seeds),
    )


def _cost(members: Sequence[Member], seeds: int) -> Cost:
    logs = [RunLog.read(member.run.metrics) for member in members]
    speeds = [log.updates_per_second for log in logs if log.updates_per_second]
    peaks = [log.peak_memory for log in logs if log.peak_memory]
    parameters = (
        sum(sum(p.numel() for p in load_model(member.run.model)[0].parameters()) for member in members) // seeds
    )
    return Cost(
        seconds=_sum(
            [len(log.updates) / log.updates_per_second if log.updates_per_second else None for log in logs], seeds
        ),
        wall_seconds=_sum([log.seconds for log in logs], seeds),
        updates_per_second=sum(speeds) / len(speeds) if speeds else None,
        parameters=parameters,
        disk_bytes=sum(member.run.model.stat().st_size for member in members) // seeds,
        weight_bytes=BYTES_PER_PARAMETER * parameters,
        training_bytes=max(peaks, default=None),
    )


def _sum(values: Sequence[float | None], seeds: int) -> float | None:
    """Return the sum per seed, or None if a value is not known."""
    known = [value for value in values if value is not None]
    return sum(known) / seeds if len(known) == len(values) else None
