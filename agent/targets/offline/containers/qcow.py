"""QCOW2: disks of QEMU and KVM, with backing files, compressed clusters and extended L2 entries.

QEMU, ``docs/interop/qcow2.txt``: the header, the two levels of tables, compressed clusters,
extended entries. All numbers are big-endian.
"""

from __future__ import annotations

import struct
import sys
import threading
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from ....ntfs import ByteSource, FileSource
from . import Medium, MediumError
from .mapped import Below, Empty, Mapped, below

KIND = "QCOW disk"
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
_FEATURES = struct.Struct(">QQQII")
_CORRUPT, _ELSEWHERE, _EXTENDED = 1 << 1, 1 << 2, 1 << 4
_KNOWN = 0b11111
_PLACE = 0x00FF_FFFF_FFFF_FE00
_COMPRESSED = 1 << 62
_ZERO = 1
_SUBCLUSTERS = 32
_MAX_L1 = 32 << 20
"""Bytes; QEMU's own bound."""
_TABLES = 512
"""Tables of the second level that are kept."""
_MAX_NAME = 1023
_IMPOSSIBLE = f"{KIND}: cluster where none can be"


class _Header(NamedTuple):
    magic: bytes
    version: int
    backing_offset: int
    backing_size: int
    cluster_bits: int
    size: int
    encryption: int
    l1_size: int
    l1_offset: int
    refcounts: int
    refcount_clusters: int
    snapshots: int
    snapshots_offset: int


def open_it(path: str, file: BinaryIO, depth: int = 0) -> Medium:
    """``depth``: how many disks rest on this one. Raises MediumError, OSError."""
    source = FileSource(file)
    data = source.read_at(0, _HEADER.size)
    if len(data) < _HEADER.size:
        raise MediumError(f"{KIND}: ends within its header", path)
    header = _Header(*_HEADER.unpack(data))
    if header.version not in (2, 3):
        raise MediumError(f"{KIND}: version {header.version} is not read", path)
    if not 9 <= header.cluster_bits <= 21:
        raise MediumError(f"{KIND}: impossible size of a cluster", path)
    features, packing = _features(source, header)
    _refuse(header, features, path)
    problems: list[tuple[str, str]] = []
    if features & _CORRUPT:
        problems.append((f"{KIND}: marked as corrupt by QEMU", path))
    if header.snapshots:
        problems.append((f"{KIND}: earlier states kept in it are not looked into", path))
    under = _backing(source, header, path, depth)
    disk = _Disk(source, header, under.source if under else None, features & _EXTENDED > 0, packing)
    if under is None:
        return Medium(KIND, disk, (path,), problems=tuple(problems))
    return Medium(KIND, disk, (path, *under.files), problems=(*problems, *under.problems))


def _features(source: ByteSource, header: _Header) -> tuple[int, int]:
    """What a reader must know, and how clusters are compressed."""
    if header.version == 2:
        return 0, 0
    data = source.read_at(_HEADER.size, _FEATURES.size + 1)
    if len(data) < _FEATURES.size:
        raise MediumError(f"{KIND}: ends within its header")
    must, _, _, _, length = _FEATURES.unpack_from(data)
    return must, data[_FEATURES.size] if length > _HEADER.size + _FEATURES.size else 0


def _refuse(header: _Header, features: int, path: str) -> None:
    """Raises MediumError for what is not read."""
    if header.encryption:
        raise MediumError(f"{KIND}: encrypted", path)
    if features & _ELSEWHERE:
        raise MediumError(f"{KIND}: its data lie in another file", path)
    if features & ~_KNOWN:
        raise MediumError(f"{KIND}: of a later sort than is read", path)
    if header.l1_size * 8 > _MAX_L1:
        raise MediumError(f"{KIND}: impossible size of its table", path)


def _backing(source: ByteSource, header: _Header, path: str, depth: int) -> Below | None:
    if not header.backing_offset:
        return None
    if header.backing_size > _MAX_NAME:
        raise MediumError(f"{KIND}: impossible name of its backing file", path)
    name = source.read_at(header.backing_offset, header.backing_size).decode("utf-8", "replace")
    return below(KIND, path, [name], depth)


