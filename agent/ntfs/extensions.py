"""Which records of a buffer hold a live file, or an alternate stream, with a wanted extension.

No pattern can say where a name ends, so names are cut out by their length: for records in the usual
form (one name, right behind the $STANDARD_INFORMATION) by one comprehension over
columns of the buffer, for the others attribute by attribute. Of the files found so, those go whose
size no opening of their extension allows.
"""

from __future__ import annotations

import functools
import itertools
import re
import struct
from collections.abc import Iterable

from ..reading.openings import Selection
from . import attributes as kinds
from .fixups import STRIDE

_DOT = b".\0"
_STANDARD_LENGTHS = (0x60, 0x48)
"""Of a $STANDARD_INFORMATION: since NTFS 3.0, and before; ntfs-3g writes both."""
_VALUE = 0x18
"""Where a resident attribute's value usually begins."""
_NAME_LENGTH, _NAME_SPACE, _NAME = 0x40, 0x41, 0x42
"""Within a $FILE_NAME."""
_NAME_KIND = bytes([kinds.FILE_NAME])
_LIVE_FILE = 1
_TAIL = 8
"""Bytes of a dot and three characters."""
_MOST_OTHERS = 1 << 12
_PLAIN = re.compile(rb"(?:[ -~]\0)+")
_TYPE = struct.Struct("<II")
_HEAD = struct.Struct("<IIBB6xI")
"""Of an attribute: kind, length, whether it lies on the disk, length of its name; the size of its
value, if it does not."""
_SIZE = struct.Struct("<Q")
_IS_ZERO = bytes([1]) + bytes(255)
"""Translates bytes: 1 for 0, 0 for all others."""
_PLACE = struct.Struct("<HH")
_DOS = 2
_OTHERS = {"k": "\N{KELVIN SIGN}"}
"""The one character outside ASCII whose lower case is a letter of it."""


class _Columns(dict[int, bytes]):
    """One byte of each record of a buffer, by its place in the record; each is taken once."""

    def __init__(self, data: bytes, count: int, size: int) -> None:
        super().__init__()
        self.count = count
        self._data, self._size = data, size
        self._known: dict[tuple[int, int], int] = {}

    def __missing__(self, place: int) -> bytes:
        column = self[place] = self._data[place : self.count * self._size : self._size]
        return column

    def differing(self, place: int, value: int) -> int:
        """As a number with a byte for each record: zero where it has this value."""
        known = self._known.get((place, value))
        if known is None:
            column = self[place]
            known = 0
            if column.count(value) != self.count:
                same = int.from_bytes(bytes([value]) * self.count, "little")
                known = int.from_bytes(column, "little") ^ same
            self._known[place, value] = known
        return known


