"""VDI: disks of VirtualBox, dynamic and static.

VirtualBox, ``include/VBox/vd.h`` and ``Storage/VDICore.h``: the pre-header, the header of version
1.1, the map of blocks. All numbers are little-endian.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import BinaryIO, NamedTuple

from ....ntfs import FileSource
from . import Medium, MediumError
from .mapped import Empty, Mapped

KIND = "VDI disk"
_HEADER = struct.Struct("<IIIII256xII12xI4xQIIII64x")
_AT = 64
_SIGNATURE, _VERSION = 0xBEDA107F, 0x10001
_DYNAMIC, _STATIC, _DIFFERENCING = 1, 2, 4
_FREE, _ZERO = 0xFFFF_FFFF, 0xFFFF_FFFE
_MAX_BLOCKS = 1 << 26


class _Header(NamedTuple):
    signature: int
    version: int
    length: int
    kind: int
    flags: int
    map_offset: int
    data_offset: int
    sector: int
    size: int
    block: int
    extra: int
    blocks: int
    allocated: int


def open_it(path: str, file: BinaryIO, depth: int = 0) -> Medium:  # noqa: ARG001 - as all kinds
    """Raises MediumError, OSError."""
    source = FileSource(file)
    data = source.read_at(_AT, _HEADER.size)
    if len(data) < _HEADER.size:
        raise MediumError(f"{KIND}: ends within its header", path)
    header = _Header(*_HEADER.unpack(data))
    if header.version >> 16 != _VERSION >> 16:
        raise MediumError(f"{KIND}: version {header.version >> 16} is not read", path)
    if header.kind == _DIFFERENCING:
        raise MediumError(f"{KIND}: rests on another one, which is not read", path)
    if header.kind not in (_DYNAMIC, _STATIC):
        raise MediumError(f"{KIND}: of a sort that is not read", path)
    if header.block < 512 or header.block % 512 or header.blocks > _MAX_BLOCKS:
        raise MediumError(f"{KIND}: impossible size of a block", path)
    if header.extra:
        raise MediumError(f"{KIND}: blocks with a head of their own are not read", path)
    if header.size > header.blocks * header.block:
        raise MediumError(f"{KIND}: its map is too short", path)
    return Medium(KIND, _Disk(source, header), (path,))


class _Disk(Mapped):
    def __init__(self, source: FileSource, header: _Header) -> None:
        super().__init__(header.size, header.block, source, None)
        data = source.read_at(header.map_offset, 4 * header.blocks)
        if len(data) < 4 * header.blocks:
            raise MediumError(f"{KIND}: map beyond the end of the file")
        self._map = array("I", data)
        if sys.byteorder == "big":
            self._map.byteswap()
        self._data = header.data_offset

    def place(self, index: int) -> int | Empty:
        number = self._map[index]
        if number >= _ZERO:
            return Empty.ZERO
        return self._data + number * self.block


__all__ = ["KIND", "open_it"]
