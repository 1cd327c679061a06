"""A fleet that sends while the database fails, as agents do: again until acknowledged or tired."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Literal

from collector.store.database import Busy, StoreError
from collector.store.store import Store
from tests.collector.store.reporting import a_report

SENDERS = 64
DEADLINE_S = 30


class Storm:
    """``async with``: reports come in all the time; afterwards, what was acknowledged and what not."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._going = True
        self._senders: list[asyncio.Task[None]] = []
        self.acknowledged: list[str] = []
        self.refused = 0

    async def __aenter__(self) -> Storm:
        self._senders = [asyncio.ensure_future(self._send(n)) for n in range(SENDERS)]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> Literal[False]:
        self._going = False
        await asyncio.wait_for(asyncio.gather(*self._senders), DEADLINE_S)
        return False

    async def _send(self, sender: int) -> None:
        number = 0
        while self._going:
            number += 1
            report = a_report(f"PC-{sender}-{number}")
            for _ in range(2):  # the second time it may be known
                try:
                    await self._store.put(report)
                except (StoreError, Busy):
                    self.refused += 1
                    await asyncio.sleep(0.02)
                else:
                    self.acknowledged.append(report.report_id)
                    break

    async def more(self, count: int = 500) -> None:
        """Until so many more are acknowledged."""
        wanted, deadline = len(self.acknowledged) + count, time.monotonic() + DEADLINE_S
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, "nothing is acknowledged any more"
            await asyncio.sleep(0.01)

    async def lost(self) -> list[str]:
        """Acknowledged, and not there."""
        there = {
            report_id
            async for rows in self._store.database.stream("SELECT report_id FROM report")
            for (report_id,) in rows
        }
        return [one for one in self.acknowledged if one not in there]
