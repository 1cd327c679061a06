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
from .name_endings import ending, endings
from .record import SIGNATURE
from .reference import EXTEND, FIRST_USER_RECORD
from .selection import Selected

_HEAD = struct.Struct("<IIBB")
_VALUE = struct.Struct("<IH")
"""From byte 0x10 of a resident attribute on: the size of its value, and where it lies."""
DATA = struct.Struct("<IIBBxxHxxQ8xHH12xQQ")
"""Of a $DATA on the disk: kind, length, whether it lies there, length of its name, flags, first
cluster of the stream that it tells of, where its run list lies, its unit of compression, its size,
what of it was written. In the record: the size of its value, and where it lies, in place of that
cluster."""
_EXTEND = EXTEND.to_bytes(6, "little")
_NO_BASE = bytes(8)
_DOS = 2
OTHER = "/"
"""Stands for an extension that nothing asks for."""
_PARSED = (kinds.ATTRIBUTE_LIST, kinds.REPARSE_POINT)
_SIZE, _LEAST_SIZE = int(Selected.SIZE), int(Selected.LEAST_SIZE)
EXTENSION = int(Selected.EXTENSION)
_STREAM_SIZE, _STREAM_EXTENSION = int(Selected.STREAM_SIZE), int(Selected.STREAM_EXTENSION)
_made = tuple.__new__
"""Half as long as a call of the class, for what is made for each record."""
_SELECTED = _SIZE | _LEAST_SIZE | EXTENSION
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


ANSWERS = [QuickAnswer(Selected(why)) for why in range(_SELECTED << 1)]
"""By what a file is singled out for, where its first bytes are of no more interest."""


def quick_check(number: int, data: bytes, selection: Selection) -> QuickAnswer | None:
    """What the file is singled out for; None: it has to be parsed to know."""
    if (
        data[0x16:0x18] != b"\1\0"
        or data[0x20:0x28] != _NO_BASE
        or number < FIRST_USER_RECORD
        or not data.startswith(SIGNATURE)
    ):
        return None
    facts = _Facts()
    # Only what leaves room for the fields that are looked at.
    at, end, most = data[0x14] | data[0x15] << 8, len(data) - 24, len(data)
    while at < end:
        kind, length, _, name_length = _HEAD.unpack_from(data, at)
        if kind == kinds.END:
            return _answer(facts, data, selection)
        if kind in _PARSED or length < 24 or at + length > most or length & 7:
            return None
        if kind == kinds.FILE_NAME:
            is_told = _extension(facts, data, at, length, selection)
        elif kind == kinds.DATA:
            is_told = _content(facts, data, at, length, name_length, selection)
        else:
            is_told = True
            if kind == kinds.STANDARD_INFORMATION and facts.is_elsewhere is None:
                facts.is_elsewhere = _is_elsewhere(data, at)
        if not is_told:
            return None
        at += length
    return None


class _Facts:
    """What the attributes say, one after the other."""

    __slots__ = ("content", "extensions", "is_elsewhere", "size", "why")

    def __init__(self) -> None:
        self.why = 0
        """But for the size of the content."""
        self.size = -1
        """Of the content; below zero for none."""
        self.content = 0
        """Place of its $DATA."""
        self.extensions: list[str] = []
        """Of its long names."""
        self.is_elsewhere: bool | None = None


def _content(
    facts: _Facts, data: bytes, at: int, length: int, name_length: int, selection: Selection
) -> bool:
    """A $DATA; False where the file has to be parsed."""
    told = _told(data, at, length)
    if told < 0:
        return False
    if name_length:
        stream = _of_stream(data, at, length, told, selection)
        facts.why |= stream or 0
        return stream is not None
    if facts.size >= 0:
        return False
    facts.size, facts.content = told, at
    return True


def _answer(facts: _Facts, data: bytes, selection: Selection) -> QuickAnswer | None:
    size, extensions = facts.size, facts.extensions
    why = facts.why | of_size(size, selection)
    if not why & _SELECTED:
        return ANSWERS[why]
    if not extensions:
        return None
    heads = selection.heads_of(extensions, max(0, size))
    if not heads:
        return ANSWERS[why & ~_SELECTED]
    if facts.is_elsewhere or size < 0:
        return QuickAnswer(ANSWERS[why].why, heads)
    if data[facts.content + 8]:
        content = DATA.unpack_from(data, facts.content)
        return on_disk(why, heads, data, facts.content, len(data), content)
    return ANSWERS[why if _head(data, facts.content).startswith(heads) else why & ~_SELECTED]


