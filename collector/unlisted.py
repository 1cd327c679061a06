"""Findings that no list has, because their report has more than lists take: for exports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from agent.model.codec import MAX_BYTES, ReportError, decode

from . import listing
from .intake import Refused, bounded_gunzip
from .records import FindingRow
from .store.store import Store

_LOG = logging.getLogger("collector.unlisted")


async def unlisted(store: Store, sweep_id: str) -> AsyncIterator[FindingRow]:
    """Of a sweep, by host; one report at a time is in memory. None is suppressed: what no list
    shows nobody has set aside. Raises StoreError.

    Of a report that cannot be read any more none: `verify` names it.
    """
    large = await store.database.fetch(
        "SELECT report_id, host_key, name FROM report WHERE sweep_id = ? AND indexed = 1"
        " AND strong + weak + excluded > ? ORDER BY host_key, report_id",
        sweep_id, listing.MAX_LISTED,
    )  # fmt: skip
    for report_id, host_key, name in large:
        body = await store.body(str(report_id))
        if body is None:
            continue  # removed by retention meanwhile
        try:
            rows = await asyncio.to_thread(_rows, body, sweep_id, str(host_key), str(name))
        except (ReportError, Refused) as error:
            _LOG.error("report %s cannot be read again: %s", report_id, error)
            continue
        for row in rows:
            yield row


def _rows(body: bytes, sweep_id: str, host_key: str, name: str) -> list[FindingRow]:
    report = decode(bounded_gunzip(body, MAX_BYTES), max_bytes=MAX_BYTES)
    return listing.rows_beyond(report, sweep_id, host_key, name)
