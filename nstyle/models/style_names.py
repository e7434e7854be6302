"""Names of styles: their derivation from file names, their check where a file holds them, and their look-up from a
user's input."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nstyle.errors import UsageError, in_short

SHIPPED = "the shipped model"
"""How messages name a model that comes with the package; its name follows."""
LETTERS_PER_TYPO = 4
"""One typo for every so many letters, and at least one, still makes a name that is suggested."""
MOST_SUGGESTED = 3
MOST_BYTES = 100
"""The length in UTF-8 to which a name is cut, so that names of files with one or two styles in them can be written."""
MOST_BYTES_STORED = 255
"""The length in UTF-8 of names that are read: version 0.1 did not cut them, and no file has a longer name."""
VARIATION_SELECTORS = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Marks that only choose how another character is drawn."""


def style_name(path: Path) -> str:
    """Name a style after its file: letters and digits of the stem in lower case, with ``-`` for every run of others.

    Letters, digits and their marks are those of every script. The name of a file without any is a hash of it.

    >>> style_name(Path("styles/Hokusai_Great Wave.jpg"))
    'hokusai-great-wave'
    >>> style_name(Path("\u845b\u98fe\u5317\u658e.jpg")) == "\u845b\u98fe\u5317\u658e"
    True
    """
    name = shorten(_plain(path.stem), MOST_BYTES)
    return name or f"style-{hashlib.sha256(os.fsencode(path.stem)).hexdigest()[:8]}"


def former_style_name(path: Path) -> str:
    """Name a style as version 0.1 did, which knew the letters a to z only."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "style"


def shorten(name: str, most_bytes: int) -> str:
    """Cut a name to a length in UTF-8, at the end of a character with its marks."""
    if len(name.encode()) <= most_bytes:
        return name
    kept = name.encode()[:most_bytes].decode(errors="ignore")
    if _is_mark(name[len(kept)]):
        kept = kept.rstrip("".join(filter(_is_mark, kept)))[:-1]
    return kept.rstrip("-")


def check_style_names(names: Iterable[object]) -> None:
    """Refuse names that no style can have: file names are made of them, so they must not lead anywhere else.

    Raises:
        UsageError: If a name is none that :func:`style_name` could make, or there is a name twice.
    """
    seen = set()
    for name in names:
        is_name = isinstance(name, str) and name and name.isprintable() and name == _plain(name)
        if not is_name or len(str(name).encode()) > MOST_BYTES_STORED:
            raise UsageError(
                f"a style is called '{in_short(name)}'; expected letters and digits with single hyphens, in lower case"
            )
        if name in seen:
            raise UsageError(f"two styles are called '{name}'; expected a name of its own for each")
        seen.add(name)


def _plain(text: str) -> str:
    """Return the letters, digits and marks of a text in lower case and composed form, with ``-`` between words."""
    text = "".join(c for c in VARIATION_SELECTORS.sub("", text) if unicodedata.category(c) != "Cf")
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    words = [""]
    for character in text:
        if character.isalnum() or (words[-1] and _is_mark(character)):
            words[-1] += character
        elif words[-1]:
            words.append("")
    return "-".join(words).strip("-")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Mc")


def match_style(query: str, styles: Sequence[str], model: str = "") -> str:
    """Find the style named ``query``, or the only one whose name contains it, or all its words in their order.

    Capitals and small letters are alike, composed letters and those with marks, and all characters between words.

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
    return _plain(_plain(name).casefold())


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
