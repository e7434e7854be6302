"""The settings of a way from style to style, without torch."""

from dataclasses import dataclass

from nstyle.settings import check_settings, setting

PHOTOGRAPHS, OUTPUT = "Photographs", "Output"
"""Headings of the settings in the help."""


@dataclass(frozen=True, kw_only=True)
class WalkOptions:
    """How finely a way is walked, and at which size. All settings are checked on construction."""

    size: int = setting(512, "The long side of the painted photograph.", PHOTOGRAPHS, at_least=16, unit="px")
    steps: int = setting(11, "How many pictures lead from one style to the next, with both ends.", OUTPUT, at_least=2)

    def __post_init__(self) -> None:
        check_settings(self)
