"""Cabinets: their members, and the content of those that are stored or packed by MSZIP.

A cabinet's folders are streams of blocks, and its files are stretches of them. Format: [MS-CAB] 2
(CFHEADER, CFFOLDER, CFFILE, CFDATA), [MS-MCI] 2 (MSZIP: blocks of deflate, each with the output
before it as its dictionary). Every Windows keeps some: logs of its servicing, installers' caches.

Cannot tell: the content of members packed by LZX or Quantum; their names and sizes are told.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from ..reading.opening import read_at
from . import FormatError
from .compressed import TOO_LARGE, Forward
from .zip_archive import Member, member_name

MAX_FILES_BYTES = 32 << 20
_HEADER = struct.Struct("<4s4xI4xI4xBBHHHHH")
_RESERVED = struct.Struct("<HBB")
_FOLDER = struct.Struct("<IHH")
_FILE = struct.Struct("<IIHHHH")
_DATA = struct.Struct("<4xHH")
_PREVIOUS, _NEXT, _RESERVE = 1, 2, 4
_UTF8 = 0x80
_FIRST_CONTINUED = 0xFFFD
_STORED, _MSZIP = 0, 1
_METHODS = {2: "Quantum", 3: "LZX"}
_CONTINUED = 15
"""As a method: in another cabinet."""
_BLOCK = 1 << 15
_BLOCK_MARK = b"CK"
_MAX_STRING = 256


class _Folder(NamedTuple):
    start: int
    blocks: int
    method: int


class _Place(NamedTuple):
    folder: int
    offset: int


class CabReader:
    """One cabinet; its members are looked at in their order."""

    def __init__(self, file: BinaryIO, limit: int, at_block: Callable[[], object] = bool) -> None:
        """``limit``: bytes that are unpacked at most; ``at_block``: called before each block is.
        The file stays open."""
        self._file = file
        self._at_block = at_block
        self.left = limit
        self._block_reserve = 0
        self._folders: list[_Folder] = []
        self._place = _Place(0, 0)
        self._size = 0
        """Of the member at hand."""
        self._source: Forward | None = None
        self._reached = _Place(0, 0)
        """Where the source stands."""

    def members(self) -> Iterator[Member]:
        """Each member, in the order in which they lie in their folders.

        Raises:
            FormatError: damaged; those before the damage were given.
            OSError: the cabinet cannot be read.
        """
        files, damage = self._listed()
        for place, size, name, method in sorted(files, key=lambda one: one[0]):
            self._place, self._size = place, size
            yield Member(
                name=name, size=size, packed=size, method=method, encrypted=False, header=0
            )
        if damage is not None:
            raise damage

    def first(self, member: Member, limit: int) -> bytes:
        """The first ``limit`` bytes of the member at hand at most.

        Raises:
            FormatError: packed in another way, cut short, damaged, or beyond the bound.
            OSError: the cabinet cannot be read.
        """
        if member.method == _CONTINUED:
            raise FormatError("archive member continued in another cabinet", member.name)
        if member.method not in (_STORED, _MSZIP):
            how = _METHODS.get(member.method, f"method {member.method}")
            raise FormatError(f"archive member packed by {how}", member.name)
        wanted = min(limit, self._size)
        data = self._at(self._place).peek(wanted)
        if len(data) < wanted:
            raise FormatError("archive member is cut short", member.name)
        return data

    def _at(self, place: _Place) -> Forward:
        if self._source is None or self._reached > place or self._reached.folder != place.folder:
            self._source = Forward(_Blocks(self, self._folders[place.folder]).read)
            self._reached = _Place(place.folder, 0)
        self._source.skip(place.offset - self._reached.offset)
        self._reached = place
        return self._source

    def _listed(self) -> tuple[list[tuple[_Place, int, str, int]], FormatError | None]:
        header = read_at(self._file, 0, _HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(b"MSCF"):
            raise FormatError("no header of a cabinet", "0x0")
        _, _, files_at, _, _, folders, files, flags, _, _ = _HEADER.unpack(header)
        at = self._after_header(flags)
        folder_size = _FOLDER.size + self._folder_reserve
        table = read_at(self._file, at, folders * folder_size)
        if len(table) < folders * folder_size:
            raise FormatError("folders beyond the end", f"0x{at:x}")
        for number in range(folders):
            start, blocks, kind = _FOLDER.unpack_from(table, number * folder_size)
            self._folders.append(_Folder(start, blocks, kind & 0xF))
        return self._files(read_at(self._file, files_at, MAX_FILES_BYTES), files)

    def _after_header(self, flags: int) -> int:
        """Where the folders begin."""
        at, self._folder_reserve = _HEADER.size, 0
        if flags & _RESERVE:
            fields = read_at(self._file, at, _RESERVED.size).ljust(_RESERVED.size, b"\0")
            header, self._folder_reserve, self._block_reserve = _RESERVED.unpack(fields)
            at += _RESERVED.size + header
        for _ in range(2 * bool(flags & _PREVIOUS) + 2 * bool(flags & _NEXT)):
            text, end, _ = read_at(self._file, at, _MAX_STRING).partition(b"\0")
            if not end:
                raise FormatError("damaged header of a cabinet", f"0x{at:x}")
            at += len(text) + 1
        return at

    def _files(
        self, data: bytes, count: int
    ) -> tuple[list[tuple[_Place, int, str, int]], FormatError | None]:
        found: list[tuple[_Place, int, str, int]] = []
        at = 0
        for _ in range(count):
            end = data.find(b"\0", at + _FILE.size, at + _FILE.size + _MAX_STRING + 1)
            if end < 0:
                return found, FormatError("damaged entry of a file", f"file {len(found)}")
            size, offset, folder, _, _, attributes = _FILE.unpack_from(data, at)
            name = member_name(data[at + _FILE.size : end], utf8=bool(attributes & _UTF8))
            at = end + 1
            if folder >= _FIRST_CONTINUED:
                found.append((_Place(folder, offset), size, name, _CONTINUED))
            elif folder >= len(self._folders):
                return found, FormatError("file in no folder", name)
            else:
                method = self._folders[folder].method
                found.append((_Place(folder, offset), size, name, method))
        return found, None

    def block(self, at: int) -> tuple[bytes, int, int]:
        """The packed bytes of the block there, the size of what they make, and where the next one
        lies. Raises FormatError, OSError."""
        self._at_block()
        header = read_at(self._file, at, _DATA.size)
        if len(header) < _DATA.size:
            raise FormatError("archive is cut short", f"0x{at:x}")
        packed, size = _DATA.unpack(header)
        at += _DATA.size + self._block_reserve
        data = read_at(self._file, at, packed)
        if len(data) < packed:
            raise FormatError("archive is cut short", f"0x{at:x}")
        self.left -= size
        if self.left < 0:
            raise FormatError(TOO_LARGE, "cabinet")
        return data, size, at + packed


class _Blocks:
    """What the blocks of a folder unpack to."""

    def __init__(self, cabinet: CabReader, folder: _Folder) -> None:
        self._cabinet = cabinet
        self._folder = folder
        self._at, self._left = folder.start, folder.blocks
        self._ready = b""
        self._history = b""

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end. Raises FormatError, OSError."""
        while not self._ready and self._left:
            data, length, self._at = self._cabinet.block(self._at)
            self._left -= 1
            self._ready = data if self._folder.method == _STORED else self._inflated(data, length)
        found, self._ready = self._ready[:size], self._ready[size:]
        return found

    def _inflated(self, data: bytes, size: int) -> bytes:
        if not data.startswith(_BLOCK_MARK) or size > _BLOCK:
            raise FormatError("damaged block of MSZIP", f"0x{self._at:x}")
        decoder = zlib.decompressobj(-zlib.MAX_WBITS, zdict=self._history)
        try:
            found = decoder.decompress(data[len(_BLOCK_MARK) :], size + 1)
        except zlib.error as error:
            raise FormatError(f"damaged block of MSZIP: {error}", f"0x{self._at:x}") from error
        if len(found) != size:
            raise FormatError("damaged block of MSZIP: of another size", f"0x{self._at:x}")
        self._history = (self._history + found)[-_BLOCK:]
        return found
