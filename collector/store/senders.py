"""Addresses that several hosts have as their only one.

To find them, the addresses of all hosts are sorted. Those that were found are kept, where they are
few: then only they, and those of hosts that reported since, are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from .database import Database
from .since import HOSTS_SINCE, MAX_KEPT, Since, SoFar

FEW = 500
"""Addresses that are counted one by one."""


class Sender(Struct, frozen=True, kw_only=True):
    """An address, and how many hosts have no other."""

    source: str
    hosts: int


class _Kept(NamedTuple):
    upto: int
    sources: frozenset[str]
    """All that several hosts had."""


class Senders(Since):
    """Asks who sends for many."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._several: dict[str, _Kept] = {}
        self._many: dict[str, int] = {}
        """By sweep: the last number of a report when there were too many to be kept."""

    async def senders(self, sweep_id: str, limit: int) -> list[Sender]:
        """Addresses that several hosts have as their only one; that of most hosts first."""
        kept = self._several.pop(sweep_id, None)
        now = await self.so_far(sweep_id)
        found: dict[str, int] | None = None
        if kept is not None and now is not None and now.few_since(kept.upto):
            found = await self._of_these_and_new(sweep_id, kept)
        if found is None:
            found = await self._of_all(sweep_id, max(limit, FEW + 1))
        self._keep(sweep_id, now, found)
        first = sorted(found.items(), key=lambda one: (-one[1], one[0].encode()))
        return [Sender(source=source, hosts=hosts) for source, hosts in first[:limit]]

    async def hosts_by(self, sweep_id: str, sources: Sequence[str]) -> dict[str, int]:
        """How many hosts have each of these addresses as their only one."""
        if not sources:
            return {}
        marks = ", ".join("?" * len(sources))
        rows = await self.database.fetch(
            "SELECT sources, COUNT(*) FROM host WHERE sweep_id = ?"
            f" AND sources IN ({marks}) GROUP BY sources",
            sweep_id, *sources,
        )  # fmt: skip
        return {str(source): int(count) for source, count in rows}

    async def shared(self, sweep_id: str, sources: Sequence[str]) -> dict[str, int]:
        """Those of these addresses that several hosts have as their only one, and how many."""
        kept, some = await self._known(sweep_id) if sources else None, sources
        if kept is not None:
            known = kept.sources | await self._new(sweep_id, kept)
            some = [source for source in sources if source in known]
        counted = await self.hosts_by(sweep_id, some)
        return {source: hosts for source, hosts in counted.items() if hosts > 1}

    async def _known(self, sweep_id: str) -> _Kept | None:
        """What is kept, or can be: a first page finds it for all that follow."""
        now = await self.so_far(sweep_id)
        if now is None:
            return None
        kept = self._several.get(sweep_id)
        if kept is not None and now.few_since(kept.upto):
            return kept
        many = self._many.get(sweep_id)
        if many is not None and now.few_since(many):
            return None
        await self.senders(sweep_id, 0)
        kept = self._several.get(sweep_id)
        return kept if kept is not None and now.few_since(kept.upto) else None

    async def _new(self, sweep_id: str, kept: _Kept) -> frozenset[str]:
        """Addresses of the hosts that reported since."""
        rows = await self.database.fetch(
            f"SELECT DISTINCT sources {HOSTS_SINCE}", kept.upto, sweep_id, sweep_id, sweep_id
        )
        return frozenset(str(source) for (source,) in rows)

    async def _of_all(self, sweep_id: str, most: int) -> dict[str, int]:
        rows = await self.database.fetch(
            "SELECT sources, COUNT(*) FROM host WHERE sweep_id = ? GROUP BY sources"
            " HAVING COUNT(*) > 1 ORDER BY 2 DESC, 1 LIMIT ?",
            sweep_id, most,
        )  # fmt: skip
        return {str(source): int(count) for source, count in rows}

    async def _of_these_and_new(self, sweep_id: str, kept: _Kept) -> dict[str, int] | None:
        """None: too many to count them so."""
        some = kept.sources | await self._new(sweep_id, kept)
        if len(some) > FEW:
            return None
        counted = await self.hosts_by(sweep_id, sorted(some))
        return {source: hosts for source, hosts in counted.items() if hosts > 1}

    def _keep(self, sweep_id: str, now: SoFar | None, found: dict[str, int]) -> None:
        if now is None:
            return
        if len(found) > FEW:
            if len(self._many) >= MAX_KEPT:
                self._many.clear()
            self._many[sweep_id] = now.upto
            return
        if len(self._several) >= MAX_KEPT:
            self._several.clear()
        self._several[sweep_id] = _Kept(now.upto, frozenset(found))


__all__ = ["Senders"]
