"""Sparse files in a collection of Velociraptor: their pieces, and an index that tells where each
belongs.

The change journal is uploaded so. Beside ``NAME`` lies ``NAME.idx``, JSON with a list ``ranges`` of
``file_offset``, ``original_offset``, ``file_length`` (0: a hole) and ``length`` (Velociraptor,
``actions/proto/transport.proto``, messages Range and Index); numbers that are 0 may be left out.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec

from ....reading.opening import is_gone, open_quietly, read_up_to

SUFFIX = ".idx"
MAX_INDEX_BYTES = 64 << 20
_MAX_OFFSET = 1 << 60
BAD_INDEX = "sparse file whose index makes no sense"


class Piece(NamedTuple):
    """Neighbouring bytes of the file as it was; sizes in bytes."""

    start: int
    length: int
    stored: int
    """Where they lie in the copy."""


class _Range(msgspec.Struct):
    file_offset: int = 0
    original_offset: int = 0
    file_length: int = 0
    length: int = 0


class _Index(msgspec.Struct):
    ranges: list[_Range]


_INDEXES = msgspec.json.Decoder(_Index, strict=False)


def open_collected(path: str) -> BinaryIO:
    """A file of a collection as the host had it, holes included: seekable, unbuffered.

    Raises OSError, for an index that makes no sense too.
    """
    index = _index_beside(path)
    file = open_quietly(path)
    return file if index is None else put_together(file, index)


def put_together(file: BinaryIO, index: bytes) -> BinaryIO:
    """The same of a file and what lies beside it under its name and ``.idx``: the file as it is
    where that is no index, as another file may have such a name. Raises OSError; the file is closed
    then."""
    try:
        if len(index) > MAX_INDEX_BYTES:
            raise OSError(BAD_INDEX)
        try:
            told = _INDEXES.decode(index)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            file.seek(0)
            return file
        there = file.seek(0, io.SEEK_END)
        return cast("BinaryIO", SparseFile(file, *_pieces(told, there)))
    except OSError:
        file.close()
        raise


def _index_beside(path: str) -> bytes | None:
    """None if there is none."""
    try:
        with open_quietly(path + SUFFIX) as file:
            return read_up_to(file, MAX_INDEX_BYTES + 1)
    except OSError as error:
        if is_gone(error):
            return None
        raise


def _pieces(index: _Index, there: int) -> tuple[list[Piece], int]:
    """The pieces in their order, and the size of the whole. Raises OSError."""
    pieces: list[Piece] = []
    end = 0
    for one in sorted(index.ranges, key=lambda part: part.original_offset):
        length = one.file_length
        sound = (
            end <= one.original_offset < _MAX_OFFSET
            and 0 <= length <= one.length < _MAX_OFFSET
            and 0 <= one.file_offset <= there - length
        )
        if not sound:
            raise OSError(BAD_INDEX)
        end = one.original_offset + one.length
        if length:
            pieces.append(Piece(one.original_offset, length, one.file_offset))
    return pieces, end


class SparseFile(io.RawIOBase):
    """Pieces at their places; zeros between them."""

    def __init__(self, file: BinaryIO, pieces: Sequence[Piece], size: int) -> None:
        """``pieces``: by their starts, none over another. The file is closed with this one."""
        super().__init__()
        self._file = file
        self._pieces = pieces
        self._starts = [piece.start for piece in pieces]
        self._size = size
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
            size = max(0, min(len(view), self._size - self._at))
            view[:size] = bytes(size)
            number = max(0, bisect_right(self._starts, self._at) - 1)
            while number < len(self._pieces) and self._pieces[number].start < self._at + size:
                self._fill(view[:size], self._pieces[number])
                number += 1
            self._at += size
            return size

    def _fill(self, view: memoryview, piece: Piece) -> None:
        """What of the piece lies in the view, which begins where the file stands."""
        first = max(self._at, piece.start)
        last = min(self._at + len(view), piece.start + piece.length)
        if first < last:
            self._file.seek(piece.stored + first - piece.start)
            data = read_up_to(self._file, last - first, last - first)
            view[first - self._at : first - self._at + len(data)] = data

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()
