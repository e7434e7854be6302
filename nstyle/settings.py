"""Settings that are written once: a field of a dataclass holds type, default, range, choices and help of a setting.

The dataclass checks itself with :func:`check_settings`, and ``nstyle/cli/options.py`` derives the command line from it.
The help names other settings in backticks, as errors do.
"""

import dataclasses
import difflib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from nstyle.errors import UsageError, check_setting, in_short

METADATA_KEY = "setting"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is known of a setting beside its type and its default."""

    help: str
    """What it does, in a sentence for users."""
    group: str
    """The heading that it stands under in the help."""
    metavar: str = ""
    """What a value is, in capitals, where the type does not say it."""
    default_text: str = ""
    """The default in words, where the value of the field does not say it."""
    at_least: float = -math.inf
    above: float = -math.inf
    at_most: float = math.inf
    choices: tuple[str, ...] = ()
    """The valid texts, where no Literal type lists them."""
    unit: str = ""
    """The unit of a number, such as ``px``."""
    note: str = ""
    """What a special number means, such as ``0 for never``."""

    @property
    def range(self) -> str:
        """The numbers that are valid, in words; empty if all finite ones are."""
        unit = f" {self.unit}" if self.unit else ""
        if self.above > -math.inf:
            words = f"more than {self.above:g}" + (f" and at most {self.at_most:g}" if self.at_most < math.inf else "")
        elif self.at_most < math.inf:
            words = f"{_number(self.at_least)} to {_number(self.at_most)}"
        else:
            words = f"at least {self.at_least:g}" if self.at_least > -math.inf else ""
        return words and f"{words}{unit}" + (f" ({self.note})" if self.note else "")

    def admits(self, value: float) -> bool:
        """Tell whether a number is finite and in the range."""
        return is_finite(value) and self.above < value <= self.at_most and value >= self.at_least


PLAIN = Setting(help="", group="")
"""What is known of a field that is no setting: its type alone."""


def is_finite(value: float) -> bool:
    """Tell whether a number is finite and can be computed with, which whole numbers beyond all floats cannot."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def setting(default: Any, help: str, group: str, /, **details: Any) -> Any:
    """Declare a setting as the field of a dataclass; ``details`` are those of :class:`Setting`."""
    metadata = {METADATA_KEY: Setting(help=help, group=group, **details)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def settings_of(kind: type) -> dict[str, Setting]:
    """Return the settings of a dataclass by name, in the order in which they are declared."""
    return {f.name: f.metadata[METADATA_KEY] for f in fields(kind) if METADATA_KEY in f.metadata}


def types_of(kind: type) -> dict[str, tuple[Any, bool]]:
    """Return the type of every field of a dataclass without None, and whether None is valid too."""
    result = {}
    for name, hint in get_type_hints(kind).items():
        parts = get_args(hint) if get_origin(hint) not in (Literal, tuple, Mapping, dict) and get_args(hint) else ()
        kinds = [part for part in parts if part is not NoneType]
        is_open = NoneType in parts
        result[name] = (kinds[0] if is_open and len(kinds) == 1 else hint, is_open)
    return result


def choices_of(kind: Any) -> tuple[str, ...]:
    """Return the values of a Literal type; empty for any other type."""
    return get_args(kind) if get_origin(kind) is Literal else ()


def check_settings(config: Any) -> None:
    """Check type, choices and range of every setting of a dataclass, and the types of its other fields. Paths in the
    place of strings become strings, and NumPy's numbers become Python's.

    Raises:
        UsageError: With the name of the first invalid setting, its value and what was expected.
    """
    kinds, settings = types_of(type(config)), settings_of(type(config))
    for name in (f.name for f in fields(config)):
        details = settings.get(name, PLAIN)
        kind, is_open = kinds[name]
        value = getattr(config, name)
        if isinstance(value, os.PathLike) and kind is str:
            value = os.fspath(value)
        if not (value is None and is_open):
            _check(name, value, kind, details)
        object.__setattr__(config, name, _plain(value))


def _plain(value: Any) -> Any:
    """Turn numbers of NumPy, alone or in a mapping or a tuple, into Python's, which can be written."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    if isinstance(value, bool | int | float) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _check(name: str, value: Any, kind: Any, details: Setting) -> None:
    choices = choices_of(kind) or details.choices
    if choices:
        check_setting(isinstance(value, str) and value in choices, name, value, " | ".join(choices))
    elif kind is bool:
        check_setting(isinstance(value, bool), name, value, "True or False")
    elif kind in (int, float):
        plain = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
        expected = "a whole number" if kind is int else "a finite number"
        check_setting(plain and is_finite(value), name, value, f"{expected}, {details.range}".rstrip(", "))
        check_setting(details.admits(value), name, value, details.range)
    elif kind is str:
        check_setting(isinstance(value, str) and "\0" not in value, name, value, "text")
    elif get_origin(kind) is Mapping:
        of_numbers = get_args(kind)[1] in (int, float)
        check_setting(isinstance(value, Mapping), name, value, f"{'numbers' if of_numbers else 'values'} by name")
        for key, part in value.items():
            _check(f"`{name}` {in_short(key)}", part, get_args(kind)[1], details)
    elif get_origin(kind) is tuple:
        parts = get_args(kind)
        expected = "a tuple" if ... in parts else f"{len(parts)} values"
        check_setting(isinstance(value, tuple) and (... in parts or len(value) == len(parts)), name, value, expected)
        for i, part in enumerate(value, start=1):
            _check(f"part {i} of `{name}`", part, get_args(kind)[0], details)
    elif dataclasses.is_dataclass(kind):
        expected = f"a {kind.__name__}"  # type: ignore[union-attr]
        check_setting(isinstance(value, kind), name, value, expected)  # type: ignore[arg-type]


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse settings that do not exist.

    Raises:
        UsageError: With the setting that is named most like the first unknown one.
    """
    known = list(known)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(in_short(name), known, n=1, cutoff=0.5)
            raise UsageError(
                f"there is no setting `{in_short(name)}`; "
                + (f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(sorted(known))}")
            )
