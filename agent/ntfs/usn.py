"""The change journal, ``$Extend\\$UsnJrnl:$J``: what happened to files, those since gone included.

Records v2 and v3: [MS-FSCC] 2.7.2 and 2.7.3 (USN_RECORD_V2, USN_RECORD_V3); v4 tells ranges of a
file and carries no name: counted and skipped. A record never crosses a page of 4 KiB, so that
after damage reading goes on with the next page.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import BinaryIO, NamedTuple

from msgspec import Struct, field

from ..engine.scanner import TOO_MANY, PatternScanner, ScanFailed
from ..formats.filetime import utc_of
from ..reading.opening import read_up_to
from ..spelling import fold
from .attributes import text_of
from .content import ClusterContent
from .errors import Account, NtfsError, Unread
from .patterns import Wanted, name_patterns
from .reference import Reference

PAGE = 4096
BUFFER = 1 << 20
LEAST_PIECE = 64 << 10
"""Bytes; where a read fails, it is tried again in pieces of this size."""
MAX_FAILED_READS = 1000
"""After that many, what cannot be read is skipped by whole buffers."""
_SLACK = 64 << 20
"""Bytes of holes and of pieces read twice, beside what a volume can hold at all."""
_HEAD = struct.Struct("<IHH")
_V2 = struct.Struct("<IHHQQQQIIIIHH")
_V3 = struct.Struct("<IHH16s16sQQIIIIHH")
_REFERENCE = struct.Struct("<Q")
_LEAST = {2: _V2.size, 3: _V3.size, 4: 0x38}
_NAMES = "names"

REASONS = {
    0x1: "data overwritten",
    0x2: "data extended",
    0x4: "data truncated",
    0x10: "stream overwritten",
    0x20: "stream extended",
    0x40: "stream truncated",
    0x100: "created",
    0x200: "deleted",
    0x400: "extended attributes changed",
    0x800: "security changed",
    0x1000: "renamed from this",
    0x2000: "renamed to this",
    0x4000: "indexing changed",
    0x8000: "attributes or times changed",
    0x10000: "hard link changed",
    0x20000: "compression changed",
    0x40000: "encryption changed",
    0x80000: "object id changed",
    0x100000: "reparse point changed",
    0x200000: "stream renamed",
    0x400000: "transacted",
    0x800000: "integrity changed",
    0x80000000: "closed",
}
""": [MS-FSCC] 2.7.2, Reason."""


def _nothing() -> None:
    """Nobody wants to know how it goes."""


class UsnRecord(NamedTuple):
    """One change of one file."""

    usn: int
    version: int
    file: Reference
    parent: Reference
    """v3 of NTFS keeps 64 bits in a field of 128; what ReFS keeps there is cut."""
    ticks: int
    """100 ns since 1601, UTC."""
    reason: int
    attributes: int
    name: str

    @property
    def time(self) -> datetime | None:
        return utc_of(self.ticks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """In words."""
        return tuple(word for bit, word in REASONS.items() if self.reason & bit)


class UsnMention(NamedTuple):
    """A wanted name in bytes of the journal that are no record."""

    offset: int
    text: str


class UsnScan(Struct):
    """Scans one journal, once, from where it begins.

    ``oldest`` and ``newest``: times of the first and last record, how far the journal reaches.
    """

    journal: BinaryIO
    wanted: Wanted
    account: Account = field(default_factory=Unread)
    progress: Callable[[], None] = _nothing
    """Called before each buffer; may raise, to end the scan."""
    end: int | None = None
    """Byte from which on it is not read; None: to its end."""
    records: int = 0
    ranges: int = 0
    """Records of version 4."""
    damaged: int = 0
    """Pages with bytes that are no record."""
    read: int = 0
    """Bytes that were not skipped as sparse or zeros."""
    oldest: datetime | None = None
    newest: datetime | None = None

    def hits(self) -> Iterator[UsnRecord | UsnMention]:
        """Records whose name is wanted, in the order of the journal."""
        scanner = PatternScanner({_NAMES: name_patterns(self.wanted.names, self.wanted.pieces)})
        everything = "" in self.wanted.pieces
        for start, data in self._pages():
            found = self._walk(data)
            if everything:
                for at in found:
                    yield from self._record(data, at)
                continue
            told: set[int] = set()
            for place in self._matches(scanner, start, data):
                holder = holder_of(data, place)
                if holder is None:
                    piece = data[place : place + 128]
                    text = piece[: len(piece) & ~1].decode("utf-16-le", "replace").split("\0")[0]
                    if self.wanted.mentioned(fold(text)):
                        yield UsnMention(start + place, text)
                elif holder not in told:
                    told.add(holder)
                    yield from self._record(data, holder)

    def of_files(self, files: Collection[Reference]) -> dict[Reference, UsnRecord]:
        """The last record of each of these files, whatever its name; those are told that have one.

        A look of its own at the whole journal: of a few files."""
        found: dict[Reference, UsnRecord] = {}
        texts = [(_REFERENCE.pack(one.number | one.sequence << 48), one) for one in files]
        for _, data in self._pages():
            for text, file in texts:
                place = data.find(text)
                while place >= 0:
                    record = read_record(data, place - _HEAD.size)
                    if record is not None and record.file == file:
                        found[file] = record
                    place = data.find(text, place + 1)
        return found

    def _matches(self, scanner: PatternScanner, start: int, data: bytes) -> list[int]:
        try:
            found = scanner.scan(data)
        except ScanFailed as error:
            self.account.unread(f"change journal: scan failed: {error}", f"byte {start:,}")
            return []
        if any(one.more for one in found):
            self.account.unread(f"change journal: {TOO_MANY}", f"byte {start:,}")
        return sorted(offset for one in found for offset, _ in one.places)

    def _record(self, data: bytes, at: int) -> Iterator[UsnRecord]:
        record = read_record(data, at)
        if record is not None and self.wanted.is_wanted([record.name]):
            yield record

    def _pages(self) -> Iterator[tuple[int, bytes]]:
        """Offset and bytes of whole pages that are not all zeros, up to a buffer at once."""
        zeros = bytes(BUFFER)
        at, step, failed = 0, BUFFER, 0
        end = sys.maxsize if self.end is None else self.end
        content = self.journal if isinstance(self.journal, ClusterContent) else None
        left = sys.maxsize if content is None else content.most_data + _SLACK
        if content is not None and (why := content.missing()):
            self.account.unread(f"change journal: {why}")
        while True:
            self.progress()
            size = max(0, min(step, end - at))
            if content is not None:
                start = content.next_data(at)
                at = max(at, start // PAGE * PAGE)
                size = content.within_reach(at, max(0, min(step, end - at)))
                if not size and at < start:
                    at += PAGE  # Its beginning is lost.
                    continue
            if size and left <= 0:
                self.account.unread("change journal: larger than its volume", f"byte {at:,}")
                return
            try:
                self.journal.seek(at)
                data = read_up_to(self.journal, size)
            except OSError as error:
                failed += 1
                if step > LEAST_PIECE and failed < MAX_FAILED_READS:
                    step = LEAST_PIECE
                    continue
                self.account.unread(f"change journal: {error}", f"byte {at:,}")
                at, left = at + size, left - size
                if failed >= MAX_FAILED_READS:
                    step = BUFFER
                if at >= self.journal.seek(0, io.SEEK_END):
                    return
                continue
            if not data:
                return
            if data != zeros[: len(data)]:
                self.read += len(data)
                yield at, data
            at, left = -(-(at + len(data)) // PAGE) * PAGE, left - len(data)
            step = min(BUFFER, 2 * step)

    def _walk(self, data: bytes) -> list[int]:
        """Count the records of a buffer of pages; gives where those with names begin."""
        places: list[int] = []
        add, unpack, least = places.append, _HEAD.unpack_from, _LEAST
        for page in range(0, len(data), PAGE):
            at, end = page, min(page + PAGE, len(data))
            while at + 8 <= end:
                length, major, minor = unpack(data, at)
                if not length:
                    break
                if length & 7 or minor or length < least.get(major, PAGE) or at + length > end:
                    self.damaged += 1
                    self.account.unread("change journal: page damaged", "")
                    break
                if major == 4:
                    self.ranges += 1
                else:
                    add(at)
                at += length
        self.records += len(places)
        self._reach(data, places)
        return places

    def _reach(self, data: bytes, places: list[int]) -> None:
        if not places:
            return
        if self.oldest is None:
            first = read_record(data, places[0])
            self.oldest = first.time if first is not None else None
        last = read_record(data, places[-1])
        if last is not None:
            self.newest = last.time or self.newest


def read_record(data: bytes, at: int) -> UsnRecord | None:
    """The record of version 2 or 3 at a place; None if there is none."""
    if at < 0 or at + _V2.size > len(data):
        return None
    length, major, minor = _HEAD.unpack_from(data, at)
    form = {2: _V2, 3: _V3}.get(major)
    if form is None or minor or length < form.size or at + length > len(data) or length > 1 << 16:
        return None
    _, _, _, file, parent, usn, ticks, reason, _, _, bits, size, offset = form.unpack_from(data, at)
    if major == 3:
        file, parent = (int.from_bytes(value[:8], "little") for value in (file, parent))
    if size & 1 or offset < form.size or offset + size > length:
        return None
    name = text_of(data[at + offset : at + offset + size])
    return UsnRecord(
        usn, major, Reference.of(file), Reference.of(parent), ticks, reason, bits, name
    )


def records_in(data: bytes) -> Iterator[UsnRecord]:
    """Records that stand one behind the other, as FSCTL_READ_USN_JOURNAL gives them; those of
    version 4, without a name, are left out.

    Raises:
        NtfsError: something else stands between them.
    """
    at = 0
    while at < len(data):
        if at + _HEAD.size > len(data):
            raise NtfsError("change journal: record cut off")
        length, major, _ = _HEAD.unpack_from(data, at)
        record = read_record(data, at)
        if length & 7 or length < _LEAST.get(major, PAGE) or at + length > len(data):
            raise NtfsError("change journal: record damaged")
        if record is not None:
            yield record
        elif major != 4:
            raise NtfsError("change journal: record damaged")
        at += length


def holder_of(data: bytes, place: int) -> int | None:
    """Where the record begins whose name a place lies in; None if there is none."""
    for at in range((place - _V2.size) & ~7, max(-1, place - 0x260), -8):
        if data[at + 4 : at + 8] not in (b"\2\0\0\0", b"\3\0\0\0"):
            continue
        record = read_record(data, at)
        if record is None:
            continue
        start = at + int.from_bytes(_offset_field(data, at), "little")
        if start <= place < start + len(record.name.encode("utf-16-le", "surrogatepass")):
            return at
    return None


def _offset_field(data: bytes, at: int) -> bytes:
    form = _V2 if data[at + 4] == 2 else _V3
    return data[at + form.size - 2 : at + form.size]
