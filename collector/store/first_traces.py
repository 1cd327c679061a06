"""Which hosts have traces since when, by the times that the findings tell of themselves.

The times stand in the hosts' rows (``traces.py``): a fleet is one walk through an index.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from .database import Value
from .rows import PAGE, Rows
from .signing import SAID
from .traces import FIRST_TIME

_APART = "\n"
"""Stands in no listed text, where it would be an escape."""


class Traces(Struct, frozen=True, kw_only=True):
    """Which findings: those of a sweep that are not suppressed."""

    sweep_id: str
    weak: bool = False
    """Weak ones too."""

    @property
    def first(self) -> str:
        """The column of the first trace."""
        return "first_any" if self.weak else "first_trace"

    @property
    def last(self) -> str:
        """The column of the last."""
        return "last_any" if self.weak else "last_trace"

    @property
    def hosts(self) -> str:
        """SQL: which hosts, in the words of their indexes."""
        return f"sweep_id = ? AND strongest > {0 if self.weak else 1}"

    @property
    def findings(self) -> str:
        """SQL: which findings ``f``, of the host ``h``."""
        strengths = "'strong', 'confirmed'" + (", 'weak'" if self.weak else "")
        return (
            "report r JOIN finding f ON f.report_id = r.report_id WHERE r.sweep_id = h.sweep_id"
            " AND r.host_key = h.host_key AND f.suppression_id IS NULL"
            f" AND f.strength IN ({strengths})"
        )


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
    signature: str = ""
    """Of the report that the host's state is from, as :func:`collector.signatures.kept`."""


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
    """Asks the hosts, and of those on a page the findings."""

    async def trace_span(self, asked: Traces) -> TraceSpan:
        """How many hosts, from when to when."""
        ((hosts, timed, first, last_first, last),) = await self.database.fetch(
            f"SELECT COUNT(*), COUNT({asked.first}), MIN({asked.first}), MAX({asked.first}),"
            f" MAX({asked.last}) FROM host WHERE {asked.hosts}",
            asked.sweep_id,
        )
        return TraceSpan(hosts=hosts, timed=timed, first=first, last_first=last_first, last=last)

    async def trace_buckets(
        self, asked: Traces, start: int, until: int, width: int
    ) -> list[tuple[int, int]]:
        """Hosts by their first trace, ``start <= time < until``: the bucket's number, how many."""
        rows = await self.database.fetch(
            f"SELECT bucket, COUNT(*) FROM (SELECT ({asked.first} - ?) / ? AS bucket FROM host"
            f" WHERE {asked.hosts} AND {asked.first} >= ? AND {asked.first} < ?) AS host_times"
            " GROUP BY bucket ORDER BY bucket",
            start, width, asked.sweep_id, start, until,
        )  # fmt: skip
        return [(int(bucket), int(count)) for bucket, count in rows]

    async def first_traces(
        self,
        asked: Traces,
        *,
        since: int,
        until: int,
        after: tuple[int, str] = (-(1 << 62), ""),
        most: int = PAGE,
    ) -> list[TraceRow]:
        """A page of hosts by their first trace, which lies in ``since <= time < until``; ``after``:
        time and key of the last host before."""
        first = asked.first
        rows = await self.database.fetch(
            "SELECT h.host_key, h.name, h.first_at, h.last_at,"
            f" (SELECT COUNT(DISTINCT f.finding_id) FROM {asked.findings}"
            f" AND f.first_seen >= {FIRST_TIME}),"
            " (SELECT MIN(CASE f.strength WHEN 'confirmed' THEN '0' WHEN 'strong' THEN '1' ELSE '2'"
            f" END || f.strength || '{_APART}' || f.finding_id || '{_APART}' || f.report_id"
            f" || '{_APART}' || f.title) FROM {asked.findings}"
            " AND f.first_seen = h.first_at), h.said"
            f" FROM (SELECT sweep_id, host_key, name, {first} AS first_at, {asked.last} AS last_at,"
            f" {SAID} AS said FROM host WHERE {asked.hosts} AND {first} >= ? AND {first} < ?"
            f" AND ({first} > ? OR host_key > ?)"
            f" ORDER BY {first}, host_key LIMIT ?) AS h ORDER BY h.first_at, h.host_key",
            asked.sweep_id, max(since, after[0]), until, after[0], after[1], most,
        )  # fmt: skip
        return [_trace(row) for row in rows]


def _trace(row: Sequence[Value]) -> TraceRow:
    host_key, name, first, last, findings, what, signature = row
    strength, finding_id, report_id, title = [*str(what or "0")[1:].split(_APART, 3), *[""] * 3][:4]
    return TraceRow(
        host_key=str(host_key), name=str(name), first=int(first or 0),
        last=None if last is None else int(last), findings=int(findings or 0),
        strength=strength, title=title, finding_id=finding_id, report_id=report_id,
        signature=str(signature),
    )  # fmt: skip


__all__ = ["FirstTraces", "TraceRow", "TraceSpan", "Traces"]
