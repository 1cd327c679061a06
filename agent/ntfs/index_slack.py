"""What the indexes of folders still hold of names that were taken out of them.

Layout: [Russon] "$INDEX_ALLOCATION", "Index Record", "Index Entry"; [layout.h] INDEX_BLOCK,
INDEX_HEADER. When a name is taken out of a block, those behind it move up, and what was last stays
behind the end until something is put there; a block that is given back keeps all of its names. A
folder's record does the same behind its used bytes, and a deleted folder's keeps its list. So all
blocks are searched, used or not, in any record; they are mended first, and read in the order in
which they lie on the disk.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct, field

from ..engine.scanner import TOO_MANY, Occurrences, PatternScanner, ScanFailed, scanned_ahead
from ..spelling import fold
from . import attributes as kinds
from .attributes import AttributesDamaged
from .errors import Account, Unread
from .fixups import BLOCK_OFFSET, STRIDE, differing, mend_records
from .index import MAX_INDEX_BYTES, NAME_INDEX
from .left_names import LeftName, name_around
from .patterns import Wanted, name_patterns
from .record import FOLDER, HEADER, IN_USE, SIGNATURE, Record
from .run_list import Run, RunListDamaged
from .volume import RecordBuffer, Volume

MAX_BYTES = 4 << 30
"""Of blocks that are read of one volume; a million folders rarely have a tenth of it."""
_AT_ONCE = 1 << 20
"""Bytes that are scanned at once, at least one block."""
_IN_ORDER = 1 << 15
"""Streams of blocks that are put into the order of the disk; some hundred bytes each."""
_INDEX = b"INDX"
_ALLOCATION = struct.pack("<I", kinds.INDEX_ALLOCATION)
_FLAGS, _USED, _BASE = 0x16, 0x18, 0x20
"""In a record: flags, bytes that count, the record that it extends."""
_APART = bytes(8)
_ENTRIES = struct.Struct("<II")
"""Of a block, at 0x18: where its entries begin, and where they end, from there on."""
_ENTRIES_AT = 0x18
_NAMES = "names"
_EXCERPT = 128
IN_BLOCK = "free part of a folder's index"
IN_INDEX = "index of a folder"
IN_RECORD = "slack of a folder's record"
DELETED = "record of a deleted folder"


class SlackName(NamedTuple):
    """A wanted name in the index of a folder."""

    left: LeftName
    where: str
    """In words."""
    record: int
    """Of the folder, or one that extends it."""
    place: int
    """Byte on the volume for a block, else in the record."""


class SlackMention(NamedTuple):
    """What looks like a wanted name and is no entry of an index."""

    text: str
    where: str
    record: int
    place: int


class _Unit(NamedTuple):
    """Neighbouring bytes of what is scanned at once."""

    start: int
    record: int
    place: int
    """Of its first byte, as of :class:`SlackName`."""
    where: str
    """Empty: a block, which says so itself."""


class _Blocks(NamedTuple):
    """Blocks of one folder's index, as one record tells them."""

    place: int
    """Of the first one: the order in which they are read."""
    record: int
    runs: list[Run]


class _Batch(Struct):
    data: bytearray = field(default_factory=bytearray)
    units: list[_Unit] = field(default_factory=list)


