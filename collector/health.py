"""Whether reports can be kept: asked by writing, as nothing else tells it.

A database whose disk is full, or whose writer hangs, answers every question. So a row is written,
by the way that reports take, and there must be room for some more. The answer is kept for a few
seconds: whoever asks need not be known, and must not make work.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from .store.database import StoreError
from .store.sqlite import SqliteDatabase
from .store.store import Store

FRESH_S = 5.0
WRITE_S = 10.0
"""For the row to be on the disk."""
MIN_FREE = 64 << 20
"""Bytes on the database's disk: some thousands of reports, and a warning while they still come."""


class Health:
    """Of one store."""

    def __init__(
        self,
        store: Store,
        *,
        free: Callable[[Path], int] | None = None,
        timer: Callable[[], float] = time.monotonic,
        write_s: float = WRITE_S,
    ) -> None:
        """``free``: bytes that are free where the database is."""
        self._store = store
        self._free = free or free_bytes
        self._timer = timer
        self._write_s = write_s
        self._lock = asyncio.Lock()
        self._known: tuple[float, str] | None = None

    async def why_not(self) -> str:
        """Why no report can be kept now; empty when all is well."""
        async with self._lock:
            if self._known is None or self._timer() - self._known[0] >= FRESH_S:
                why = await self._look()
                self._known = (self._timer(), why)
            return self._known[1]

    async def _look(self) -> str:
        database = self._store.database
        if not database.alive:
            return "the writer is gone, or the database cannot be reached"
        try:
            await asyncio.wait_for(self._store.beat(), self._write_s)
            await database.fetch("SELECT 1")
        except StoreError as error:
            return str(error)
        except TimeoutError:
            return f"nothing was written within {self._write_s:g} s"
        if isinstance(database, SqliteDatabase):
            left = self._free(database.path)
            if left < MIN_FREE:
                return f"{database.path}: {left:,} bytes are free on its disk"
        return ""


def free_bytes(path: Path) -> int:
    """On the disk of a file, for those who are not root."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


__all__ = ["Health", "free_bytes"]
