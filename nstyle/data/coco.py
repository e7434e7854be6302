"""Reading of COCO annotation files with pycocotools."""

import contextlib
import io
import logging
from pathlib import Path

from nstyle.data.photos import PhotoIndex, index_files
from nstyle.errors import NstyleError, UsageError

logger = logging.getLogger(__name__)

DEFAULT_FOLDERS = (Path("data/coco/train2017"), Path("data/coco/train2014"))
"""The folders in which the download tool puts the photographs."""


def index_coco(annotations: Path, folder: Path, categories: tuple[str, ...] = ()) -> PhotoIndex:
    """List the photographs of an annotation file.

    Listed files that do not exist are counted and reported.

    Args:
        annotations: The annotation file, such as ``instances_train2017.json``.
        folder: The folder of the photographs.
        categories: The categories, such as ``person``; a photograph is taken if it shows any of them. Empty for all.

    Raises:
        NstyleError: If the annotation file cannot be read.
        UsageError: If a category is unknown or nothing is left.
    """
    from pycocotools.coco import COCO

    if not annotations.is_file():
        raise UsageError(f"{annotations}: no such file; expected a COCO annotation file (`coco_annotations`)")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(annotations))
        image_ids = set(coco.getImgIds())
        names = {entry["name"]: entry["id"] for entry in coco.dataset.get("categories", [])}
        if categories:
            unknown = [name for name in categories if name not in names]
            if unknown:
                raise UsageError(
                    f"category '{unknown[0]}' is not in {annotations}; expected some of {', '.join(sorted(names))}"
                )
            image_ids = {i for name in categories for i in coco.getImgIds(catIds=[names[name]])}
        listed = sorted(folder / str(entry["file_name"]) for entry in coco.loadImgs(sorted(image_ids)))
    except (ValueError, KeyError, TypeError, AssertionError, OSError) as error:
        if isinstance(error, UsageError):
            raise
        raise NstyleError(f"{annotations} is not a COCO annotation file ({type(error).__name__}: {error})") from error
    present = [path for path in listed if path.is_file()]
    if len(present) < len(listed):
        logger.warning(
            "%d of %d photographs listed in %s are not in %s",
            len(listed) - len(present),
            len(listed),
            annotations,
            folder,
        )
    if not present:
        raise UsageError(
            f"none of the {len(listed)} photographs listed in {annotations} is in {folder}; check `content`"
        )
    return index_files(folder, present)