class IndexSlack(Struct):
    """Searches the indexes of one volume, once."""

    volume: Volume
    wanted: Wanted
    account: Account = field(default_factory=Unread)
    progress: Callable[[], None] = lambda: None
    """Called before each buffer; may raise, to end the search."""
    blocks: int = 0
    folders: int = 0
    """Records that were looked at themselves."""
    read: int = 0
    """Bytes."""
    _left: int = 0

    def hits(self) -> Iterator[SlackName | SlackMention]:
        """Wanted names, those that are still in use too; in the order of the disk, by portions."""
        self._left = min(MAX_BYTES, self.volume.source.size)
        scanner = PatternScanner({_NAMES: name_patterns(self.wanted.names, self.wanted.pieces)})
        pieces = ((batch, bytes(batch.data)) for batch in self._batches())
        for batch, matches in scanned_ahead(scanner, pieces):
            yield from self._of(batch, matches)

    # ---- What is scanned

    def _batches(self) -> Iterator[_Batch]:
        waiting: list[_Blocks] = []
        for buffer in self.volume.mft():
            self.progress()
            batch = _Batch()
            for index in self._folders(buffer):
                self._own_bytes(buffer, index, batch)
                waiting += self._streams(buffer, index)
            for index in self._extensions(buffer):
                waiting += self._streams(buffer, index)
            if batch.data:
                self.read += len(batch.data)
                yield batch
            if len(waiting) >= _IN_ORDER:
                yield from self._read(waiting)
                waiting = []
        yield from self._read(waiting)

    def _folders(self, buffer: RecordBuffer) -> Iterator[int]:
        """Places in the buffer of records of folders, deleted ones too."""
        flags = buffer.data[_FLAGS :: self.volume.record_size]
        for kind in (FOLDER, FOLDER | IN_USE):
            index = flags.find(kind)
            while index >= 0:
                yield index
                index = flags.find(kind, index + 1)

    def _extensions(self, buffer: RecordBuffer) -> Iterator[int]:
        """Of records that extend another one: a large folder's index goes on there."""
        size = self.volume.record_size // 8
        with memoryview(buffer.data) as view, view.cast("Q") as wide:
            bases = wide[_BASE // 8 :: size].tobytes()
        yield from differing(bases, bytes(len(bases)), 8)

    def _own_bytes(self, buffer: RecordBuffer, index: int, batch: _Batch) -> None:
        """Add what a folder's record holds itself, beside what counts."""
        size, data = self.volume.record_size, buffer.data
        start = index * size
        if not data.startswith(SIGNATURE, start):
            return
        is_used = data[start + _FLAGS] & IN_USE
        first = self._used(data, start) & ~7 if is_used else HEADER.size
        if first >= size:
            return
        where = IN_RECORD if is_used else DELETED
        batch.units.append(_Unit(len(batch.data), buffer.first + index, first, where))
        batch.data += data[start + first : start + size]
        batch.data += _APART
        self.folders += 1

    def _used(self, data: bytes, start: int) -> int:
        """Bytes of a record that count; of one that cannot be right, none."""
        used = int.from_bytes(data[start + _USED : start + _USED + 4], "little")
        return used if HEADER.size < used <= self.volume.record_size else HEADER.size

    def _streams(self, buffer: RecordBuffer, index: int) -> Iterator[_Blocks]:
        """Where blocks of an index lie, as a record tells, whatever its state."""
        size = self.volume.record_size
        start = index * size
        if buffer.data.find(_ALLOCATION, start + HEADER.size, start + size) >= 0:
            yield from self._of_record(
                Record(buffer.first + index, buffer.data[start : start + size])
            )

    def _of_record(self, record: Record) -> Iterator[_Blocks]:
        if not record.signed:
            return
        try:
            found = record.attributes()
        except AttributesDamaged as error:
            found = error.kept  # The files source tells it.
        for attribute in found:
            is_index = attribute.type == kinds.INDEX_ALLOCATION and attribute.name == NAME_INDEX
            if not is_index or attribute.resident:
                continue
            try:
                runs = attribute.runs(record.data)
            except RunListDamaged as error:
                runs = error.kept
                if record.in_use:
                    self.account.unread(
                        "folder's index: run list damaged", f"record {record.number}"
                    )
            runs = [run for run in runs if run.cluster is not None]
            if runs:
                yield _Blocks(runs[0].cluster or 0, record.number, runs)

    def _read(self, waiting: list[_Blocks]) -> Iterator[_Batch]:
        """Batches of blocks, mended; what is no block is zeros."""
        size = self.volume.boot.index_size
        if waiting and (not STRIDE <= size <= 1 << 16):
            self.account.unread("folders' indexes: size of their blocks", f"{size} bytes")
            return
        batch = _Batch()
        for blocks in sorted(waiting):
            most = MAX_INDEX_BYTES
            batch.data += bytes(-len(batch.data) % size)
            for run in blocks.runs:
                for place, length in self._pieces(run, most):
                    batch.units.append(_Unit(len(batch.data), blocks.record, place, ""))
                    batch.data += self._bytes(place, length, blocks.record)
                    most -= length
                    if len(batch.data) >= _AT_ONCE:
                        self.progress()
                        yield self._mended(batch, size)
                        batch = _Batch()
        if batch.data:
            yield self._mended(batch, size)

    def _pieces(self, run: Run, most: int) -> Iterator[tuple[int, int]]:
        """Place and length in bytes; as many as may still be read."""
        cluster = self.volume.boot.cluster_size
        place, length = (run.cluster or 0) * cluster, run.length * cluster
        if length > min(most, self._left):
            self.account.unread("folders' indexes: more than is read", f"byte {place:,}")
            length = min(most, self._left)
        self._left -= length
        for at in range(0, length, _AT_ONCE):
            yield place + at, min(_AT_ONCE, length - at)

    def _bytes(self, place: int, length: int, record: int) -> bytes:
        try:
            data = self.volume.source.read_at(place, length)
        except OSError as error:
            self.account.unread(f"folder's index cannot be read: {error}", f"record {record}")
            data = b""
        self.read += len(data)
        return data.ljust(length, b"\0")

    def _mended(self, batch: _Batch, size: int) -> _Batch:
        data = batch.data
        data += bytes(-len(data) % size)
        mended = mend_records(data, len(data) // size, size, _INDEX, BLOCK_OFFSET)
        for number in mended.unsigned:
            data[number * size : (number + 1) * size] = bytes(size)
        for number in mended.torn:
            unit = self._unit(batch, number * size)
            self.account.unread("folder's index: block written in part", f"record {unit.record}")
        self.blocks += len(data) // size - len(mended.unsigned)
        return batch

    # ---- What hits

    def _of(
        self, batch: _Batch, matches: Callable[[], list[Occurrences]]
    ) -> Iterator[SlackName | SlackMention]:
        try:
            found = matches()
        except ScanFailed as error:
            where = f"record {batch.units[0].record}"
            self.account.unread(f"folders' indexes: scan failed: {error}", where)
            return
        if any(one.more for one in found):
            where = f"record {batch.units[0].record}"
            self.account.unread(f"folders' indexes: {TOO_MANY}", where)
        told: set[int] = set()
        for at in sorted(offset for one in found for offset, _ in one.places):
            yield from self._told(batch, at, told)

    def _told(self, batch: _Batch, at: int, told: set[int]) -> Iterator[SlackName | SlackMention]:
        unit = self._unit(batch, at)
        left = name_around(batch.data, at)
        if left is not None:
            if left.at not in told and self.wanted.is_wanted([left.name.text]):
                told.add(left.at)
                where = unit.where or self._where(batch, left.at)
                yield SlackName(left, where, unit.record, unit.place + left.at - unit.start)
            return
        piece = bytes(batch.data[at : at + _EXCERPT])
        text = piece[: len(piece) & ~1].decode("utf-16-le", "replace").split("\0")[0]
        if self.wanted.mentioned(fold(text)):
            where = unit.where or self._where(batch, at)
            yield SlackMention(text, where, unit.record, unit.place + at - unit.start)

    @staticmethod
    def _unit(batch: _Batch, at: int) -> _Unit:
        index = bisect_right(batch.units, at, key=lambda unit: unit.start)
        return batch.units[max(0, index - 1)]

    def _where(self, batch: _Batch, at: int) -> str:
        """Whether a byte lies before or behind the end of the entries of its block."""
        size = self.volume.boot.index_size
        start = at // size * size
        _, used = _ENTRIES.unpack_from(batch.data, start + _ENTRIES_AT)
        return IN_INDEX if at - start < _ENTRIES_AT + used else IN_BLOCK
