"""Whether the database still says what it was told: every report is read again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from agent.model.codec import MAX_BYTES, ReportError, decode

from .intake import Refused, bounded_gunzip
from .store.database import Row
from .store.sqlite import SqliteDatabase
from .store.store import Store

_AT_ONCE = 20
"""Bodies held at once: each may be of many megabytes."""


async def verify(store: Store) -> AsyncIterator[tuple[str, bool]]:
    """Lines to tell, each with whether it is a problem. Raises StoreError."""
    if isinstance(store.database, SqliteDatabase):
        for (answer,) in await store.database.fetch("PRAGMA integrity_check"):
            yield f"integrity_check: {answer}", answer != "ok"
    read = broken = 0
    async for ids in store.database.stream("SELECT report_id FROM report ORDER BY report_id"):
        for start in range(0, len(ids), _AT_ONCE):
            for report_id, why in await _flaws(store, ids[start : start + _AT_ONCE]):
                read += 1
                if why:
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


async def _flaws(store: Store, ids: list[Row]) -> list[tuple[str, str]]:
    rows = await store.database.fetch(
        "SELECT report_id, digest, body FROM report"  # noqa: S608 - marks for parameters only
        f" WHERE report_id IN ({', '.join('?' * len(ids))}) ORDER BY report_id",
        *(str(report_id) for (report_id,) in ids),
    )
    return [(str(id_), _flaw(str(id_), bytes(digest), bytes(body))) for id_, digest, body in rows]


def _flaw(report_id: str, digest: bytes, body: bytes) -> str:
    try:
        data = bounded_gunzip(body, MAX_BYTES)
        report = decode(data, max_bytes=MAX_BYTES)
    except (ReportError, Refused) as error:
        return str(error)
    if hashlib.sha256(data).digest() != digest:
        return "is not what was acknowledged"
    return "" if report.report_id == report_id else f"says that it is {report.report_id}"
