"""The photographs of a run: those that it trains on, and those that it is judged by."""

import logging
from pathlib import Path

from torch import Tensor

from nstyle.data.coco import index_coco
from nstyle.data.crops import center_crops, hold_out, rank
from nstyle.data.photos import PhotoIndex, index_folder, probe
from nstyle.errors import UsageError
from nstyle.system.output_folders import check_outside
from nstyle.training.config import NUM_VALIDATION, TrainingConfig

logger = logging.getLogger(__name__)

MAX_VALIDATION = 64
"""The largest number of validation photographs, because every validation paints each of them in every style."""


def check_output(out: Path, config: TrainingConfig) -> None:
    """Refuse an output folder inside a folder of photographs, which would be trained on or judged by.

    Raises:
        UsageError: If it lies in one of which all pictures are taken.
    """
    folders = {"content": "" if config.coco_annotations else config.content, "validation": config.validation}
    for setting, folder in folders.items():
        if folder:
            check_outside(out, Path(folder), setting)


def split_photographs(config: TrainingConfig) -> tuple[PhotoIndex, PhotoIndex]:
    """Index the photographs of a run: (content, held out). The order of the latter does not depend on the seed.

    Raises:
        UsageError: If a folder holds no usable photograph, or too few.
        NstyleError: If the annotation file cannot be read.
    """
    folder = Path(config.content)
    if config.coco_annotations:
        photos = index_coco(Path(config.coco_annotations), folder, config.coco_categories)
    else:
        photos = index_folder(folder)
    if config.validation:
        held_out = index_folder(Path(config.validation))
        return photos, PhotoIndex(held_out.root, rank(held_out))
    if len(photos.files) < 2:
        raise UsageError(f"{folder} holds one photograph; expected at least 2, or a folder for `validation`")
    return hold_out(photos, config.held_out)


def read_photographs(config: TrainingConfig) -> tuple[PhotoIndex, Tensor]:
    """Index and probe the content, and decode the validation photographs (N, 3, size, size).

    Raises:
        UsageError: As :func:`split_photographs` does.
        NstyleError: If too many photographs are broken, or none can be read to validate on.
    """
    photos, held_out = split_photographs(config)
    used = MAX_VALIDATION if config.validation else NUM_VALIDATION
    if len(held_out.files) > MAX_VALIDATION and config.validation:
        logger.warning("of %d validation photographs, %d are used, chosen by their names", len(held_out.files), used)
    both = {path.resolve() for path in photos.files} & {path.resolve() for path in held_out.files[:used]}
    if both:
        logger.warning(
            "%d of %d validation photographs are trained on too, such as %s: what is measured on them is too good",
            len(both),
            min(used, len(held_out.files)),
            min(both),
        )
    probe(photos, config.seed)
    logger.info("content: %s", photos.summary())
    return photos, center_crops(PhotoIndex(held_out.root, held_out.files[:used]), config.size)
