"""One NTFS volume, read-only: its records in a stream, single records, paths and contents."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from msgspec import Struct

from . import attributes as kinds
from .allocation import BITMAP_RECORD, Allocation
from .assembly import Parts, collect, entry_of
from .boot_sector import BOOT_SIZE, BootSector, read_boot_sector
from .byte_source import ByteSource
from .clusters import Clusters
from .content import ClusterContent, Layout
from .entry import MftEntry, Stream
from .errors import Account, NtfsError, Unread
from .fixups import Mended, mend_records
from .mft_place import MftFinder, MftPlace
from .overlay import compressed_stream, decompressed
from .paths import Paths, ResolvedPath
from .record import Record
from .reference import EXTEND, ROOT, Reference
from .run_list import Run

BUFFER = 2 << 20
"""Bytes read at once from the $MFT."""
MEMORY_SPEED = 8_000_000_000
"""Bytes per second. What is read faster comes from memory, and is read sooner than a thread that
reads ahead can be woken."""
_MEASURED = 16
"""Buffers: each so many one is read without a thread, to see how fast that is."""
LEAST_PIECE = 4096
"""Bytes; where a read fails, it is tried again in pieces down to this size."""
MAX_FAILED_READS = 1000
"""In one pass; after that many a failing buffer is given up whole."""
JOURNAL = "$UsnJrnl"
_MAX = struct.Struct("<QQQQ")
"""Largest size, step of growth, number of this journal, first USN in it."""
MAX_INDEX = 1 << 20
"""Bytes of the list of names of ``$Extend``."""
_INDEXES = (kinds.INDEX_ROOT, kinds.INDEX_ALLOCATION)
_Gaps = list[tuple[int, int, str]]
"""What could not be read: byte in the $MFT, records, why."""


class RecordBuffer(Struct, frozen=True):
    """Records that follow each other, mended."""

    first: int
    """Number of the first record."""
    count: int
    data: bytes
    """``count`` times the size of a record."""
    mended: Mended

    def record(self, index: int) -> bytes:
        """The bytes of one, by its place in the buffer."""
        size = len(self.data) // self.count
        return self.data[index * size : (index + 1) * size]


class Volume:
    """An NTFS volume. Not for several threads at once."""

    has_clusters = True
    """Else only what is kept in records can be read."""

    def __init__(self, source: ByteSource, account: Account | None = None) -> None:
        """Reads the boot sector and the $MFT's own record.

        ``account``: is told what cannot be seen (a ledger). The source is not closed here.

        Raises:
            NtfsError: no NTFS volume, or one whose $MFT cannot be found.
            OSError: its first bytes cannot be read.
        """
        self.source = source
        self.account: Account = account if account is not None else Unread()
        self.boot = self._boot()
        self.record_size = self.boot.record_size
        if source.size < self.boot.volume_size:
            missing = self.boot.volume_size - source.size
            self.account.unread("image ends before the volume does", f"{missing:,} bytes")
        self._clusters = Clusters(source, self.boot.cluster_size)
        self._place = self._find_mft()
        self._mft = self._mft_content()
        self._paths = Paths(self.record)
        self._allocation: Allocation | None = None

    @property
    def mft_size(self) -> int:
        """Of the $MFT, in bytes."""
        return self._place.size

    @property
    def mft_runs(self) -> Sequence[Run]:
        """Where the $MFT lies."""
        return self._place.runs

    @property
    def records(self) -> int:
        """How many records the $MFT has, used or not."""
        return self.mft_size // self.record_size

    # ---- Opening

    def _boot(self) -> BootSector:
        try:
            return read_boot_sector(self.source.read_at(0, BOOT_SIZE))
        except NtfsError as error:
            if "BitLocker" in error.what:
                raise
            # Windows keeps a copy in the last sector of the partition.
            for sector in (512, 4096):
                try:
                    boot = read_boot_sector(self.source.read_at(self.source.size - sector, 512))
                except OSError:
                    continue
                self.account.note("boot sector damaged, its copy was used", error.what)
                return boot
            raise

    def _find_mft(self) -> MftPlace:
        return MftFinder(self._clusters, self.boot, self.account).find()

    # ---- Records

    def _mft_content(self) -> ClusterContent:
        size = self.mft_size
        layout = Layout(self._place.runs, size, size, self.boot.cluster_size)
        return ClusterContent(self.source, layout)

    def is_unused(self, number: int) -> bool:
        """Whether a record is known not to be in use, by the $MFT's own bitmap."""
        return self._place.is_free(number)

    def record(self, number: int) -> Record:
        """One record, whatever its state.

        Raises:
            NtfsError: the $MFT has no such record, or it lies beyond the image's end.
            OSError: it cannot be read.
        """
        if not 0 <= number < self.records:
            raise NtfsError("no such record in the $MFT", f"record {number}")
        return Record.raw(number, self._mft.piece(number * self.record_size, self.record_size))

    def mft(self, buffer: int = BUFFER) -> Iterator[RecordBuffer]:
        """All records in the order of the $MFT; from a disk, the next ones are read meanwhile.

        What cannot be read is zeros, and the account is told. Memory: three buffers.
        """
        size = self.record_size
        step = max(size, buffer // size * size)
        content, total = self._mft_content(), self.records * size
        spaces = [bytearray(min(step, total)), bytearray(min(step, total))]
        failures = [0]
        with ThreadPoolExecutor(1, "mft") as reader:
            waiting: Future[_Gaps] | None = None
            for number, offset in enumerate(range(0, total, step)):
                space, length = spaces[number % 2], min(step, total - offset)
                if waiting is not None:
                    gaps, is_slow = waiting.result(), bool(number % _MEASURED)
                else:
                    start = time.perf_counter()
                    gaps = self._fill(content, offset, space, length, failures)
                    is_slow = (time.perf_counter() - start) * MEMORY_SPEED > length
                following, waiting = offset + step, None
                if is_slow and following < total:
                    waiting = reader.submit(
                        self._fill,
                        content,
                        following,
                        spaces[(number + 1) % 2],
                        min(step, total - following),
                        failures,
                    )
                    time.sleep(0)  # Or it would not begin before this thread waits for it.
                for place, count, why in gaps:
                    self.account.unread(f"$MFT: {why}", f"byte {place:,}", count)
                mended = mend_records(space, length // size, size)
                data = bytes(space) if length == len(space) else bytes(space[:length])
                yield RecordBuffer(offset // size, length // size, data, mended)

    def stored(self, first: int, count: int, failed: list[int]) -> tuple[bytearray, _Gaps]:
        """Records that follow each other as they lie on the disk, and what of them cannot be read:
        that is zeros, as what lies behind the last one. ``failed``: of one pass, how many reads
        did so far."""
        space = bytearray(count * self.record_size)
        start = first * self.record_size
        return space, self._fill(self._mft_content(), start, space, len(space), failed)

    def _fill(
        self, content: ClusterContent, offset: int, space: bytearray, size: int, failures: list[int]
    ) -> list[tuple[int, int, str]]:
        """Read into the space; gives what could not be read."""
        gaps: _Gaps = []
        least = max(LEAST_PIECE, self.record_size)
        waiting = [(0, size)]
        with memoryview(space) as view:
            while waiting:
                start, length = waiting.pop()
                content.seek(offset + start)
                try:
                    content.readinto(view[start : start + length])
                except OSError as error:
                    failures[0] += 1
                    if length <= least or failures[0] > MAX_FAILED_READS:
                        view[start : start + length] = bytes(length)
                        why = error.what if isinstance(error, NtfsError) else _reason(error)
                        gaps.append((offset + start, max(1, length // self.record_size), why))
                    else:
                        half = max(least, length // 2 // least * least)
                        waiting += [(start + half, length - half), (start, half)]
        return gaps

    # ---- Entries, paths, contents

    def parts(self, record: Record) -> Parts:
        """All attributes of the file that a base record stands for."""
        return collect(record, self.record, self._clusters.value)

    def assembled(self, parts: Parts) -> MftEntry:
        """The entry that these attributes make."""
        return entry_of(parts, self._clusters.value)

    def entry(self, record: Record | int) -> MftEntry:
        """What the $MFT says of a file. A record that extends another stands for itself here."""
        if isinstance(record, int):
            record = self.record(record)
        return self.assembled(self.parts(record))

    def path_of(self, reference: Reference) -> ResolvedPath:
        """The path of a file or folder by its first long name, or the last that it had."""
        if reference.number == ROOT:
            return ResolvedPath("\\")
        entry = self.entry(reference.number)
        names = entry.long_names or entry.names
        if not names:
            return ResolvedPath("?", "the record holds no name")
        path = self._paths.of(names[0])
        if reference.sequence and reference.sequence != entry.reference.sequence:
            return ResolvedPath(path.text, "the record was used again since it was named")
        return path

    def paths(self, entry: MftEntry) -> list[ResolvedPath]:
        """The path of each of its names, 8.3 names left out where there are others."""
        return [self._paths.of(name) for name in entry.long_names or entry.names]

    def path_in(self, parent: Reference, name: str) -> ResolvedPath:
        """The path of a name in a folder, as the change journal tells it."""
        folder = self._paths.folder(parent)
        return ResolvedPath(f"{folder.text}\\{name}", folder.note)

    def open_stream(self, record: MftEntry | int, name: str = "") -> BinaryIO:
        """A stream's bytes as a seekable, read-only file; of a file without content none.

        Raises:
            NtfsError: there is no such stream; it is encrypted, or kept elsewhere.
        """
        entry = self.entry(record) if isinstance(record, int) else record
        stream = entry.stream(name)
        if stream is None and (name or entry.partial or entry.is_kept_elsewhere):
            raise NtfsError("no such stream", f"record {entry.number}: {name}")
        if stream is None:
            return io.BytesIO()  # As programs see it.
        if name or not entry.is_kept_elsewhere:
            return self.content(stream)
        stored = compressed_stream(entry)
        if stored is None:
            raise NtfsError(f"content kept elsewhere (tag 0x{entry.reparse_tag:08X})")
        return decompressed(entry, self.content(stored))

    def change_journal(self) -> BinaryIO:
        """``$Extend\\$UsnJrnl:$J``. Raises NtfsError if the volume keeps none."""
        number = self._child(EXTEND, JOURNAL)
        if number is None:
            raise NtfsError("no change journal on this volume")
        return self.open_stream(number, "$J")

    def identity(self) -> str | None:
        """Tells this volume, and the life of its change journal, from all others: its serial number
        and the journal's ([MS-FSCC] 2.6, ``$UsnJrnl:$Max``). None if no journal is kept.

        Raises:
            NtfsError, OSError: the journal's record cannot be read.
        """
        number = self._child(EXTEND, JOURNAL)
        if number is None:
            return None
        own = self.open_stream(number, "$Max").read(_MAX.size) or b""
        if len(own) < _MAX.size:
            return None
        return f"{self.boot.serial:016x}-{_MAX.unpack(own)[2]:016x}"

    def _child(self, folder: int, name: str) -> int | None:
        """The record of a file in a folder of the file system's own."""
        record = self.record(folder)
        for attribute, holder in self.parts(record).found:
            if attribute.name == "$I30" and attribute.type in _INDEXES:
                data = self._clusters.value(attribute, holder, MAX_INDEX)
                # Entries hold a reference and, at 0x52, the name ([Russon] "Index Entry").
                wanted = name.encode("utf-16-le")
                at = data.find(wanted)
                while at >= 0:
                    start = at - 0x52
                    if start >= 0 and data[at - 2] == len(name):
                        reference = Reference.of(int.from_bytes(data[start : start + 8], "little"))
                        if self._is_child(reference, folder, name):
                            return reference.number
                    at = data.find(wanted, at + 2)
        return None

    def _is_child(self, reference: Reference, folder: int, name: str) -> bool:
        try:
            entry = self.entry(reference.number)
        except OSError:
            return False
        return entry.live and any(
            own.text == name and own.parent.number == folder for own in entry.names
        )

    def content(self, stream: Stream) -> BinaryIO:
        """As :meth:`open_stream`, for a stream of an entry."""
        return self._clusters.content(stream)

    def still_free(self, stream: Stream) -> bool | None:
        """Whether no cluster of a deleted file's stream is in use again.

        None: not known, or there is nothing to ask for. True is no proof that the bytes are the
        file's: the clusters may have been used and freed since.
        """
        runs = [run for run in stream.runs if run.cluster is not None]
        if stream.resident or not runs or stream.damage:
            return None
        try:
            return all(map(self._bitmap().is_free, runs))
        except OSError:
            return None

    def free_clusters(self) -> Iterator[tuple[int, int]]:
        """First cluster and number of each run of clusters that belong to no file, as the $Bitmap
        says.

        Raises:
            NtfsError, OSError: it is missing, cannot be read or ends early.
        """
        return self._bitmap().free_runs()

    def _bitmap(self) -> Allocation:
        if self._allocation is None:
            bitmap = self.open_stream(BITMAP_RECORD)
            self._allocation = Allocation(bitmap, self.boot.clusters)
        return self._allocation


def _reason(error: OSError) -> str:
    return "read error on the disk" if error.errno is None else (error.strerror or str(error))
