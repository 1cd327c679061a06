"""A first look at a record that a size or an extension brought up: is the file to be singled out?

Only for the plain case, a live file in one record; the answer is the same as that of the parsed
entry, several times sooner. The entry is then made when somebody asks for it.
"""

from __future__ import annotations

import struct

from ..reading.walk import Selection
from . import attributes as kinds
from .attributes import text_of
from .entry import extension_of, stream_extension
from .reference import EXTEND, FIRST_USER_RECORD
from .selection import NOTHING, Selected

_HEAD = struct.Struct("<IIBB")
_SIZE = struct.Struct("<Q")
_PARENT = struct.Struct("<Q")
_DOS = 2
_NO_EXTENSION = "/"
_PARSED = (kinds.ATTRIBUTE_LIST, kinds.REPARSE_POINT)


def quick_check(number: int, data: bytes, selection: Selection) -> Selected | None:
    """What the file is singled out for; None: it has to be parsed to know."""
    if data[0x16:0x18] != b"\1\0" or data[0x20:0x28] != bytes(8) or number < FIRST_USER_RECORD:
        return None
    why, size = NOTHING, -1
    # Only what leaves room for the fields that are looked at.
    at, end = data[0x14] | data[0x15] << 8, len(data) - 24
    while at < end:
        kind, length, non_resident, name_length = _HEAD.unpack_from(data, at)
        if kind == kinds.END:
            return _judged(why, size, selection)
        if kind in _PARSED or length < 24 or at + length > len(data) or length & 7:
            return None
        if kind == kinds.FILE_NAME:
            extension = _extension(data, at, length)
            if extension is None:
                return None
            if extension in selection.extensions:
                why |= Selected.EXTENSION
        elif kind == kinds.DATA:
            told = _told(data, at, length, non_resident)
            if told is None or (size >= 0 and not name_length):
                return None
            if not name_length:
                size = told
            elif (stream := _of_stream(data, at, length, told, selection)) is None:
                return None
            else:
                why |= stream
        at += length
    return None


def _of_stream(
    data: bytes, at: int, length: int, size: int, selection: Selection
) -> Selected | None:
    """What an alternate stream is singled out for; None where it has to be parsed."""
    start = at + int.from_bytes(data[at + 10 : at + 12], "little")
    stop = start + 2 * data[at + 9]
    if stop > at + length:
        return None
    why = NOTHING
    if size in selection.exact_sizes or size >= selection.least_size:
        why |= Selected.STREAM_SIZE
    if stream_extension(text_of(data[start:stop])) in selection.extensions:
        why |= Selected.STREAM_EXTENSION
    return why


def _told(data: bytes, at: int, length: int, non_resident: int) -> int | None:
    """The size of a $DATA; None where it does not tell the whole."""
    if not non_resident:
        return int.from_bytes(data[at + 0x10 : at + 0x14], "little")
    if length < 64 or data[at + 0x10 : at + 0x18] != bytes(8):
        return None
    size: int = _SIZE.unpack_from(data, at + 0x30)[0]
    return size


def _extension(data: bytes, at: int, length: int) -> str | None:
    """Of a $FILE_NAME, one that no name has for an 8.3 name; None where it has to be parsed."""
    start, stop = at + 0x5A, at + 0x5A + 2 * data[at + 0x58]
    if length < 0x60 or data[at + 8] or data[at + 0x14] != 0x18 or stop > at + length:
        return None
    if _PARENT.unpack_from(data, at + 0x18)[0] & 0xFFFF_FFFF_FFFF == EXTEND:
        return None
    if data[at + 0x59] == _DOS:
        return _NO_EXTENSION
    return extension_of(text_of(data[start:stop]))


def _judged(why: Selected, size: int, selection: Selection) -> Selected:
    if size >= 0:
        if size in selection.exact_sizes:
            why |= Selected.SIZE
        if size >= selection.least_size:
            why |= Selected.LEAST_SIZE
    return why
