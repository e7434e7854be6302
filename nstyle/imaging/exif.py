"""EXIF data as they are stored: directories of tags. Values are copied byte by byte, and never decoded."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

ByteOrder: TypeAlias = Literal["little", "big"]
PREFIX = b"Exif\x00\x00"
ORDERS: Mapping[bytes, ByteOrder] = {b"II*\x00": "little", b"MM\x00*": "big"}
"""The byte order that the first four bytes stand for."""
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 129: 1}
"""The bytes of one value, by the type of a tag."""
SHORT, LONG, RATIONAL = 3, 4, 5
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
        """Write the directories that have tags; empty if none has. What is too large for a JPEG is left out, the
        largest values first."""
        directories = [dict(self.image), dict(self.photo), dict(self.place)]
        while sum(len(value.data) + 16 for tags in directories for value in tags.values()) > MOST_BYTES:
            tags = max(directories, key=lambda tags: max((len(value.data) for value in tags.values()), default=0))
            del tags[max(tags, key=lambda tag: len(tags[tag].data))]
        image, photo, place = directories
        pointers = {tag: tags for tag, tags in ((PHOTO_POINTER, photo), (PLACE_POINTER, place)) if tags}
        if not image and not pointers:
            return b""
        head = next(mark for mark, order in ORDERS.items() if order == self.order) + self._number(8, 4)
        image |= dict.fromkeys(pointers, self.long(0))
        at, rest = len(head) + len(self._directory(image, 0)), b""
        for tag, tags in pointers.items():
            image[tag] = self.long(at + len(rest))
            rest += self._directory(tags, at + len(rest))
        return PREFIX + head + self._directory(image, len(head)) + rest

    def _directory(self, tags: Tags, at: int) -> bytes:
        """Write a directory that begins at a byte, followed by the values that do not fit into it."""
        entries, values = b"", b""
        start = at + 2 + 12 * len(tags) + 4
        for tag, value in sorted(tags.items()):
            inside = value.data.ljust(4, b"\x00") if len(value.data) <= 4 else self._number(start + len(values), 4)
            values += b"" if len(value.data) <= 4 else value.data + bytes(len(value.data) % 2)
            entries += self._number(tag, 2) + self._number(value.kind, 2) + self._number(value.number, 4) + inside
        return self._number(len(tags), 2) + entries + bytes(4) + values

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
        size = min(4, SIZES[value.kind])
        return [int.from_bytes(value.data[at : at + size], self.order) for at in range(0, len(value.data), size)]


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
