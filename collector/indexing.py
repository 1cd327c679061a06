"""Listing the findings of reports after they were acknowledged.

A report with thousands of findings costs more to list than to keep; listing it later keeps one
noisy indicator on 20,000 hosts from stalling the fleet. Safe to repeat and to run in several
processes: a finding is listed once, whoever does it.
"""

from __future__ import annotations

import asyncio
import logging

from agent.model.codec import MAX_BYTES, ReportError, decode

from .intake import Refused, bounded_gunzip, host_name
from .listing import MAX_LISTED, rows_of
from .records import FindingRow
from .store.database import StoreError
from .store.store import Store

_AT_ONCE = 20
_ROWS_AT_ONCE = 1000
"""Findings per transaction: reports are not kept while it runs."""
_IDLE_S = 0.5
_AFTER_ERROR_S = 5.0
_LOG = logging.getLogger("collector.indexing")


class Indexer:
    """Runs beside the server until it is cancelled."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._touched: set[str] = set()

    async def run(self) -> None:
        """For ever; an error is logged and tried again."""
        while True:
            try:
                worked = await self.once()
            except StoreError as error:
                _LOG.error("indexing waits: %s", error)
                await asyncio.sleep(_AFTER_ERROR_S)
            except Exception:  # noqa: BLE001 - a task that ended would list nothing, and say nothing
                _LOG.exception("indexing failed")
                await asyncio.sleep(_AFTER_ERROR_S)
            else:
                await asyncio.sleep(0 if worked else _IDLE_S)

    async def once(self) -> bool:
        """List what waits, a few reports at a time; whether there was anything."""
        waiting = await self._store.unindexed(_AT_ONCE)
        listed: list[tuple[str, str, str, list[FindingRow]]] = []
        for report_id, sweep_id, host_key, body in waiting:
            rows = await asyncio.to_thread(_listed, report_id, sweep_id, host_key, body)
            listed.append((report_id, sweep_id, host_key, rows))
            if sum(len(one[3]) for one in listed) >= _ROWS_AT_ONCE:
                await self._store.index_all(listed)
                listed.clear()
            self._touched.add(sweep_id)
        if listed:
            await self._store.index_all(listed)
        if not waiting:
            for sweep_id in [*self._touched]:
                await self._store.flag_shared_ids(sweep_id)
                self._touched.discard(sweep_id)
        return bool(waiting)


def _listed(report_id: str, sweep_id: str, host_key: str, body: bytes) -> list[FindingRow]:
    try:
        report = decode(bounded_gunzip(body, MAX_BYTES), max_bytes=MAX_BYTES)
    except (ReportError, Refused) as error:
        # It was decoded when it came; what changed it since is for `verify` to find out.
        _LOG.error("report %s cannot be read again: %s", report_id, error)
        return []
    if len(report.findings) > MAX_LISTED:
        _LOG.warning(
            "%s of %s findings are listed; the report has all",
            f"{MAX_LISTED:,}", f"{len(report.findings):,}", extra={"report": report_id},
        )  # fmt: skip
    return rows_of(report, sweep_id, host_key, host_name(report))
