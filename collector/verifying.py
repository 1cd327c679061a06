"""Whether the database still says what it was told: every report is read again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from agent.report_codec import ReportError, decode

from .intake import MAX_JSON, Refused, bounded_gunzip
from .store.sqlite import SqliteDatabase
from .store.store import Store


async def verify(store: Store) -> AsyncIterator[tuple[str, bool]]:
    """Lines to tell, each with whether it is a problem. Raises StoreError."""
    if isinstance(store.database, SqliteDatabase):
        for (answer,) in await store.database.fetch("PRAGMA integrity_check"):
            yield f"integrity_check: {answer}", answer != "ok"
    read = broken = 0
    async for rows in store.database.stream("SELECT report_id, digest, body FROM report"):
        for report_id, digest, body in rows:
            read += 1
            if why := _flaw(str(report_id), bytes(digest), bytes(body)):
                broken += 1
                yield f"report {report_id}: {why}", True
    yield f"{read:,} reports read again, {broken:,} broken", False
    ((unlisted,),) = await store.database.fetch("SELECT COUNT(*) FROM report WHERE indexed = 0")
    yield f"{unlisted:,} reports wait for their findings to be listed", False
    ((lost,),) = await store.database.fetch(
        "SELECT COUNT(*) FROM report r WHERE NOT EXISTS (SELECT 1 FROM host h"
        " WHERE h.sweep_id = r.sweep_id AND h.host_key = r.host_key)"
    )
    yield f"{lost:,} reports of hosts that are not listed", bool(lost)


def _flaw(report_id: str, digest: bytes, body: bytes) -> str:
    try:
        data = bounded_gunzip(body, MAX_JSON)
        report = decode(data, max_bytes=MAX_JSON)
    except (ReportError, Refused) as error:
        return str(error)
    if hashlib.sha256(data).digest() != digest:
        return "is not what was acknowledged"
    return "" if report.report_id == report_id else f"says that it is {report.report_id}"
