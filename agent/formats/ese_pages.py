"""Pages of an ESE database, each by itself: what lies on it, and what text it hides.

Format: libyal's libesedb, "Extensible Storage Engine (ESE) Database File (EDB) format", and
Microsoft's own source as published (MIT), cpage.hxx, tagfld.hxx, lv.cxx. The header of an entry has
three flags; they stand beside its place on pages of up to 8 KiB, and in its first word on larger
ones. Values too long for a record lie on pages of their own, in parts, each compressed by itself
where that makes it shorter.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from . import FormatError
from .ese_compression import SEVEN_BITS, decompressed, unpacked

SIGNATURE = bytes.fromhex("efcdab89")
"""At 4."""
PAGE_SIZES = (2048, 4096, 8192, 16_384, 32_768)
LEAF, LONG_VALUES = 0x2, 0x80
NO_ROWS = 0x20 | 0x40 | LONG_VALUES
"""Of pages: a tree of free space, an index, long values."""
FIRST_VARIABLE, FIRST_TAGGED = 128, 256
COMPRESSED, SEPARATED, MULTIPLE, TWO, NULL = 0x2, 0x4, 0x8, 0x10, 0x20
"""Flags of a tagged value."""
MOST_HIDDEN = 32
"""Times the bytes of a page that all it compresses may become; of real ones it is some times."""
_DEFUNCT, _COMMON_KEY = 0x2, 0x4
_OFFSET = 4
"""Bytes of the key of a part of a long value, behind the value's own."""


def page_size_of(header: bytes) -> int:
    """Raises FormatError: not the beginning (240 bytes) of an ESE database."""
    if header[4:8] != SIGNATURE or len(header) < 240:
        raise FormatError("no ESE database", "header")
    size = int.from_bytes(header[236:240], "little")
    if size not in PAGE_SIZES:
        raise FormatError("no page size of an ESE database", f"{size}")
    return size


class Entry(NamedTuple):
    """One entry of a page: of a leaf with rows, a record."""

    number: int
    key: bytes
    data: bytes
    is_deleted: bool


class Tagged(NamedTuple):
    """A value of a record that says which column it is of. ``data``: as it is kept there."""

    column: int
    flags: int
    data: bytes


class Part(NamedTuple):
    """A part of a long value, in the clear. ``of``: the value's key; ``at``: where it belongs;
    ``goes_on``: it is not known to be the last."""

    of: bytes
    at: int
    data: bytes
    goes_on: bool


class Hidden(NamedTuple):
    """What a page compresses, in the clear: one text behind the other, zeros between. ``damaged``:
    how many cannot be read."""

    text: bytes
    damaged: int


