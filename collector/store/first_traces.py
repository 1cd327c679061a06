"""Which hosts have traces since when, by the times that the findings tell of themselves."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from .database import Value
from .rows import PAGE, Rows

_APART = "\n"
"""Stands in no listed text, where it would be an escape."""


class Traces(Struct, frozen=True, kw_only=True):
    """Which findings: those of a sweep that are not suppressed."""

    sweep_id: str
    strengths: tuple[str, ...]
    earliest: int
    """Times before it and after the next are none, milliseconds UTC."""
    latest: int

    @property
    def where(self) -> str:
        """The condition, for :attr:`values`."""
        marks = ", ".join("?" for _ in self.strengths)
        return f"sweep_id = ? AND strength IN ({marks}) AND suppression_id IS NULL"

    @property
    def values(self) -> list[Value]:
        """Of the condition."""
        return [self.sweep_id, *self.strengths]


class TraceRow(Struct, frozen=True, kw_only=True):
    """A host's first trace."""

    host_key: str
    name: str
    first: int
    last: int | None
    """Of all its traces."""
    findings: int
    strength: str
    """Of the first trace; of several at that time the strongest."""
    title: str
    finding_id: str
    report_id: str


class TraceSpan(Struct, frozen=True, kw_only=True):
    """All hosts of a sweep that have traces."""

    hosts: int
    timed: int
    """Those of which a time is known."""
    first: int | None
    """The earliest of all."""
    last_first: int | None
    """When the last host was reached."""
    last: int | None


class FirstTraces(Rows):
    """Asks the listed findings; there is no table of its own."""

    async def trace_span(self, asked: Traces) -> TraceSpan:
        """How many hosts, from when to when."""
        ((hosts, timed, first, last_first, last),) = await self.database.fetch(
            "SELECT COUNT(*), COUNT(first_at), MIN(first_at), MAX(first_at), MAX(last_at) FROM"
            " (SELECT MIN(CASE WHEN first_seen >= ? AND first_seen <= ? THEN first_seen END)"
            " AS first_at,"
            " MAX(CASE WHEN last_seen >= ? AND last_seen <= ? THEN last_seen END) AS last_at"
            f" FROM finding WHERE {asked.where} GROUP BY host_key) AS host_times",
            asked.earliest, asked.latest, asked.earliest, asked.latest, *asked.values,
        )  # fmt: skip
        return TraceSpan(hosts=hosts, timed=timed, first=first, last_first=last_first, last=last)

    async def trace_buckets(
        self, asked: Traces, start: int, until: int, width: int
    ) -> list[tuple[int, int]]:
        """Hosts by their first trace, ``start <= time < until``: the bucket's number, how many."""
        rows = await self.database.fetch(
            "SELECT bucket, COUNT(*) FROM (SELECT (MIN(first_seen) - ?) / ? AS bucket"
            f" FROM finding WHERE {asked.where} AND first_seen >= ? AND first_seen <= ?"
            " GROUP BY host_key HAVING MIN(first_seen) >= ? AND MIN(first_seen) < ?)"
            " AS host_times GROUP BY bucket ORDER BY bucket",
            start, width, *asked.values, asked.earliest, asked.latest, start, until,
        )  # fmt: skip
        return [(int(bucket), int(count)) for bucket, count in rows]

    async def first_traces(
        self,
        asked: Traces,
        *,
        since: int,
        until: int,
        after: tuple[int, str] = (-(1 << 62), ""),
    ) -> list[TraceRow]:
        """A page of hosts by their first trace, which lies in ``since <= time < until``; ``after``:
        time and key of the last host before."""

        def of(name: str) -> str:
            return f"{name}.{asked.where.replace(' AND ', f' AND {name}.')}"

        times = "first_seen >= ? AND first_seen <= ?"
        rows = await self.database.fetch(
            "SELECT g.host_key, MIN(f.name), g.first_at, g.last_at,"
            " (SELECT COUNT(DISTINCT c.finding_id) FROM finding c WHERE"
            f" {of('c')} AND c.host_key = g.host_key AND c.first_seen >= ?"
            " AND c.first_seen <= ?),"
            " MIN(CASE f.strength WHEN 'confirmed' THEN '0' WHEN 'strong' THEN '1' ELSE '2' END"
            f" || f.strength || '{_APART}' || f.finding_id || '{_APART}' || f.report_id"
            f" || '{_APART}' || f.title) FROM"
            " (SELECT host_key, MIN(first_seen) AS first_at,"
            " MAX(CASE WHEN last_seen <= ? THEN last_seen END) AS last_at"
            f" FROM finding WHERE {asked.where} AND {times} GROUP BY host_key"
            " HAVING MIN(first_seen) >= ? AND MIN(first_seen) < ?"
            " AND (MIN(first_seen) > ? OR (MIN(first_seen) = ? AND host_key > ?))"
            f" ORDER BY first_at, host_key LIMIT {PAGE}) AS g"
            " JOIN finding f ON f.host_key = g.host_key AND f.first_seen = g.first_at"
            f" WHERE {of('f')} GROUP BY g.host_key, g.first_at, g.last_at"
            " ORDER BY g.first_at, g.host_key",
            *asked.values, asked.earliest, asked.latest,
            asked.latest, *asked.values, asked.earliest, asked.latest, since, until,
            after[0], after[0], after[1], *asked.values,
        )  # fmt: skip
        return [_trace(row) for row in rows]


def _trace(row: Sequence[Value]) -> TraceRow:
    host_key, name, first, last, findings, what = row
    strength, finding_id, report_id, title = str(what)[1:].split(_APART, 3)
    return TraceRow(
        host_key=str(host_key), name=str(name), first=int(first or 0),
        last=None if last is None else int(last), findings=int(findings or 0),
        strength=strength, title=title, finding_id=finding_id, report_id=report_id,
    )  # fmt: skip


__all__ = ["FirstTraces", "TraceRow", "TraceSpan", "Traces"]
