"""Opens reports for whoever may read them: decoded off the event loop, few at a time."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from agent.model.codec import ReportError, decode
from agent.model.report import Report

from ..records import ReportRow, Sweep
from ..signatures import Verdict, judged_anew, verdict_kept
from ..sweep_keys import Keys, keys_then
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
    digest: bytes
    """SHA-256 of the JSON that was acknowledged."""
    keys: list[Keys]
    """Of the sweep, as they may have been when it came."""


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
        digest = await store.digest(report_id) if sweep else None
        if row is None or sweep is None or body is None or digest is None:
            raise not_found("report")
        keys = keys_then(await store.sweep_keys(row.sweep_id), row.received)
        return Opened(row, sweep, body, digest, keys)

    async def turn(self, work: Callable[[], _T]) -> _T:
        """Does it in a thread, when it is its turn."""
        async with self._turns:
            return await asyncio.to_thread(work)


class Found(NamedTuple):
    """What is in a body, and what that is worth now."""

    report: Report
    signature: Verdict
    """Of the bytes as they lie in the store."""
    changed: str
    """What they were when the report came, where that is another thing; empty: it is not."""


def found(opened: Opened) -> Found:
    """The report, and whether it is what was kept. Raises ReportError."""
    data = _data(opened.body)
    report = decode(data, max_bytes=MAX_DECOMPRESSED)
    was = verdict_kept(opened.row.signature)
    now, agreed = judged_anew(data, report, opened.row.signature, opened.keys)
    if hashlib.sha256(data).digest() != opened.digest:
        changed = "its bytes are not those that were acknowledged when it came"
    else:
        changed = "" if agreed else f"its signature was kept as: {was.words or 'not looked at'}"
    # What came before signatures were asked for is shown so, as in every list.
    return Found(report, was if agreed and not was.state else now, changed)


def _data(body: bytes) -> bytes:
    try:
        return b"".join(unpacked(body))
    except zlib.error as error:
        raise ReportError(str(error)) from error


def told(problem: Exception) -> str:
    """What is wrong with a report that cannot be shown."""
    return f"{type(problem).__name__}: {problem}"[:500]


__all__ = ["UNREADABLE", "Found", "Opened", "Opening", "found", "told"]
