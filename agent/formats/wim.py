"""WIM: whole volumes as files, each content once, compressed in chunks.

"Windows Imaging File Format (WIM)", Microsoft 2007, and [MS-WIM]; where these say nothing, what
wimlib 1.13 (E. Biggers) documents in its headers. Read are contents that are stored as they are,
and those of XPRESS and LZX up to the chunk sizes of our decompressors; LZMS and solid resources
(ESD) are not.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from . import FormatError
from .kinds import Read
from .lzx import MAX_CHUNK as MAX_LZX_CHUNK
from .lzx import decompress_hashed_lzx
from .xpress import decompress_huffman

HEADER_SIZE = 208
_HEADER = struct.Struct("<8sIIII16sHHI")
_RESOURCE = struct.Struct("<7sBQQ")
_LOOK_UP = struct.Struct("<24sHI20s")
_ENTRY = struct.Struct("<QIiQ16xQQQ20s4xIIHHH")
_STREAM = struct.Struct("<Q8x20sH")
_SPANNED, _PACKED, _SOLID = 0x08, 0x04, 0x10
_IS_METADATA = 0x02
_COMPRESSED = 0x2
_XPRESS, _LZX, _LZMS = 0x20000, 0x40000, 0x80000
_OF_LOOK_UP = 48
"""Where the header tells it."""
MAX_IMAGES = 1000
MAX_METADATA = 512 << 20
"""Bytes of the list of one image's files; Windows 11's is 40 MiB."""
MAX_LOOK_UP = 256 << 20
_MAX_CHUNK = {_XPRESS: 1 << 16, _LZX: MAX_LZX_CHUNK}
_UNPACK: dict[int, Callable[[bytes, int], bytes]] = {
    _XPRESS: decompress_huffman,
    _LZX: decompress_hashed_lzx,
}
_KEPT = 16
"""Chunks that are kept unpacked, of one content."""
_NOTHING = bytes(20)
FOLDER, REPARSE = 0x10, 0x400
LZMS = "packed by LZMS, which is not read"
SOLID = "packed as a solid resource, which is not read"
ELSEWHERE = "in another part of a split image"


class Resource(NamedTuple):
    """Where a content lies."""

    start: int
    stored: int
    """Bytes that it takes."""
    size: int
    flags: int
    part: int = 1


class WimEntry(NamedTuple):
    """A file or folder of an image."""

    name: str
    attributes: int
    created: int
    """FILETIME, as are the next two."""
    accessed: int
    modified: int
    digest: bytes
    """SHA-1 of its content; zeros: it has none."""
    streams: tuple[tuple[str, bytes], ...]
    """Alternate streams: name, and SHA-1 of the content."""
    below: int
    """Of a folder: where the list of its entries lies in the image's metadata; 0: it is empty."""
    tag: int
    """Of a reparse point; 0: it is none."""


