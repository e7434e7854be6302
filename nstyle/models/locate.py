"""Look-up of the model that a user names: a shipped name, a file, a run directory, the newest run, or the Hub."""

import logging
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from nstyle.errors import UsageError, in_short
from nstyle.models.hub import MODEL_FILE as MODEL_FILE
from nstyle.models.hub import SCHEME, address_of, fetch_model
from nstyle.models.model_info import read_info
from nstyle.models.style_names import SHIPPED

logger = logging.getLogger(__name__)

DEFAULT = "default"
RUNS = Path("checkpoints")
"""The folder of runs, relative to the current folder."""


def shipped_folder() -> Path:
    """Return the folder of the weights that come with the package."""
    try:
        return Path(str(resources.files("nstyle.checkpoints")))
    except ModuleNotFoundError:
        return Path(__file__).parents[2] / "checkpoints"  # The package runs from a checkout without being installed.


def shipped_models() -> dict[str, Path]:
    """Return the models that come with the package, by name."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*.safetensors"))}


def is_shipped(path: Path) -> bool:
    """Tell whether a model file comes with the package."""
    return path.resolve() in {shipped.resolve() for shipped in shipped_models().values()}


def describe_model(path: Path) -> str:
    """Name a model file in messages as users would: by its run directory, as a shipped model, or by its address."""
    if is_shipped(path):
        return f"{SHIPPED} {path.stem}"
    return address_of(path) or str(path.parent if path.name == MODEL_FILE else path)


def run_models(runs: Path = RUNS) -> list[Path]:
    """List the model files of the runs below a folder, also those that cannot be read; a folder without is no run."""
    try:
        folders = sorted(runs.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        logger.warning("%s cannot be read (%s), so that its runs are not seen", runs, error.strerror)
        return []
    return [folder / MODEL_FILE for folder in folders if _may_be_there(folder / MODEL_FILE)]


def _may_be_there(path: Path) -> bool:
    """Tell whether there is a file or a link, or something that cannot be looked at."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def newest_run(runs: Path = RUNS) -> Path | None:
    """Return the run directory below ``runs`` whose checkpoint records the latest time, if there is one."""
    newest: tuple[float, Path] | None = None
    for path in run_models(runs):
        try:
            created = read_info(path).created
        except UsageError:
            continue  # The file is not one of our models. The error is raised if it is requested.
        if newest is None or created > newest[0]:
            newest = (created, path.parent)
    return newest[1] if newest else None


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    """Tell whether there is something of a kind at a path, which may be too long or in a folder that is closed."""
    try:
        return kind(path)
    except OSError:
        return False


def find_model(model: str | Path | None = None) -> Path:
    """Find a model file.

    Args:
        model: ``default`` or another shipped name, a model file, a run directory or the name of a run under
            ``checkpoints/``, or ``hf://owner/name@revision`` on the Hugging Face Hub; see
            :func:`nstyle.models.hub.fetch_model`. None: the newest run under ``checkpoints/`` of the current folder,
            else ``default``.

    Raises:
        UsageError: If there is no such model.
        NstyleError: If the Hub cannot be reached.
    """
    if isinstance(model, str) and model.startswith(SCHEME):
        return fetch_model(model)
    if model is None:
        model = newest_run() or DEFAULT
    for candidate in (Path(model), RUNS / model):
        for path in (candidate / MODEL_FILE, candidate):
            if _is(Path.is_file, path):
                return path
    shipped = shipped_models()
    if str(model) in shipped:
        return shipped[str(model)]
    if _is(Path.is_dir, Path(model)):
        raise UsageError(f"{model} holds no {MODEL_FILE}; expected a run directory whose first checkpoint is written")
    raise UsageError(
        f"model '{in_short(model)}' not found; expected a run directory, a model file or a shipped name "
        f"({', '.join(shipped) or 'none here'})"
    )
