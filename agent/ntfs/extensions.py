"""Which records of a buffer hold a live file, or an alternate stream, with a wanted extension.

No pattern can say where a name ends, so names are cut out by their length: for records in the usual
form by one comprehension over columns of the buffer, for the others attribute by attribute. Of the
files found so, those go whose size no opening of their extension allows.
"""

from __future__ import annotations

import itertools
import re
import struct

from ..reading.openings import Selection
from . import attributes as kinds
from .name_endings import DOT, ending, endings
from .quick_check import QuickAnswer
from .usual import SECOND, VALUE, Usual, place_of

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
_PLACE = struct.Struct("<HH")
_DOS = 2


class Extensions:
    """Looks for extensions in buffers of records of one size."""

    def __init__(self, selection: Selection, usual: Usual) -> None:
        """``usual``: answers for the records of a usual form."""
        self._usual = usual
        self._sizes = {
            form: selection.sizes_of(extension)
            for form, extension in endings(selection.extensions).items()
        }
        """Least and largest one of a file with this extension."""
        self._wanted = frozenset(self._sizes)
        self._others: set[bytes] = set()
        """Ends of names, of a dot and three characters, that are none: most files of a volume have
        one of few."""
        self._size = usual.record_size

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def found(self, data: bytes, forms: bytes) -> tuple[dict[int, QuickAnswer], set[int]]:
        """Records of a mended buffer, by their place in it, that hold such a name: of a live file,
        or of a record that extends another. ``forms``: as :meth:`Usual.forms` tells them. With
        their answers those that are singled out; the others have to be looked at."""
        size, usual, holds = self._size, self._usual, self._holds
        answers: dict[int, QuickAnswer] = {}
        others: set[int] = set()
        for form in usual.present(forms):
            look = self._second if form & SECOND else self._single
            for index in look(data, forms, form):
                answer = usual.answer(data, index * size, form)
                if answer is not None:
                    if answer.why:
                        answers[index] = answer
                elif holds(data, index * size):
                    others.add(index)
        if 0 in forms:
            flags = data[0x16 : len(forms) * size : size]
            others.update(
                index
                for index, flag, form in zip(itertools.count(), flags, forms)
                if not form and flag & 3 == _LIVE_FILE and holds(data, index * size)
            )
        return answers, others

    def _single(self, data: bytes, forms: bytes, wanted: int) -> list[int]:
        """Those of a form whose only name may end so, or that may have more of them."""
        size, ends, others, may_end = self._size, self._wanted, self._others, self._may_end
        attribute = place_of(wanted)
        name, whole = attribute + VALUE + _NAME, len(forms) * size
        starts, back = range(name, whole, size), name - attribute
        spans, lengths = data[attribute + 4 : whole : size], data[name - 2 : whole : size]
        return [
            index
            for index, form, at, length, span in zip(
                itertools.count(), forms, starts, lengths, spans
            )
            if form == wanted
            and (
                (
                    (tail := data[(end := at + 2 * length) - _TAIL : end]) not in others
                    and (tail in ends or may_end(data, at, end))
                )
                or data[at - back + span] == kinds.FILE_NAME  # More names than links are counted.
            )
        ]

    def _second(self, data: bytes, forms: bytes, wanted: int) -> list[int]:
        """As :meth:`_single`, of those with an 8.3 name in front of a long one."""
        size, ends, others, may_end = self._size, self._wanted, self._others, self._may_end
        name, whole = place_of(wanted), len(forms) * size
        starts, spans = range(name, whole, size), data[name + 4 : whole : size]
        return [
            index
            for index, form, start, span in zip(itertools.count(), forms, starts, spans)
            if form == wanted
            and (
                data[at := start + span] != kinds.FILE_NAME
                or data[at + 0x14] != VALUE
                or (
                    (tail := data[(end := at + 0x5A + 2 * data[at + 0x58]) - _TAIL : end])
                    not in others
                    and (tail in ends or may_end(data, at + 0x5A, end))
                )
                or data.startswith(_NAME_KIND, at + data[at + 4] + (data[at + 5] & 3) * 256)
            )
        ]

    def _may_end(self, data: bytes, at: int, end: int) -> bool:
        """Whether a name may end so; ends that do not are remembered."""
        dot = data.rfind(DOT, at, end)
        # A find of -1 is odd, like one that begins in the middle of a unit: both are looked at.
        if dot & 1 or data[dot:end].lower() in self._wanted:
            return True
        tail = data[dot:end]
        # What stands before a shorter name, its length and name space, is no such text.
        if len(tail) == _TAIL and len(self._others) < _MOST_OTHERS and _PLAIN.fullmatch(tail):
            self._others.add(tail)
        return False

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