class Wim:
    """One file; all that is asked of it may be asked from any thread."""

    def __init__(self, read: Read) -> None:
        """Raises FormatError: no such file, or one of a sort that is not read; OSError."""
        head = read(0, HEADER_SIZE)
        if len(head) < HEADER_SIZE:
            raise FormatError("header that is cut short")
        (_, _, self.version, flags, self.chunk, self.guid, self.part, self.parts, self.images) = (
            _HEADER.unpack_from(head)
        )
        self.read = read
        self.method = 0
        if flags & _COMPRESSED:
            self.method = flags & (_XPRESS | _LZX | _LZMS)
            if self.method not in (_XPRESS, _LZX):
                raise FormatError(LZMS if self.method == _LZMS else "packed by an unknown method")
            if not 512 <= self.chunk <= _MAX_CHUNK[self.method]:
                raise FormatError(f"packed in chunks of {self.chunk:,} bytes, which is not read")
        if self.images > MAX_IMAGES:
            raise FormatError(f"more than {MAX_IMAGES:,} images")
        self.contents: dict[bytes, Resource] = {}
        """By SHA-1."""
        self.metadata: list[tuple[Resource, bytes]] = []
        """Of the images, in their order, with its SHA-1."""
        for resource, digest in self._looked_up(_resource(head, _OF_LOOK_UP)):
            if resource.flags & _IS_METADATA:
                self.metadata.append((resource, digest))
            else:
                self.contents.setdefault(digest, resource)

    def _looked_up(self, table: Resource) -> Iterator[tuple[Resource, bytes]]:
        if table.size > MAX_LOOK_UP:
            raise FormatError("list of contents larger than is read")
        data = Unpacked(self, table).read(0, table.size)
        if len(data) < table.size:
            raise FormatError("list of contents that is cut short")
        for place, part, _, digest in _LOOK_UP.iter_unpack(data[: len(data) // 50 * 50]):
            yield _resource(place, 0)._replace(part=part), digest

    def content(self, digest: bytes) -> Resource:
        """Where a content lies that is not empty. Raises FormatError."""
        found = self.contents.get(digest)
        if found is None:
            raise FormatError(ELSEWHERE if self.parts > 1 else "content that is not in it")
        if found.flags & _SOLID:
            raise FormatError(SOLID)
        if found.part != self.part or found.flags & _SPANNED:
            raise FormatError(ELSEWHERE)
        return found

    def image(self, number: int) -> tuple[Image, bool]:
        """By its number, from 1, and whether its list of files has the SHA-1 that it should have.
        Raises FormatError, OSError."""
        if not 0 < number <= len(self.metadata):
            raise FormatError(ELSEWHERE if self.parts > 1 else "list of files that is missing")
        resource, digest = self.metadata[number - 1]
        if resource.flags & _SOLID:
            raise FormatError(SOLID)
        if resource.size > MAX_METADATA:
            raise FormatError("list of files larger than is read")
        data = Unpacked(self, resource).read(0, resource.size)
        if len(data) < resource.size:
            raise FormatError("list of files that is cut short")
        return Image(data), hashlib.sha1(data, usedforsecurity=False).digest() == digest


def _resource(data: bytes, at: int) -> Resource:
    stored, flags, start, size = _RESOURCE.unpack_from(data, at)
    return Resource(start, int.from_bytes(stored, "little"), size, flags)


class Unpacked:
    """The bytes of one resource. Not for several threads at once."""

    def __init__(self, wim: Wim, resource: Resource) -> None:
        self._wim = wim
        self._of = resource
        self._count = -(-resource.size // wim.chunk) if wim.chunk else 0
        self._width = 8 if resource.size > 0xFFFF_FFFF else 4
        self._table = max(0, self._count - 1) * self._width
        self._unpacked = lru_cache(_KEPT)(self._unpack)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes, fewer only at the end of what holds them. Raises FormatError, OSError."""
        size = max(0, min(size, self._of.size - offset))
        if not self._of.flags & _PACKED:
            return self._stored(offset, min(size, self._of.stored - offset))
        if not self._wim.method:
            raise FormatError("content packed by no method")
        made = bytearray()
        while len(made) < size:
            number, skip = divmod(offset + len(made), self._wim.chunk)
            made += self._unpacked(number)[skip : skip + size - len(made)]
        return bytes(made)

    def _unpack(self, number: int) -> bytes:
        start, end = self._place(number), self._place(number + 1)
        size = min(self._wim.chunk, self._of.size - number * self._wim.chunk)
        if not self._table <= start < end <= self._of.stored or end - start > size:
            raise FormatError("place of a chunk that makes no sense", str(number))
        data = self._stored(start, end - start)
        return data if end - start == size else _UNPACK[self._wim.method](data, size)

    def _place(self, number: int) -> int:
        """Where a chunk begins, behind the resource's start; of the one behind the last, the
        end."""
        if number in (0, self._count):
            return self._table if number == 0 else self._of.stored
        told = self._stored((number - 1) * self._width, self._width)
        return self._table + int.from_bytes(told, "little")

    def _stored(self, offset: int, size: int) -> bytes:
        """As they lie there, all of them."""
        data = self._wim.read(self._of.start + offset, size)
        if len(data) < size:
            raise FormatError("content that is cut short", f"0x{self._of.start:x}")
        return data


class Image:
    """The files of one image."""

    def __init__(self, data: bytes) -> None:
        """``data``: its metadata. Raises FormatError."""
        self._data = data
        length = max(8, int.from_bytes(data[:4], "little"))
        at = length + 7 & ~7
        tops = list(self.entries(at))
        if len(tops) != 1 or not tops[0].attributes & FOLDER:
            raise FormatError("list of files without a top", f"0x{at:x}")
        self.top = tops[0]

    def entries(self, at: int) -> Iterator[WimEntry]:
        """Of a folder, by :attr:`WimEntry.below`. Raises FormatError."""
        data, end = self._data, len(self._data)
        while at + 8 <= end:
            length = int.from_bytes(data[at : at + 8], "little")
            if length <= 8:
                return
            if length < _ENTRY.size or at + length > end:
                break
            (_, attributes, _, below, created, accessed, modified, digest, tag, _, streams, _,
             size) = _ENTRY.unpack_from(data, at)  # fmt: skip
            name = data[at + _ENTRY.size : at + _ENTRY.size + size]
            if len(name) < size or _ENTRY.size + size > length:
                break
            at += length + 7 & ~7
            told: list[tuple[str, bytes]] = []
            for _ in range(streams):
                stream, at = self._stream(at)
                told.append(stream)
            unnamed = next((other for stream, other in told if not stream and any(other)), digest)
            yield WimEntry(
                name.decode("utf-16-le", "surrogatepass"),
                attributes,
                created,
                accessed,
                modified,
                digest if any(digest) else unnamed,
                tuple(one for one in told if one[0]),
                below if attributes & FOLDER and not attributes & REPARSE else 0,
                tag if attributes & REPARSE else 0,
            )
        raise FormatError("list of files that makes no sense", f"0x{at:x}")

    def _stream(self, at: int) -> tuple[tuple[str, bytes], int]:
        """One, and where the next is. Raises FormatError."""
        if at + _STREAM.size <= len(self._data):
            length, digest, size = _STREAM.unpack_from(self._data, at)
            name = self._data[at + _STREAM.size : at + _STREAM.size + size]
            if _STREAM.size + size <= length and at + length <= len(self._data):
                text = name.decode("utf-16-le", "surrogatepass")
                return (text, digest), at + (length + 7 & ~7)
        raise FormatError("stream that makes no sense", f"0x{at:x}")


def images_in(read: Read) -> int:
    """How many there are, as the header tells it. Raises OSError."""
    head = read(0, HEADER_SIZE)
    return 0 if len(head) < HEADER_SIZE else int(_HEADER.unpack_from(head)[-1])


__all__ = ["FOLDER", "REPARSE", "Image", "Resource", "Unpacked", "Wim", "WimEntry", "images_in"]