def _extension(facts: _Facts, data: bytes, at: int, length: int, selection: Selection) -> bool:
    """A $FILE_NAME, and what it singles the file out for, unless it is an 8.3 one; False where it
    has to be parsed."""
    if length < 0x60 or data[at + 8] or data[at + 0x14] != 0x18:
        return False
    start = at + 0x5A
    stop = start + 2 * data[at + 0x58]
    if stop > at + length or data[at + 0x18 : at + 0x1E] == _EXTEND:
        return False
    if data[at + 0x59] != _DOS:
        extension = endings(selection.extensions).get(ending(data[start:stop]))
        if extension is None:
            facts.extensions.append(OTHER)
        else:
            facts.extensions.append(extension)
            facts.why |= EXTENSION
    return True


def _told(data: bytes, at: int, length: int) -> int:
    """The size of a $DATA; below zero where it does not tell the whole."""
    if not data[at + 8]:
        size, offset = _VALUE.unpack_from(data, at + 0x10)
        return size if offset + size <= length else -1
    if length < 64:
        return -1
    _, _, _, _, _, first, runs, _, size, _ = DATA.unpack_from(data, at)
    return -1 if first or runs >= length else size


def _of_stream(data: bytes, at: int, length: int, size: int, selection: Selection) -> int | None:
    """What an alternate stream is singled out for; None where it has to be parsed."""
    start = at + int.from_bytes(data[at + 10 : at + 12], "little")
    stop = start + 2 * data[at + 9]
    if stop > at + length:
        return None
    why = 0
    if size in selection.exact_sizes or size >= selection.least_size:
        why |= _STREAM_SIZE
    if stream_extension(text_of(data[start:stop])) in selection.extensions:
        why |= _STREAM_EXTENSION
    return why


def _is_elsewhere(data: bytes, at: int) -> bool:
    """Whether a $STANDARD_INFORMATION says that the content is kept in a cloud or on tape."""
    bits = at + (data[at + 0x14] | data[at + 0x15] << 8) + 0x20
    return is_cloud_placeholder(int.from_bytes(data[bits : bits + 4], "little"))


def of_size(size: int, selection: Selection) -> int:
    """What a content of so many bytes singles its file out for; below zero: there is none."""
    if size < 0:
        return 0
    why = _SIZE if size in selection.exact_sizes else 0
    return why | _LEAST_SIZE if size >= selection.least_size else why


def _head(data: bytes, at: int) -> bytes:
    """First bytes of a $DATA that the record holds."""
    size, offset = _VALUE.unpack_from(data, at + 0x10)
    return data[at + offset : at + offset + min(size, MAX_HEAD)]


def on_disk(
    why: int, heads: tuple[bytes, ...], data: bytes, at: int, end: int, content: tuple[int, ...]
) -> QuickAnswer:
    """For content that lies there: told by its first run, and for what is compressed by the one
    behind it. ``at``, ``end``: places of its $DATA and of the end of its record; ``content``: what
    that $DATA says."""
    _, _, _, _, flags, _, runs, unit, _, written = content
    selected, runs = ANSWERS[why].why, at + runs
    of_length, of_offset = data[runs] & 15, data[runs] >> 4
    start = runs + 1 + of_length
    follows = start + of_offset
    is_run = 1 <= of_length <= 8 and 1 <= of_offset <= 8 and follows < end
    cluster = int.from_bytes(data[start:follows], "little", signed=True)
    # What is singled out for a stream too is looked at whatever its content begins with.
    is_told = is_run and cluster >= 0 and not flags & ENCRYPTED and not why & ~_SELECTED
    if not is_told or written < MAX_HEAD:
        return _made(QuickAnswer, (selected, heads, None, False))
    if not flags & COMPRESSED:
        return _made(QuickAnswer, (selected, heads, cluster, False))
    # A unit that takes all its clusters is kept as it is, one with a hole at its end compressed.
    is_packed = int.from_bytes(data[runs + 1 : start], "little") < 1 << (unit & 15)
    if is_packed and not (data[follows] and data[follows] < 0x10):
        return _made(QuickAnswer, (selected, heads, None, False))
    return _made(QuickAnswer, (selected, heads, cluster, is_packed))
