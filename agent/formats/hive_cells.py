"""The cells of a registry hive: keys, values, lists and big data as they lie in the hive bins.

Format: M. Suhanov, "Windows registry file format specification", Format of primary files. Offsets
of cells count from the end of the base block; offsets in the file from its beginning.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from . import FormatError
from .hive_logs import BASE_BLOCK
from .paged import Bytes

NOWHERE = 0xFFFFFFFF
"""The offset of what is not there."""
SEGMENT = 16_344
"""Bytes of a value in one cell; a longer one is cut (since minor version 4)."""
BIN_HEADER = 32

Pieces = list[tuple[int, int]]
"""Each from a position in the file up to another."""

_KEY = struct.Struct("<2sHQ4xI I4xI4x I I 4x I 20x HH")
_VALUE = struct.Struct("<2sHIIIH")
PAGE = 4096
"""Bins are whole ones."""
_LOOK = 64 << 10
_HBIN = int.from_bytes(b"hbin", "little")
_HEAD_OF_ELEMENTS = 4
_CUT = SEGMENT + 4
_LONGEST_RECORD = 80 + 0xFFFF
"""Bytes: of a key or a value with the longest name that it can state."""
_SIZES_OF_ELEMENTS = {b"lf": 8, b"lh": 8, b"li": 4, b"ri": 4}


class Bins:
    """Whether the bins of a hive are there, one behind the other, by the beginnings of its pages:
    what is shown last of a page counts."""

    def __init__(self, hive: Bytes) -> None:
        self._size = len(hive)
        self._end = BASE_BLOCK + int.from_bytes(hive[40:44], "little")
        self._marks = [0] * (self._size // PAGE + 1)
        """Of each page, what stands in the place of a bin's."""
        self._sizes = self._marks.copy()

    def show(self, data: bytes, at: int) -> None:
        """Whole pages that lie ``at`` a position of the hive that begins one; of the last no more
        than its beginning need be there."""
        numbers = memoryview(data[: len(data) & ~3]).cast("I")
        sizes, first = numbers[2 :: PAGE // 4].tolist(), at // PAGE
        behind = first + len(sizes)
        self._sizes[first:behind] = sizes
        self._marks[first:behind] = numbers[:: PAGE // 4].tolist()[: len(sizes)]

    def missing(self) -> str:
        """What of a hive its base block counts, and is not there: where it was cut off, or not
        written; "" for nothing."""
        if self._size < BASE_BLOCK or self._end > self._size:
            return "cut short"
        page, end = BASE_BLOCK // PAGE, -(-self._end // PAGE)
        while page < end:
            if self._marks[page] != _HBIN:
                return "parts of it are not there"
            page += max(self._sizes[page] // PAGE, 1)
        return ""


def missing_in(hive: Bytes) -> str:
    """As :meth:`Bins.missing`, of bytes that are to be had."""
    bins = Bins(hive)
    for at in range(0, len(hive), _LOOK):
        bins.show(hive[at : at + _LOOK], at)
    return bins.missing()


class KeyCell(NamedTuple):
    """``nk``: a key. Lists are offsets of cells, NOWHERE where there are none."""

    name: str
    written: int
    parent: int
    subkeys: int
    subkey_list: int
    values: int
    value_list: int
    class_name: int


class ValueCell(NamedTuple):
    """``vk``: a value. ``size`` in bytes; its data lie at ``data`` unless they are ``inline``."""

    name: str
    type: int
    size: int
    data: int
    inline: bytes | None


class Named(NamedTuple):
    """Of a list of ``listed`` keys, the offsets of those that may have a name."""

    listed: int
    offsets: tuple[int, ...]


class BigData(NamedTuple):
    """``db``: the pieces of a value longer than one cell."""

    list: int
    segments: tuple[int, ...]


class CellRange(NamedTuple):
    """A cell by its offset; ``size`` counts its four bytes of header too."""

    offset: int
    size: int
    is_free: bool


class Cells:
    """Cells of the bytes of a hive, each checked against the end of the hive."""

    def __init__(self, data: Bytes) -> None:
        if len(data) < BASE_BLOCK + BIN_HEADER or not data.startswith(b"regf"):
            raise FormatError("not a registry hive", "base block")
        self.data = data
        self.root = int.from_bytes(data[36:40], "little")
        self.minor = int.from_bytes(data[24:28], "little")
        self._bins: list[int] | None = None
        self._asked: tuple[int, int] = (0, 0)
        """The bin that was asked for last, and a cell in it: :meth:`cell_around` goes on there."""

    def content(self, offset: int, most: int | None = None) -> bytes:
        """What a cell in use holds, padding included, or its first ``most`` bytes: a cell can be as
        long as the hive, and many records can name it.

        Raises:
            FormatError: no such cell, or one that is free.
        """
        at, size = self._extent(offset)
        return self.data[at + 4 : at + (size if most is None else min(size, 4 + most))]

    def _extent(self, offset: int) -> tuple[int, int]:
        at = BASE_BLOCK + offset
        if offset & 7 or at + 8 > len(self.data):
            raise FormatError("no cell", f"0x{offset:x}")
        size = -int.from_bytes(self.data[at : at + 4], "little", signed=True)
        if size < 8 or at + size > len(self.data):
            raise FormatError("a free cell" if size < 0 else "no cell", f"0x{offset:x}")
        return at, size

    def room_for(self, size: int) -> int:
        """How many things of so many bytes the hive can hold at most."""
        return len(self.data) // size

    def key(self, offset: int) -> KeyCell:
        """The key in a cell in use. FormatError: there is none."""
        return key_of(self.content(offset, _LONGEST_RECORD), f"0x{offset:x}")

    def value(self, offset: int) -> ValueCell:
        """The value in a cell in use. FormatError: there is none."""
        return value_of(self.content(offset, _LONGEST_RECORD), f"0x{offset:x}")

    def values(self, key: KeyCell) -> tuple[int, ...]:
        """Offsets of a key's values. FormatError: the list is shorter than the key says."""
        if not key.values:
            return ()
        content = self.content(key.value_list, 4 * key.values)
        if len(content) < 4 * key.values:
            raise FormatError("a list of values is cut", f"0x{key.value_list:x}")
        return struct.unpack_from(f"<{key.values}I", content)

    def subkeys(self, key: KeyCell, seen: set[int]) -> Iterator[tuple[int, ...]]:
        """Offsets of the subkeys of a key, list by list; lists in ``seen`` are left out, and those
        that were read are added to it.

        Raises:
            FormatError: no list, a list that is cut, an index of indexes.
        """
        for _, numbers, size in self._lists(key.subkey_list, seen):
            yield numbers[:: size // 4]

    def subkeys_named(self, key: KeyCell, name: str) -> Iterator[Named]:
        """As :meth:`subkeys`, of each list only those that may have a name: by the hashes of names
        in it, since Windows finds no key by another one.

        Raises:
            FormatError: as :meth:`subkeys`.
        """
        wanted = _hash_of(name)
        for kind, numbers, size in self._lists(key.subkey_list, set()):
            offsets = numbers[:: size // 4]
            found = offsets
            if kind == b"lh" and name.isascii():
                hashes, at, found = numbers[1::2], -1, ()
                for _ in range(hashes.count(wanted)):
                    at = hashes.index(wanted, at + 1)
                    found = (*found, offsets[at])
            yield Named(len(offsets), found)

    def _lists(self, offset: int, seen: set[int]) -> Iterator[tuple[bytes, tuple[int, ...], int]]:
        """The lists that name keys: the kind of each, its numbers, and the size of an element."""
        for leaf in self._leaves(offset, seen):
            seen.add(leaf)
            kind, numbers = self._elements(leaf)
            if kind == b"ri":
                raise FormatError("an index of indexes", f"0x{leaf:x}")
            yield kind, numbers, _SIZES_OF_ELEMENTS[kind]

    def _leaves(self, offset: int, seen: set[int]) -> Iterator[int]:
        if offset in seen:
            return
        kind, elements = self._elements(offset)
        if kind != b"ri":
            yield offset
            return
        seen.add(offset)
        for leaf in elements:
            if leaf not in seen:
                yield leaf

    def _elements(self, offset: int) -> tuple[bytes, tuple[int, ...]]:
        head = self.content(offset, _HEAD_OF_ELEMENTS)
        kind, count = head[:2], int.from_bytes(head[2:4], "little")
        size = _SIZES_OF_ELEMENTS.get(kind, 0)
        content = self.content(offset, _HEAD_OF_ELEMENTS + size * count)
        if not size or len(content) < _HEAD_OF_ELEMENTS + size * count:
            raise FormatError("no list of subkeys, or one that is cut", f"0x{offset:x}")
        return kind, struct.unpack_from(f"<{count * size // 4}I", content, _HEAD_OF_ELEMENTS)

    def big_data(self, value: ValueCell) -> BigData | None:
        """The pieces of a value, None for one that lies in a cell or in its record.

        Raises:
            FormatError: a list of pieces that is cut.
        """
        if value.inline is not None or value.size <= SEGMENT or self.minor < 4:
            return None
        content = self.content(value.data, 8)
        if content[:2] != b"db" or len(content) < 8:
            return None
        count, listed = struct.unpack_from("<2xHI", content)
        pieces = self.content(listed, 4 * count)
        if len(pieces) < 4 * count:
            raise FormatError("a list of pieces is cut", f"0x{listed:x}")
        return BigData(listed, struct.unpack_from(f"<{count}I", pieces))

    def data_of(self, value: ValueCell) -> bytes:
        """The bytes of a value, as many as are there of ``value.size``.

        Raises:
            FormatError: a cell that should hold them is none.
        """
        if value.inline is not None:
            return value.inline
        if not value.size:
            return b""
        if value.size > len(self.data):
            raise FormatError("a value longer than its hive", f"0x{value.data:x}")
        big = self.big_data(value)
        if big is None:
            return self.content(value.data, value.size)
        needed = -(-value.size // SEGMENT)
        pieces = [self.content(segment, SEGMENT) for segment in big.segments[:needed]]
        return b"".join(pieces)[: value.size]

    def left_of(self, value: ValueCell) -> bytes:
        """What is left of the data of a deleted value: as many bytes as lie there, which may be
        another's since.
        """
        if value.inline is not None:
            return value.inline
        start = BASE_BLOCK + value.data + 4
        pieces = pieces_at(self.data, start, Tries(self.data)) if value.size > SEGMENT else []
        if not pieces:
            return self.data[start : start + min(value.size, SEGMENT)]
        room, found = min(value.size, len(self.data)), list[bytes]()
        for first, after in pieces:
            found.append(self.data[first : min(after, first + room)])
            room -= len(found[-1])
            if room <= 0:
                break
        return b"".join(found)

    def cell_around(self, position: int) -> CellRange | None:
        """The cell that a position in the file lies in; None: in the base block, in the header of a
        bin, behind the bins, or in a bin that is damaged before it. Ascending positions cost no
        more than one walk of the bins, whatever they hold.
        """
        starts = self._starts_of_bins()
        which = bisect_right(starts, position) - 1
        if which < 0:
            return None
        same, at = self._asked
        if same != starts[which] or at > position:
            at = starts[which] + BIN_HEADER
        end = min(starts[which] + self._size_of_bin(starts[which]), len(self.data))
        while at + 4 <= end:
            size = int.from_bytes(self.data[at : at + 4], "little", signed=True)
            if abs(size) < 8 or at + abs(size) > end:
                return None
            if at <= position < at + abs(size):
                self._asked = (starts[which], at)
                return CellRange(at - BASE_BLOCK, abs(size), size > 0)
            at += abs(size)
        return None

    def _starts_of_bins(self) -> list[int]:
        if self._bins is None:
            self._bins = []
            at = BASE_BLOCK
            while at + BIN_HEADER <= len(self.data):
                if self.data[at : at + 4] == b"hbin":
                    self._bins.append(at)
                    at += self._size_of_bin(at)
                else:
                    at += 4096
        return self._bins

    def _size_of_bin(self, at: int) -> int:
        size = int.from_bytes(self.data[at + 8 : at + 12], "little")
        return max(size & ~4095, 4096)


def _hash_of(name: str) -> int:
    """Of a name in ASCII, as lists of the kind ``lh`` have it (Hash leaf)."""
    total = 0
    for character in name.upper():
        total = 37 * total + ord(character) & 0xFFFFFFFF
    return total


def key_of(content: bytes, where: str) -> KeyCell:
    """The key that the content of a cell, in use or not, holds. FormatError: none."""
    if len(content) < _KEY.size or content[:2] != b"nk":
        raise FormatError("no key", where)
    (_, flags, written, parent, subkeys, subkey_list, values, value_list, class_name, length, _) = (
        _KEY.unpack_from(content)
    )
    name = content[_KEY.size : _KEY.size + length]
    if len(name) < length:
        raise FormatError("the name of a key is cut", where)
    if flags & 0x40:  # KEY_PREDEF_HANDLE: a handle stands for the number of values
        values = 0
    return KeyCell(
        _name(name, one_byte=bool(flags & 0x20)),
        written,
        parent,
        subkeys,
        subkey_list,
        values,
        value_list,
        class_name,
    )


def value_of(content: bytes, where: str) -> ValueCell:
    """The value that the content of a cell, in use or not, holds. FormatError: none."""
    if len(content) < 20 or content[:2] != b"vk":
        raise FormatError("no value", where)
    _, length, size, data, kind, flags = _VALUE.unpack_from(content)
    name = content[20 : 20 + length]
    if len(name) < length:
        raise FormatError("the name of a value is cut", where)
    inline = content[8 : 8 + min(size & 0x7FFFFFFF, 4)] if size >> 31 else None
    return ValueCell(
        _name(name, one_byte=bool(flags & 1)),
        kind,
        size & 0x7FFFFFFF,
        data,
        inline,
    )


class Tries:
    """How many pieces of long values are still looked at. Of an honest hive each takes 16 KiB; but
    any bytes can look like the head of a list, and many of them can name one list."""

    def __init__(self, hive: Bytes) -> None:
        self.left = 4096 + len(hive) // 64
        self.ended = False
        """Whether something was not looked at."""

    def take(self, count: int) -> bool:
        """Whether there are so many left, which then are fewer."""
        if count > self.left:
            self.ended = True
            return False
        self.left -= count
        return True


def pieces_at(hive: Bytes, at: int, tries: Tries) -> Pieces:
    """Of a long value whose ``db`` record begins there in the file, in use or not; [] for none."""
    if hive[at : at + 2] != b"db" or at + 8 > len(hive):
        return []
    count, offset = struct.unpack("<HI", hive[at + 2 : at + 8])
    start = BASE_BLOCK + 4 + offset
    if count < 2 or offset & 7 or start + 4 * count > len(hive) or not tries.take(count):
        return []
    listed = hive[start : start + 4 * count]
    found: Pieces = []
    for number, (segment,) in enumerate(struct.iter_unpack("<I", listed)):
        cell = BASE_BLOCK + segment
        if segment & 7 or cell + 8 > len(hive):
            return []
        size = min(abs(int.from_bytes(hive[cell : cell + 4], "little", signed=True)), _CUT)
        if size < _CUT and number < count - 1:
            return []  # all but the last are full
        found.append((cell + 4, min(cell + size, len(hive))))
    return found


def _name(raw: bytes, *, one_byte: bool) -> str:
    """One byte a character: the low halves of UTF-16, which is Latin-1 and not a code page."""
    return raw.decode("latin-1") if one_byte else wide(raw)


def wide(raw: bytes) -> str:
    """UTF-16 with lone surrogates kept; an odd last byte is the low half of a character."""
    return (raw + b"\0" * (len(raw) & 1)).decode("utf-16-le", "surrogatepass")
