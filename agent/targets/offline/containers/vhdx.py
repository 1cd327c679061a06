"""VHDX: disks of Hyper-V; fixed, dynamic and differencing, with a log that was not applied.

[MS-VHDX] 2.2 (headers, regions), 2.4 (blocks), 2.5 (the table, BAT), 2.6 (metadata). All numbers
are little-endian.
"""

from __future__ import annotations

import struct
import sys
import uuid
from array import array
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from ....ntfs import ByteSource, FileSource
from ....reading.opening import open_quietly
from . import Medium, MediumError
from .crc32c import crc32c
from .mapped import Below, Empty, Mapped, below
from .vhdx_log import Replayed

KIND = "VHDX disk"
_HEADERS = (64 << 10, 128 << 10)
_HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")
_HEADER_SIZE = 4 << 10
_REGIONS = (192 << 10, 256 << 10)
_REGION_SIZE = 64 << 10
_REGION = struct.Struct("<16sQII")
_ITEM = struct.Struct("<16sIII4x")
_LOCATED = struct.Struct("<IIHH")
_MAX_REGIONS, _MAX_ITEMS, _MAX_LOCATED = 2047, 1023, 64
_MAX_TABLE = 512 << 20
_MAX_ITEM = 1 << 20
_MIB = 1 << 20
_NOT_PRESENT, _UNDEFINED, _ZERO, _UNMAPPED, _WHOLE, _PART = 0, 1, 2, 3, 6, 7
_STATES = (_NOT_PRESENT, _UNDEFINED, _ZERO, _UNMAPPED, _WHOLE, _PART)
_STATELESS = f"{KIND}: block in a state that cannot be"
_HAS_PARENT = 2


def _guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


