"""VMDK: disks of VMware; flat, sparse, split, stream-optimised, and chains of snapshots.

VMware, "Virtual Disk Format 5.0"; J. Metz, "VMware Virtual Disk (VMDK) format" (libvmdk), for the
sparse extents of ESX (``COWD``). All numbers are little-endian.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import threading
import zlib
from array import array
from collections import OrderedDict
from typing import BinaryIO, NamedTuple

from msgspec import Struct, field

from ....ntfs import ByteSource, FileSource, SliceSource
from ....reading.opening import open_quietly, reason_of
from . import MAX_FILES, Lacking, Medium, MediumError, beside
from .mapped import Below, Empty, Mapped, below
from .pieces import Pieces

KIND = "VMDK disk"
_SECTOR = 512
_SPARSE = struct.Struct("<4sIIQQQQIQQQB4sH")
_COWD = struct.Struct("<4sIIIIII")
_MARKER = struct.Struct("<QI")
_FOOTER = 1024
"""Bytes before the end."""
_AT_THE_END = (1 << 64) - 1
_COMPRESSED = 1 << 16
_ZERO_ENTRIES = 1 << 2
_COWD_ENTRIES = 4096
_MAX_TABLE = 64 << 20
_MAX_DESCRIPTION = 1 << 20
_MAX_GRAIN = 1 << 16
"""Sectors."""
_TABLES = 1024
"""Tables of the second level that are kept."""
_NO_PARENT = "ffffffff"
_VALUE = re.compile(r'(?im)^\s*([a-z]+)\s*=\s*"?([^"\r\n]*)"?\s*$')
_ENCODING = re.compile(rb'(?im)^\s*encoding\s*=\s*"?([a-z0-9_-]{1,40})')
_EXTENT = re.compile(
    r'(?im)^[ \t]*[A-Z]+[ \t]+([0-9]+)[ \t]+([A-Z]+)(?:[ \t]+"([^"\r\n]*)"(?:[ \t]+([0-9]+))?)?'
)


class _Extent(NamedTuple):
    sectors: int
    kind: str
    name: str
    start: int


class _Description(NamedTuple):
    values: dict[str, str]
    """By their names in small letters."""
    extents: list[_Extent]

    @property
    def parent(self) -> str:
        """The content id of the disk that it rests on; empty for none."""
        told = self.values.get("parentcid", _NO_PARENT).casefold()
        return "" if told == _NO_PARENT else told


class _Grains(NamedTuple):
    """Of a sparse extent; sectors."""

    sectors: int
    grain: int
    directory: int
    per_table: int
    compressed: bool
    zeros: bool
    """Whether an entry of 1 stands for zeros."""


class _Open(Struct):
    """What an open disk consists of."""

    files: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def open_it(path: str, file: BinaryIO, depth: int = 0) -> Medium:
    """``depth``: how many disks rest on this one. Raises MediumError, OSError."""
    source = FileSource(file)
    text = _description_in(source)
    if text is None:
        raise MediumError(f"{KIND}: one extent of several; give the file that describes them", path)
    told = _described(text)
    if not told.extents or len(told.extents) > MAX_FILES:
        raise MediumError(f"{KIND}: a description that names no extents", path)
    if any(max(extent.sectors, extent.start) >= 1 << 48 for extent in told.extents):
        raise MediumError(f"{KIND}: impossible size of an extent", path)
    made = _Open([path])
    under = Below(Pieces([]))
    if told.parent:
        under = below(
            KIND, path, [told.values.get("parentfilenamehint", "")], depth,
            lambda found: _id_of(found) == told.parent,
        )  # fmt: skip
        made.problems += under.problems
    parts: list[ByteSource | Lacking] = []
    start = 0
    for extent in told.extents:
        size = extent.sectors * _SECTOR
        beneath = SliceSource(under.source, start, size) if told.parent else None
        alone = len(told.extents) == 1
        parts.append(_extent(made, path, source, extent, beneath, alone=alone))
        start += size
    disk = Pieces(parts)
    files = (*made.files, *under.files)
    return Medium(KIND, disk, files, disk.lacking, tuple(made.problems))


def _description_in(source: ByteSource) -> str | None:
    """The text that says of what the disk consists; None where there is none."""
    head = source.read_at(0, _SPARSE.size)
    if head.startswith(b"KDMV") and len(head) == _SPARSE.size:
        place, size = _SPARSE.unpack(head)[5:7]
        if not place or size * _SECTOR > _MAX_DESCRIPTION:
            return None
        data = source.read_at(place * _SECTOR, size * _SECTOR)
    elif head.startswith(b"COWD"):
        return None
    else:
        data = source.read_at(0, _MAX_DESCRIPTION)
    text = data.partition(b"\0")[0]
    if not text.strip():
        return None
    told = _ENCODING.search(text)
    try:
        return text.decode(told[1].decode("ascii") if told else "utf-8", "replace")
    except LookupError:
        return text.decode("utf-8", "replace")


def _described(text: str) -> _Description:
    extents = [
        _Extent(int(sectors), kind.upper(), name, int(start or 0))
        for sectors, kind, name, start in _EXTENT.findall(text)
    ]
    return _Description({name.casefold(): told for name, told in _VALUE.findall(text)}, extents)


def _id_of(medium: Medium) -> str:
    """The content id of a parent; empty for what is no VMDK."""
    with open_quietly(medium.files[0]) as file:
        text = _description_in(FileSource(file)) if medium.kind == KIND else None
    return "" if text is None else _described(text).values.get("cid", "").casefold()


def _extent(
    made: _Open,
    path: str,
    own: FileSource,
    extent: _Extent,
    under: ByteSource | None,
    *,
    alone: bool,
) -> ByteSource | Lacking:
    """Its bytes. ``own``: of the file that describes it, which may be the extent itself, under
    another name if it is the only one (``alone``) and was renamed."""
    size = extent.sectors * _SECTOR
    try:
        if extent.kind == "ZERO":
            return _Nothing(size)
        if extent.kind not in ("FLAT", "VMFS", "SPARSE", "VMFSSPARSE"):
            raise MediumError(f"{KIND}: an extent of a sort that is not read", extent.kind)
        own_head = own.read_at(0, 4)
        named = extent.name in ("", os.path.basename(path))
        if own_head == b"KDMV" and extent.kind == "SPARSE" and (alone or named):
            return _sparse(own, size, under)
        place = beside(path, extent.name)
        source = FileSource(open_quietly(place))
        made.files.append(place)
        if extent.kind in ("FLAT", "VMFS"):
            return _Flat(source, extent.start * _SECTOR, size)
        try:
            return _sparse(source, size, under)
        except OSError:
            source.close()
            raise
    except OSError as error:
        what = error.what if isinstance(error, MediumError) else f"{KIND}: {reason_of(error)}"
        why = what if what.startswith(KIND) else f"{KIND}: {what}"
        made.problems.append((why, extent.name))
        return Lacking(0, size, why)


class _Flat(SliceSource):
    """As long as it should be: what lies beyond the file's end cannot be read."""

    def __init__(self, source: ByteSource, offset: int, size: int) -> None:
        super().__init__(source, offset, size)
        self._should = size

    @property
    def size(self) -> int:
        return self._should

    def read_into(self, offset: int, view: memoryview) -> int:
        count = super().read_into(offset, view)
        if count < min(len(view), self._should - offset):
            raise MediumError(f"{KIND}: an extent is cut off", f"byte {offset + count:,}")
        return count


