"""A first look at a record that a size or an extension brought up: is the file to be singled out?

Only for the plain case, a live file in one record; the answer is the same as that of the parsed
entry, several times sooner. The entry is then made when somebody asks for it. Where the content
lies in the record its first bytes decide too; where it lies on the disk, their place is told.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from ..reading.openings import ANY_HEAD, MAX_HEAD, Selection
from ..windows.files import is_cloud_placeholder
from . import attributes as kinds
from .attributes import COMPRESSED, ENCRYPTED, text_of
from .entry import stream_extension
from .extensions import ending, endings
from .record import SIGNATURE
from .reference import EXTEND, FIRST_USER_RECORD
from .selection import Selected

_HEAD = struct.Struct("<IIBB")
_VALUE = struct.Struct("<IH")
"""From byte 0x10 of a resident attribute on: the size of its value, and where it lies."""
_SIZES = struct.Struct("<QQ")
"""From byte 0x30 of a $DATA on the disk on: its size, and what of it was written."""
_RUNS = struct.Struct("<HH")
"""From byte 0x20 of a $DATA on the disk on: where its run list lies, its unit of compression."""
_EXTEND = EXTEND.to_bytes(6, "little")
_DOS = 2
_OTHER = "/"
"""Stands for an extension that nothing asks for."""
_PARSED = (kinds.ATTRIBUTE_LIST, kinds.REPARSE_POINT)


_SIZE, _LEAST_SIZE = int(Selected.SIZE), int(Selected.LEAST_SIZE)
_EXTENSION = int(Selected.EXTENSION)
_STREAM_SIZE, _STREAM_EXTENSION = int(Selected.STREAM_SIZE), int(Selected.STREAM_EXTENSION)
_SELECTED = _SIZE | _LEAST_SIZE | _EXTENSION
"""Numbers: to join flags of an enumeration takes ten times as long."""


class QuickAnswer(NamedTuple):
    """What a first look says of a file."""

    why: Selected
    heads: tuple[bytes, ...] = ANY_HEAD
    """Singled out by its size or extension, its content has to begin with one of these ..."""
    cluster: int | None = None
    """... in this cluster of the volume; None: that is seen when the file is opened."""
    is_packed: bool = False
    """Whether it is compressed there."""


_ANSWERS = [QuickAnswer(Selected(why)) for why in range(_SELECTED << 1)]
"""By what a file is singled out for, where its first bytes are of no more interest."""


def quick_check(number: int, data: bytes, selection: Selection) -> QuickAnswer | None:
    """What the file is singled out for; None: it has to be parsed to know."""
    if (
        data[0x16:0x18] != b"\1\0"
        or data[0x20:0x28] != bytes(8)
        or number < FIRST_USER_RECORD
        or data[:4] != SIGNATURE
    ):
        return None
    check = _Check(data, selection)
    # Only what leaves room for the fields that are looked at.
    at, end = data[0x14] | data[0x15] << 8, len(data) - 24
    while at < end:
        kind, length, non_resident, name_length = _HEAD.unpack_from(data, at)
        if kind == kinds.END:
            return check.answer()
        if kind in _PARSED or length < 24 or at + length > len(data) or length & 7:
            return None
        if kind == kinds.FILE_NAME:
            is_plain = check.name(at, length)
        elif kind == kinds.DATA:
            is_plain = check.data_of(at, length, non_resident, name_length)
        elif kind == kinds.STANDARD_INFORMATION:
            is_plain = check.standard(at)
        else:
            is_plain = True
        if not is_plain:
            return None
        at += length
    return None


class _Check:
    """Of one record; what looks at an attribute gives whether it is as plain as it should be."""

    __slots__ = (
        "_content", "_data", "_elsewhere", "_endings", "_extensions", "_selection", "_size", "_why",
    )  # fmt: skip

    def __init__(self, data: bytes, selection: Selection) -> None:
        self._data = data
        self._selection = selection
        self._endings = endings(selection.extensions)
        self._why = 0
        self._size = self._content = -1
        self._extensions: list[str] = []
        self._elsewhere: bool | None = None

    def standard(self, at: int) -> bool:
        data = self._data
        if self._elsewhere is None:
            bits = at + (data[at + 0x14] | data[at + 0x15] << 8) + 0x20
            self._elsewhere = is_cloud_placeholder(int.from_bytes(data[bits : bits + 4], "little"))
        return True

    def name(self, at: int, length: int) -> bool:
        data = self._data
        start, stop = at + 0x5A, at + 0x5A + 2 * data[at + 0x58]
        if length < 0x60 or data[at + 8] or data[at + 0x14] != 0x18 or stop > at + length:
            return False
        if data[at + 0x18 : at + 0x1E] == _EXTEND:
            return False
        if data[at + 0x59] == _DOS:
            return True
        extension = self._endings.get(ending(data[start:stop]))
        if extension is not None:
            self._why |= _EXTENSION
        self._extensions.append(_OTHER if extension is None else extension)
        return True

    def data_of(self, at: int, length: int, non_resident: int, name_length: int) -> bool:
        size = _told(self._data, at, length, non_resident)
        if size is None or (self._size >= 0 and not name_length):
            return False
        if name_length:
            return self._stream(at, length, size)
        self._size, self._content = size, at
        return True

    def _stream(self, at: int, length: int, size: int) -> bool:
        data, selection = self._data, self._selection
        start = at + int.from_bytes(data[at + 10 : at + 12], "little")
        stop = start + 2 * data[at + 9]
        if stop > at + length:
            return False
        if size in selection.exact_sizes or size >= selection.least_size:
            self._why |= _STREAM_SIZE
        if stream_extension(text_of(data[start:stop])) in selection.extensions:
            self._why |= _STREAM_EXTENSION
        return True

    def answer(self) -> QuickAnswer | None:
        size, selection = self._size, self._selection
        if size >= 0:
            if size in selection.exact_sizes:
                self._why |= _SIZE
            if size >= selection.least_size:
                self._why |= _LEAST_SIZE
        if not self._why & _SELECTED:
            return _ANSWERS[self._why]
        if not self._extensions:
            return None
        heads = selection.heads_of(self._extensions, max(0, size))
        if b"" in heads:
            return _ANSWERS[self._why]
        if not heads:
            return _ANSWERS[self._why & ~_SELECTED]
        if self._elsewhere or size < 0:
            return QuickAnswer(Selected(self._why), heads)
        if self._data[self._content + 8]:
            return _on_disk(Selected(self._why), heads, self._data, self._content)
        begins_so = self._head().startswith(heads)
        return _ANSWERS[self._why if begins_so else self._why & ~_SELECTED]

    def _head(self) -> bytes:
        """First bytes of the content that the record holds."""
        size, offset = _VALUE.unpack_from(self._data, self._content + 0x10)
        start = self._content + offset
        return self._data[start : start + min(size, MAX_HEAD)]


def _told(data: bytes, at: int, length: int, non_resident: int) -> int | None:
    """The size of a $DATA; None where it does not tell the whole."""
    if not non_resident:
        size, offset = _VALUE.unpack_from(data, at + 0x10)
        return size if offset + size <= length else None
    if length < 64 or data[at + 0x10 : at + 0x18] != bytes(8):
        return None
    size, _ = _SIZES.unpack_from(data, at + 0x30)
    return int(size)


def _on_disk(why: Selected, heads: tuple[bytes, ...], data: bytes, at: int) -> QuickAnswer:
    """Told by its first run, and for what is compressed by the one behind it."""
    runs, unit = _RUNS.unpack_from(data, at + 0x20)
    flags = int.from_bytes(data[at + 0x0C : at + 0x0E], "little")
    runs += at
    of_length, of_offset = data[runs] & 15, data[runs] >> 4
    start = runs + 1 + of_length
    follows = start + of_offset
    is_run = 1 <= of_length <= 8 and 1 <= of_offset <= 8 and follows < len(data)
    cluster = int.from_bytes(data[start:follows], "little", signed=True)
    _, written = _SIZES.unpack_from(data, at + 0x30)
    if not is_run or cluster < 0 or flags & ENCRYPTED or written < MAX_HEAD:
        return QuickAnswer(why, heads)
    if not flags & COMPRESSED:
        return QuickAnswer(why, heads, cluster)
    # A unit that takes all its clusters is kept as it is, one with a hole at its end compressed.
    is_packed = int.from_bytes(data[runs + 1 : start], "little") < 1 << (unit & 15)
    if is_packed and not (data[follows] and data[follows] < 0x10):
        return QuickAnswer(why, heads)
    return QuickAnswer(why, heads, cluster, is_packed)
