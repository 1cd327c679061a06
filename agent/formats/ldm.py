"""The volumes of a dynamic disk, from the database that lies at its end.

"LDM Documentation" of the Linux-NTFS project (R. Russon), by the structures' names; the comments of
Linux' ``block/partitions/ldm.h``; for GPT disks and the fields of records, what libldm reads. All
numbers are big-endian; places and sizes are told in sectors.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from . import FormatError
from .kinds import Read

SECTOR = 512
AT_ON_MBR = 6 * SECTOR
"""Where the private header lies on a disk with a master boot record."""
MOST_RECORDS = 8_192
SIMPLE, SPANNED = "simple", "spanned"
_LARGEST = 1 << 20
_CLEAN = 1
_VOLUME, _COMPONENT, _PARTITION, _DISK = 1, 2, 3, 4
_STRIPED, _SPANNED, _RAID_5 = 1, 2, 3
_REVISIONS = {_VOLUME: (5,), _COMPONENT: (3,), _PARTITION: (3,), _DISK: (3, 4)}


class Extent(NamedTuple):
    """A piece of a volume; bytes."""

    disk: bytes
    """The identifier of the disk."""
    start: int
    """From where the disk's volumes begin."""
    size: int


class DynamicDisk(NamedTuple):
    """As its private header tells it."""

    disk: bytes
    start: int
    """Where its volumes begin; bytes."""


class DynamicVolume(NamedTuple):
    """One of which some lies on the disk; bytes."""

    name: str
    layout: str
    """``simple``, ``spanned``, ``striped``, ``mirrored`` or ``RAID-5``."""
    start: int = 0
    size: int = 0
    """Where a simple one lies on the disk; 0 for others."""
    extents: tuple[Extent, ...] = ()
    """Of a spanned one, in order."""


class _Header(NamedTuple):
    disk: bytes
    start: int
    database: int
    size: int


class _Records(NamedTuple):
    volumes: dict[int, tuple[str, int, int]]
    """Name, how many components, size."""
    components: dict[int, tuple[int, int, int]]
    """Layout, how many partitions, volume."""
    partitions: list[tuple[int, int, int, int, int]]
    """Start on its disk, start in the volume, size, component, disk."""
    disks: dict[int, bytes]


def dynamic_disk(read: Read, header: int) -> DynamicDisk:
    """Raises FormatError, OSError."""
    of_disk = _header(read(header, SECTOR))
    return DynamicDisk(of_disk.disk, of_disk.start * SECTOR)


def dynamic_volumes(read: Read, header: int) -> list[DynamicVolume]:
    """Those that lie on the disk whose private header is there, all or in part, by their names.

    Raises FormatError: the database is not there, damaged, in the middle of a change, or of a
    version that nobody has described; OSError.
    """
    of_disk = _header(read(header, SECTOR))
    database = read(of_disk.database, of_disk.size)
    known = _records(database)
    here = [number for number, guid in known.disks.items() if guid == of_disk.disk]
    if len(here) != 1:
        raise FormatError("a disk that its own database does not know", "LDM")
    found = []
    for number, (name, components, size) in sorted(known.volumes.items()):
        within = [one for one, of in known.components.items() if of[2] == number]
        parts = [part for part in known.partitions if part[3] in within]
        expected = sum(known.components[one][1] for one in within)
        if len(within) != components or len(parts) != expected or not parts:
            raise FormatError("a volume of which parts are not in the database", "LDM")
        if here[0] in {part[4] for part in parts}:
            layout = _layout([known.components[one][0] for one in within], len(parts))
            if layout == SIMPLE:
                start, offset, length = parts[0][:3]
                if offset or length < size:
                    raise FormatError("a simple volume that is not whole", "LDM")
                at = (of_disk.start + start) * SECTOR
                found.append(DynamicVolume(name, layout, at, size * SECTOR))
            elif layout == SPANNED:
                extents = tuple(_extents(parts, known.disks, size))
                found.append(DynamicVolume(name, layout, 0, size * SECTOR, extents))
            else:
                found.append(DynamicVolume(name, layout))
    return found


def _extents(
    parts: list[tuple[int, int, int, int, int]], disks: dict[int, bytes], size: int
) -> Iterator[Extent]:
    """One behind the other. Raises FormatError."""
    done = 0
    for start, offset, length, _, disk in sorted(parts, key=lambda part: part[1]):
        if offset != done or disk not in disks or length <= 0:
            raise FormatError("a spanned volume that is not whole", "LDM")
        yield Extent(disks[disk], start * SECTOR, length * SECTOR)
        done += length
    if done < size:
        raise FormatError("a spanned volume that is not whole", "LDM")


def _layout(components: list[int], parts: int) -> str:
    if _RAID_5 in components:
        return "RAID-5"
    if len(components) > 1:
        return "mirrored"
    if components == [_STRIPED]:
        return "striped"
    return SIMPLE if parts == 1 else SPANNED


