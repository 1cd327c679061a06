"""``$LogFile``: what NTFS was about to do, before it did it; so names of files that came and went.

Layout: [Russon] "$LogFile"; [layout.h] and [logfile.h] of ntfs-3g (RESTART_PAGE_HEADER,
RECORD_PAGE_HEADER, LOG_RECORD), whose operations are those of its ``ntfsprogs/ntfsrecover.h``. The
log is a ring of pages. Records go on from page to page, so that a name may be cut by a page's
header, and by its update sequence: pages are mended and joined before they are searched. A record's
LSN tells the place where it stands, which proves it; what no record covers is what an older round
left.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from msgspec import Struct, field

from ..engine.scanner import TOO_MANY, PatternScanner, ScanFailed
from ..spelling import fold
from .errors import Account, Unread
from .fixups import BLOCK_OFFSET, mend_records
from .left_names import LeftName, name_around
from .patterns import Wanted, name_patterns
from .usn import UsnRecord, holder_of, read_record

if TYPE_CHECKING:
    from io import RawIOBase

MAX_LOG = 4 << 30
"""Bytes; Windows makes 64 MiB, ``chkdsk /L`` up to this."""
PAGE = 4096
_AT_ONCE = 256
"""Pages per read."""
_RESTART, _PAGE_OF_RECORDS = b"RSTR", b"RCRD"
_RESTART_PAGE, _RESTART_AREA = struct.Struct("<4sHHQIIHHH"), struct.Struct("<QHHHHIHHQIHH")
_DATA_OFFSET = 0x40
"""Of a page of records, by default."""
_FIRST_PAGE = {1: 4, 2: 34}
"""Of the ring, by the major version; before it are restart pages, and copies of the newest ones."""
_BEFORE, _AFTER = 12 << 10, 4 << 10
"""Bytes around a hit in which its record stands."""
_RECORD = struct.Struct("<QQQI")
_RECORD_HEADER = 0x30
_OPERATION = struct.Struct("<HHHHHH")
"""Redo and undo operation, offset and length of the data of each."""
_REDONE = {
    0x02: "file created",
    0x05: "name given",
    0x0C: "put into a folder",
    0x0E: "put into a folder",
    0x10: "moved within a folder's index",
}
_UNDONE = {
    0x06: "name taken away",
    0x0D: "removed from a folder",
    0x0F: "removed from a folder",
    0x10: "moved within a folder's index",
}
"""By the operation whose undoing would need the data."""
_NAMES = "names"
_EXCERPT = 128


class LogName(NamedTuple):
    """A wanted name in the log."""

    left: LeftName
    place: int
    """Byte in the ``$LogFile``."""
    operation: str
    """In words; empty: not known."""


class LogChange(NamedTuple):
    """A wanted name in a record of the change journal, as the log has it."""

    record: UsnRecord
    place: int


def _read_into(file: BinaryIO, space: memoryview) -> int:
    """How many bytes came, from where the file stands, however short its single reads are."""
    raw, total = cast("RawIOBase", file), 0
    while total < len(space) and (count := raw.readinto(space[total:])):
        total += count
    return total


class LogMention(NamedTuple):
    """What looks like a wanted name and belongs to nothing that is known."""

    text: str
    place: int


class _Window(Struct, dict=True):
    """Pages, joined."""

    data: bytes
    places: list[tuple[int, int]]
    """Where in the data a piece begins, and where in the log."""
    first: int
    """What begins before was told with the window before."""
    limit: int
    """What begins here or later belongs to the next one."""
    offset_bits: int

    def place_of(self, at: int) -> int:
        """Byte in the log."""
        start, place = self.places[bisect_right(self.places, (at, sys.maxsize)) - 1]
        return place + at - start

    @cached_property
    def _records(self) -> list[int]:
        """Where records begin: those whose LSN says that they stand where they do."""
        found: list[int] = []
        mask = (1 << self.offset_bits) - 1
        ends = [start for start, _ in self.places[1:]] + [len(self.data)]
        for (start, place), end in zip(self.places, ends, strict=True):
            values = array("Q", self.data[start : start + (end - start) // 8 * 8])
            base = place // 8
            found += [
                start + 8 * index
                for index, lsn in enumerate(values)
                if lsn & mask == base + index and lsn > mask
            ]
        return found

    def operation(self, at: int) -> str:
        """Of the record that a byte lies in, in words."""
        records = self._records
        index = bisect_right(records, at) - 1
        if index < 0 or records[index] + _RECORD_HEADER + _OPERATION.size > at:
            return ""
        start = records[index]
        body = start + _RECORD_HEADER
        if at >= body + _RECORD.unpack_from(self.data, start)[3]:
            return ""
        redo, undo, *parts = _OPERATION.unpack_from(self.data, body)
        if parts[0] <= at - body < parts[0] + parts[1] and redo in _REDONE:
            return _REDONE[redo]
        if parts[2] <= at - body < parts[2] + parts[3] and redo in _UNDONE:
            return _UNDONE[redo]
        return f"operation 0x{redo:02X}, undone by 0x{undo:02X}"


class LogScan(Struct):
    """Scans one log, once."""

    log: BinaryIO
    wanted: Wanted
    account: Account = field(default_factory=Unread)
    progress: Callable[[], None] = lambda: None
    """Called before each buffer; may raise, to end the scan."""
    pages: int = 0
    """That hold something."""
    read: int = 0
    """Bytes of them."""
    _data_offset: int = _DATA_OFFSET
    _offset_bits: int = 20
    _first_page: int = _FIRST_PAGE[1]
    _end: int = MAX_LOG
    """Where the ring begins anew."""

    def hits(self) -> Iterator[LogName | LogChange | LogMention]:
        """In the order of the log, which is a ring: not in that of time."""
        scanner = PatternScanner({_NAMES: name_patterns(self.wanted.names, self.wanted.pieces)})
        for window in self._windows():
            told = set[int]()
            for at in self._matches(scanner, window):
                if window.first <= at < window.limit:
                    yield from self._told(window, at, told)

    def _matches(self, scanner: PatternScanner, window: _Window) -> list[int]:
        where = f"byte {window.place_of(0):,}"
        try:
            found = scanner.scan(window.data)
        except ScanFailed as error:
            self.account.unread(f"$LogFile: scan failed: {error}", where)
            return []
        if any(one.more for one in found):
            self.account.unread(f"$LogFile: {TOO_MANY}", where)
        return sorted(offset for one in found for offset, _ in one.places)

    def _told(
        self, window: _Window, at: int, told: set[int]
    ) -> Iterator[LogName | LogChange | LogMention]:
        """Each name once, though several of its characters may hit."""
        data = window.data
        left = name_around(data, at)
        if left is not None:
            place = window.place_of(left.at)
            is_new = left.at not in told and place < self._end
            if is_new and self.wanted.is_wanted([left.name.text]):
                told.add(left.at)
                yield LogName(left, place, window.operation(left.at))
            return
        holder = holder_of(data, at)
        change = None if holder is None else read_record(data, holder)
        if holder is not None and change is not None:
            place = window.place_of(holder)
            is_new = holder not in told and place < self._end
            if is_new and self.wanted.is_wanted([change.name]):
                told.add(holder)
                yield LogChange(change, place)
            return
        piece = data[at : at + _EXCERPT]
        text = piece[: len(piece) & ~1].decode("utf-16-le", "replace").split("\0")[0]
        place = window.place_of(at)
        if place < self._end and self.wanted.mentioned(fold(text)):
            yield LogMention(text, place)

    def _windows(self) -> Iterator[_Window]:
        self._restart()
        data, places, before = bytearray(), list[tuple[int, int]](), 0
        for place, body in self._bodies():
            if not places or self._ends_at(data, places) != place - self._data_offset:
                data += bytes(-len(data) % 8 + 64)
                places.append((len(data), place))
            elif place:
                places.append((len(data), place))
            data += body
            if len(data) >= _AT_ONCE * PAGE:
                window = _Window(bytes(data), places, before, len(data) - _AFTER, self._offset_bits)
                yield window
                cut = (len(data) - _AFTER - _BEFORE) & ~7
                places = [
                    (0, window.place_of(cut)),
                    *((at - cut, where) for at, where in places if at > cut),
                ]
                before = window.limit - cut
                del data[:cut]
        if data:
            yield _Window(bytes(data), places, before, len(data), self._offset_bits)

    def _ends_at(self, data: bytearray, places: list[tuple[int, int]]) -> int:
        start, place = places[-1]
        return place + len(data) - start

    def _restart(self) -> None:
        """What the first page that can be read says of the log; else what Windows makes."""
        size = min(self.log.seek(0, os.SEEK_END), MAX_LOG)
        self._end = size // PAGE * PAGE
        self._offset_bits = max(1, (size - 1).bit_length() - 3) if size else 20
        for page in (0, PAGE):
            self.log.seek(page)
            try:
                data = self.log.read(PAGE) or b""
            except OSError:
                continue  # Told when its turn comes.
            if data[:4] == _RESTART and len(data) == PAGE:
                _, _, _, _, _, log_page, area, _, major = _RESTART_PAGE.unpack_from(data)
                if log_page != PAGE:
                    self.account.unread("$LogFile: pages of another size", f"{log_page} bytes")
                if area + _RESTART_AREA.size <= 510:
                    told = _RESTART_AREA.unpack_from(data, area)
                    bits, offset = told[5], told[11]
                    if 20 <= bits <= 56:
                        self._offset_bits = 64 - bits
                    if _DATA_OFFSET <= offset < 510 and not offset % 8:
                        self._data_offset = offset
                self._first_page = _FIRST_PAGE.get(major, _FIRST_PAGE[1])
                return

    def _bodies(self) -> Iterator[tuple[int, bytes]]:
        """What pages hold, without their headers, and where; at the end the ring's first again."""
        first: tuple[int, bytes] | None = None
        last = -1
        for start, data in self._buffers():
            mended = mend_records(data, len(data) // PAGE, PAGE, _PAGE_OF_RECORDS, BLOCK_OFFSET)
            if mended.torn:
                where = f"byte {start + mended.torn[0] * PAGE:,}"
                self.account.unread("$LogFile: page written in part", where, len(mended.torn))
            others = set(mended.unsigned)
            for number in range(len(data) // PAGE):
                page, at = data[number * PAGE : (number + 1) * PAGE], start + number * PAGE
                if number not in others:
                    body = at + self._data_offset, bytes(page[self._data_offset :])
                    if first is None and at >= self._first_page * PAGE:
                        first = body
                    last = at
                elif page.count(page[:1]) == PAGE and page[0] in (0, 0xFF):
                    continue  # Never written.
                else:
                    body = at, bytes(page)
                self.pages += 1
                self.read += PAGE
                yield body
        if first is not None and last + PAGE == self._end:
            yield self._end + self._data_offset, first[1]

    def _buffers(self) -> Iterator[tuple[int, bytearray]]:
        """Whole pages; what cannot be read is left out and told."""
        size = self.log.seek(0, os.SEEK_END)
        if size > MAX_LOG:
            self.account.unread("$LogFile: larger than is read", f"{size:,} bytes")
        # Into the same space again: new memory costs more than reading.
        space = bytearray(_AT_ONCE * PAGE)
        never_written = (bytes(len(space)), b"\xff" * len(space))
        size = min(size, MAX_LOG)
        for at in range(0, size, len(space)):
            self.progress()
            wanted = min(len(space), size - at)
            try:
                self.log.seek(at)
                count = _read_into(self.log, memoryview(space)[:wanted])
            except OSError as error:
                self.account.unread(f"$LogFile: {error}", f"byte {at:,}")
                continue
            data = space if count == len(space) else space[:count]
            # Most of a log that Windows made, or that was not copied.
            if data and not any(data == blank[:count] for blank in never_written):
                yield at, data + bytes(-count % PAGE)
