"""One file of an artefact that is looked at in windows: read, shown to its reader, and scanned.

A window is as many whole *pieces* as fit into some hundred KiB, at least one. Every thread that
runs the scan takes the next one, and keeps of it the pieces in which something occurs; so what is
in memory does not grow with the file. Both reading and scanning let go of the interpreter, and
each time a thread may have to wait until it is woken, as long as a small window takes: threads
share large files, in large windows.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ..engine.scanner import ScanFailed
from ..reading.opening import read_whole

if TYPE_CHECKING:
    from ..matching.record_rules import RecordRules
    from .artefact import Artefact, Reader

WINDOW = 512 << 10
"""Bytes that are scanned at once; whole pieces."""
SHARED_FROM = 256 << 10
"""Bytes of a file that is worth another thread."""
MAX_HELD = 8
"""Pieces in which something occurs that are kept; then they have to be drained."""
_BLANKS = 32 << 10, 16 << 10, 8 << 10
"""Zeros at a file's end that are looked for; together not all of a small window."""
_GIVEN_BACK = 4 << 20
"""Bytes, more than the windows that are read at one time."""


class Piece(NamedTuple):
    """A piece in which something occurs."""

    offset: int
    """In the file."""
    data: bytes
    failed: str = ""
    """Why that is not known."""


class PieceScan:
    """One file. Run by one thread or by several at once, drained by one."""

    def __init__(
        self, opened: BinaryIO, size: int, artefact: Artefact, reader: Reader, rules: RecordRules
    ) -> None:
        """``opened``: at its beginning, closed by :meth:`close`; ``size``: as far as it is
        known."""
        self.bytes = 0
        """How many were read."""
        self.error: OSError | None = None
        """Why it could not be read to its end."""
        self.ended = False
        self._at_end = False
        """Whether a window was read that is not whole."""
        self._opened, self._size = opened, size
        self._header, self._piece = artefact.header, artefact.piece
        self._step = max(1, WINDOW // self._piece) * self._piece
        self._never_written = _zeros(self._piece)
        self._reader, self._occurs, self._overlap = reader, rules.occurs, rules.overlap
        self._hides = artefact.hides
        self._held: list[Piece] = []
        self._next = threading.Lock()
        """Of the file and its reader."""
        self._other: Future[None] | None = None

    def share(self, pool: ThreadPoolExecutor) -> None:
        """Have it run by another thread too, if it is large."""
        if self._size >= SHARED_FROM:
            self._other = pool.submit(self.run)

    def run(self, progress: Callable[[], None] = lambda: None) -> None:
        """Take windows until there are no more, or too many pieces are held; ``progress``: is
        called before each, and may raise."""
        while len(self._held) < MAX_HELD:
            progress()
            with self._next:
                offset = self.bytes
                data = self._read()
                if self.ended:
                    return
            if data:
                self._scan(data, offset)

    def drained(self) -> list[Piece]:
        """Those in which something occurs, in the order of the file, once no other thread is at
        work on them."""
        if self._other is not None and not self._other.cancel():
            self._other.result()
        self._other = None
        held, self._held = sorted(self._held), []
        return held

    def close(self) -> None:
        """No more windows are taken."""
        with self._next:
            self.ended = True
            try:
                self._opened.close()
            except OSError as error:
                self.error = self.error or error

    def _read(self) -> bytes:
        """The next window without the pieces at its end that were never written, which its reader
        is shown; empty if there is none, or nothing in it."""
        if self.ended or self._at_end:
            self.ended = True
            return b""
        offset = self.bytes
        first = 0 if offset else self._header
        most = self._step + first
        try:
            # Whole windows, whatever its folder says of its size: a file in use may have more.
            data = read_whole(self._opened, most, max(self._size - offset, 0))
        except OSError as error:
            self.error, data = error, b""
        self.ended, self._at_end = not data, len(data) < most
        self.bytes += len(data)
        data = self._written(data, first)
        passes = self._reader.passes
        if first and data:
            passes(data, 0, 0)
        for at in range(first, len(data), self._piece):
            passes(data, at, offset + at)
        return data

    def _written(self, data: bytes, first: int) -> bytes:
        """Without the pieces at its end that were never written; what is cut off stays."""
        end, piece = len(data), self._piece
        if end > first and not (end - first) % piece:
            while end > first and data.startswith(self._never_written, end - piece):
                end -= piece
        return data[:end]

    def _scan(self, data: bytes, offset: int) -> None:
        """Hold the pieces of a window in which something occurs."""
        if self._hides or self._may_occur(data):
            for at in range(0 if offset else self._header, len(data), self._piece):
                self._hold(offset + at, data[at : at + self._piece])

    def _hold(self, offset: int, piece: bytes) -> None:
        try:
            if self._occurs(piece) or (
                self._hides and self._occurs(self._reader.hidden(piece, offset))
            ):
                self._held.append(Piece(offset, piece))
        except ScanFailed as error:
            self._held.append(Piece(offset, piece, str(error)))

    def _may_occur(self, data: bytes) -> bool:
        try:
            return self._occurs(self._used(data))
        except ScanFailed:
            return True  # What cannot be answered of a window may be of its pieces.

    def _used(self, data: bytes) -> bytes:
        """Without most of the zeros at the end of a small file; of those that may belong to an
        occurrence none is missing."""
        if self._overlap is None or len(data) > 4 * _BLANKS[0]:
            return data
        end = len(data)
        for size in _BLANKS:
            if data.endswith(_zeros(size), 0, end):
                end -= size
        return data[: end + self._overlap]


@cache
def _zeros(size: int) -> bytes:
    return bytes(size)


@cache
def windows_from_the_heap() -> None:
    """Have windows taken from memory that was used before, where new pages are dearer than the
    bytes in them: the C library of Linux does so with what is not larger than the largest block
    that was given back so far (mallopt(3), M_MMAP_THRESHOLD). Nothing of the block is touched.
    Elsewhere nothing is done."""
    if sys.platform == "linux":
        bytes(_GIVEN_BACK)