def _header(data: bytes) -> _Header:
    if len(data) < SECTOR or not data.startswith(b"PRIVHEAD"):
        raise FormatError("no private header", "LDM")
    start, _, database, size = struct.unpack_from(">4Q", data, 283)
    if max(start, database) >= 1 << 48 or not 0 < size <= _LARGEST // SECTOR * 4:
        raise FormatError("impossible private header", "LDM")
    disk = data[48:112].split(b"\0")[0].lower()
    return _Header(disk, start, database * SECTOR, min(size * SECTOR, 4 * _LARGEST))


def _records(database: bytes) -> _Records:
    toc = database[2 * SECTOR : 3 * SECTOR]
    if len(toc) < SECTOR or not toc.startswith(b"TOCBLOCK") or toc[36:42] != b"config":
        raise FormatError("no table of contents", "LDM")
    (at,) = struct.unpack_from(">Q", toc, 46)
    head = database[at * SECTOR : (at + 1) * SECTOR]
    if len(head) < SECTOR or not head.startswith(b"VMDB"):
        raise FormatError("no database", "LDM")
    size, first, status = struct.unpack_from(">IIH", head, 8)
    counts = struct.unpack_from(">4I", head, 133)
    if status != _CLEAN:
        raise FormatError("a database in the middle of a change", "LDM")
    if not 32 <= size <= SECTOR or max(counts) > MOST_RECORDS:
        raise FormatError("impossible database", "LDM")
    known = _Records({}, {}, [], {})
    for record in _whole(database, at * SECTOR + first, size):
        try:
            _keep(known, record)
        except (IndexError, struct.error):
            raise FormatError("damaged record", "LDM") from None
    kept = (len(known.volumes), len(known.components), len(known.partitions), len(known.disks))
    if counts != kept:
        raise FormatError("a database of which records are missing", "LDM")
    return known


def _whole(database: bytes, at: int, size: int) -> Iterator[bytes]:
    """The records, those that lie in several pieces put together."""
    pieces: dict[int, dict[int, bytes]] = {}
    totals: dict[int, int] = {}
    for _ in range(MOST_RECORDS):
        piece = database[at : at + size]
        if len(piece) < size or not piece.startswith(b"VBLK"):
            break
        number, entry, total = struct.unpack_from(">IHH", piece, 8)
        if total <= 1:
            yield piece[16:]
        else:
            pieces.setdefault(number, {})[entry] = piece[16:]
            totals[number] = total
        at += size
    for number, parts in pieces.items():
        if sorted(parts) != list(range(totals[number])):
            raise FormatError("a record of which pieces are missing", "LDM")
        yield b"".join(parts[entry] for entry in sorted(parts))


class _Fields:
    """One after the other, of a record. Raises IndexError and struct.error at its end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, size: int) -> bytes:
        """The next bytes."""
        data = self._data[self._at : self._at + size]
        if len(data) < size:
            raise IndexError
        self._at += size
        return data

    def counted(self) -> bytes:
        """As many as the byte before them says."""
        return self.take(self.take(1)[0])

    def number(self) -> int:
        """Of as many bytes."""
        return int.from_bytes(self.counted(), "big")


def _keep(known: _Records, record: bytes) -> None:
    kind = record[3]
    revision, kind = kind >> 4, kind & 0x0F
    if kind not in _REVISIONS:
        return
    if revision not in _REVISIONS[kind]:
        raise FormatError(f"a record of revision {revision}", "LDM")
    fields = _Fields(record, 8)
    number = fields.number()
    name = fields.counted().decode("latin-1")
    if kind == _VOLUME:
        fields.counted(), fields.counted()
        fields.take(14 + 1 + 1 + 1 + 3 + 1)
        components = fields.number()
        fields.take(16)
        known.volumes[number] = (name, components, fields.number())
    elif kind == _COMPONENT:
        fields.counted()
        layout = fields.take(1)[0]
        if layout not in (_STRIPED, _SPANNED, _RAID_5):
            raise FormatError("a volume of an unknown layout", "LDM")
        fields.take(4)
        parts = fields.number()
        fields.take(16)
        known.components[number] = (layout, parts, fields.number())
    elif kind == _PARTITION:
        fields.take(12)
        start, offset = struct.unpack(">QQ", fields.take(16))
        size, component, disk = fields.number(), fields.number(), fields.number()
        known.partitions.append((start, offset, size, component, disk))
    else:
        known.disks[number] = _guid(fields, revision)


def _guid(fields: _Fields, revision: int) -> bytes:
    """As the private header writes it."""
    if revision == 3:
        return fields.counted().lower()
    text = fields.take(16).hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).encode()


__all__ = [
    "AT_ON_MBR",
    "SECTOR",
    "SIMPLE",
    "DynamicDisk",
    "DynamicVolume",
    "Extent",
    "dynamic_disk",
    "dynamic_volumes",
]
