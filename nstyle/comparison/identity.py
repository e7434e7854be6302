"""The identity of a comparison, which goes on only with the same settings, paintings, photographs and VGG weights."""

import hashlib
import json
from pathlib import Path
from typing import Any

from nstyle.comparison.plan import Plan
from nstyle.encoders.load import load_encoder_weights
from nstyle.errors import UsageError
from nstyle.strict_json import parse_json
from nstyle.system.files import write_atomically
from nstyle.system.output_folders import Difference, first_difference, holds_work
from nstyle.training.photographs import split_photographs
from nstyle.training.train import RESUMABLE

IDENTITY_FILE = "comparison.json"
CONFIG_FILE = "config.toml"
"""The settings of the comparison, with which it can be repeated."""
NOT_COMPARED = (*RESUMABLE, "seed", "init_from", "rows_only", "styles")
"""Settings of the runs that may differ when a comparison is continued, that are stored elsewhere, or that have a single
value.

Photographs and VGG weights may be moved, as hashes are compared instead of their paths.
"""
STORED_AS = {"preset": "loss"}
"""Settings that are called otherwise in ``comparison.json``: as version 0.1 called them."""
CONTENTS = {
    "vgg": "VGG weights (`vgg`, NSTYLE_VGG)",
    "photographs": "photographs (`content`)",
    "held_out_photographs": "held-out photographs",
}
"""The words for values of which only a hash is kept."""


NEW_IN_LOSS = {"spectrum_weight": 0.0}
"""Settings of the loss that are not stored where they have these values; see
:meth:`nstyle.losses.presets.Preset.to_dict`."""
NEW_SETTINGS = {"grain": 0.0, "plain": 0.0, "stability_weight": 0.0}
"""Settings that comparisons of version 0.2 did not store, with the values that they worked with."""


def settings_file(plan: Plan) -> Path:
    """Return the file that holds the identity."""
    return plan.out / IDENTITY_FILE


def identity(plan: Plan) -> dict[str, Any]:
    """Return the values that must be the same when a comparison is continued, for JSON. Seeds may be added."""
    content, held_out = split_photographs(plan.config)
    return {
        "updates": plan.updates,
        "seed": plan.config.seed,
        "styles": [
            {"name": style.name, "sha256": hashlib.sha256(style.path.read_bytes()).hexdigest()} for style in plan.styles
        ],
        "vgg": load_encoder_weights(plan.config.vgg).sha256,
        "photographs": content.fingerprint,
        "held_out_photographs": held_out.fingerprint,
        "settings": {
            STORED_AS.get(name, name): value
            for name, value in plan.config.to_dict().items()
            if name not in NOT_COMPARED
        },
    }


def claim(plan: Plan) -> None:
    """Write the identity into a new folder, or check that the comparison in the folder has the same.

    Raises:
        UsageError: If the folder holds another comparison, or something else.
    """
    path, now = settings_file(plan), identity(plan)
    if not holds_work(plan.out, path, "comparison"):
        write_atomically(path, json.dumps(now, indent=2).encode())
        return
    try:
        was = parse_json(path.read_bytes())
        was["settings"] = NEW_SETTINGS | was["settings"]
        difference = first_difference(_flat(was), _flat(now))
        words = _of_other_release(was, now, plan.out) or (_in_words(difference) if difference else "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} cannot be read ({type(error).__name__}); choose another `out`") from error
    if words:
        raise UsageError(f"{plan.out} holds a comparison {words} choose another `out`")


def names_in(out: Path) -> list[str]:
    """Return the names of the styles of the comparison in a folder; none if there is none that can be read."""
    try:
        return [str(style["name"]) for style in parse_json((out / IDENTITY_FILE).read_bytes())["styles"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _of_other_release(was: dict[str, Any], now: dict[str, Any], out: Path) -> str:
    """Say that a comparison was begun with a preset's weights for another VGG release, as version 0.2 took the same
    ones for all of them, and what to do; empty if it was not."""
    before, after = was["settings"]["loss"], now["settings"]["loss"]
    same = all(was.get(name) == now[name] for name in ("vgg", "updates", "seed")) and before["name"] == after["name"]
    if not same or before["release"] == after["release"]:
        return ""
    words = (
        f"whose preset {before['name']} has the weights for the {before['release']} release of VGG, as it was begun "
        f"before the preset had some for {after['release']};"
    )
    stored = out / CONFIG_FILE
    return f"{words} go on under them with `config` {stored}, or" if stored.is_file() else words


def _in_words(difference: Difference) -> str:
    name, was, now = difference
    if name in CONTENTS:
        return f"with other {CONTENTS[name]}; give the same ones;"
    if name == "styles":
        was, now = ([style["name"] for style in styles or []] for styles in (was, now))
    same = " (of other files)" if was == now else ""
    return f"{Difference(name.replace('_', '-'), was, now)}{same};"


def _flat(identity: dict[str, Any]) -> dict[str, Any]:
    """Return all values on one level, with the settings of the runs and of the loss among them."""
    settings = identity["settings"]
    nested = {**identity, **settings, **NEW_IN_LOSS, **settings["loss"]}
    return {name: value for name, value in nested.items() if name not in ("settings", "loss")}
