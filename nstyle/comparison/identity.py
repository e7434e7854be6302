"""What a comparison is known by: a folder is continued only with the same settings, paintings, photographs and VGG weights."""

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nstyle.comparison.plan import MIN_HELD_OUT, Plan
from nstyle.data.photos import PhotoIndex
from nstyle.encoders.load import load_encoder_weights
from nstyle.errors import UsageError
from nstyle.system.files import write_atomically
from nstyle.training.setup import split_photographs
from nstyle.training.train import RESUMABLE

logger = logging.getLogger(__name__)

NOT_COMPARED = (*RESUMABLE, "seed", "init_from", "rows_only")
"""Settings of the runs that may differ when a comparison is continued, that are stored elsewhere, or that have one value.

Photographs and VGG weights may lie elsewhere then, but must be the same: they are compared by what they are.
"""
STORED_AS = {"preset": "loss"}
"""Settings that are called otherwise in ``comparison.json``: as version 0.1 called them."""
CONTENTS = {
    "vgg": "VGG weights (--vgg, NSTYLE_VGG)",
    "photographs": "photographs (--content)",
    "held_out_photographs": "held-out photographs",
}
"""What settings of which only a hash is kept are called."""
BATCHES, BATCH = 32, 4
"""Batches that a believable evaluation has at least (Dumoulin et al. 2017), and photographs in each."""


def settings_file(plan: Plan) -> Path:
    """Return where the identity is kept."""
    return plan.out / "comparison.json"


def identity(plan: Plan) -> dict[str, Any]:
    """Return what must not change when a comparison is continued, as plain JSON types. Seeds may be added."""
    content, held_out = split_photographs(plan.config)
    values = {
        "updates": plan.updates,
        "seed": plan.config.seed,
        "styles": [{"name": style.name, "sha256": hashlib.sha256(style.path.read_bytes()).hexdigest()} for style in plan.styles],
        "vgg": load_encoder_weights(plan.config.vgg).sha256,
        "photographs": _fingerprint(content),
        "held_out_photographs": _fingerprint(held_out),
        "settings": {STORED_AS.get(name, name): value for name, value in asdict(plan.config).items() if name not in NOT_COMPARED},
    }
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def check_photographs(plan: Plan) -> None:
    """Refuse photographs that would judge after they were trained on, and warn of few.

    Raises:
        UsageError: If a file is among both, or fewer than two are held out.
    """
    content, held_out = split_photographs(plan.config)
    judges = held_out.files[: plan.config.held_out]
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


def claim(plan: Plan) -> None:
    """Write the identity into the folder, or check that it is that of the comparison that is there.

    Raises:
        UsageError: If the folder holds another comparison, or something else.
    """
    path, now = settings_file(plan), identity(plan)
    if not path.exists():
        if plan.out.exists() and (not plan.out.is_dir() or any(plan.out.iterdir())):
            raise UsageError(f"{plan.out} is there already and holds no comparison; choose another --out")
        write_atomically(path, json.dumps(now, indent=2).encode())
        return
    try:
        was = _flat(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} cannot be read ({type(error).__name__}); choose another --out") from error
    for name, value in _flat(now).items():
        if was.get(name) != value:
            raise UsageError(f"{plan.out} holds a comparison {_difference(name, was.get(name), value)}; choose another --out")


def _difference(name: str, was: Any, now: Any) -> str:
    if name in CONTENTS:
        return f"with other {CONTENTS[name]}; give the same ones"
    if name == "styles":
        was, now = ([style["name"] for style in styles or []] for styles in (was, now))
    same = " (of other files)" if was == now else ""
    return f"with {name.replace('_', '-')} {was}, not {now}{same}"


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
