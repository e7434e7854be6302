"""Names of styles: their derivation from file names, and their look-up from a user's input."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from nstyle.errors import UsageError


def style_name(path: Path) -> str:
    """Name a style after its file: the stem in lower case, with every run of other characters replaced by ``-``.

    >>> style_name(Path("styles/Hokusai_Great Wave.jpg"))
    'hokusai-great-wave'
    """
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "style"


def match_style(query: str, styles: Sequence[str]) -> str:
    """Find the style named ``query``, or the only one whose name contains it.

    Raises:
        UsageError: If no style or several styles match; the message names the nearest.
    """
    wanted = query.strip().lower()
    if wanted in styles:
        return wanted
    fitting = [name for name in styles if wanted and wanted in name]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(f"style '{query}' fits several: {', '.join(fitting)}; give more of the name")
    parts = {part: name for name in styles for part in (*name.split("-"), name)}
    near = difflib.get_close_matches(wanted, parts, n=1, cutoff=0.5)
    hint = f"did you mean '{parts[near[0]]}'?" if near else "expected"
    raise UsageError(f"there is no style '{query}'; {hint} the model has: {', '.join(styles)}")
