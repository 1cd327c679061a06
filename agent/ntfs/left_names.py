"""Names that NTFS left behind: a $FILE_NAME somewhere in the bytes of the file system's own
structures, such as a log page or the slack of a folder's index.

What holds it tells whose name it is: an entry of an index begins with the file's reference, and a
record says its own number ([Russon] "Index Entry", "$FILE_NAME", "FILE Record").
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from ..formats.filetime import utc_of
from .attributes import FILE_NAME
from .entry import WIN32_AND_DOS, Name, read_name
from .record import SIGNATURE
from .reference import Reference

_SIZE, _LENGTH, _SPACE, _TEXT = 0x30, 0x40, 0x41, 0x42
"""In a $FILE_NAME."""
_ABOUT = struct.Struct("<QI")
"""Size and flags."""
_FOLDER = 0x1000_0000
"""Of its flags ([layout.h] FILE_ATTR_DUP_FILE_NAME_INDEX_PRESENT)."""
_LONGEST = 255
"""Characters."""
_ENTRY, _ATTRIBUTE = struct.Struct("<QHH"), struct.Struct("<IIBBHHHIH")
_BEFORE_IN_ENTRY, _BEFORE_IN_ATTRIBUTE = 0x10, 0x18
_MAX_RECORD = 4096
_NUMBER, _SEQUENCE = 0x2C, 0x10
"""In a record."""
_MAX_PARENT = 1 << 40
_LAST_YEAR = 2200


class LeftName(NamedTuple):
    """A name, and what stands beside it."""

    name: Name
    at: int
    """Byte in which its $FILE_NAME begins."""
    size: int | None
    """Bytes of the file, as its folder knew it; None: not told."""
    is_folder: bool
    file: Reference | None
    """Whose name it is; None: nothing says so."""
    start: int
    """Where the index entry begins, or the attribute; else as ``at``."""


def name_around(data: bytes | bytearray, place: int) -> LeftName | None:
    """The name in which a byte lies; None if there is no $FILE_NAME around it."""
    for before in range(_LONGEST):
        at = place - 2 * before - _TEXT
        if at < 0:
            return None
        if data[at + _LENGTH] > before and data[at + _SPACE] <= WIN32_AND_DOS:
            found = _name_at(data, at)
            if found is not None:
                return found
    return None


def _name_at(data: bytes | bytearray, at: int) -> LeftName | None:
    length = _TEXT + 2 * data[at + _LENGTH]
    if at + length > len(data):
        return None
    name = read_name(bytes(data[at : at + length]))
    if not (name.parent.sequence and name.parent.number < _MAX_PARENT and _are_times(name)):
        return None
    size, flags = _ABOUT.unpack_from(data, at + _SIZE)
    file, start = _holder(data, at, length)
    return LeftName(name, at, size, bool(flags & _FOLDER), file, start)


def _are_times(name: Name) -> bool:
    times = [utc_of(ticks) for ticks in name.times]
    return all(time is not None and time.year < _LAST_YEAR for time in times)


def _holder(data: bytes | bytearray, at: int, length: int) -> tuple[Reference | None, int]:
    """Whose name it is, and where what says so begins."""
    start = at - _BEFORE_IN_ENTRY
    if start >= 0:
        file, whole, key = _ENTRY.unpack_from(data, start)
        if key == length and 0 <= whole - (_BEFORE_IN_ENTRY + key) < 24 and file >> 48:
            return Reference.of(file), start
    start = at - _BEFORE_IN_ATTRIBUTE
    if start >= 0:
        head = _ATTRIBUTE.unpack_from(data, start)
        kind, resident, size, offset = head[0], head[2], head[7], head[8]
        if (kind, resident, size, offset) == (FILE_NAME, 0, length, _BEFORE_IN_ATTRIBUTE):
            return _record(data, start), start
    return None, at


def _record(data: bytes | bytearray, attribute: int) -> Reference | None:
    """Of the record that an attribute lies in, if its beginning is there."""
    at = data.rfind(SIGNATURE, max(0, attribute - _MAX_RECORD), attribute)
    if at < 0 or at + _NUMBER + 4 > attribute:
        return None
    number = int.from_bytes(data[at + _NUMBER : at + _NUMBER + 4], "little")
    return Reference(number, int.from_bytes(data[at + _SEQUENCE : at + _SEQUENCE + 2], "little"))
