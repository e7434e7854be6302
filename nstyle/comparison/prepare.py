"""The preparation of a comparison: its settings and photographs are checked before anything is trained."""

import logging
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from nstyle.comparison.identity import CONFIG_FILE, claim, names_in
from nstyle.comparison.plan import MIN_HELD_OUT, Plan
from nstyle.data.photos import decode_failure
from nstyle.data.styles import check_paintings, find_styles, under_stored_names
from nstyle.errors import UsageError
from nstyle.settings_file import to_toml
from nstyle.system.files import write_atomically
from nstyle.training.photographs import check_output, split_photographs
from nstyle.training.setup import resolve
from nstyle.training.train import make_config

logger = logging.getLogger(__name__)

BATCHES, BATCH = 32, 4
"""Number of batches that a reliable evaluation needs (Dumoulin et al. 2017), and of photographs in each."""
HELD_OUT = BATCHES * BATCH
"""Default number of photographs that the networks are judged by."""


def prepare_comparison(
    styles: Sequence[str | Path], *, out: str | Path, seeds: int = 1, held_out: int = HELD_OUT, **settings: Any
) -> Plan:
    """Check everything, and claim the folder of the comparison.

    Args:
        styles: Paintings, patterns or folders.
        out: Folder of the comparison. A comparison in it is continued if it has the same settings.
        seeds: How many times everything is trained.
        held_out: Number of photographs that are kept out of training, to measure the losses on.
        settings: Settings of :func:`nstyle.train`.

    Raises:
        UsageError: If a setting or a painting is invalid, or the folder holds something else.
    """
    files = under_stored_names(find_styles(styles), names_in(Path(out)))
    if not files:
        raise UsageError("no styles given; expected paintings as `styles`, such as styles/*.jpg")
    config = make_config(files, {"held_out": held_out, **settings})
    check_paintings(files, config.style_size)
    config = resolve(config)
    plan = Plan(Path(out), tuple(files), config, seeds)
    chosen = {**plan.config.to_dict(), "styles": [str(file.path.absolute()) for file in files], "seeds": seeds}
    text = to_toml(chosen)
    check_output(plan.out, plan.config)
    check_photographs(plan)
    claim(plan)
    write_atomically(plan.out / CONFIG_FILE, text.encode())
    return plan


def check_photographs(plan: Plan) -> None:
    """Refuse held-out photographs that are also trained on, and warn if there are few.

    Raises:
        UsageError: If a photograph is in both sets, or fewer than two are held out.
    """
    content, held_out = split_photographs(plan.config)
    judges = held_out.files[: plan.config.held_out]
    both = {path.resolve() for path in content.files} & {path.resolve() for path in judges}
    if both:
        raise UsageError(
            f"{min(both)} is both in `content` and in `validation`, as {len(both)} are; expected none: what was "
            "trained on cannot judge"
        )
    readable = list(islice((path for path in judges if not decode_failure(path)), MIN_HELD_OUT))
    if len(readable) < MIN_HELD_OUT:
        expected = f"expected at least {MIN_HELD_OUT}, better {BATCHES * BATCH}"
        number = f"{len(readable)} of {len(judges)}" if judges else "no"
        raise UsageError(f"{number} photographs of {held_out.root} can be read to judge by; {expected}")
    if len(judges) < BATCHES * BATCH:
        logger.warning(
            "%d photographs judge, less than %d batches of %d: intervals will be wide", len(judges), BATCHES, BATCH
        )
