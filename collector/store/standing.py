"""What the page of a sweep asks of its hosts: who is hit, what a clean rests on, what lacks."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ..records import FindingRow, HostRow
from .answers import HostFilter
from .host_order import HostOrder
from .resting import CleanGroup, Resting
from .rows import FINDING


class HitHost(Struct, frozen=True):
    """A host with a hit, and its strongest finding; None: it is not listed yet."""

    host: HostRow
    finding: FindingRow | None


class GapGroup(Struct, frozen=True, kw_only=True):
    """Hosts that are incomplete or failed for the same reasons."""

    reasons: str
    state: str
    elevated: bool | None
    kind: str
    """Of target: ``live`` …"""
    hosts: int


class StandingOf(HostOrder, Resting):
    """Each question is one walk through an index, or one reading of a sweep's hosts."""

    async def hit_hosts(self, sweep_id: str, most: int) -> list[HitHost]:
        """The worst."""
        hosts = await self.ordered_hosts(sweep_id, HostFilter(state="hit"), most=most)
        best = [one.strongest_finding for one in hosts]
        found = await self._findings_of([one for one in best if one is not None])
        return [
            HitHost(host, found.get(key) if key is not None else None)
            for host, key in zip(hosts, best, strict=True)
        ]

    async def _findings_of(
        self, keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], FindingRow]:
        """By the ids of finding and report."""
        if not keys:
            return {}
        marks = ", ".join("?" * len(keys))
        rows = await self._all(
            FindingRow,
            f"SELECT {FINDING} FROM finding WHERE report_id IN ({marks})"
            f" AND finding_id IN ({marks})",
            *(report_id for _, report_id in keys), *(finding_id for finding_id, _ in keys),
        )  # fmt: skip
        return {(row.finding_id, row.report_id): row for row in rows}

    async def hits_since(self, sweep_id: str, since: int) -> int:
        """Hit hosts that are so since after this time."""
        ((count,),) = await self.database.fetch(
            "SELECT COUNT(*) FROM host WHERE sweep_id = ? AND state = 'hit' AND first_hit > ?",
            sweep_id, since,
        )  # fmt: skip
        return int(count)

    async def gap_groups(self, sweep_id: str, most: int) -> list[GapGroup]:
        """Those of most hosts first."""
        rows = await self.database.fetch(
            "SELECT reasons, state, elevated, kind, COUNT(*) FROM host WHERE sweep_id = ?"
            " AND state IN ('incomplete', 'failed') AND reasons >= ''"
            " GROUP BY reasons, state, elevated, kind ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT ?",
            sweep_id, most,
        )  # fmt: skip
        return [
            GapGroup(
                reasons=str(reasons), state=str(state), elevated=_told(elevated), kind=str(kind),
                hosts=int(hosts),
            )
            for reasons, state, elevated, kind, hosts in rows
        ]  # fmt: skip

    async def closed_sweeps(self, now: int) -> dict[str, int]:
        """Those that take no more reports, by their ids, with since when (milliseconds UTC): the
        end of their last token. One that never had a token is none."""
        rows = await self.database.fetch(
            "SELECT sweep_id, MAX(COALESCE(revoked, expires)),"
            " SUM(CASE WHEN revoked IS NULL AND (expires IS NULL OR expires > ?) THEN 1 ELSE 0 END)"
            " FROM token WHERE kind = 'sweep' AND sweep_id IS NOT NULL GROUP BY sweep_id",
            now,
        )
        return {str(sweep_id): int(since) for sweep_id, since, valid in rows if not valid}


def _told(value: int | None) -> bool | None:
    return None if value is None else bool(value)


__all__ = ["CleanGroup", "GapGroup", "HitHost", "StandingOf"]