_BAT = _guid("2dc27766-f623-4200-9d64-115e9bfd4a08")
_METADATA = _guid("8b7ca206-4790-4b9a-b8fe-575f050f886e")
_PARAMETERS = _guid("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
_DISK_SIZE = _guid("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
_SECTOR_SIZE = _guid("8141bf1d-a96f-4709-ba47-f233a8faab5f")
_LOCATOR = _guid("a8d35f2d-b30b-454d-abf7-d3d84834ab0c")


class _Header(NamedTuple):
    signature: bytes
    check: int
    sequence: int
    file_write: bytes
    data_write: bytes
    log: bytes
    log_version: int
    version: int
    log_length: int
    log_place: int


class _Geometry(NamedTuple):
    """Of the disk: bytes."""

    size: int
    block: int
    sector: int
    table: tuple[int, int]
    """Place and length of the BAT."""


def open_it(path: str, file: BinaryIO, depth: int = 0) -> Medium:
    """``depth``: how many disks rest on this one. Raises MediumError, OSError."""
    raw = FileSource(file)
    header = _header(raw, path)
    source: ByteSource = raw
    if any(header.log):
        source = Replayed(raw, header.log, header.log_place, header.log_length)
    regions = _regions(source, path)
    items = _metadata(source, regions.get(_METADATA), path)
    flags, geometry = _geometry(items, regions.get(_BAT), path)
    if not flags & _HAS_PARENT:
        return Medium(KIND, _Disk(source, geometry), (path,))
    told = _located(items.get(_LOCATOR, b""))
    meant = {told.get("parent_linkage", ""), told.get("parent_linkage2", "")} - {""}
    names = ("relative_path", "absolute_win32_path", "volume_path")
    under = below(
        KIND, path, [told[name] for name in names if name in told], depth,
        lambda found: _written(found) in meant,
    )  # fmt: skip
    disk = _Differencing(source, geometry, under)
    return Medium(KIND, disk, (path, *under.files), problems=under.problems)


def _header(source: ByteSource, path: str) -> _Header:
    """The newer of the two that hold."""
    found = []
    for place in _HEADERS:
        data = source.read_at(place, _HEADER_SIZE)
        if len(data) < _HEADER_SIZE or not data.startswith(b"head"):
            continue
        header = _Header(*_HEADER.unpack_from(data))
        if crc32c(data[:4] + bytes(4) + data[8:]) == header.check:
            found.append(header)
    if not found:
        raise MediumError(f"{KIND}: no header that holds", path)
    newest = max(found, key=lambda one: one.sequence)
    if newest.version != 1 or (any(newest.log) and newest.log_version != 0):
        raise MediumError(f"{KIND}: version {newest.version} is not read", path)
    return newest


def _written(medium: Medium) -> str:
    """The id of its last change, as a child names it; empty for what is no VHDX."""
    if medium.kind != KIND:
        return ""
    with open_quietly(medium.files[0]) as file:
        header = _header(FileSource(file), medium.files[0])
    return "{" + str(uuid.UUID(bytes_le=header.data_write)) + "}"


def _regions(source: ByteSource, path: str) -> dict[bytes, tuple[int, int]]:
    for place in _REGIONS:
        data = source.read_at(place, _REGION_SIZE)
        if len(data) < _REGION_SIZE or not data.startswith(b"regi"):
            continue
        check, count = struct.unpack_from("<II", data, 4)
        if count > _MAX_REGIONS or crc32c(data[:4] + bytes(4) + data[8:]) != check:
            continue
        regions = {}
        for number in range(count):
            guid, start, length, required = _REGION.unpack_from(data, 16 + number * _REGION.size)
            if required & 1 and guid not in (_BAT, _METADATA):
                raise MediumError(f"{KIND}: of a later sort than is read", path)
            regions[guid] = (start, length)
        return regions
    raise MediumError(f"{KIND}: no table of regions that holds", path)


def _metadata(source: ByteSource, region: tuple[int, int] | None, path: str) -> dict[bytes, bytes]:
    if region is None:
        raise MediumError(f"{KIND}: no metadata", path)
    place, length = region
    table = source.read_at(place, 64 << 10)
    if len(table) < 64 << 10 or not table.startswith(b"metadata"):
        raise MediumError(f"{KIND}: metadata that are none", path)
    (count,) = struct.unpack_from("<H", table, 10)
    items = {}
    for number in range(min(count, _MAX_ITEMS)):
        guid, at, size, _ = _ITEM.unpack_from(table, 32 + number * _ITEM.size)
        if size <= _MAX_ITEM and at + size <= length:
            items[guid] = source.read_at(place + at, size)
    return items


def _geometry(
    items: dict[bytes, bytes], table: tuple[int, int] | None, path: str
) -> tuple[int, _Geometry]:
    try:
        block, flags = struct.unpack_from("<II", items[_PARAMETERS])
        (size,) = struct.unpack_from("<Q", items[_DISK_SIZE])
        (sector,) = struct.unpack_from("<I", items[_SECTOR_SIZE])
    except (KeyError, struct.error) as error:
        raise MediumError(f"{KIND}: metadata that lack something", path) from error
    fits = _MIB <= block <= 256 * _MIB and block & block - 1 == 0 and sector in (512, 4096)
    if not fits or table is None or table[1] > _MAX_TABLE or size > 64 << 40:
        raise MediumError(f"{KIND}: impossible size of the disk or of its blocks", path)
    return flags, _Geometry(size, block, sector, table)


def _located(data: bytes) -> dict[str, str]:
    """What the locator of the parent says."""
    if len(data) < 20:
        return {}
    (count,) = struct.unpack_from("<H", data, 18)
    told = {}
    for number in range(min(count, _MAX_LOCATED)):
        if 20 + (number + 1) * _LOCATED.size > len(data):
            break
        key, value, key_size, value_size = _LOCATED.unpack_from(data, 20 + number * _LOCATED.size)
        name = data[key : key + key_size].decode("utf-16-le", "replace")
        told[name] = data[value : value + value_size].decode("utf-16-le", "replace")
    return {
        name: text.casefold() if name.startswith("parent_linkage") else text
        for name, text in told.items()
    }


class _Table:
    """The BAT: where blocks lie, and the bitmaps of those that are there in part."""

    def __init__(self, source: ByteSource, disk: _Geometry) -> None:
        self._ratio = (disk.sector << 23) // disk.block
        blocks = -(-disk.size // disk.block)
        entries = -(-blocks // self._ratio) * (self._ratio + 1)  # a bitmap behind each chunk
        place, length = disk.table
        data = source.read_at(place, min(length, entries * 8))
        if len(data) < (blocks + max(blocks - 1, 0) // self._ratio) * 8:
            raise MediumError(f"{KIND}: table beyond the end of the file")
        self._entries = array("Q", data[: len(data) // 8 * 8])
        if sys.byteorder == "big":
            self._entries.byteswap()

    def block(self, index: int) -> tuple[int, int]:
        """State and place. Raises MediumError for a state that is none."""
        entry = self._entry(index + index // self._ratio)
        if entry & 7 not in _STATES:
            raise MediumError(_STATELESS, f"block {index:,}")
        return entry & 7, entry >> 20 << 20

    def bitmap(self, index: int) -> tuple[int, int]:
        """Place of the bitmap that tells of this block, and which of its blocks it is."""
        chunk, within = divmod(index, self._ratio)
        entry = self._entry((chunk + 1) * self._ratio + chunk)
        if entry & 7 != _WHOLE:
            raise MediumError(f"{KIND}: block without its bitmap", f"block {index}")
        return entry >> 20 << 20, within

    def _entry(self, number: int) -> int:
        if number >= len(self._entries):
            raise MediumError(f"{KIND}: table that is too short", f"entry {number}")
        return self._entries[number]


class _Disk(Mapped):
    def __init__(self, source: ByteSource, disk: _Geometry) -> None:
        super().__init__(disk.size, disk.block, source, None)
        self._table = _Table(source, disk)

    def place(self, index: int) -> int | Empty:
        state, place = self._table.block(index)
        if state == _PART:
            raise MediumError(_STATELESS, f"block {index:,}")
        return place if state == _WHOLE else Empty.ZERO


class _Differencing(Mapped):
    """By sectors, as a block may be there in part."""

    def __init__(self, source: ByteSource, disk: _Geometry, under: Below) -> None:
        super().__init__(disk.size, disk.sector, source, under.source)
        self._table = _Table(source, disk)
        self._sectors = disk.block // disk.sector
        self._bits = lru_cache(64)(self._read_bits)

    def place(self, index: int) -> int | Empty:
        block, sector = divmod(index, self._sectors)
        state, place = self._table.block(block)
        if state in (_ZERO, _UNMAPPED, _UNDEFINED):
            return Empty.ZERO
        if state == _PART:
            bits, within = self._table.bitmap(block)
            bit = within * self._sectors + sector
            if not self._bits(bits)[bit >> 3] >> (bit & 7) & 1:
                return Empty.BELOW
        elif state != _WHOLE:
            return Empty.BELOW
        return place + sector * self.block

    def _read_bits(self, place: int) -> bytes:
        bits = self._file.read_at(place, _MIB)
        if len(bits) < _MIB:
            raise MediumError(f"{KIND}: bitmap beyond the end of the file", f"byte {place:,}")
        return bits


__all__ = ["KIND", "open_it"]
