"""Which records of a buffer hold a program in certain places, whatever its name: told by its folder
and its first two bytes, before the record becomes an object.

A folder nearly always lies before what it holds, so that its place is known when its files come;
the others are looked up. Most parents are read as one column of the buffer.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from contextlib import suppress

from . import attributes as kinds
from .attributes import COMPRESSED
from .entry import DOS, WOF_STREAM, read_name
from .errors import NtfsError
from .fixups import STRIDE
from .record import SIGNATURE, Record
from .reference import ROOT
from .volume import RecordBuffer, Volume

_HEAD = struct.Struct("<IIBBHH")
_STANDARD = 0x60
"""Length of a $STANDARD_INFORMATION since NTFS 3.0."""
_FILE = 1
_FILE_NAME = kinds.FILE_NAME.to_bytes(4, "little")
_FOLDERS = re.compile(rb"[%s]" % re.escape(bytes(range(3, 256, 4))))
"""Flags of folders in use."""
_SPACE = 0x59
"""In a $FILE_NAME as it usually is: the name space."""
_SIZES = struct.Struct("<H14xQ")
"""From byte 0x20 of a $DATA on the disk on: where its run list lies, its size in bytes."""
_BASE = bytes(8)
_WOF = WOF_STREAM.encode("utf-16-le")
_MAGIC = b"MZ"
MOST_STEPS = 64
"""From a folder up to the root."""


class Programs:
    """Looks for programs in the records of one volume, buffer after buffer."""

    def __init__(self, volume: Volume, places: Iterable[str], least: int) -> None:
        """``places``: names of folders, in upper case, below which programs are wanted; ``least``:
        their size in bytes."""
        self._volume = volume
        self._places = frozenset(place.encode("utf-16-le") for place in places)
        self._least = least
        self._within: set[int] = set()
        """Folders there."""
        self._asked: dict[int, bool] = {}
        """Folders that lie behind what they hold."""
        size = volume.record_size
        first = 0x30 + (2 * (size // STRIDE + 1) + 7 & ~7)
        self._name = first + _STANDARD

    def candidates(self, buffer: RecordBuffer) -> list[int]:
        """Places in the buffer of records to be looked at as files. To be asked of each buffer, in
        their order."""
        size, data = self._volume.record_size, buffer.data
        flags, end, within = data[0x16::size], buffer.first + buffer.count, self._within
        with memoryview(data) as view, view.cast("I") as wide:
            types = wide[self._name // 4 :: size // 4].tolist()
            # Without their upper two bytes: where those are not zeros, a look too many.
            parents = wide[(self._name + 0x18) // 4 :: size // 4].tolist()
        links, spaces = data[0x12::size], data[self._name + _SPACE :: size]
        for match in _FOLDERS.finditer(flags):
            index = match.start()
            number, at = buffer.first + index, index * size + self._name
            if types[index] != kinds.FILE_NAME or parents[index] >= number:
                self._add(number, data, index * size)
            elif parents[index] in within:
                within.add(number)
            else:
                names = _names_at(data, at, links[index], spaces[index])
                if names is None:
                    self._add(number, data, index * size)
                elif any(name.upper() in self._places for name in names):
                    within.add(number)
        records = zip(range(buffer.count), flags, types, parents, links, spaces)  # noqa: B905 - hot
        # An 8.3 name lies in the folder of the long one; other names may lie anywhere.
        found = [
            (index, kind == kinds.FILE_NAME and parent in within)
            for index, flag, kind, parent, several, space in records
            if flag == _FILE
            and (
                parent in within
                or kind != kinds.FILE_NAME
                or parent >= end
                or (several > 1 and several > 1 + (space == DOS))
            )
        ]
        return [
            index
            for index, is_within in found
            if (is_within or self._has_name_within(buffer.first + index, data, index * size, end))
            and self._is_program(data, index * size)
        ]

    # ---- Folders

    def _add(self, number: int, data: bytes, at: int) -> None:
        for parent, name in self._names(number, data, at):
            if name.upper() in self._places or self._is_within(parent, number):
                self._within.add(number)
                return

    def _is_within(self, folder: int, end: int) -> bool:
        """``end``: records from there on have not been seen."""
        if folder < end or folder == ROOT:
            return folder in self._within
        way: list[int] = []
        answer = False
        while folder not in self._asked and len(way) < MOST_STEPS and folder != ROOT:
            if folder < end:
                answer = folder in self._within
                break
            way.append(folder)
            try:
                data = self._volume.record(folder).data
            except OSError:
                break
            parents = list(self._names(folder, data, 0))
            if not parents or any(name.upper() in self._places for _, name in parents):
                answer = bool(parents)
                break
            folder = parents[0][0]
        else:
            answer = self._asked.get(folder, False)
        self._asked.update(dict.fromkeys(way, answer))
        return answer

    # ---- Files

    def _has_name_within(self, number: int, data: bytes, start: int, end: int) -> bool:
        names = self._names(number, data, start)
        return any(self._is_within(parent, end) for parent, _ in names)

    def _names(self, number: int, data: bytes, start: int) -> list[tuple[int, bytes]]:
        """Folder and name of each $FILE_NAME of a file, those in its further records too."""
        size = self._volume.record_size
        own = list(_names(data, start, size))
        # Links are counted that have a name each, an 8.3 name one of its own.
        if len(own) >= data[start + 0x12] + 256 * data[start + 0x13] or not _is_listed(
            data, start, size
        ):
            return own
        parts = self._volume.parts(Record(number, data[start : start + size]))
        found = []
        for attribute, holder in parts.of(kinds.FILE_NAME):
            with suppress(NtfsError):  # Those who look at the file say why.
                name = read_name(attribute.content(holder.data))
                found.append((name.parent.number, name.text.encode("utf-16-le", "surrogatepass")))
        return found

    def _is_program(self, data: bytes, start: int) -> bool:
        size = self._volume.record_size
        if not (data.startswith(SIGNATURE, start) and data.startswith(_BASE, start + 0x20)):
            return False
        at, stop = start + (data[start + 0x14] | data[start + 0x15] << 8), start + size
        while at + 0x40 <= stop:
            kind, length, non_resident, name_length, _, flags = _HEAD.unpack_from(data, at)
            if kind == kinds.ATTRIBUTE_LIST:
                return True  # Told by another record, if at all.
            if kind > kinds.DATA or length < 0x18 or length & 7 or at + length > stop:
                return False
            if kind == kinds.DATA and not name_length:
                if non_resident:
                    return self._begins_so(data, at, at + length, flags)
                value = at + (data[at + 0x14] | data[at + 0x15] << 8)
                return data.startswith(_MAGIC, value) and length > self._least
            at += length
        return False

    def _begins_so(self, data: bytes, at: int, end: int, flags: int) -> bool:
        runs, size = _SIZES.unpack_from(data, at + 0x20)
        if size < self._least:
            return False
        runs += at
        head = data[runs] if runs < end else 0
        count, width = head & 15, head >> 4
        if not width:
            start = at - at % self._volume.record_size
            return data.find(_WOF, end, start + self._volume.record_size) >= 0
        place = data[runs + 1 + count : runs + 1 + count + width]
        offset = int.from_bytes(place, "little") * self._volume.boot.cluster_size
        try:
            first = self._volume.source.read_at(offset, 6)
        except OSError:
            return True  # The look at it says why.
        # Compressed by NTFS, they stand behind the header of a chunk.
        return _MAGIC in first if flags & COMPRESSED else first.startswith(_MAGIC)


def _names_at(data: bytes, at: int, links: int, space: int) -> tuple[bytes, ...] | None:
    """The names of a folder whose first $FILE_NAME lies there as it usually does: one, or an 8.3
    name and the long one behind it, in the same folder; None for any other form."""
    if data[at + 5] or data[at + 0x14] != 0x18:
        return None
    following = at + data[at + 4]
    name = data[at + 0x5A : at + 0x5A + 2 * data[at + 0x58]]
    if links == 1:
        return None if data[following] == kinds.FILE_NAME else (name,)
    if (
        links != 2
        or space != DOS
        or data[following] != kinds.FILE_NAME
        or data[following + 5]
        or data[following + 0x14] != 0x18
        or data[following + 0x18 : following + 0x20] != data[at + 0x18 : at + 0x20]
        or data.startswith(_FILE_NAME, following + data[following + 4])
    ):
        return None
    return name, data[following + 0x5A : following + 0x5A + 2 * data[following + 0x58]]


def _is_listed(data: bytes, start: int, size: int) -> bool:
    """Whether a record has an attribute list, which lies before names and content."""
    at, end = start + int.from_bytes(data[start + 0x14 : start + 0x16], "little"), start + size
    while at + 0x18 <= end:
        kind, length, _, _, _, _ = _HEAD.unpack_from(data, at)
        if kind >= kinds.ATTRIBUTE_LIST or length < 0x18 or length & 7:
            return bool(kind == kinds.ATTRIBUTE_LIST)
        at += length
    return False


def _names(data: bytes, start: int, size: int) -> Iterable[tuple[int, bytes]]:
    """Folder and name of each $FILE_NAME of a record."""
    at, end = start + (data[start + 0x14] | data[start + 0x15] << 8), start + size
    while at + 0x60 <= end:
        kind, length, _, _, _, _ = _HEAD.unpack_from(data, at)
        if kind > kinds.FILE_NAME or length < 0x18 or length & 7 or at + length > end:
            return
        if kind == kinds.FILE_NAME:
            value = at + (data[at + 0x14] | data[at + 0x15] << 8)
            if value + 0x42 <= end:
                parent = int.from_bytes(data[value : value + 6], "little")
                yield parent, data[value + 0x42 : value + 0x42 + 2 * data[value + 0x40]]
        at += length
