"""The audit log's new lines, told in the server's log: whoever wrote them, here or beside.

Commands of an administrator are processes of their own, and PostgreSQL may have other servers:
what all of them write down comes by here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from .store.database import StoreError
from .store.store import Store, now_ms

EVERY_S = 2.0
BACK_MS = 60_000
"""Lines that are committed late, or by a clock that is behind, are still found."""
AT_ONCE = 500
_LOG = logging.getLogger("collector.audit")


class AuditFollower:
    """From its start on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since = now_ms()
        self._told: dict[str, int] = {}

    async def run(self) -> None:
        """For ever; where the database cannot be asked, others say so."""
        while True:
            with contextlib.suppress(StoreError):  # what is written meanwhile is there later
                await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        """Tell what is new. Raises StoreError."""
        self._since = min(self._since, now_ms())  # a clock that was put back
        while True:
            start = self._since - BACK_MS
            self._told = {one: at for one, at in self._told.items() if at >= start}
            rows = await self._store.audit_after(start, AT_ONCE + len(self._told))
            new = [(one, row) for one, row in rows if one not in self._told]
            for audit_id, row in new:
                self._told[audit_id] = row.at
                self._since = max(self._since, min(row.at, now_ms()))
                _LOG.info(
                    "%s", row.action,
                    extra={"who": row.who, "subject": row.subject, "detail": row.detail},
                )  # fmt: skip
            if len(new) < AT_ONCE:
                return
