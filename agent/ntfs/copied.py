"""A volume of which only files of the file system's own were copied: the records are there, and
what they keep themselves, but none of the clusters."""

from __future__ import annotations

import io
import struct
from functools import cached_property
from typing import BinaryIO

from . import attributes as kinds
from .assembly import LIST_ENTRY, Parts, collect
from .attributes import Attribute
from .boot_sector import MAX_RECORD, MIN_RECORD, BootSector
from .byte_source import ByteSource, FileSource
from .content import ClusterContent, Layout
from .entry import MftEntry
from .errors import Account, NtfsError
from .mft_place import MftPlace
from .record import BAAD, SIGNATURE, Record
from .reference import LOG_RECORD
from .run_list import Run
from .volume import Volume

NOT_COPIED = "not copied with the $MFT"
_ALLOCATED = struct.Struct("<I")
_ALLOCATED_AT = 0x1C
""": [Russon] "FILE Record", allocated size of the record."""
_OF_RECORD = struct.Struct("<16xH14xQ")
""": [Russon] "FILE Record", sequence number, and reference of the base record."""
_NUMBER = (1 << 48) - 1
_HEAD = _ALLOCATED_AT + _ALLOCATED.size
_USUAL = 1024
_CLUSTER = 4096
"""No cluster is read: any size will do."""
_SIZE = 1 << 52
"""Bytes: no run of a file lies beyond."""


class CopiedVolume(Volume):
    """Not for several threads at once."""

    has_clusters = False

    def __init__(
        self,
        mft: BinaryIO | None,
        journal: BinaryIO | None = None,
        log: BinaryIO | None = None,
        account: Account | None = None,
    ) -> None:
        """Copies of ``$MFT``, ``$UsnJrnl:$J`` and ``$LogFile``, seekable, not closed here; None:
        there is none.

        Raises:
            NtfsError: what is said to be a $MFT is none.
            OSError: its first bytes cannot be read.
        """
        self._copy: ByteSource = FileSource(io.BytesIO() if mft is None else mft)
        self._journal = journal
        self._log = log
        super().__init__(_NoClusters(), account)

    def _boot(self) -> BootSector:
        return BootSector(
            sector_size=512,
            cluster_size=_CLUSTER,
            record_size=self._told_size() if self._copy.size else _USUAL,
            index_size=_CLUSTER,
            total_sectors=_SIZE // 512,
            mft_cluster=1,
            mirror_cluster=1,
            serial=0,
        )

    def _told_size(self) -> int:
        """Of a record, by the first one."""
        head = self._copy.read_at(0, _HEAD)
        if head[:4] not in (SIGNATURE, BAAD) or len(head) < _HEAD:
            raise NtfsError("not a $MFT", head[:4].hex(" "))
        size: int = _ALLOCATED.unpack_from(head, _ALLOCATED_AT)[0]
        if not MIN_RECORD <= size <= MAX_RECORD or size & size - 1:
            raise NtfsError("$MFT: impossible size of a record", str(size))
        return size

    def _find_mft(self) -> MftPlace:
        size, record = self._copy.size, self.record_size
        if size % record:
            self.account.unread("$MFT: ends within a record", f"byte {size // record * record:,}")
        size = size // record * record
        return MftPlace([Run(0, 0, -(-size // _CLUSTER))] if size else [], size, None)

    def _mft_content(self) -> ClusterContent:
        size = self.mft_size
        return ClusterContent(self._copy, Layout(self.mft_runs, size, size, _CLUSTER))

    def parts(self, record: Record) -> Parts:
        """As of a volume. An attribute list that lay in clusters is told by the records that it
        named: each of them says which file it belongs to."""
        return collect(record, self.record, self._value)

    def _value(self, attribute: Attribute, record: Record, limit: int) -> bytes:
        if attribute.type != kinds.ATTRIBUTE_LIST or attribute.resident:
            return self._clusters.value(attribute, record, limit)
        entries = (
            LIST_ENTRY.pack(kinds.DATA, LIST_ENTRY.size + 6, 0, 0, 0, reference, 0)
            for reference in self._extensions.get(record.number, ())
        )
        return b"".join(one.ljust(LIST_ENTRY.size + 6, b"\0") for one in entries)[:limit]

    @cached_property
    def _extensions(self) -> dict[int, list[int]]:
        """References of the records that extend another, by its number."""
        found: dict[int, list[int]] = {}
        for buffer in self.mft():
            for index in range(buffer.count):
                sequence, base = _OF_RECORD.unpack_from(buffer.data, index * self.record_size)
                if base:
                    reference = buffer.first + index | sequence << 48
                    found.setdefault(base & _NUMBER, []).append(reference)
        return found

    def open_stream(self, record: MftEntry | int, name: str = "") -> BinaryIO:
        """As of a volume; of the log, its copy."""
        if record == LOG_RECORD and self._log is not None:
            return self._log
        return super().open_stream(record, name)

    def change_journal(self) -> BinaryIO:
        """The copy of it. Raises NtfsError if there is none, OSError."""
        if self._journal is None:
            return super().change_journal()
        return self._journal


class _NoClusters:
    """Where a volume's clusters would be."""

    size = _SIZE

    def read_at(self, offset: int, size: int) -> bytes:  # noqa: ARG002 - the protocol's
        """Raises NtfsError."""
        raise NtfsError(NOT_COPIED)

    def read_into(self, offset: int, view: memoryview) -> int:  # noqa: ARG002 - the protocol's
        """Raises NtfsError."""
        raise NtfsError(NOT_COPIED)

    def close(self) -> None:
        """Nothing is open."""


__all__ = ["NOT_COPIED", "CopiedVolume"]
