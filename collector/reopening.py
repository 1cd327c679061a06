"""A case that was closed is opened again when its host is hit after that: by the collector, in the
audit log, so that nobody's "closed" hides what came later."""

from __future__ import annotations

import asyncio
import logging

from .casework import MAX_NOTES, MAX_TAGS, REOPENED, CaseChange
from .store.casework import Conflict
from .store.database import StoreError
from .store.store import Store

EVERY_S = 2.0
WHO = "the collector"
NOTE = "Reopened: a report with a hit came after this case was closed."
_LOG = logging.getLogger("collector.reopening")


class Reopener:
    """Runs beside the server until it is cancelled; safe in several processes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """For ever; an error is logged and tried again."""
        while True:
            try:
                await self.once()
            except StoreError as error:
                _LOG.error("closed cases are not looked at: %s", error)
            await asyncio.sleep(EVERY_S)

    async def once(self) -> int:
        """Some of them; how many. Raises StoreError."""
        done = 0
        for key in await self._store.to_reopen():
            case = await self._store.case(key)
            tags = tuple(sorted({*case.tags, REOPENED}))
            change = CaseChange(
                state="new",
                tags=tags if len(tags) <= MAX_TAGS else None,
                note=NOTE if case.notes < MAX_NOTES else "",
            )
            if case.state == "closed":
                try:
                    await self._store.change_case(key, change, version=case.version, who=WHO)
                except Conflict:  # somebody is on it this very moment
                    continue
                done += 1
        return done


__all__ = ["NOTE", "WHO", "Reopener"]
