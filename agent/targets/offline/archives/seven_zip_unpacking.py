"""What py7zr is asked for, and what it ends in; loaded where a 7z archive is met."""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from py7zr import SevenZipFile
from py7zr.exceptions import ArchiveError, PasswordRequired, UnsupportedCompressionMethodError
from py7zr.io import Py7zIO, WriterFactory

from ....formats import FormatError
from . import Node
from .seven_zip import MAX_BLOCK, Block
from .unpacking import BROKEN
from .zip_listing import METHOD

LIST_ENCRYPTED = "7z archive whose list of members is encrypted"
LIST_DAMAGED = "7z archive: its list is damaged"
_DAMAGE = (
    ArchiveError, AttributeError, EOFError, IndexError, KeyError, MemoryError, OverflowError,
    TypeError, ValueError, lzma.LZMAError, struct.error, zlib.error,
)  # fmt: skip
"""What py7zr, and the libraries that it asks, end in where an archive is damaged."""


def opened(file: BinaryIO) -> SevenZipFile:
    """Raises FormatError, OSError."""
    try:
        return SevenZipFile(file, max_extract_size=MAX_BLOCK)
    except PasswordRequired as error:
        raise FormatError(LIST_ENCRYPTED) from error
    except _DAMAGE as error:
        raise FormatError(LIST_DAMAGED) from error


def unpack(file: BinaryIO, block: Block, store: BinaryIO) -> None:
    """Its members, one behind the other, into the store; fills in their places, and why some are
    missing. Raises OSError."""
    writers = _Writers(block, store)
    try:
        with opened(file) as archive:
            archive.extract(targets=[name for _, name in block.members], factory=writers)
        writers.settle()
    except FormatError as error:
        block.why = error.what
    except UnsupportedCompressionMethodError:
        block.why = METHOD
    except _DAMAGE:
        block.why = BROKEN


class _Writers(WriterFactory):
    """Are asked for in the order of the archive, whatever names are made of the members'."""

    def __init__(self, block: Block, store: BinaryIO) -> None:
        self._block, self._store = block, store
        self._waiting: Iterator[tuple[Node, str]] = iter(block.members)
        self._last: tuple[Node, int] | None = None

    def create(self, filename: str) -> Py7zIO:  # noqa: ARG002 - the library's
        self.settle()
        node, _ = next(self._waiting)
        self._last = (node, self._store.seek(0, io.SEEK_END))
        return _Writer(self._store)

    def settle(self) -> None:
        """The checksum of the one before was right, or nothing would follow."""
        if self._last is not None:
            node, start = self._last
            self._block.places[id(node)] = start
            self._last = None


class _Writer(Py7zIO):
    def __init__(self, store: BinaryIO) -> None:
        self._store, self._count = store, 0

    def write(self, s: bytes | bytearray) -> int:
        done = 0
        with memoryview(s) as view:
            while done < len(view):
                done += self._store.write(view[done:]) or 0
        self._count += done
        return done

    def read(self, size: int | None = None) -> bytes:  # noqa: ARG002 - it is only written
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - it is only written
        return offset

    def flush(self) -> None: ...

    def size(self) -> int:
        return self._count


__all__ = ["opened", "unpack"]
