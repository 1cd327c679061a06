"""Files that the Windows Overlay Filter keeps compressed ("CompactOS", ``compact /exe``).

The unnamed stream is a hole; the bytes lie, chunk by chunk, in the stream ``WofCompressedData``,
behind a table of where each chunk but the first begins. Which algorithm: [MS-FSCC] 2.1.2 and
WOF_EXTERNAL_INFO, FILE_PROVIDER_EXTERNAL_INFO_V1 (ntifs.h).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple, cast

from ..formats import FormatError
from ..formats.lzx import decompress_lzx
from ..formats.xpress import decompress_huffman
from .entry import REPARSE_WOF, WOF_STREAM, MftEntry, Stream
from .errors import NtfsError

_EXTERNAL = struct.Struct("<8xIIII")
"""Behind the tag: version and provider, then the provider's own version and the algorithm."""
_FILE_PROVIDER = 2
"""The other one, 1, keeps the bytes in a WIM file."""
_LONG = 0xFFFF_FFFF
"""Of a larger file the table has entries of eight bytes."""
_PER_READ = 4096
"""Entries of the table."""
DAMAGED = "compressed by CompactOS: damaged"


class _Algorithm(NamedTuple):
    chunk: int
    """Bytes of the file."""
    decompress: Callable[[bytes, int], bytes]


_ALGORITHMS = {
    0: _Algorithm(4 << 10, decompress_huffman),
    1: _Algorithm(32 << 10, decompress_lzx),
    2: _Algorithm(8 << 10, decompress_huffman),
    3: _Algorithm(16 << 10, decompress_huffman),
}


def compressed_stream(entry: MftEntry) -> Stream | None:
    """The stream that keeps the bytes of a compressed file; None for any other file, and for one
    whose bytes lie outside the volume or are compressed in no known way."""
    return None if _algorithm(entry) is None else entry.stream(WOF_STREAM)


def _algorithm(entry: MftEntry) -> _Algorithm | None:
    if entry.reparse_tag != REPARSE_WOF or len(entry.reparse_data) < _EXTERNAL.size:
        return None
    _, provider, _, algorithm = _EXTERNAL.unpack_from(entry.reparse_data)
    return _ALGORITHMS.get(algorithm) if provider == _FILE_PROVIDER else None


def decompressed(entry: MftEntry, stored: BinaryIO) -> BinaryIO:
    """The bytes of a file, given the stream that keeps them compressed."""
    algorithm = _algorithm(entry)
    assert algorithm is not None
    return cast("BinaryIO", _Decompressed(stored, entry.size or 0, algorithm))


class _Decompressed(io.RawIOBase):
    """A seekable, read-only file. Holds one chunk and a piece of the table."""

    def __init__(self, stored: BinaryIO, size: int, algorithm: _Algorithm) -> None:
        super().__init__()
        self._stored = stored
        self._size = size
        self._algorithm = algorithm
        self._width = 8 if size > _LONG else 4
        self._table = (max(1, -(-size // algorithm.chunk)) - 1) * self._width
        self._end = stored.seek(0, io.SEEK_END) - self._table
        if self._end < 0:
            raise NtfsError(DAMAGED, f"{self._end + self._table} bytes in place of {size}")
        self._places: tuple[int, bytes] = (0, b"")
        self._chunk: tuple[int, bytes] = (-1, b"")
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}
        self._at = max(0, start[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        with memoryview(buffer) as whole, whole.cast("B") as view:
            size, done = min(len(view), self._size - self._at), 0
            while done < size:
                number, within = divmod(self._at, self._algorithm.chunk)
                piece = self._decompress(number)[within : within + size - done]
                view[done : done + len(piece)] = piece
                done += len(piece)
                self._at += len(piece)
            return done

    def _decompress(self, number: int) -> bytes:
        if self._chunk[0] != number:
            start, end = self._place(number), self._place(number + 1)
            size = min(self._algorithm.chunk, self._size - number * self._algorithm.chunk)
            if not 0 <= start < end <= self._end or end - start > size:
                raise NtfsError(DAMAGED, f"chunk {number}")
            self._stored.seek(self._table + start)
            data = self._stored.read(end - start) or b""
            if len(data) < end - start:
                raise NtfsError(DAMAGED, f"chunk {number}")
            if len(data) < size:
                try:
                    data = self._algorithm.decompress(data, size)
                except FormatError as error:
                    raise NtfsError(DAMAGED, f"chunk {number}: {error}") from error
            self._chunk = (number, data)
        return self._chunk[1]

    def _place(self, number: int) -> int:
        """Where a chunk begins, behind the table; of the one behind the last, where that ends."""
        offset = (number - 1) * self._width
        if not number:
            return 0
        if offset >= self._table:
            return self._end
        first, piece = self._places
        if not first <= offset < first + len(piece):
            self._stored.seek(offset)
            most = min(_PER_READ * self._width, self._table - offset)
            first, piece = self._places = offset, self._stored.read(most) or b""
        return int.from_bytes(piece[offset - first : offset - first + self._width], "little")
