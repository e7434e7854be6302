"""EXIF data as they are stored: directories of tags. Values are copied byte by byte, and never decoded."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from io import SEEK_END, BytesIO
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

ByteOrder: TypeAlias = Literal["little", "big"]
PREFIX = b"Exif\x00\x00"
ORDERS: Mapping[bytes, ByteOrder] = {b"II*\x00": "little", b"MM\x00*": "big"}
"""The byte order that the first four bytes stand for."""
UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 129: 1}
"""The bytes that are in order together, by the type of a tag."""
SIZES = UNITS | {5: 8, 10: 8}
"""The bytes of one value, by the type of a tag: fractions are two numbers."""
TEXT, SHORT, LONG, RATIONAL = 2, 3, 4, 5
"""Types of tags."""
PHOTO_POINTER, PLACE_POINTER = 0x8769, 0x8825
"""The tags of the first directory that say where the other two are."""
MOST_BYTES = 60_000
"""The largest size that is written: a JPEG has 65,533 bytes for it."""


class Value(NamedTuple):
    """What a tag holds: the type of its values, and their bytes in the byte order of the whole."""

    kind: int
    data: bytes

    @property
    def number(self) -> int:
        """The number of values."""
        return len(self.data) // SIZES[self.kind]

    def units(self) -> list[bytes]:
        """Return the parts whose bytes are in order together."""
        unit = UNITS[self.kind]
        return [self.data[at : at + unit] for at in range(0, len(self.data), unit)]

    def turned(self) -> "Value":
        """Return the same in the other byte order."""
        return Value(self.kind, b"".join(unit[::-1] for unit in self.units()))


Tags: TypeAlias = Mapping[int, Value]


@dataclass(frozen=True)
class Exif:
    """EXIF data: three directories of tags. The one of the thumbnail is neither read nor written."""

    order: ByteOrder = "little"
    image: Tags = field(default_factory=dict)
    """What is known of the picture, such as its author and its copyright."""
    photo: Tags = field(default_factory=dict)
    """How it was taken."""
    place: Tags = field(default_factory=dict)
    """Where it was taken."""

    def to_bytes(self) -> bytes:
        """Write all directories, as every format but TIFF keeps them; empty if there are no tags."""
        head = next(mark for mark, order in ORDERS.items() if order == self.order) + self._number(8, 4)
        return PREFIX + head + self._directories(len(head)) if self.image or self.photo or self.place else b""

    def add_to_tiff(self, file: BytesIO) -> None:
        """Add the tags to a TIFF file: its first directory is written anew at the end, and the header leads there."""
        file.seek(0)
        order = ORDERS[file.read(4)]
        exif = self._in_order(order)
        file.seek(int.from_bytes(file.read(4), order))
        entries = [file.read(12) for _ in range(int.from_bytes(file.read(2), order))]
        at = file.seek(0, SEEK_END)
        file.write(bytes(at % 2))
        at += at % 2
        file.write(exif._directories(at, {int.from_bytes(entry[:2], order): entry for entry in entries}))
        file.seek(4)
        file.write(exif._number(at, 4))

    def _directories(self, at: int, others: Mapping[int, bytes] = MappingProxyType({})) -> bytes:
        """Write all directories from a byte of the file on.

        Args:
            at: The byte.
            others: Further entries of the first directory, as they are written; its own tags win.
        """
        image, photo, place = self._fitting()
        pointers = {tag: tags for tag, tags in ((PHOTO_POINTER, photo), (PLACE_POINTER, place)) if tags}
        image |= dict.fromkeys(pointers, self.long(0))
        start, rest = at + len(self._directory(image, at, others)), b""
        for tag, tags in pointers.items():
            image[tag] = self.long(start + len(rest))
            rest += self._directory(tags, start + len(rest))
        return self._directory(image, at, others) + rest

    def _fitting(self) -> list[dict[int, Value]]:
        """Return the directories without what is too large for a JPEG: the largest values are left out first."""
        directories = [dict(self.image), dict(self.photo), dict(self.place)]
        sizes = [(len(value.data) + 16, i, tag) for i, tags in enumerate(directories) for tag, value in tags.items()]
        total = sum(size for size, _, _ in sizes)
        for size, i, tag in sorted(sizes, reverse=True):
            if total > MOST_BYTES:
                del directories[i][tag]
                total -= size
        return directories

    def _directory(self, tags: Tags, at: int, others: Mapping[int, bytes] = MappingProxyType({})) -> bytes:
        """Write a directory that begins at a byte, followed by the values that do not fit into it."""
        entries, values = dict(others), b""
        start = at + 2 + 12 * len({*entries, *tags}) + 4
        for tag, value in tags.items():
            inside = value.data.ljust(4, b"\x00") if len(value.data) <= 4 else self._number(start + len(values), 4)
            values += b"" if len(value.data) <= 4 else value.data + bytes(len(value.data) % 2)
            entries[tag] = self._number(tag, 2) + self._number(value.kind, 2) + self._number(value.number, 4) + inside
        in_order = b"".join(entry for _, entry in sorted(entries.items()))
        return self._number(len(entries), 2) + in_order + bytes(4) + values

    def _in_order(self, order: ByteOrder) -> "Exif":
        """Return the same in a byte order."""
        if order == self.order:
            return self
        directories = (self.image, self.photo, self.place)
        return Exif(order, *({tag: value.turned() for tag, value in tags.items()} for tags in directories))

    def _number(self, number: int, size: int) -> bytes:
        return number.to_bytes(size, self.order)

    def short(self, number: int) -> Value:
        """Return a whole number below 65,536 as the value of a tag."""
        return Value(SHORT, self._number(number, 2))

    def long(self, number: int) -> Value:
        """Return a whole number as the value of a tag."""
        return Value(LONG, self._number(number, 4))

    def fraction(self, numerator: int, denominator: int) -> Value:
        """Return a fraction as the value of a tag."""
        return Value(RATIONAL, self._number(numerator, 4) + self._number(denominator, 4))

    def numbers(self, value: Value) -> list[int]:
        """Return the whole numbers of a value without sign: two for every fraction."""
        return [int.from_bytes(unit, self.order) for unit in value.units()]


def read_exif(data: bytes, image: Container[int], photo: Container[int]) -> Exif:
    """Read EXIF data, with or without their prefix. Whatever is damaged is left out, and nothing raises.

    Args:
        data: The data.
        image: The tags that are read from the first directory.
        photo: The tags that are read from the directory of the photograph. That of the place is read as a whole.
    """
    data = data.removeprefix(PREFIX)
    order = ORDERS.get(data[:4])
    if order is None:
        return Exif()
    first = int.from_bytes(data[4:8], order)
    pointers = _read(data, order, first, (PHOTO_POINTER, PLACE_POINTER))
    starts = {tag: int.from_bytes(value.data[:4], order) for tag, value in pointers.items()}
    return Exif(
        order,
        _read(data, order, first, image),
        _read(data, order, starts.get(PHOTO_POINTER), photo),
        _read(data, order, starts.get(PLACE_POINTER), range(32)),
    )


def _read(data: bytes, order: ByteOrder, at: int | None, wanted: Container[int]) -> Tags:
    """Read the wanted tags of the directory that begins at a byte. Values that lie beyond the data are left out."""
    tags: dict[int, Value] = {}
    if at is None:
        return tags

    def number(start: int, size: int) -> int:
        return int.from_bytes(data[start : start + size], order)

    for entry in range(at + 2, min(at + 2 + 12 * number(at, 2), len(data) - 11), 12):
        tag, kind, count = number(entry, 2), number(entry + 2, 2), number(entry + 4, 4)
        size = count * SIZES.get(kind, 0)
        start = entry + 8 if size <= 4 else number(entry + 8, 4)
        if tag in wanted and 0 < size <= MOST_BYTES and start + size <= len(data):
            tags[tag] = Value(kind, data[start : start + size])
    return tags