class _Disk(Mapped):
    def __init__(
        self,
        source: ByteSource,
        header: _Header,
        under: ByteSource | None,
        extended: bool,  # noqa: FBT001 - of the header
        packing: int,
    ) -> None:
        self._bits = header.cluster_bits
        self._entry = 16 if extended else 8
        self._per_table_bits = self._bits - (4 if extended else 3)
        block = 1 << self._bits
        self._cluster = block
        super().__init__(header.size, block // _SUBCLUSTERS if extended else block, source, under)
        self._extended = extended
        self.together = _SUBCLUSTERS if extended else 1
        self._has_zeros = header.version >= 3
        self._inflate = _inflater(packing)
        self._l1 = self._first_table(header)
        self._tables: OrderedDict[int, array[int]] = OrderedDict()
        self._guard = threading.Lock()

    def _first_table(self, header: _Header) -> array[int]:
        """A place that it lacks would be taken for zeros. Raises MediumError."""
        if header.l1_offset % self._cluster:
            raise MediumError(f"{KIND}: impossible place of its table")
        table = _numbers(self._file.read_at(header.l1_offset, header.l1_size * 8))
        reach = 1 << self._bits + self._per_table_bits
        if len(table) < max(header.l1_size, -(-header.size // reach)):
            raise MediumError(f"{KIND}: table that is too short")
        return table

    def place(self, index: int) -> int | Empty:
        if not self._extended:
            return self._simple(self._entries(index)[0])
        cluster, part = divmod(index, _SUBCLUSTERS)
        entry, bits = self._entries(cluster)
        if entry & _COMPRESSED:
            return -1
        is_there, is_zero = bits >> part & 1, bits >> part + 32 & 1
        if is_there and is_zero:
            raise MediumError(_IMPOSSIBLE, f"cluster {cluster:,}")
        if is_there:
            return self._aligned(entry) + part * self.block
        return Empty.ZERO if is_zero else Empty.BELOW

    def _simple(self, entry: int) -> int | Empty:
        if entry & _COMPRESSED:
            return -1
        if entry & _ZERO and self._has_zeros:
            return Empty.ZERO
        return self._aligned(entry) if entry & _PLACE else Empty.BELOW

    def _aligned(self, entry: int) -> int:
        """Raises MediumError for where no cluster can lie."""
        place = entry & _PLACE
        if not place or place % self._cluster:
            raise MediumError(_IMPOSSIBLE, f"byte {place:,}")
        return place

    def _entries(self, cluster: int) -> tuple[int, int]:
        """The entry of a cluster, and the bits of its parts."""
        at, within = cluster >> self._per_table_bits, cluster & (1 << self._per_table_bits) - 1
        if not self._l1[at] & _PLACE:
            return 0, 0
        place = self._aligned(self._l1[at])
        table = self._tables.get(place)
        if table is None:
            table = self._load(place)
        if not self._extended:
            return table[within], 0
        return table[2 * within], table[2 * within + 1]

    def _load(self, place: int) -> array[int]:
        data = self._file.read_at(place, self._cluster)
        if len(data) < self._cluster:
            raise MediumError(f"{KIND}: table beyond the end of the file", f"byte {place:,}")
        table = _numbers(data)
        with self._guard:
            self._tables[place] = table
            if len(self._tables) > _TABLES:
                self._tables.popitem(last=False)
        return table

    def unpack(self, group: int) -> bytes:
        entry, _ = self._entries(group)
        bits = 62 - (self._bits - 8)
        place = entry & (1 << bits) - 1
        sectors = (entry & _COMPRESSED - 1) >> bits
        packed = self._file.read_at(place, (sectors + 1) * 512 - place % 512)
        try:
            return self._inflate(packed, self._cluster)
        except ValueError as error:
            raise MediumError(f"{KIND}: damaged compressed cluster", f"cluster {group}") from error


def _inflater(packing: int) -> Callable[[bytes, int], bytes]:
    """Raises MediumError; what it gives raises ValueError."""
    if packing == 0:
        return _deflated
    if packing != 1:
        raise MediumError(f"{KIND}: compressed in a way that is not read")
    try:
        import zstandard
    except ImportError as error:
        raise MediumError(f"{KIND}: compressed by zstd, which this build cannot read") from error

    def unpacked(packed: bytes, size: int) -> bytes:
        try:
            # what stands behind the frame, up to the end of its sector, is not its own
            data = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        if len(data) != size:
            raise ValueError("of another size")
        return data

    return unpacked


def _deflated(packed: bytes, size: int) -> bytes:
    try:
        data = zlib.decompressobj(-12).decompress(packed, size)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(data) != size:
        raise ValueError("of another size")
    return data


def _numbers(data: bytes) -> array[int]:
    numbers = array("Q", data[: len(data) // 8 * 8])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


__all__ = ["KIND", "open_it"]