class Extensions:
    """Looks for extensions in buffers of records of one size."""

    def __init__(self, selection: Selection, record_size: int) -> None:
        self._sizes = {
            form: selection.sizes_of(extension)
            for form, extension in endings(selection.extensions).items()
        }
        """Least and largest one of a file with this extension."""
        self._wanted = frozenset(self._sizes)
        self._others: set[bytes] = set()
        """Ends of names, of a dot and three characters, that are none: most files of a volume have
        one of few."""
        self._size = record_size
        # The update sequence array ends there, rounded up to eight bytes.
        self._first = 0x30 + (2 * (record_size // STRIDE + 1) + 7 & ~7)

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def candidates(self, data: bytes, count: int) -> set[int]:
        """Records of a mended buffer, by their place in it, that hold such a name: of a live file,
        or of a record that extends another."""
        size = self._size
        columns = _Columns(data, count, size)
        found: set[int] = set()
        looked_at = 0
        for standard in _STANDARD_LENGTHS:
            # ... of which a volume has one or the other.
            if standard not in columns[self._first + 4]:
                continue
            for look, links in ((self._single, 1), (self._second, 2)):
                usual = self._usual(columns, standard, links)
                if usual:
                    looked_at |= usual
                    found.update(look(data, usual.to_bytes(count, "little"), standard))
        if looked_at.to_bytes(count, "little").count(0):
            holds, looked, flags = self._holds, looked_at.to_bytes(count, "little"), columns[0x16]
            found.update(
                index
                for index, flag, done in zip(itertools.count(), flags, looked)
                if not done and flag & 3 == _LIVE_FILE and holds(data, index * size)
            )
        return found

    def _single(self, data: bytes, usual: bytes, standard: int) -> list[int]:
        """Those whose only name ends so."""
        size, wanted, others, may_end = self._size, self._wanted, self._others, self._may_end
        attribute = self._first + standard
        name = attribute + _VALUE + _NAME
        starts, whole = range(name, len(usual) * size, size), len(usual) * size
        spans, lengths = data[attribute + 4 : whole : size], data[name - 2 : whole : size]
        back = name - attribute
        found = [
            index
            for index, one, at, length, span in zip(
                itertools.count(), usual, starts, lengths, spans
            )
            if one
            and (
                (
                    data[(end := at + 2 * length) - _TAIL : end] not in others
                    and may_end(data, at, end)
                )
                or data[at - back + span] == kinds.FILE_NAME  # More names than links are counted.
            )
        ]
        if b"" not in wanted:
            return [index for index in found if self._holds(data, index * size)]
        return [
            index
            for index in found
            if self._is_sized(
                data, index * size, starts[index], starts[index] - back + spans[index]
            )
        ]

    def _second(self, data: bytes, usual: bytes, standard: int) -> list[int]:
        """Those with an 8.3 name in front whose long name ends so."""
        size, others, may_end = self._size, self._others, self._may_end
        name = self._first + standard
        starts = range(name, len(usual) * size, size)
        spans = data[name + 4 : len(usual) * size : size]
        found = [
            index
            for index, one, start, span in zip(itertools.count(), usual, starts, spans)
            if one
            and (
                data[at := start + span] != kinds.FILE_NAME
                or data[at + 0x14] != _VALUE
                or (
                    data[(end := at + 0x5A + 2 * data[at + 0x58]) - _TAIL : end] not in others
                    and may_end(data, at + 0x5A, end)
                )
                or data.startswith(_NAME_KIND, at + data[at + 4] + (data[at + 5] & 3) * 256)
            )
        ]
        return [
            index
            for index in found
            if self._is_sized(
                data,
                index * size,
                (at := starts[index] + spans[index]) + _VALUE + _NAME,
                at + data[at + 4] + (data[at + 5] & 3) * 256,
            )
        ]

    def _may_end(self, data: bytes, at: int, end: int) -> bool:
        """Whether a name may end so; ends that do not are remembered."""
        dot = data.rfind(_DOT, at, end)
        # A find of -1 is odd, like one that begins in the middle of a unit: both are looked at.
        if dot & 1 or data[dot:end].lower() in self._wanted:
            return True
        tail = data[dot:end]
        # What stands before a shorter name, its length and name space, is no such text.
        if len(tail) == _TAIL and len(self._others) < _MOST_OTHERS and _PLAIN.fullmatch(tail):
            self._others.add(tail)
        return False

    def _usual(self, columns: _Columns, standard: int, links: int) -> int:
        """As a number with a byte for each record, 1: a live file, in one record, with its names
        right behind the $STANDARD_INFORMATION: one, or an 8.3 name and another."""
        first, count = self._first, columns.count
        name = first + standard
        usual = {
            0x12: links, 0x13: 0, 0x14: first, 0x15: 0, 0x16: _LIVE_FILE, 0x17: 0,
            first: kinds.STANDARD_INFORMATION, first + 4: standard, first + 5: 0,
            name: kinds.FILE_NAME, name + 1: 0, name + 5: 0, name + 8: 0, name + 0x14: _VALUE,
            **dict.fromkeys(range(0x20, 0x28), 0),
        }  # fmt: skip
        if links == 2:
            usual[name + _VALUE + _NAME_SPACE] = _DOS
        odd = 0
        for place, value in usual.items():
            odd |= columns.differing(place, value)
        return int.from_bytes(odd.to_bytes(count, "little").translate(_IS_ZERO), "little")

    def _holds(self, data: bytes, start: int) -> bool:
        """Whether one record holds such a name, attribute by attribute."""
        if data[start : start + 4] != b"FILE":
            return False
        end = start + self._size
        first, flags = _PLACE.unpack_from(data, start + 0x14)
        if flags & 3 != _LIVE_FILE:
            return False
        at, found, is_listed = start + first, [], False
        while at + 16 <= end:
            kind, length = _TYPE.unpack_from(data, at)
            if kind > kinds.FILE_NAME or length < 16 or at + length > end:
                break
            if kind == kinds.FILE_NAME:
                extension = self._extension(data, at, at + length)
                if extension in self._sizes:
                    found.append(self._sizes[extension])
            elif kind == kinds.ATTRIBUTE_LIST:
                is_listed = True
            at += length
        if not found:
            return False
        least, most = min(low for low, _ in found), max(high for _, high in found)
        return is_listed or self._allows(data, at, end, least, most)

    def _extension(self, data: bytes, at: int, end: int) -> bytes | None:
        """Of a $FILE_NAME; None for an 8.3 name."""
        value = at + int.from_bytes(data[at + 0x14 : at + 0x16], "little")
        if value + _NAME > end or data[value + _NAME_SPACE] == _DOS:
            return None
        return ending(data[value + _NAME : value + _NAME + 2 * data[value + _NAME_LENGTH]])

    def _is_sized(self, data: bytes, start: int, name: int, following: int) -> bool:
        """Whether the only long name of a record, and the size of its file, are wanted; ``name``
        and ``following``: where it lies, and the attribute behind it, if the record is a usual
        one."""
        extension = ending(data[name : name + 2 * data[name - 2]])
        sizes = self._sizes.get(extension)
        at = name - _NAME - _VALUE
        usual = data[at] == kinds.FILE_NAME and data[at + 0x14] == _VALUE and data[name - 1] != _DOS
        if sizes is None or not usual or data.startswith(_NAME_KIND, following):
            return self._holds(data, start)
        return self._allows(data, following, start + self._size, *sizes)

    def _allows(self, data: bytes, at: int, end: int, least: int, most: int) -> bool:
        """Whether the content is of such a size, going by the attributes from here on; True too
        where they do not tell."""
        while at + 0x40 <= end:
            kind, length, non_resident, name_length, size = _HEAD.unpack_from(data, at)
            if kind > kinds.DATA or length < 24 or kind == kinds.ATTRIBUTE_LIST:
                return True
            if kind == kinds.DATA and not name_length:
                if non_resident:
                    if any(data[at + 0x10 : at + 0x18]):
                        return True
                    (size,) = _SIZE.unpack_from(data, at + 0x30)
                return bool(least <= size <= most)
            at += length
        return True

    def holds_stream(self, data: bytes, at: int) -> bool:
        """Whether the name of the attribute there, one with a name, ends so; True also where it
        cannot be told."""
        start = at + int.from_bytes(data[at + 10 : at + 12], "little")
        end = start + 2 * data[at + 9]
        record = at - at % self._size
        return end > record + self._size or self._is_wanted(data[start:end])

    def _is_wanted(self, text: bytes) -> bool:
        return ending(text) in self._wanted


def ending(text: bytes) -> bytes:
    """The extension of a name in UTF-16, in lower case; empty for none."""
    dot = text.rfind(_DOT)
    while dot & 1 and dot > 0:
        dot = text.rfind(_DOT, 0, dot + 1)
    return text[dot:].lower() if dot >= 0 else b""


@functools.lru_cache(maxsize=16)
def endings(extensions: frozenset[str]) -> dict[bytes, str]:
    """Extensions by the bytes that :func:`ending` gives for them."""
    return {
        form.encode("utf-16-le"): extension
        for extension in extensions
        for form in _forms(extension)
    }


def _forms(extension: str) -> Iterable[str]:
    """An extension in all characters whose lower case is its: the Kelvin sign is a ``k``."""
    choices = [(c, *_OTHERS.get(c, "")) for c in extension]
    return ("".join(form) for form in itertools.product(*choices))
