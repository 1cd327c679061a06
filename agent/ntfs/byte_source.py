"""Where the bytes of a volume come from."""

from __future__ import annotations

import os
import threading
from typing import BinaryIO, Protocol

from .holes import Holes

_AT_ONCE = 4096
"""Bytes that nearly always come whole."""


class ByteSource(Protocol):
    """Bytes at offsets, read-only; offsets and sizes in bytes."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read_at(self, offset: int, size: int) -> bytes:
        """At most ``size`` bytes; fewer only at the end. Raises OSError where they cannot be
        read."""

    def read_into(self, offset: int, view: memoryview) -> int:
        """Fill a writable view of bytes from an offset; gives how many bytes came, fewer only at
        the end. Raises OSError; what the view holds is then not to be relied on."""

    def close(self) -> None: ...


class FileSource:
    """A seekable file: an image of a volume, or a part of one."""

    def __init__(self, file: BinaryIO, *, offset: int = 0, size: int | None = None) -> None:
        """``offset``, ``size``: where in the file the volume lies (a partition); default: all of
        it. The file is closed with the source."""
        self._file = file
        self._offset = offset
        self._lock = threading.Lock()
        self._number = _descriptor(file)
        there = max(0, file.seek(0, os.SEEK_END) - offset)
        self._size = there if size is None else min(size, there)
        self._holes = Holes(self._number, offset, offset + self._size)

    @property
    def size(self) -> int:
        return self._size

    def read_at(self, offset: int, size: int) -> bytes:
        size = min(size, self._size - offset)
        if size <= 0 or offset < 0:
            return b""
        if self._holes.cover(self._offset + offset, size):
            return bytes(size)
        if self._number is not None and size <= _AT_ONCE:
            data = os.pread(self._number, size, self._offset + offset)
            if len(data) == size:
                return data
        buffer = bytearray(size)
        with memoryview(buffer) as view:
            count = self.read_into(offset, view)
        return bytes(buffer) if count == size else bytes(buffer[:count])

    def read_into(self, offset: int, view: memoryview) -> int:
        wanted = min(len(view), self._size - offset)
        if wanted <= 0 or offset < 0:
            return 0
        if self._holes.cover(self._offset + offset, wanted):
            view[:wanted] = bytes(wanted)
            return wanted
        if self._number is not None:
            return self._read_by_number(self._number, self._offset + offset, view[:wanted])
        done = 0
        readinto = getattr(self._file, "readinto", None)
        with self._lock:
            self._file.seek(self._offset + offset)
            while done < wanted:
                if readinto is not None:
                    count = readinto(view[done:wanted]) or 0
                else:
                    piece = self._file.read(wanted - done)
                    count = len(piece)
                    view[done : done + count] = piece
                if not count:
                    break
                done += count
        return done

    def _read_by_number(self, number: int, offset: int, view: memoryview) -> int:
        """Without a place in the file that threads would have to share."""
        done = 0
        while done < len(view) and (count := os.preadv(number, [view[done:]], offset + done)):
            done += count
        return done

    def close(self) -> None:
        self._number = None
        self._file.close()


def _descriptor(file: BinaryIO) -> int | None:
    """Of a file that the system reads at any offset; None where it cannot, or for no real file."""
    if not hasattr(os, "preadv"):
        return None
    try:
        return file.fileno()
    except OSError:  # io.UnsupportedOperation
        return None


class SliceSource:
    """A part of another source, such as a partition of a disk."""

    def __init__(self, source: ByteSource, offset: int, size: int) -> None:
        self._source = source
        self._offset = offset
        self._size = max(0, min(size, source.size - offset))

    @property
    def size(self) -> int:
        return self._size

    def read_at(self, offset: int, size: int) -> bytes:
        size = min(size, self._size - offset)
        if size <= 0 or offset < 0:
            return b""
        return self._source.read_at(self._offset + offset, size)

    def read_into(self, offset: int, view: memoryview) -> int:
        size = min(len(view), self._size - offset)
        if size <= 0 or offset < 0:
            return 0
        return self._source.read_into(self._offset + offset, view[:size])

    def close(self) -> None:
        self._source.close()
