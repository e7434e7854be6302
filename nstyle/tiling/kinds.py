"""The ways to divide a picture, by name and without torch."""

from typing import Literal

Tiling = Literal["auto", "whole", "exact", "sampled", "thumbnail"]
"""How a picture is divided; see :func:`nstyle.tiling.paint.paint`."""
