"""The folder of a reproduction: what it is about, so that it goes on only as what it was begun as, and its times."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from nstyle.data.photos import PhotoIndex
from nstyle.encoders.load import EncoderWeights
from nstyle.errors import UsageError
from nstyle.reports.kinds import REPRODUCTION
from nstyle.reproduction.figures import amount
from nstyle.reproduction.recipe import Recipe
from nstyle.reproduction.scale import Scale
from nstyle.strict_json import parse_json
from nstyle.system.files import write_atomically
from nstyle.system.output_folders import Difference, first_difference, holds_work

RECORD = REPRODUCTION
DIGITS = 16
"""The digits of a hash that tell files apart."""


@dataclass
class ReproductionFolder:
    """A folder with a folder for each piece of work, the page, and a record of what was chosen and how long it took."""

    path: Path
    identity: dict[str, Any]
    """What decides the results. Another reproduction is not mixed into this one."""
    seconds: dict[str, float] = field(default_factory=dict)
    """The time that each piece of work took, by name, added up over all runs."""

    @classmethod
    def open(
        cls,
        path: Path,
        recipe: Recipe,
        scale: Scale,
        pictures: Sequence[Path],
        encoders: Sequence[EncoderWeights],
        content: str | None = None,
    ) -> "ReproductionFolder":
        """Begin a reproduction, or go on with the one in the folder. Nothing is written yet.

        Args:
            path: The folder.
            recipe: The recipe.
            scale: Its scale.
            pictures: The pictures that were given; samples do not count.
            encoders: The encoders, whatever file they are from.
            content: What networks are trained on, from :func:`training_set`; None if none is trained. A reproduction
                in which none was may get some, and keeps what it had where none is trained this time.

        Raises:
            UsageError: If ``path`` is a file, or holds other files or another reproduction.
        """
        identity = {
            "recipe": recipe.name,
            "scale": scale.factor,
            "pictures": [_fingerprint(picture) for picture in pictures],
            "encoders": [f"{weights.architecture} {weights.sha256[:DIGITS]}" for weights in encoders],
            "content": content,
        }
        if not holds_work(path, path / RECORD, "reproduction"):
            return cls(path, identity)
        found = _read(path / RECORD)
        identity["content"] = identity["content"] or found["identity"].get("content")
        known = {name: value for name, value in identity.items() if found["identity"].get(name) is not None}
        if difference := first_difference(found["identity"], known):
            raise UsageError(
                f"{path} holds a reproduction of {found['identity'].get('recipe')} {_shortened(difference)}; give that "
                "again, or choose another `out`"
            )
        return cls(path, identity, found["seconds"])

    def save(self) -> None:
        """Write the record."""
        record = {"identity": self.identity, "seconds": self.seconds}
        write_atomically(self.path / RECORD, (json.dumps(record, indent=2) + "\n").encode())

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time that is spent in the context to that of the work, also if it is interrupted."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start
            self.save()


def _shortened(difference: Difference) -> Difference:
    """Name of two lists only what the other one lacks."""
    name, was, now = difference
    if not (isinstance(was, list) and isinstance(now, list)):
        return difference
    gone, new = ([item for item in one if item not in other] for one, other in ((was, now), (now, was)))
    return Difference(name, ", ".join(gone) or "none", ", ".join(new) or "none") if gone or new else difference


def training_set(photographs: PhotoIndex | None) -> str:
    """Name photographs to train on by their number and a hash; None stands for the samples."""
    if photographs is None:
        return "samples"
    return f"{amount(len(photographs.files), 'photograph')} {photographs.fingerprint[:DIGITS]}"


def _fingerprint(path: Path) -> str:
    return f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]}"


def _read(path: Path) -> dict[str, Any]:
    """Read the record of a reproduction.

    Raises:
        UsageError: If it is damaged.
    """
    try:
        found = parse_json(path.read_bytes())
        identity, seconds = dict(found["identity"]), {name: float(value) for name, value in found["seconds"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} cannot be read ({type(error).__name__}); choose another `out`") from error
    return {"identity": identity, "seconds": seconds}
