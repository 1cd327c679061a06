"""The table of partitions at both ends of a disk: GPT.

UEFI Specification 2.10, 5.3.2 (header), 5.3.3 (entries). Header and entries have a checksum each
(CRC-32); where one differs, or the first sectors are gone, the copy at the disk's end is read. A
table that is taken as it stands, damaged, may lack a partition without a word.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from . import FormatError
from .kinds import Read
from .partition_types import Partition, by_guid

MAX_ENTRIES = 1024
SECTORS = (512, 4096)
BY_ITS_COPY = "damaged table of partitions, read by its copy at the disk's end"
DAMAGED = "damaged table of partitions, and so is its copy"
CUT_OFF = "disk that ends before its table of partitions says"
_SIGNATURE = b"EFI PART"
_BY_GUID = b"DMIO:ID:"
_HEADER = struct.Struct("<12xII4xQQ32xQIII")
"""Size and checksum of the header; its sector and its copy's; sector, number, size and checksum of
the entries."""
_RESERVED = UUID("e3c9e316-0b5c-4db8-817d-f92df00215ae").bytes_le
"""Of Microsoft: it holds nothing."""
_FURTHEST = 1 << 48
"""Sectors."""


class _Table(NamedTuple):
    sector: int
    """Bytes."""
    copy: int
    """The sector in which its copy begins."""
    number: int
    """Of entries."""
    size: int
    """Bytes of one."""
    entries: bytes
    damage: str
    """Why it may not be whole; empty: its checksums hold."""


def gpt(read: Read, size: int | None = None) -> Iterator[Partition] | None:
    """The partitions in use; None where the first sectors hold no GPT. ``size``: bytes of the disk.
    What it gives raises FormatError when some makes no sense or is damaged; what does was given.

    Raises OSError.
    """
    for sector in SECTORS:
        if read(sector, len(_SIGNATURE)) == _SIGNATURE:
            return _told(read, sector, size)
    return None


def copy_of_gpt(read: Read, size: int) -> Iterator[Partition] | None:
    """The same by the copy in the last sector, of a disk that has lost its first ones; None where
    no whole one is there. Raises OSError."""
    for sector in SECTORS:
        try:
            table = _table(read, sector, size // sector - 1)
        except FormatError:
            continue
        if not table.damage:
            return _partitions(table._replace(damage=BY_ITS_COPY))
    return None


def _told(read: Read, sector: int, size: int | None) -> Iterator[Partition]:
    """By the first table, or by its copy where that is damaged. Raises FormatError, OSError."""
    damage: FormatError | None = None
    first: _Table | None = None
    try:
        first = _table(read, sector, 1)
    except FormatError as error:
        damage = error
    if first is not None and not first.damage:
        cut = size is not None and (first.copy + 1) * sector > size
        yield from _partitions(first._replace(damage=CUT_OFF if cut else ""))
        return
    places = [] if first is None else [first.copy]
    places += [] if size is None else [size // sector - 1]
    for place in places:
        try:
            copy = _table(read, sector, place)
        except FormatError:
            continue
        if not copy.damage:
            yield from _partitions(copy._replace(damage=BY_ITS_COPY))
            return
    if first is None:
        raise damage or FormatError(DAMAGED, "header")
    yield from _partitions(first)


def _table(read: Read, sector: int, at: int) -> _Table:
    """The one whose header lies in a sector. Raises FormatError, OSError."""
    head = read(at * sector, sector) if 0 < at < _FURTHEST else b""
    if len(head) < _HEADER.size or not head.startswith(_SIGNATURE):
        raise FormatError("no table of partitions", f"sector {at}")
    length, check, here, copy, place, count, size, kept = _HEADER.unpack_from(head)
    if not 128 <= size <= 4096 or not 0 < count <= MAX_ENTRIES or place >= _FURTHEST:
        raise FormatError("impossible table of partitions", f"{count} of {size} bytes")
    entries = read(place * sector, count * size)
    if len(entries) < count * size:
        raise FormatError("table of partitions beyond the end", f"sector {place}")
    signed = head[:16] + bytes(4) + head[20:length]
    holds = (
        _HEADER.size <= length <= len(head) and here == at and zlib.crc32(signed) == check
        and zlib.crc32(entries) == kept
    )  # fmt: skip
    return _Table(sector, copy, count, size, entries, "" if holds else DAMAGED)


def _partitions(table: _Table) -> Iterator[Partition]:
    """Raises FormatError."""
    wrong = ""
    for number in range(table.number):
        entry = table.entries[number * table.size : (number + 1) * table.size]
        first, last = struct.unpack_from("<QQ", entry, 32)
        if not any(entry[:16]):
            continue
        if first <= last < _FURTHEST:
            yield Partition(
                number + 1,
                first * table.sector,
                (last + 1 - first) * table.sector,
                entry.startswith(_RESERVED),
                of_type=by_guid(entry[:16]),
                device=_BY_GUID + entry[16:32],
            )
        else:
            wrong = wrong or f"partition {number + 1}"
    if table.damage:
        raise FormatError(table.damage, "GPT")
    if wrong:
        raise FormatError("partition that ends before it begins", wrong)


__all__ = ["BY_ITS_COPY", "CUT_OFF", "DAMAGED", "copy_of_gpt", "gpt"]
