"""Records in the form that nearly all have, told by columns of a buffer, and answered where they
lie.

A live file in one record: its $STANDARD_INFORMATION, its name (or an 8.3 name and the long one),
its content, and nothing behind. What a pattern or an extension brings up is nearly always such a
one, and the first look at it (``quick_check.py``) needs no copy of the record and no walk through
it.
"""

from __future__ import annotations

import struct

from ..reading.openings import MAX_HEAD, Selection
from ..windows.files import is_cloud_placeholder
from . import attributes as kinds
from .entry import DOS
from .fixups import STRIDE
from .name_endings import ending, endings
from .quick_check import ANSWERS, DATA, EXTENSION, OTHER, QuickAnswer, of_size, on_disk
from .reference import EXTEND, FIRST_USER_RECORD
from .volume import RecordBuffer

VALUE = 0x18
"""Where a resident attribute's value usually begins."""
SECOND = 0x80
"""Of a form: an 8.3 name lies in front of the long one."""
_STANDARD_LENGTHS = (0x60, 0x48)
"""Of a $STANDARD_INFORMATION: since NTFS 3.0, and before; ntfs-3g writes both."""
_LIVE_FILE = 1
_IS_ZERO = bytes([1]) + bytes(255)
"""Translates bytes: 1 for 0, 0 for all others."""
_BITS = 0x38
"""In a $STANDARD_INFORMATION as it usually is: the attributes of the file, of which each byte tells
..."""
_ELSEWHERE = [
    bytes(is_cloud_placeholder(value << 8 * place) for value in range(256)) for place in range(4)
]
"""... so whether the content is kept in a cloud or on tape."""
_IS_EXTEND = bytes(value == EXTEND for value in range(256))
_FILE_NAME, _DATA = kinds.FILE_NAME, kinds.DATA
_NAME = struct.Struct("<IIB11xH2xI")
"""A $FILE_NAME: kind, length, whether it lies on the disk, where the value begins; then, if it
begins where it usually does, the lower bytes of its folder's number."""
_LENGTH, _CHARACTERS, _SPACE, _TEXT = 0x04, 0x58, 0x59, 0x5A
"""In a $FILE_NAME whose value begins there: its length as far as one byte tells it, how many
characters the name has, its name space and itself."""
_LEAST_DATA = 0x18
_END = kinds.END.to_bytes(4, "little")
_ROOM = 0x60
"""Behind the beginning of a $DATA; in what ends sooner it is left to others."""


def place_of(form: int) -> int:
    """Where in a record of this form the first name lies."""
    return (form & ~SECOND) << 3


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

    def having(self, place: int, table: bytes) -> int:
        """As :meth:`differing`, zero where the value does not have what the table tells."""
        return int.from_bytes(self[place].translate(table), "little")


