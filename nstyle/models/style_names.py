"""Names of styles: their derivation from file names, and their look-up from a user's input."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from nstyle.errors import UsageError

SHIPPED = "the shipped model"
"""How messages name a model that comes with the package; its name follows."""
LETTERS_PER_TYPO = 4
"""One typo for every so many letters, and at least one, still makes a name that is suggested."""
MOST_SUGGESTED = 3


def style_name(path: Path) -> str:
    """Name a style after its file: the stem in lower case, with every run of other characters replaced by ``-``.

    >>> style_name(Path("styles/Hokusai_Great Wave.jpg"))
    'hokusai-great-wave'
    """
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "style"


def match_style(query: str, styles: Sequence[str], model: str = "") -> str:
    """Find the style named ``query``, or the only one whose name contains it, or all its words in their order.

    Spaces, underscores and hyphens are alike, and so are capitals and small letters.

    >>> match_style("Starry Night", ["van-gogh-starry-night", "van-gogh-irises"])
    'van-gogh-starry-night'

    Args:
        query: What the user asks for.
        styles: The names to choose from.
        model: The model in words, for messages; see :func:`nstyle.models.locate.describe_model`. Empty if the names
            are not those of a model.

    Raises:
        UsageError: If no style or several styles match; the message names the nearest, if one is near.
    """
    keys = {name: _key(name) for name in styles}
    wanted = _key(query)
    in_order = re.compile(".*".join(re.escape(word) for word in wanted.split("-")))
    for fitting in (
        [name for name, key in keys.items() if key == wanted],
        [name for name, key in keys.items() if wanted and wanted in key],
        [name for name, key in keys.items() if wanted and in_order.search(key)],
    ):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            where = f" of {model}" if model else ""
            text = f"style '{query}' fits several{where}: {', '.join(fitting)}; give more of the name"
            raise UsageError(text + shipped_hint(model))
    near = _nearest(wanted, keys)
    what = f"{model} has no style '{query}'" if model else f"there is no style '{query}'"
    hint = f"did you mean {' or '.join(repr(name) for name in near)}? " if near else ""
    there = f"{'It' if near else 'it'} has" if model else f"{'There are' if near else 'there are'}"
    raise UsageError(f"{what}; {hint}{there}: {', '.join(styles)}{shipped_hint(model)}")


def shipped_hint(model: str) -> str:
    """Say at the end of a message about a model how to get the shipped one, unless it is a shipped one."""
    return "" if not model or model.startswith(SHIPPED) else ". The shipped model is `model` default"


def _key(name: str) -> str:
    """Return a name as it is compared."""
    return re.sub(r"[\s_-]+", "-", name.strip().lower()).strip("-")


def _nearest(wanted: str, keys: dict[str, str]) -> list[str]:
    """Return the styles of which the name, or some of its words, may have been mistyped as ``wanted``."""
    typos = {name: min(_typos(wanted, part) for part in _parts(key)) for name, key in keys.items()}
    fewest = min(typos.values(), default=0)
    if len(wanted) < 3 or fewest > max(1, len(wanted) // LETTERS_PER_TYPO):
        return []
    return [name for name, count in typos.items() if count == fewest][:MOST_SUGGESTED]


def _parts(key: str) -> Iterator[str]:
    """Yield every run of words in a name."""
    words = key.split("-")
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            yield "-".join(words[start:end])


def _typos(a: str, b: str) -> int:
    """Count the letters to insert, drop, replace or swap with their neighbour to get from one word to another.

    >>> _typos("scraem", "scream"), _typos("picasso", "picabia")
    (1, 3)
    """
    before_last: list[int] = []
    last = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        row = [i]
        for j, other in enumerate(b, start=1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other)))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                row[j] = min(row[j], before_last[j - 2] + 1)
        before_last, last = last, row
    return last[-1]
