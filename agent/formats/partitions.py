"""Partitions of a disk: a master boot record with its logical drives, or a GPT.

UEFI Specification 2.10, 5.2.3 (protective and legacy MBR), 5.3.2 (GPT header), 5.3.3 (entries).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from . import FormatError
from .kinds import Read
from .partition_types import PartitionType, by_byte, by_guid

MAX_ENTRIES = 1024
MAX_LOGICAL = 128
_SECTORS = (512, 4096)
_ENTRY = struct.Struct("<B3xB3xII")
_GPT = struct.Struct("<8s64xQIII")
_EXTENDED = (0x05, 0x0F, 0x85)
_PROTECTIVE = 0xEE
_RESERVED = UUID("e3c9e316-0b5c-4db8-817d-f92df00215ae").bytes_le
"""Of Microsoft: it holds nothing."""


class Partition(NamedTuple):
    """Where one lies; bytes."""

    number: int
    start: int
    size: int
    reserved: bool = False
    """Whether it holds nothing by its type."""
    beside_gpt: bool = False
    """Whether the master boot record tells of it, and there is a GPT."""
    of_type: PartitionType | None = None
    """Where its bytes may not tell what it is."""


def partitions(read: Read) -> Iterator[Partition]:
    """Those in use, in the order of the table: of a GPT and, beside it, of a master boot record
    that does more than protect it. Which of the two is in force, not every system sees alike.

    Raises:
        FormatError: there is no table, or some of it makes no sense; what does was given.
        OSError: the disk cannot be read.
    """
    known: set[tuple[int, int]] = set()
    damage: FormatError | None = None
    for table in _tables(read):
        try:
            for one in table:
                if (place := (one.start, one.size)) not in known:
                    known.add(place)
                    yield one
        except FormatError as error:
            damage = damage or error
    if damage is not None:
        raise damage
    if not known:
        raise FormatError("no partitions in the table", "sector 0")


def _tables(read: Read) -> Iterator[Iterator[Partition]]:
    for sector in _SECTORS:
        header = read(sector, _GPT.size)
        if len(header) == _GPT.size and header.startswith(b"EFI PART"):
            yield _gpt(read, sector, *_GPT.unpack(header)[1:4])
            yield (one._replace(beside_gpt=True) for one in _mbr(read))
            return
    yield _mbr(read)


def _gpt(read: Read, sector: int, place: int, count: int, size: int) -> Iterator[Partition]:
    if not 128 <= size <= 4096 or not 0 < count <= MAX_ENTRIES or place >= 1 << 48:
        raise FormatError("impossible table of partitions", f"{count} of {size} bytes")
    table = read(place * sector, count * size)
    if len(table) < count * size:
        raise FormatError("table of partitions beyond the end", f"sector {place}")
    wrong = ""
    for number in range(count):
        entry = table[number * size : (number + 1) * size]
        first, last = struct.unpack_from("<QQ", entry, 32)
        if not any(entry[:16]):
            continue
        if first <= last < 1 << 48:
            length = (last + 1 - first) * sector
            yield Partition(
                number + 1,
                first * sector,
                length,
                entry.startswith(_RESERVED),
                of_type=by_guid(entry[:16]),
            )
        else:
            wrong = wrong or f"partition {number + 1}"
    if wrong:
        raise FormatError("partition that ends before it begins", wrong)


def _mbr(read: Read) -> Iterator[Partition]:
    table = read(0, 512)
    if table[510:512] != b"\x55\xaa":
        return
    for number in range(4):
        _, kind, first, sectors = _ENTRY.unpack_from(table, 446 + 16 * number)
        if kind in _EXTENDED:
            yield from _logical(read, first)
        elif kind and kind != _PROTECTIVE and first and sectors:
            yield Partition(number + 1, first * 512, sectors * 512, of_type=by_byte(kind))


def _logical(read: Read, extended: int) -> Iterator[Partition]:
    """Each has a table with itself and the place of the next, from the extended one's start."""
    at = extended
    for number in range(5, 5 + MAX_LOGICAL):
        table = read(at * 512, 512)
        if table[510:512] != b"\x55\xaa":
            raise FormatError("damaged table of a logical drive", f"sector {at}")
        _, kind, first, sectors = _ENTRY.unpack_from(table, 446)
        if kind and first and sectors:
            yield Partition(number, (at + first) * 512, sectors * 512, of_type=by_byte(kind))
        following = _ENTRY.unpack_from(table, 462)
        if following[1] not in _EXTENDED:
            return
        if following[2] == 0 or extended + following[2] <= at:
            raise FormatError("tables of logical drives that go round", f"sector {at}")
        at = extended + following[2]
    raise FormatError(f"more than {MAX_LOGICAL} logical drives", f"sector {at}")
