"""Comparisons from Python and from the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nstyle.comparison.identity import BATCH, BATCHES, check_photographs, claim
from nstyle.comparison.plan import Plan
from nstyle.data.styles import find_styles
from nstyle.errors import UsageError
from nstyle.training.setup import resolve
from nstyle.training.train import make_config

HELD_OUT = BATCHES * BATCH
"""Photographs that judge by default."""


def prepare_comparison(styles: Sequence[str | Path], *, out: str | Path, seeds: int = 1, held_out: int = HELD_OUT, **settings: Any) -> Plan:
    """Check everything, and claim the folder.

    Args:
        styles: Paintings, patterns or folders.
        out: Folder of the comparison; a comparison of the same settings that is there is continued.
        seeds: How many times everything is trained.
        held_out: Photographs that judge, kept out of training.
        settings: As for :func:`nstyle.train`.

    Raises:
        UsageError: If a setting or a painting does not do, or the folder holds something else.
    """
    files = find_styles(styles)
    if not files:
        raise UsageError("no styles given; expected paintings")
    plan = Plan(Path(out), tuple(files), resolve(make_config(files, {"held_out": held_out, **settings})), seeds)
    check_photographs(plan)
    claim(plan)
    return plan
