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
_MOST_BEHIND = 16
"""Bytes of an entry behind its key: to the next eighth one, and the number of a block."""
_MAX_RECORD = 4096
_NUMBER, _SEQUENCE = 0x2C, 0x10
"""In a record."""
_MAX_PARENT = 1 << 40
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
"""Of the times of a name; the first only of one that nothing holds."""


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


def name_around(data: bytes | bytearray, place: int) -> LeftName | None:
    """The name in which a byte lies; None if there is no $FILE_NAME around it.

    Read from a later character on, a name may look like another one: what holds it is asked first,
    and then what begins first is taken.
    """
    first = None
    for before in range(_LONGEST):
        at = place - 2 * before - _TEXT
        if at < 0:
            break
        if data[at + _LENGTH] > before and data[at + _SPACE] <= WIN32_AND_DOS:
            found, is_held = _name_at(data, at)
            if is_held:
                return found
            first = found or first
    return first


def _name_at(data: bytes | bytearray, at: int) -> tuple[LeftName | None, bool]:
    """The name that begins there, if one does, and whether something holds it."""
    length = _TEXT + 2 * data[at + _LENGTH]
    if at + length > len(data):
        return None, False
    name = read_name(bytes(data[at : at + length]))
    if not (name.parent.sequence and name.parent.number < _MAX_PARENT):
        return None, False
    file, is_held = _holder(data, at, length)
    years = [0 if (time := utc_of(ticks)) is None else time.year for ticks in name.times]
    if not (1 if is_held else _FIRST_YEAR) <= min(years) <= max(years) <= _LAST_YEAR:
        return None, False
    size, flags = _ABOUT.unpack_from(data, at + _SIZE)
    return LeftName(name, at, size, bool(flags & _FOLDER), file), is_held


def _holder(data: bytes | bytearray, at: int, length: int) -> tuple[Reference | None, bool]:
    """Whose name it is, if what holds it says so, and whether an entry or an attribute does."""
    start = at - _BEFORE_IN_ENTRY
    if start >= 0:
        file, whole, key = _ENTRY.unpack_from(data, start)
        if key == length and 0 <= whole - (_BEFORE_IN_ENTRY + key) < _MOST_BEHIND and file >> 48:
            return Reference.of(file), True
    start = at - _BEFORE_IN_ATTRIBUTE
    if start >= 0:
        head = _ATTRIBUTE.unpack_from(data, start)
        kind, resident, size, offset = head[0], head[2], head[7], head[8]
        if (kind, resident, size, offset) == (FILE_NAME, 0, length, _BEFORE_IN_ATTRIBUTE):
            return _record(data, start), True
    return None, False


def _record(data: bytes | bytearray, attribute: int) -> Reference | None:
    """Of the record that an attribute lies in, if its beginning is there."""
    at = data.rfind(SIGNATURE, max(0, attribute - _MAX_RECORD), attribute)
    if at < 0 or at + _NUMBER + 4 > attribute:
        return None
    number = int.from_bytes(data[at + _NUMBER : at + _NUMBER + 4], "little")
    return Reference(number, int.from_bytes(data[at + _SEQUENCE : at + _SEQUENCE + 2], "little"))
