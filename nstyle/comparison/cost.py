"""What one n-style network and n single-style networks cost: time, numbers, bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from nstyle.comparison.plan import Member, Plan
from nstyle.models.model_file import load_model
from nstyle.training.run_log import RunLog

BYTES_PER_PARAMETER = 4
"""Networks are loaded in float32."""


@dataclass(frozen=True)
class Cost:
    """The cost of some networks, averaged over seeds."""

    seconds: float
    """Time of their training, one after another."""
    updates_per_second: float | None
    parameters: int
    disk_bytes: int
    """Of their model files."""
    weight_bytes: int
    """Of their weights in memory, in float32."""
    training_bytes: int | None
    """Most memory that the training of any of them took; None where the system does not tell."""


def costs(plan: Plan) -> tuple[Cost, Cost]:
    """Return the costs of the n-style network and of all single ones together.

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
    parameters = sum(sum(p.numel() for p in load_model(member.run.model)[0].parameters()) for member in members) // seeds
    return Cost(
        seconds=sum(log.seconds or 0.0 for log in logs) / seeds,
        updates_per_second=sum(speeds) / len(speeds) if speeds else None,
        parameters=parameters,
        disk_bytes=sum(member.run.model.stat().st_size for member in members) // seeds,
        weight_bytes=BYTES_PER_PARAMETER * parameters,
        training_bytes=max(peaks, default=None),
    )
