"""Models on the Hugging Face Hub: ``hf://owner/name``, at a revision if one is given, kept in the Hub's own cache."""

import os
import re
from pathlib import Path

from nstyle.errors import NstyleError, UsageError, in_short

SCHEME = "hf://"
MODEL_FILE = "model.safetensors"
ADDRESS = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+)(?P<file>(?:/[\w.-]+)*)(?:@(?P<revision>[\w./-]+))?")
EXPECTED = "hf://OWNER/NAME, hf://OWNER/NAME@REVISION or hf://OWNER/NAME/FILE.safetensors"
CACHED = re.compile(r"models--(?P<owner>[\w.-]+?)--(?P<name>[\w.-]+)/snapshots/(?P<commit>\w+)/(?P<file>.+)")
"""The path of a model within the Hub's cache."""


def fetch_model(address: str) -> Path:
    """Download a model from the Hub, unless it is in the cache, and return its file there.

    Only safetensors files are ever asked for. ``HF_ENDPOINT``, ``HF_HOME``, ``HF_TOKEN`` and ``HF_HUB_OFFLINE`` do what
    they do for ``huggingface_hub``.

    Args:
        address: ``hf://owner/name``, which stands for its ``model.safetensors``, or with a file after it; and
            ``@revision``, a branch, a tag or a commit, at the end.

    Raises:
        UsageError: If the address is not valid, there is no such repository, revision or file, or the extra ``hub`` is
            not installed.
        NstyleError: If the Hub cannot be reached.
    """
    match = ADDRESS.fullmatch(address)
    file = match["file"].removeprefix("/") or MODEL_FILE if match else ""
    if match is None or not file.endswith(".safetensors") or ".." in address:
        raise UsageError(f"model '{in_short(address)}' is no address on the Hub; expected {EXPECTED}")
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError as NoFileError
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
        from huggingface_hub.errors import RepositoryNotFoundError as NoRepositoryError
        from huggingface_hub.errors import RevisionNotFoundError as NoRevisionError
    except ImportError:
        raise UsageError(
            f"{address} needs huggingface_hub, which is not installed; pip install 'nstyle[hub]'"
        ) from None
    try:
        return Path(hf_hub_download(match["repository"], file, revision=match["revision"], library_name="nstyle"))
    except LocalEntryNotFoundError as error:  # One of the next kind: it is in no cache, and the Hub did not answer.
        raise _unreachable(address, error) from error
    except (NoRepositoryError, NoRevisionError, NoFileError, HFValidationError) as error:
        is_closed = isinstance(error, NoRepositoryError)  # Or there is none: the Hub does not say which.
        missing = "repository" if is_closed else "revision" if isinstance(error, NoRevisionError) else f"file {file}"
        raise UsageError(
            f"{address}: there is no such {missing}, or it is not open to you; check the name, or set HF_TOKEN"
        ) from error
    except Exception as error:  # Clients of HTTP raise errors of their own for whatever breaks a connection.
        raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> NstyleError:
    reason = " ".join(str(error.__cause__ or error).split())
    where = os.environ.get("HF_ENDPOINT", "the Hub")
    return NstyleError(f"{address} is not in the cache, and {where} cannot be reached ({reason:.120})")


def address_of(path: Path) -> str | None:
    """Return the address of a model in the Hub's cache, with its commit; None for any other file."""
    match = CACHED.search(path.as_posix())
    if match is None:
        return None
    file = "" if match["file"] == MODEL_FILE else f"/{match['file']}"
    return f"{SCHEME}{match['owner']}/{match['name']}{file}@{match['commit'][:7]}"
