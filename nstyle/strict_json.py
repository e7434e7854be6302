"""JSON from files, read so that whatever a file holds, reading it ends in values or in a ``ValueError``."""

import json
from typing import Any, NoReturn


def parse_json(text: str | bytes) -> Any:
    """Parse JSON as its standard has it: without NaN and infinity, which Python would take.

    Raises:
        ValueError: If it is no JSON, not encoded in UTF-8, or nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")
