"""VHD: disks of Virtual PC, Hyper-V and Azure; fixed, dynamic and differencing.

Microsoft, "Virtual Hard Disk Image Format Specification" 1.0: the footer, the dynamic header, the
table of blocks (BAT), each block's bitmap of sectors. All numbers are big-endian.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from ....ntfs import ByteSource, FileSource, SliceSource
from ....reading.opening import open_quietly
from . import Medium, MediumError
from .mapped import Below, Empty, Mapped, below

KIND = "VHD disk"
_FOOTER = struct.Struct(">8s8xQ24xQ4xI4x16s")
"""Cookie, place of the dynamic header, size of the disk, type, id."""
_HEADER = struct.Struct(">8s8xQ4xII4x16s8x512s")
"""Cookie, place of the table, entries, size of a block, id and name of the parent."""
_LOCATOR = struct.Struct(">4sII4xQ")
_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_FREE = 0xFFFF_FFFF
_SECTOR = 512
_HEADER_SIZE = 1024
_MAX_ENTRIES = 1 << 24
_MAX_NAME = 2048
_LOCATORS = 8


class _Footer(NamedTuple):
    cookie: bytes
    header: int
    size: int
    kind: int
    id: bytes


class _Header(NamedTuple):
    cookie: bytes
    table: int
    entries: int
    block: int
    parent: bytes
    name: bytes


def open_it(path: str, file: BinaryIO, depth: int = 0) -> Medium:
    """``depth``: how many disks rest on this one. Raises MediumError, OSError."""
    source = FileSource(file)
    footer, problems = _footer(source, path)
    if footer.kind == _FIXED:
        if footer.size > source.size:
            problems += ((f"{KIND}: cut off", path),)
        return Medium(KIND, SliceSource(source, 0, footer.size), (path,), problems=problems)
    if footer.kind not in (_DYNAMIC, _DIFFERENCING):
        raise MediumError(f"{KIND}: of a sort that is not read", path)
    data = source.read_at(footer.header, _HEADER.size)
    if len(data) < _HEADER.size or not data.startswith(b"cxsparse"):
        raise MediumError(f"{KIND}: no dynamic header where it should be", path)
    header = _Header(*_HEADER.unpack(data))
    if header.block < _SECTOR or header.block & header.block - 1 or header.block > 1 << 30:
        raise MediumError(f"{KIND}: impossible size of a block", path)
    if header.entries > _MAX_ENTRIES or header.entries * header.block < footer.size:
        raise MediumError(f"{KIND}: impossible size of its table", path)
    if not _holds(source.read_at(footer.header, _HEADER_SIZE), 36):
        problems += ((f"{KIND}: dynamic header whose checksum differs", path),)
    if footer.kind == _DYNAMIC:
        return Medium(KIND, _Dynamic(source, footer, header), (path,), problems=problems)
    names = [*_names(source, footer, header)]
    under = below(KIND, path, names, depth, lambda found: _id_of(found) == header.parent)
    disk = _Differencing(source, footer, header, under)
    return Medium(KIND, disk, (path, *under.files), problems=(*problems, *under.problems))


def _footer(source: ByteSource, path: str) -> tuple[_Footer, tuple[tuple[str, str], ...]]:
    """The one at the end, or its copy at the start where that is damaged; and what is wrong with
    it where no whole one is there."""
    found: list[bytes] = []
    for place in (source.size - _SECTOR, source.size - _SECTOR + 1, 0):
        data = source.read_at(max(0, place), _SECTOR)
        if len(data) >= _FOOTER.size and data.startswith(b"conectix"):
            found.append(data)
    if not found:
        raise MediumError(f"{KIND}: no footer where it should be", path)
    best = next((one for one in found if _holds(one, 64)), None)
    wrong = () if best is not None else ((f"{KIND}: footer whose checksum differs", path),)
    return _Footer(*_FOOTER.unpack_from(best or found[0])), wrong


def _holds(data: bytes, at: int) -> bool:
    """Whether the checksum at this place is that of the others."""
    kept = data[at : at + 4]
    return ~(sum(data) - sum(kept)) & 0xFFFF_FFFF == int.from_bytes(kept, "big")


def _id_of(medium: Medium) -> bytes:
    """Of a parent, a fixed one that is read as a raw image too; empty for what is no VHD."""
    try:
        with open_quietly(medium.files[0]) as file:
            return _footer(FileSource(file), medium.files[0])[0].id
    except MediumError:
        return b""


def _names(source: ByteSource, footer: _Footer, header: _Header) -> Iterator[str]:
    """What the parent is called, in the header and by its locators for Windows."""
    yield header.name.decode("utf-16-be", "replace").partition("\0")[0]
    places = source.read_at(footer.header + _HEADER.size, _LOCATORS * _LOCATOR.size)
    for at in range(0, len(places) // _LOCATOR.size * _LOCATOR.size, _LOCATOR.size):
        code, _, length, place = _LOCATOR.unpack_from(places, at)
        if code in (b"W2ru", b"W2ku") and length <= _MAX_NAME:
            yield source.read_at(place, length).decode("utf-16-le", "replace").rstrip("\0")


def _table(source: ByteSource, header: _Header) -> array[int]:
    data = source.read_at(header.table, 4 * header.entries)
    if len(data) < 4 * header.entries:
        raise MediumError(f"{KIND}: table beyond the end of the file")
    table = array("I", data)
    if sys.byteorder == "little":
        table.byteswap()
    return table


def _bitmap_size(block: int) -> int:
    """Bytes before each block: a bit a sector, whole sectors."""
    return -(-block // _SECTOR // 8) + _SECTOR - 1 & -_SECTOR


class _Dynamic(Mapped):
    def __init__(self, source: ByteSource, footer: _Footer, header: _Header) -> None:
        super().__init__(footer.size, header.block, source, None)
        self._table = _table(source, header)
        self._bitmap = _bitmap_size(header.block)

    def place(self, index: int) -> int | Empty:
        sector = self._table[index]
        return Empty.ZERO if sector == _FREE else sector * _SECTOR + self._bitmap


class _Differencing(Mapped):
    """By sectors: each block says of each of its own whether it has it."""

    def __init__(self, source: ByteSource, footer: _Footer, header: _Header, under: Below) -> None:
        super().__init__(footer.size, _SECTOR, source, under.source)
        self._table = _table(source, header)
        self._sectors = header.block // _SECTOR
        self._bitmap = _bitmap_size(header.block)
        self._bits = lru_cache(256)(self._read_bits)

    def place(self, index: int) -> int | Empty:
        block, sector = divmod(index, self._sectors)
        start = self._table[block]
        if start == _FREE or not self._bits(start)[sector >> 3] >> (7 - (sector & 7)) & 1:
            return Empty.BELOW
        return start * _SECTOR + self._bitmap + sector * _SECTOR

    def _read_bits(self, start: int) -> bytes:
        bits = self._file.read_at(start * _SECTOR, self._bitmap)
        if len(bits) < self._bitmap:
            raise MediumError(f"{KIND}: block beyond the end of the file", f"sector {start:,}")
        return bits


__all__ = ["KIND", "open_it"]