class Page:
    """One whole page; any bytes are one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.tree, self.flags = struct.unpack_from("<I8xI", data, 24)
        """The object id of the tree that it belongs to."""
        self.is_large = len(data) > 8192

    @property
    def has_rows(self) -> bool:
        return bool(self.flags & LEAF) and not self.flags & NO_ROWS

    @property
    def has_long_values(self) -> bool:
        return bool(self.flags & LEAF and self.flags & LONG_VALUES)

    def entries(self) -> Iterator[Entry]:
        """Of a leaf. Raises FormatError: they overlap, which no page's do."""
        (state,) = struct.unpack_from("<H", self._data, 34)
        head, size = 80 if self.is_large else 40, len(self._data)
        mask = 0x7FFF if self.is_large else 0x1FFF
        room, common = size, b""
        for number in range(min(state & 0xFFF, size // 4)):
            length, offset = struct.unpack_from("<HH", self._data, size - 4 * (number + 1))
            room -= length & mask
            if room < 0:
                raise FormatError("entries of a page overlap", f"tree {self.tree}")
            at = head + (offset & mask)
            entry = self._data[at : at + (length & mask)]
            if not number:
                common = entry
            elif number >= (state >> 12 or 1):
                flags = offset >> 13
                if self.is_large:
                    flags = entry[1] >> 5 if len(entry) > 1 else 0
                yield _entry(number, entry, flags, common)

    def parts(self) -> Iterator[Part]:
        """Of long values, in the clear. Raises FormatError, after all others were given."""
        refused: FormatError | None = None
        room = MOST_HIDDEN * len(self._data)
        entries = [entry for entry in self.entries() if not entry.is_deleted]
        sizes: dict[bytes, int] = {}
        for place, entry in enumerate(entries):
            if len(entry.key) in (4, 8) and len(entry.data) >= 8 and not _is_part(entry.key):
                sizes[entry.key] = int.from_bytes(entry.data[4:8], "little")
                continue
            of, at = entry.key[:-_OFFSET], int.from_bytes(entry.key[-_OFFSET:], "big")
            following = entries[place + 1].key if place + 1 < len(entries) else b""
            whole = sizes.get(of)
            # Of the last one on a page only what follows elsewhere would tell its size.
            is_last = bool(following) or at + len(entry.data) == whole
            end = whole if is_last else None
            if following[:-_OFFSET] == of:
                end = int.from_bytes(following[-_OFFSET:], "big")
            try:
                data = _part(entry.data, None if end is None else end - at)
                room -= len(data)
                if room < 0:
                    raise FormatError("a page that becomes too much", f"tree {self.tree}")
                yield Part(of, at, data, whole is None or at + len(data) < whole)
            except FormatError as error:
                refused = error
        if refused is not None:
            raise refused

    def hidden(self) -> Hidden:
        """What stands in it compressed, in the clear."""
        if self.has_long_values:
            parts, damaged = self.readable_parts()
            return Hidden(b"\0\0".join(part.data for part in parts), damaged)
        seven: list[bytes] = []
        texts: list[bytes] = []
        damaged, room = 0, MOST_HIDDEN * len(self._data)
        try:
            for entry in self.entries() if self.has_rows else ():
                for value in tagged(entry.data, is_large=self.is_large):
                    if not value.flags & COMPRESSED or value.flags & (SEPARATED | NULL):
                        continue
                    if not value.flags & MULTIPLE and value.data[:1] in SEVEN_BITS:
                        seven.append(value.data)
                        continue
                    try:
                        texts.append(clear(value) or b"")
                    except FormatError:
                        damaged += 1
                        continue
                    room -= len(texts[-1])
                    if room < 0:
                        raise FormatError("a page that becomes too much", f"tree {self.tree}")
        except FormatError:
            damaged += 1
        return Hidden(b"\0\0".join([unpacked(seven), *texts]), damaged)

    def readable_parts(self) -> tuple[list[Part], int]:
        """As :meth:`parts`, and on how many occasions that ended early."""
        parts: list[Part] = []
        try:
            parts.extend(self.parts())
        except FormatError:
            return parts, 1
        return parts, 0


def _entry(number: int, entry: bytes, flags: int, common: bytes) -> Entry:
    at, key = 0, b""
    if flags & _COMMON_KEY:
        key = common[: int.from_bytes(entry[:2], "little") & 0x1FFF]
        at = 2
    size = int.from_bytes(entry[at : at + 2], "little") & 0x1FFF
    key += entry[at + 2 : at + 2 + size]
    return Entry(number, key, entry[at + 2 + size :], bool(flags & _DEFUNCT))


def _is_part(key: bytes) -> bool:
    """Whether a key of eight bytes is four of a value's and four of a place within it; values whose
    own keys have eight set the first bit."""
    return len(key) == 2 * _OFFSET and not key[0] & 0x80


def _part(data: bytes, size: int | None) -> bytes:
    """``size``: in the clear; None: not known. Raises FormatError."""
    if size == len(data) or not data:
        return data
    if size is not None:
        return decompressed(data)
    try:
        return decompressed(data)
    except FormatError:
        # Longer in the clear than it is here, as what is compressed says of itself.
        if data[0] == 3 << 3 and len(data) < int.from_bytes(data[1:3], "little") <= 1 << 15:
            raise
        return data


def tagged(record: bytes, *, is_large: bool) -> list[Tagged]:
    """The tagged values of a record; ``is_large``: of a page of more than 8 KiB."""
    if len(record) < 4:
        return []
    last, at = struct.unpack_from("<xBH", record)
    count = max(0, last - FIRST_VARIABLE + 1)
    if count:
        size = int.from_bytes(record[at + 2 * count - 2 : at + 2 * count], "little") & 0x7FFF
        at += 2 * count + size
    block = record[at:]
    mask = 0x7FFF if is_large else 0x1FFF
    first = int.from_bytes(block[2:4], "little") & mask
    number = min(first, len(block)) // 4
    if not number:
        return []
    heads = struct.unpack_from(f"<{2 * number}H", block)
    ends = (*(offset & mask for offset in heads[3::2]), len(block))
    told: list[Tagged] = []
    for column, offset, end in zip(heads[::2], heads[1::2], ends, strict=True):
        begin, flags = offset & mask, 0
        if is_large or offset & 0x4000:
            flags = block[begin] if begin < min(end, len(block)) else NULL
            begin += 1
        if not is_large and offset & 0x2000:
            flags |= NULL
        told.append(Tagged(column, flags, block[begin:end]))
    return told


def clear(value: Tagged) -> bytes | None:
    """What a tagged value says, several one behind the other with two zeros between; None: nothing,
    or it is kept elsewhere. Raises FormatError."""
    if value.flags & (NULL | SEPARATED):
        return None
    if not value.flags & MULTIPLE:
        return decompressed(value.data) if value.flags & COMPRESSED else value.data
    several = [data for data, is_elsewhere in _several(value) if not is_elsewhere]
    if several and value.flags & COMPRESSED:
        several[0] = decompressed(several[0])  # The first alone is.
    return b"\0\0".join(several)


def long_values_of(value: Tagged) -> list[bytes]:
    """The keys of the long values that a tagged value is kept in, as they stand on their pages."""
    if value.flags & NULL:
        return []
    if value.flags & SEPARATED:
        return [value.data[::-1]]
    if value.flags & MULTIPLE:
        return [data[::-1] for data, is_elsewhere in _several(value) if is_elsewhere]
    return []


def _several(value: Tagged) -> list[tuple[bytes, bool]]:
    """Each of several values, and whether it is the key of a long one."""
    data = value.data
    if value.flags & TWO:
        size = data[0] if data else 0
        return [(data[1 : 1 + size], False), (data[1 + size :], False)]
    count = (int.from_bytes(data[:2], "little") & 0x7FFF) // 2
    count = min(count, len(data) // 2)
    if not count:
        return []
    offsets = struct.unpack_from(f"<{count}H", data)
    ends = (*(offset & 0x7FFF for offset in offsets[1:]), len(data))
    return [
        (data[offset & 0x7FFF : end], bool(offset & 0x8000))
        for offset, end in zip(offsets, ends, strict=True)
    ]
