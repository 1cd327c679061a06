"""Whether the values that are searched for are what the reports say: worked out from the bodies."""

from __future__ import annotations

from collections.abc import Sequence

from agent.output.escape import shown

from ..terms import Term
from .database import Row
from .keeping_terms import APART
from .store import Store

_AT_ONCE = 500
"""Values that are looked up at once."""
_EXAMPLES = 3
"""That are named."""
_MAX_SHOWN = 80


class KeptTerms:
    """The values of a sweep's hosts."""

    def __init__(self, store: Store, sweep_id: str) -> None:
        self._store = store
        self._sweep_id = sweep_id
        self._up_to = 0
        self._rows: dict[str, int] = {}

    async def begin(self) -> None:
        """See how many are kept of each host, before its reports are read. Raises StoreError."""
        ((place,),) = await self._store.database.fetch(
            "SELECT place FROM searching WHERE name = 'reports'"
        )
        self._up_to = int(place)
        async for rows in self._store.database.stream(
            "SELECT host_key, COUNT(*) FROM occurrence WHERE sweep_id = ? GROUP BY host_key",
            self._sweep_id,
        ):
            self._rows.update((str(host_key), int(count)) for host_key, count in rows)

    async def of_host(self, host_key: str) -> HostTerms:
        """To be told what its reports say. Raises StoreError."""
        waiting = await self._store.database.fetch(
            "SELECT report_id FROM report WHERE sweep_id = ? AND host_key = ?"
            f" AND COALESCE(seq, {self._up_to + 1}) > ?",
            self._sweep_id, host_key, self._up_to,
        )  # fmt: skip
        return HostTerms(
            self._store, (self._sweep_id, host_key), self._rows.get(host_key, 0),
            {str(report_id) for (report_id,) in waiting},
        )  # fmt: skip


class HostTerms:
    """Those of one host, by one report after the other."""

    def __init__(self, store: Store, host: tuple[str, str], rows: int, waiting: set[str]) -> None:
        self._store = store
        self._host = host
        self._rows = rows
        self._waiting = waiting
        """Reports that cannot be searched yet; what they say may be kept, and need not."""
        self._found = 0
        self._said: set[str] = set()
        """Of the host itself: by several reports, and kept once."""

    async def of_report(self, report_id: str, terms: Sequence[Term], left_out: int) -> list[str]:
        """What is missing of what a report says, or otherwise. Raises StoreError."""
        missing: list[Term] = []
        other = 0
        for start in range(0, len(terms), _AT_ONCE):
            piece = terms[start : start + _AT_ONCE]
            kept = await self._kept(report_id, piece)
            for one in piece:
                row = kept.get((one.digest, report_id if one.findings else ""))
                if row is None:
                    missing.append(one)
                    continue
                if one.findings or one.digest not in self._said:
                    self._found += 1
                if not one.findings:
                    self._said.add(one.digest)
                other += tuple(row) != (
                    one.kind, one.folded, one.strength, one.findings, APART.join(one.finding_ids),
                )  # fmt: skip
        if report_id in self._waiting:
            return []
        why = [f"{other:,} values are not searched for as it says them"] if other else []
        if missing:
            why.append(f"{len(missing):,} values cannot be searched for: {_named(missing)}")
        if left_out and not await self._told_cut(report_id):
            why.append(f"{left_out:,} values more than are kept, and that is not told")
        return why

    async def _kept(self, report_id: str, terms: Sequence[Term]) -> dict[tuple[str, str], Row]:
        rows = await self._store.database.fetch(
            "SELECT t.digest, o.report_id, t.kind, t.folded, o.strength, o.findings, o.finding_ids"
            " FROM term t CROSS JOIN occurrence o WHERE o.term_id = t.term_id"
            f" AND t.digest IN ({', '.join('?' * len(terms))}) AND o.sweep_id = ?"
            " AND o.host_key = ? AND o.report_id IN (?, '')",
            *(one.digest for one in terms), *self._host, report_id,
        )  # fmt: skip
        return {(str(row[0]), str(row[1])): row[2:] for row in rows}

    async def _told_cut(self, report_id: str) -> bool:
        return bool(
            await self._store.database.fetch(
                "SELECT 1 FROM unsearchable WHERE report_id = ?", report_id
            )
        )

    def too_many(self) -> list[str]:
        """When all its reports were told and could be read."""
        more = self._rows - self._found
        return [f"{more:,} values are searched for that no report of it says"] if more > 0 else []


def _named(terms: Sequence[Term]) -> str:
    some = [f"{one.kind} {shown(one.value[:_MAX_SHOWN])}" for one in terms[:_EXAMPLES]]
    return ", ".join([*some, *(["…"] if len(terms) > _EXAMPLES else [])])


__all__ = ["HostTerms", "KeptTerms"]
