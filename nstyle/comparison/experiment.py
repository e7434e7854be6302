"""Train the networks of a comparison, one after another, each in a run directory that can be resumed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from nstyle.comparison.plan import Member, Plan
from nstyle.errors import NonFiniteLossError, NstyleError, UsageError
from nstyle.models.model_file import read_info
from nstyle.system.files import write_atomically
from nstyle.system.interrupts import InterruptedRunError
from nstyle.training.config import TrainingConfig
from nstyle.training.setup import new_run, resume_run
from nstyle.training.train import RESUMABLE
from nstyle.training.trainer import Progress


@dataclass(frozen=True)
class Status:
    """Where a comparison stands."""

    label: str
    """The network that is trained."""
    number: int
    """Which one it is, from 1."""
    networks: int
    done: int
    """Updates of all networks together."""
    total: int
    progress: Progress
    """Of this network."""


def train_networks(plan: Plan, report: Callable[[Status], None]) -> None:
    """Train what is not trained yet; see :class:`nstyle.comparison.plan.Plan`.

    Args:
        plan: The comparison, which has claimed its folder.
        report: Called after every update.

    Raises:
        UsageError: If a run's directory is damaged, or the photographs or the VGG weights do not do.
        NstyleError: If training fails, or is interrupted; the same command goes on from there.
    """
    members = plan.members()
    done = {member.label: _updates_done(member) for member in members}
    total = plan.updates * len(members)
    for number, member in enumerate(members, start=1):

        def show(progress: Progress, member: Member = member, number: int = number) -> None:
            done[member.label] = progress.update
            report(Status(member.label, number, len(members), sum(done.values()), total, progress))

        for milestone in member.milestones:
            if (signal := _train_to(plan, member, milestone, show)) is not None:
                text = f"stopped in {member.label} with {sum(done.values())} of {total} updates done; run the same command again to go on"
                raise InterruptedRunError(text, signal)


def _train_to(plan: Plan, member: Member, milestone: int, report: Callable[[Progress], None]) -> int | None:
    """Train a network as far as a milestone and keep its weights. Return the signal that stopped it, if one came."""
    signal = None
    kept, run = member.model(milestone), member.run
    done = _updates_done(member)
    if done < milestone:
        if run.has_run:
            machine = {name: getattr(plan.config, name) for name in RESUMABLE if name != "updates"}
            trainer = resume_run(run.path, replace(TrainingConfig.from_toml(run.config), updates=milestone, **machine))
        else:
            trainer = new_run(run.path, replace(plan.config_of(member), updates=milestone), member.styles)
        try:
            signal = trainer.train(report)
        except InterruptedRunError as error:
            return error.signal_number
        except NonFiniteLossError as error:
            what = str(error).partition(";")[0]
            raise NstyleError(f"{member.label}: {what}; compare with a lower --lr or --precision fp32, in another --out") from error
    elif done > milestone and not kept.exists():
        raise UsageError(f"{kept} is gone, and its run is past it; remove {run.path} to train that network anew")
    if kept != run.model and not kept.exists():
        write_atomically(kept, run.model.read_bytes())
    return signal


def _updates_done(member: Member) -> int:
    return read_info(member.run.model).run_updates if member.run.has_run else 0
