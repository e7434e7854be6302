"""Names of runs and pictures in reports."""

from collections.abc import Sequence
from pathlib import Path


def shortest_names(paths: Sequence[str | Path]) -> dict[str, str]:
    """Name every path by the shortest end of it that no other has, such as ``b/photo.jpg`` beside ``c/photo.jpg``."""
    parts = {str(path): Path(path).parts for path in paths}
    return {
        path: next(
            (
                str(Path(*own[-n:]))
                for n in range(1, len(own) + 1)
                if sum(other[-n:] == own[-n:] for other in parts.values()) == 1
            ),
            path,
        )
        for path, own in parts.items()
    }
