"""One file of an artefact, looked at window by window: read, shown to its reader, and scanned.

A window is as many whole *pieces* as fit in 64 KiB, at least one: what is so small comes from
memory that was used just before, larger ones from new pages each time, which costs more than to
copy the bytes. Each thread that runs the scan takes the next window, and gives it up once nothing
occurs in it; so what is in memory does not grow with the file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ..engine.scanner import ScanFailed
from ..reading.opening import read_up_to

if TYPE_CHECKING:
    from ..matching.record_rules import RecordRules
    from .artefact import Artefact, Reader

WINDOW = 64 << 10
"""Bytes that are scanned at once; whole pieces."""
MAX_HELD = 64
"""Windows in which something occurs that are kept; then they have to be drained."""


class Window(NamedTuple):
    """Bytes of a file."""

    offset: int
    data: bytes


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
        self._opened, self._size = opened, size
        self._header, self._piece = artefact.header, artefact.piece
        self._step = max(1, WINDOW // self._piece) * self._piece
        self._never_written = bytes(self._step)
        self._reader, self._occurs = reader, rules.occurs
        self._held: list[Window] = []
        self._next = threading.Lock()
        """Of the file and its reader."""
        self._others: Future[None] | None = None

    def begin(self, pool: ThreadPoolExecutor | None) -> None:
        """Have it run by another thread too."""
        if pool is not None:
            self._others = pool.submit(self.run)

    def run(self, progress: Callable[[], None] = lambda: None) -> None:
        """Take windows until there are no more, or too many are held; ``progress``: is called
        before each, and may raise."""
        while len(self._held) < MAX_HELD:
            progress()
            window = self._taken()
            if window is None:
                return
            if window.data != self._never_written and self._may_occur(window.data):
                self._held.append(window)

    def drained(self) -> list[Window]:
        """Those in which something occurs, in the order of the file, once no other thread is at
        work on them."""
        if self._others is not None and not self._others.cancel():
            self._others.result()
        self._others = None
        held, self._held = sorted(self._held), []
        return held

    def close(self) -> None:
        """No more windows are taken."""
        self.ended = True
        with self._next:
            self._opened.close()

    def _taken(self) -> Window | None:
        """The next window, which its reader has seen; None: there is none."""
        with self._next:
            if self.ended:
                return None
            offset = self.bytes
            most = self._step if offset else self._step + self._header
            try:
                # One byte more than is known tells the end.
                data = read_up_to(self._opened, most, min(most, max(self._size - offset, 1)))
            except OSError as error:
                self.error, data = error, b""
            if not data:
                self.ended = True
                return None
            self.bytes = offset + len(data)
            self._show(data, offset)
        return Window(offset, data)

    def _show(self, data: bytes, offset: int) -> None:
        first = 0
        if not offset:
            self._reader.passes(data, 0, 0)
            first = self._header
        for at in range(first, len(data), self._piece):
            self._reader.passes(data, at, offset + at)

    def _may_occur(self, data: bytes) -> bool:
        try:
            return self._occurs(data)
        except ScanFailed:
            return True  # What cannot be answered of a window may be of its pieces.