class _Nothing:
    """Zeros."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read_at(self, offset: int, size: int) -> bytes:
        return bytes(max(0, min(size, self.size - offset)))

    def read_into(self, offset: int, view: memoryview) -> int:
        count = max(0, min(len(view), self.size - offset))
        view[:count] = bytes(count)
        return count

    def close(self) -> None:
        pass


def _sparse(source: FileSource, size: int, under: ByteSource | None) -> ByteSource:
    head = source.read_at(0, _SPARSE.size)
    if head.startswith(b"COWD") and len(head) >= _COWD.size:
        _, _, _, sectors, grain, directory, _ = _COWD.unpack_from(head)
        grains = _Grains(sectors, grain, directory, _COWD_ENTRIES, compressed=False, zeros=False)
    elif head.startswith(b"KDMV") and len(head) == _SPARSE.size:
        if _SPARSE.unpack(head)[9] == _AT_THE_END:
            head = source.read_at(max(0, source.size - _FOOTER), _SPARSE.size)
            if not head.startswith(b"KDMV") or len(head) < _SPARSE.size:
                raise MediumError(f"{KIND}: an extent is cut off: it has no end")
        told = _SPARSE.unpack(head)
        flags = told[2]
        grains = _Grains(
            told[3], told[4], told[9], told[7],
            compressed=flags & _COMPRESSED > 0, zeros=flags & _ZERO_ENTRIES > 0,
        )  # fmt: skip
    else:
        raise MediumError(f"{KIND}: an extent that is none")
    return _Sparse(source, grains, size, under)


class _Sparse(Mapped):
    def __init__(
        self, source: FileSource, grains: _Grains, size: int, under: ByteSource | None
    ) -> None:
        is_power = grains.grain & grains.grain - 1 == 0
        fits = 0 < grains.grain <= _MAX_GRAIN and 0 < grains.per_table <= 1 << 16
        if not fits or not is_power:
            raise MediumError(f"{KIND}: impossible size of a grain")
        super().__init__(size, grains.grain * _SECTOR, source, under)
        self._grains = grains
        count = -(-grains.sectors // (grains.grain * grains.per_table))
        if 4 * count > _MAX_TABLE:
            raise MediumError(f"{KIND}: impossible size of its directory")
        if grains.sectors * _SECTOR < size:
            raise MediumError(f"{KIND}: an extent smaller than its description says")
        self._directory = _numbers(source, grains.directory, count)
        self._tables: OrderedDict[int, array[int]] = OrderedDict()
        self._guard = threading.Lock()

    def place(self, index: int) -> int | Empty:
        sector = self._entry(index)
        if not sector:
            return Empty.BELOW
        if sector == 1 and self._grains.zeros:
            return Empty.ZERO
        return -1 if self._grains.compressed else sector * _SECTOR

    def _entry(self, index: int) -> int:
        table, within = divmod(index, self._grains.per_table)
        place = self._directory[table]
        if not place:
            return 0
        entries = self._tables.get(place)
        if entries is None:
            entries = _numbers(self._file, place, self._grains.per_table)
            with self._guard:
                self._tables[place] = entries
                if len(self._tables) > _TABLES:
                    self._tables.popitem(last=False)
        return entries[within]

    def unpack(self, group: int) -> bytes:
        place = self._entry(group) * _SECTOR
        _, size = _MARKER.unpack(self._file.read_at(place, _MARKER.size).ljust(_MARKER.size, b"\0"))
        expected = min(self.block, self._size - group * self.block)
        content = b""
        if 0 < size <= 2 * self.block + 4096:
            unpacker = zlib.decompressobj()
            try:
                content = unpacker.decompress(
                    self._file.read_at(place + _MARKER.size, size), self.block + 1
                )
            except zlib.error:
                content = b""
        if not expected <= len(content) <= self.block:
            raise MediumError(f"{KIND}: damaged compressed grain", f"grain {group:,}")
        return content


def _numbers(source: ByteSource, sector: int, count: int) -> array[int]:
    data = source.read_at(sector * _SECTOR, 4 * count)
    if len(data) < 4 * count:
        raise MediumError(f"{KIND}: table beyond the end of the file", f"sector {sector:,}")
    numbers = array("I", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


__all__ = ["KIND", "open_it"]