class Usual:
    """Tells records of one size that have a usual form, and what their files are singled out
    for."""

    def __init__(self, selection: Selection, record_size: int) -> None:
        self._selection = selection
        self._endings = endings(selection.extensions)
        self.record_size = record_size
        # The update sequence array ends there, rounded up to eight bytes.
        self._first = 0x30 + (2 * (record_size // STRIDE + 1) + 7 & ~7)
        self._forms = [
            self._first + standard >> 3 | second
            for standard in _STANDARD_LENGTHS
            for second in (0, SECOND)
        ]

    def forms(self, buffer: RecordBuffer) -> bytes:
        """Of each record of a buffer; 0: it has none of them, or is damaged."""
        count = buffer.count
        columns = _Columns(buffer.data, count, self.record_size)
        told = 0
        for standard in _STANDARD_LENGTHS:
            # ... of which a volume has one or the other.
            if standard in columns[self._first + 4]:
                told |= self._told(columns, standard)
        forms = bytearray(told.to_bytes(count, "little"))
        for index in (*buffer.mended.torn, *buffer.mended.unsigned):
            forms[index] = 0
        of_system = min(count, max(0, FIRST_USER_RECORD - buffer.first))
        forms[:of_system] = bytes(of_system)
        return bytes(forms)

    def present(self, forms: bytes) -> list[int]:
        """Those of the forms that a buffer's records have."""
        return [form for form in self._forms if form in forms]

    def _told(self, columns: _Columns, standard: int) -> int:
        """The forms of records with such a $STANDARD_INFORMATION, as a number with a byte for
        each."""
        first, count = self._first, columns.count
        name = first + standard
        odd = 0
        for place, value in {
            0x13: 0, 0x14: first, 0x15: 0, 0x16: _LIVE_FILE, 0x17: 0,
            first: kinds.STANDARD_INFORMATION, first + 4: standard, first + 5: 0, first + 6: 0,
            first + 7: 0, first + 0x14: VALUE, first + 0x15: 0,
            name: kinds.FILE_NAME, name + 1: 0, name + 5: 0, name + 6: 0, name + 7: 0, name + 8: 0,
            name + 0x14: VALUE, name + 0x15: 0,
            **dict.fromkeys(range(0x20, 0x28), 0),
        }.items():  # fmt: skip
            odd |= columns.differing(place, value)
        for place, table in enumerate(_ELSEWHERE, first + _BITS):
            odd |= columns.having(place, table)
        odd |= columns.having(name + VALUE, _IS_EXTEND)
        alone = odd | columns.differing(0x12, 1)
        beside = odd | columns.differing(0x12, 2) | columns.differing(name + _SPACE, DOS)
        form = name >> 3
        return _zeros(alone, count) * form | _zeros(beside, count) * (form | SECOND)

    def answer(self, data: bytes, start: int, form: int) -> QuickAnswer | None:
        """What the file of a record of this form, there in the buffer, is singled out for, as the
        quick check says it; None: that has to be asked."""
        end = start + self.record_size
        at, form = start + ((form & ~SECOND) << 3), form & SECOND
        length = data[at + _LENGTH]
        if form:
            if length & 7 or _TEXT + 2 * data[at + _CHARACTERS] > length:
                return None
            at += length
            kind, length, is_apart, value, parent = _NAME.unpack_from(data, at)
            if kind != _FILE_NAME or is_apart or value != VALUE or parent == EXTEND:
                return None
        text, following = at + _TEXT, at + length
        stop = text + 2 * data[at + _CHARACTERS]
        if (
            length & 7 or stop > following or following + _ROOM > end
            or data[at + _SPACE] == DOS
        ):  # fmt: skip
            return None
        content = DATA.unpack_from(data, following)
        kind, length, is_apart, name_length, _, first, runs, _, size, _ = content
        after = following + length
        if (
            kind != _DATA or name_length or length < _LEAST_DATA or length & 7
            or after + _LEAST_DATA >= end or data[after : after + 4] != _END
        ):  # fmt: skip
            return None
        if not is_apart:
            size, value = first & 0xFFFF_FFFF, first >> 32 & 0xFFFF
            if value + size > length:
                return None
        elif first or length < DATA.size or runs >= length:
            return None
        selection = self._selection
        extension = self._endings.get(ending(data[text:stop]))
        why = 0 if extension is None else EXTENSION
        if size >= selection.least_size or size in selection.exact_sizes:
            why |= of_size(size, selection)
        heads = selection.heads(OTHER if extension is None else extension, size) if why else ()
        if not heads:
            return ANSWERS[0]
        if is_apart:
            return on_disk(why, heads, data, following, end, content)
        value += following
        return ANSWERS[why if data[value : value + min(size, MAX_HEAD)].startswith(heads) else 0]


def _zeros(columns: int, count: int) -> int:
    """1 in each byte that is 0, and 0 in all others."""
    return int.from_bytes(columns.to_bytes(count, "little").translate(_IS_ZERO), "little")
