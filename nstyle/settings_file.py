"""Files of settings: TOML that a run writes, and that ``--config`` reads again."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nstyle.errors import UsageError, in_short


def to_toml(values: Mapping[str, Any]) -> str:
    """Write settings as TOML, plain keys before tables, without those that are None, which TOML cannot hold.

    Raises:
        UsageError: If a text is no Unicode, such as the name of a file that was made under another encoding.
    """
    import tomli_w

    def written(part: Mapping[str, Any]) -> dict[str, Any]:
        present = {name: value for name, value in part.items() if value is not None}
        return {name: written(value) if isinstance(value, Mapping) else value for name, value in present.items()}

    for name, value in values.items():
        for text in value if isinstance(value, list | tuple) else [value]:
            try:
                str(text).encode()
            except UnicodeEncodeError:
                what = f"`{name}` is {text}, which is no UTF-8 and cannot be stored"
                raise UsageError(f"{what}; give it another name") from None
    return tomli_w.dumps(written(values))


def read_toml(path: Path) -> dict[str, Any]:
    """Read settings from TOML; lists become tuples.

    Raises:
        UsageError: If the file is missing or no TOML.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or in_short(error)
        raise UsageError(f"{path} cannot be read as a file of settings ({reason}); expected TOML") from error
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
