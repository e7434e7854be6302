"""The style targets that a run keeps in its model file, so that losses can be measured without the paintings."""

import logging
from pathlib import Path

from nstyle.data.styles import TrainedStyles
from nstyle.errors import UsageError
from nstyle.losses.packed_targets import PackedTargets, join_targets, pack_targets, select_rows, unpack_targets
from nstyle.losses.presets import Preset
from nstyle.models.model_file import ModelInfo, load_targets, read_info
from nstyle.models.model_info import damaged

logger = logging.getLogger(__name__)


def targets_to_keep(styles: TrainedStyles, info: ModelInfo, source: Path | None) -> PackedTargets | None:
    """Return the targets of all styles of a model, in their order, or None where those of old styles do not fit.

    Targets of a model are those of its own preset, encoder and size of paintings. Styles that were there before take
    theirs from the model that they come from, if they were made in the same way; a line says so if they were not.

    Args:
        styles: The styles that the run trains, the last ones of the model.
        info: The description of the model that the run writes.
        source: The model with the styles that were there before; None if the run trains all.

    Raises:
        UsageError: If ``source`` is damaged.
    """
    preset = Preset.from_dict(info.preset)
    trained = pack_targets(styles.targets, preset.term_names)
    old = [name for name in info.styles if name not in styles.names]
    if not old:
        return trained
    assert source is not None
    before = read_info(source)
    if reason := _what_differs(before, info):
        logger.warning("no style targets are kept: those of the old styles in %s %s", source, reason)
        return None
    kept = load_targets(source)
    try:
        unpack_targets(kept, preset.term_names, len(before.styles))
    except UsageError as error:
        raise damaged(source, error) from error
    return join_targets(select_rows(kept, [before.styles.index(name) for name in old]), trained)


def _what_differs(before: ModelInfo, info: ModelInfo) -> str:
    """Say why targets of one model are none for another; empty if they are."""
    if not before.target_bytes:
        return "are not there"
    if before.vgg_sha256 != info.vgg_sha256:
        return f"were made with other VGG weights ({before.vgg_in_words})"
    if before.style_size != info.style_size:
        return f"are of paintings of {before.style_size} px, and these of {info.style_size}"
    was, now = (Preset.from_dict(each.preset) for each in (before, info))
    same = was.term_names == now.term_names and was.gram_divisor == now.gram_divisor and was.pooling == now.pooling
    return "" if same else "are of another style loss"


def check_old_targets(path: Path, info: ModelInfo) -> None:
    """Refuse to keep targets beside old styles that have none.

    Raises:
        UsageError: If the model has no style targets.
    """
    if not info.target_bytes:
        raise UsageError(f"`keep_targets`: {path} has no targets of its {len(info.styles)} styles; leave it out")
