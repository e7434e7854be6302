"""The training of the networks of a comparison, one after another, each in a run directory that can be resumed."""

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
    """How far the training of a comparison stands."""

    label: str
    """The network that is being trained."""
    number: int
    """Its number, from 1."""
    networks: int
    done: int
    """Number of updates so far, of all networks together."""
    total: int
    progress: Progress
    """The progress of this network."""


def train_networks(plan: Plan, progress: Callable[[Status], None]) -> None:
    """Train the networks of the plan, as far as they are not trained yet.

    Args:
        plan: The comparison, which has claimed its folder.
        progress: Called with the status after every update.

    Raises:
        UsageError: If a run directory is damaged, or the photographs or the encoder cannot be used.
        NstyleError: If training fails or is interrupted. The same command continues from there.
    """
    members = plan.members()
    done = {member.label: _updates_done(member) for member in members}
    total = plan.updates * len(members)
    for number, member in enumerate(members, start=1):

        def add_up(now: Progress, member: Member = member, number: int = number) -> None:
            done[member.label] = now.update
            progress(Status(member.label, number, len(members), sum(done.values()), total, now))

        for milestone in member.milestones:
            if (signal := _train_to(plan, member, milestone, add_up)) is not None:
                where = f"stopped in {member.label} with {sum(done.values())} of {total} updates done"
                raise InterruptedRunError(f"{where}; run the same command again to go on", signal)


def _train_to(plan: Plan, member: Member, milestone: int, progress: Callable[[Progress], None]) -> int | None:
    """Train a network up to a milestone and keep its weights there. Return the signal that stopped it, if any."""
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
            signal = trainer.train(progress)
        except InterruptedRunError as error:
            return error.signal_number
        except NonFiniteLossError as error:
            what = str(error).partition(";")[0]
            raise NstyleError(
                f"{member.label}: {what}; compare with a lower `lr` or `precision` fp32, in another `out`"
            ) from error
    elif done > milestone and not kept.exists():
        raise UsageError(f"{kept} is gone, and its run is past it; remove {run.path} to train that network anew")
    if kept != run.model and not kept.exists():
        with run.lock():
            write_atomically(kept, run.model.read_bytes())
    return signal


def _updates_done(member: Member) -> int:
    return read_info(member.run.model).run_updates if member.run.has_run else 0
