"""Exports that are kept in the cache folder, so that painting needs torch only the first time."""

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from nstyle.errors import NstyleError
from nstyle.exports.runtime import open_session
from nstyle.system.files import cache_folder, write_atomically
from nstyle.version import __version__

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

logger = logging.getLogger(__name__)
FORM = "one picture, 1"
"""The form of the exports that are kept, and its version, which is raised when the graph changes."""


def kept_path(model: Path) -> Path | None:
    """Return where the export of a model is kept, by the model's content and our version; None without a cache."""
    folder = cache_folder()
    if folder is None:
        return None
    digest = hashlib.sha256(model.read_bytes() + f"{__version__}, {FORM}".encode()).hexdigest()[:32]
    return folder / "exports" / f"{digest}.onnx"


def kept_session(model: Path) -> "InferenceSession":
    """Open the export of a model for painting one picture at a time; make it and keep it where there is none.

    A file that cannot be run, such as a damaged one, is made anew. Making takes a second or two, and torch.

    Raises:
        UsageError: If the model cannot be read.
        NstyleError: If ONNX Runtime paints otherwise than the network.
    """
    path = kept_path(model)
    if path is not None and path.is_file():
        try:
            return open_session(path)
        except Exception as error:  # ONNX Runtime's exceptions have no class in common.
            logger.debug("%s cannot be run and is made anew: %s", path, error)
    content = _make(model)
    if path is not None:
        try:
            write_atomically(path, content)
        except NstyleError as error:
            logger.warning("the export is not kept: %s", error)
    return open_session(content)


def _make(model: Path) -> bytes:
    from nstyle.exports.export import make_export
    from nstyle.models.model_file import load_model

    network, info = load_model(model)
    return make_export(network, info, one_picture=True)
