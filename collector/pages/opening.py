"""Opens reports for whoever may read them: decoded off the event loop, few at a time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from agent.model.codec import ReportError, decode
from agent.model.report import Report

from ..records import ReportRow, Sweep
from .exports import MAX_DECOMPRESSED, unpacked
from .session import Reader
from .site import Site, not_found

UNREADABLE = (ReportError, ArithmeticError, TypeError, ValueError)
"""Not decodable, or numbers and times that no calendar or page has."""
_AT_ONCE = 2
"""Reports that are decoded at the same time."""
_T = TypeVar("_T")


class Opened(NamedTuple):
    """A report as it is kept."""

    row: ReportRow
    sweep: Sweep
    body: bytes


class Opening:
    """Takes turns; one for all pages that decode."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def kept(self, report_id: str, reader: Reader) -> Opened:
        """Raises Refused: it is not there, or not theirs."""
        store = self._site.store
        row = await store.report(report_id)
        sweep = await store.sweep(row.sweep_id) if row and reader.may_read(row.sweep_id) else None
        body = await store.body(report_id) if sweep else None
        if row is None or sweep is None or body is None:
            raise not_found("report")
        return Opened(row, sweep, body)

    async def turn(self, work: Callable[[], _T]) -> _T:
        """Does it in a thread, when it is its turn."""
        async with self._turns:
            return await asyncio.to_thread(work)


def read(body: bytes) -> Report:
    """The report in a gzip body. Raises ReportError."""
    try:
        return decode(b"".join(unpacked(body)), max_bytes=MAX_DECOMPRESSED)
    except zlib.error as error:
        raise ReportError(str(error)) from error


def told(problem: Exception) -> str:
    """What is wrong with a report that cannot be shown."""
    return f"{type(problem).__name__}: {problem}"[:500]


__all__ = ["UNREADABLE", "Opened", "Opening", "read", "told"]
