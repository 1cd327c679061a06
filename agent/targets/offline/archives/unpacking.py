"""Members of archives as files: unpacked as far as somebody reads, and kept as long as they are
open, in memory or in a temporary file without a name."""

from __future__ import annotations

import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from ....formats import FormatError
from ....ntfs import ByteSource, FileSource

MAX_HELD = 8 << 20
"""Bytes of one member in memory; what is larger goes on in a temporary file."""
MAX_MEMBER = 16 << 30
"""Bytes of one that is unpacked."""
LEAST_FREE = 1 << 30
"""Bytes that are left free where temporary files lie."""
_PIECE = 4 << 20
OTHER_SIZE = "archive member of another size than its directory says"
BROKEN = "archive member whose checksum differs"
NO_ROOM = "archive member for which there is no room among the temporary files"
TOO_LARGE = "archive member larger than is unpacked"


class Unpacked(io.RawIOBase):
    """One member. Reading raises OSError where it is broken, or not as its directory says."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        size: int,
        crc: int | None = None,
        *,
        held: BinaryIO | None = None,
    ) -> None:
        """``pieces``: its bytes in their order, which may raise OSError and FormatError; ``size``:
        as its directory tells it; ``held``: is closed with it. Raises OSError."""
        super().__init__()
        self._pieces = pieces
        self._size = size
        self._crc = crc
        self._held = held
        self._sum = 0
        self._made = 0
        self._at = 0
        self._failed: OSError | None = None
        self._ended = False
        self._store: Any = io.BytesIO()
        self._in_memory = True
        if size > MAX_MEMBER:
            raise OSError(TOO_LARGE)

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
            wanted = max(0, min(len(view), self._size - self._at))
            self._unpack_to(self._at + wanted)
            self._store.seek(self._at)
            count = int(self._store.readinto(view[:wanted]) or 0)
            self._at += count
            return count

    def _unpack_to(self, end: int) -> None:
        """Raises OSError."""
        if self._failed is not None and end > self._made:
            raise self._failed
        try:
            while not self._ended and (self._made < end or self._made == self._size):
                self._next()
        except FormatError as error:
            self._failed = OSError(f"archive: {error.what}")
            raise self._failed from error
        except OSError as error:
            self._failed = error
            raise

    def _next(self) -> None:
        """Behind its last byte too: that nothing follows, and its checksum, belong to it."""
        piece = next(self._pieces, b"")
        if not piece:
            self._ended = True
            if self._made != self._size:
                raise OSError(OTHER_SIZE)
            if self._crc is not None and self._sum != self._crc:
                self._made = 0  # Which of its bytes are others nobody knows.
                raise OSError(BROKEN)
            return
        if self._made + len(piece) > self._size:
            self._made = 0
            raise OSError(OTHER_SIZE)
        if self._crc is not None:
            self._sum = zlib.crc32(piece, self._sum)
        self._keep(piece)
        self._made += len(piece)

    def _keep(self, piece: bytes) -> None:
        if self._in_memory and self._made + len(piece) > MAX_HELD:
            folder = tempfile.gettempdir()
            if shutil.disk_usage(folder).free < self._size + LEAST_FREE:
                raise OSError(NO_ROOM)
            kept = self._store.getvalue()
            self._store = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115
            self._in_memory = False
            _write(self._store, kept)
        self._store.seek(self._made)
        _write(self._store, piece)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._store.close()
            if self._held is not None:
                self._held.close()


class SharedReading(io.RawIOBase):
    """A place in bytes from which several read."""

    def __init__(self, source: ByteSource) -> None:
        """The source is not closed with it."""
        super().__init__()
        self._source, self._at = source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}
        self._at = max(0, base[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        with memoryview(buffer) as view, view.cast("B") as whole:
            count = self._source.read_into(self._at, whole)
        self._at += count
        return count


def spooled(file: BinaryIO, size: int) -> FileSource:
    """All of a file in a temporary one without a name. Raises OSError."""
    if size > MAX_MEMBER:
        raise OSError(TOO_LARGE)
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < size + LEAST_FREE:
        raise OSError(NO_ROOM)
    store = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - closed with the source
    try:
        while data := file.read(_PIECE):
            _write(store, data)
    except OSError:
        store.close()
        raise
    return FileSource(store)


def _write(store: BinaryIO, data: bytes) -> None:
    with memoryview(data) as view:
        done = 0
        while done < len(data):
            done += store.write(view[done:]) or 0
