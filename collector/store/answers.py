"""The answers: counters, lists page by page, and exports in pieces.

Lists are read behind a key, never by offset, so that the last page of 100,000 hosts costs what the
first does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from msgspec import Struct, structs

from ..host_names import name_key
from ..records import (
    Counts,
    FindingRow,
    HostRow,
    HostState,
    IndicatorRow,
    Limit,
)
from ..signatures import Status
from .beside import Beside
from .casework import EVERY_CASE, TAKEN, CaseFilter, hosts_where
from .database import Value
from .expecting import ANY_COLUMN, ColumnFilter, listed_where, names_where
from .putting import Seen, limits_kept
from .rows import FINDING, HOST, PAGE, prefix
from .same_host import COUNTED
from .senders import Senders
from .signing import signed_where
from .state_counts import StateCounting
from .telling import order
from .whose import UNEXPECTED

_REPORTS_OF_HOST = "SELECT r.report_id FROM report r WHERE r.sweep_id = ? AND r.host_key = ?"
_TOLD_WORSE = (
    "EXISTS (SELECT 1 FROM report r JOIN finding e ON e.report_id = r.report_id"
    " AND e.finding_id = finding.finding_id WHERE r.sweep_id = finding.sweep_id"
    f" AND r.host_key = finding.host_key AND ({', '.join(order('e'))})"
    f" > ({', '.join(order('finding'))}))"
)


class HostFilter(Struct, frozen=True, kw_only=True):
    """Which hosts of a sweep."""

    state: HostState | None = None
    text: str = ""
    """Begins the host's name, in any case."""
    flagged: bool = False
    suppressed: bool = False
    """Only those whose hits are all suppressed."""
    unexpected: bool = False
    """Only those that are not on the list of expected hosts."""
    limited: bool = False
    """Only those without a report that is what the sweep asks for."""
    turned: bool = False
    """Only those that said clean after a hit or a gap."""
    weak: bool = False
    """Only those with weak traces alone."""
    signature: Status | None = None
    """Only those whose state is from a report that is signed so."""
    sender: str = ""
    """Only those whose reports came all from this address."""
    case: CaseFilter = EVERY_CASE
    """Only those whose own case is so."""
    column: ColumnFilter = ANY_COLUMN
    """Only those that the list of expected hosts has with this."""


EVERY_HOST = HostFilter()


def conditions(
    sweep_id: str,
    chosen: HostFilter,
    *,
    from_name: str | None = None,
    names: Sequence[str] | None = None,
) -> tuple[str, list[Value]]:
    """SQL: whether a host is one of these, and the values for it. ``from_name``: a key; None: in no
    order of names, of which an index would then be a detour. ``names``: those of
    :meth:`Filters.names`, by which an index finds them."""
    low, high = prefix(chosen.text)
    begin = max(low, from_name or "")
    where, values = "sweep_id = ?", list[Value]([sweep_id])
    if names is not None:  # instead of a range, which an engine may take for less
        some = [one for one in names if one >= begin and (not high or one < high)]
        one_of = f"name_key IN ({', '.join('?' * len(some))})" if some else "1 = 0"
        where, values = f"{where} AND {one_of}", [*values, *some]
    elif low or from_name is not None:
        where, values = f"{where} AND name_key >= ?", [*values, begin]
    if high and names is None:
        where, values = f"{where} AND name_key < ?", [*values, high]
    if chosen.state is not None:
        where += " AND state = ?"
        values.append(chosen.state)
    for on, is_so in (
        (chosen.flagged, "flagged = 1"),
        (chosen.suppressed, "suppressed = 1"),
        (chosen.limited, "limited > 0"),
        (chosen.turned, "cleared > trouble"),
        (chosen.weak, "strongest = 1"),
        (chosen.unexpected, UNEXPECTED),
    ):
        if on:
            where += f" AND {is_so}"
    if chosen.signature is not None:
        more, given = signed_where(chosen.signature)
        where, values = f"{where} AND {more}", [*values, *given]
    if chosen.sender:
        where += " AND sources = ?"
        values.append(chosen.sender)
    for more, given in (hosts_where(sweep_id, chosen.case), listed_where(sweep_id, chosen.column)):
        where, values = where + more, [*values, *given]
    return where, values


class Filters(Beside):
    """What is found out before hosts are asked for."""

    async def names(self, sweep_id: str, chosen: HostFilter) -> list[str] | None:
        """Of all hosts that are so, and of others. None: too many to tell, or all."""
        if chosen.unexpected:
            return await self.names_beside(sweep_id)
        if chosen.column.name and not chosen.column.value:
            return await self.names_without(sweep_id, chosen.column.name)
        return None


class Answers(Filters, StateCounting, Senders):
    """What readers ask."""

    async def counts(self, sweep_id: str) -> Counts:
        """The counters of a sweep."""
        # Each is answered by an index alone.
        states, marked, came, names, taken = await asyncio.gather(
            self.state_counts(sweep_id),
            self.database.fetch(
                # the range leads SQLite to the partial indexes
                "SELECT (SELECT COUNT(*) FROM host WHERE sweep_id = ? AND suppressed = 1"
                " AND name_key >= ''), (SELECT COUNT(*) FROM host WHERE sweep_id = ?"
                " AND flagged = 1 AND name_key >= ''), (SELECT COUNT(*) FROM host"
                " WHERE sweep_id = ? AND cleared > trouble AND name_key >= ''),"
                " (SELECT COUNT(*) FROM (SELECT DISTINCT host_key, finding_id FROM finding"
                " WHERE sweep_id = ? AND suppression_id IS NOT NULL AND strength <> 'excluded')"
                " AS aside)",
                sweep_id, sweep_id, sweep_id, sweep_id,
            ),
            self.database.fetch(
                "SELECT (SELECT COUNT(*) FROM report WHERE sweep_id = ?),"
                " (SELECT MAX(received) FROM report WHERE sweep_id = ?)",
                sweep_id, sweep_id,
            ),
            self.names_beside(sweep_id),
            self.database.fetch(TAKEN, sweep_id),
        )  # fmt: skip
        beside = await self._beside(sweep_id, names) if states.expected else {}
        ((suppressed, flagged, turned, aside),) = marked
        ((reports, last_received),) = came
        return Counts(
            **structs.asdict(states),
            unexpected=sum(beside.values()),
            beside=beside,
            suppressed=int(suppressed),
            suppressed_findings=int(aside),
            flagged=int(flagged),
            turned=int(turned),
            taken=int(taken[0][0]),
            reports=int(reports),
            last_received=None if last_received is None else int(last_received),
        )

    async def _beside(self, sweep_id: str, names: list[str] | None) -> dict[str, int]:
        """Unexpected hosts by state; ``names``: as :meth:`names_beside` told."""
        where, values = conditions(sweep_id, HostFilter(unexpected=True), from_name="", names=names)
        # the state by no index: that of names has it too
        rows = await self.database.fetch(
            f"SELECT COALESCE(state, ''), COUNT(*) FROM host WHERE {where} GROUP BY 1", *values
        )
        return {str(state): int(count) for state, count in rows}

    async def arrivals(self, sweep_id: str, bucket_ms: int) -> list[tuple[int, int]]:
        """Reports per bucket of time: its start and how many, in order, empty ones left out."""
        # From bucket to bucket by the index, which counts each without sorting.
        rows = await self.database.fetch(
            "WITH RECURSIVE filled (bucket) AS (SELECT MIN(received) / ? FROM report"
            " WHERE sweep_id = ? UNION ALL SELECT (SELECT MIN(received) / ? FROM report"
            " WHERE sweep_id = ? AND received >= (filled.bucket + 1) * ?) FROM filled"
            " WHERE filled.bucket IS NOT NULL) SELECT bucket, (SELECT COUNT(*) FROM report"
            " WHERE sweep_id = ? AND received >= bucket * ? AND received < (bucket + 1) * ?)"
            " FROM filled WHERE bucket IS NOT NULL ORDER BY bucket",
            bucket_ms, sweep_id, bucket_ms, sweep_id, bucket_ms, sweep_id, bucket_ms, bucket_ms,
        )  # fmt: skip
        return [(int(bucket) * bucket_ms, int(count)) for bucket, count in rows]

    async def arrival_span(self, sweep_id: str) -> tuple[int, int] | None:
        """When the first and the latest report came in."""
        ((first, last),) = await self.database.fetch(
            "SELECT (SELECT MIN(received) FROM report WHERE sweep_id = ?),"
            " (SELECT MAX(received) FROM report WHERE sweep_id = ?)",
            sweep_id, sweep_id,
        )  # fmt: skip
        return None if first is None else (int(first), int(last))

    async def arrived_since(self, sweep_id: str, since: int) -> int:
        """Reports that came in at this time or later."""
        ((count,),) = await self.database.fetch(
            "SELECT COUNT(*) FROM report WHERE sweep_id = ? AND received >= ?", sweep_id, since
        )
        return int(count)

    async def limits(self, sweep_id: str, limit: int) -> list[tuple[tuple[Limit, ...], int]]:
        """Why hosts are limited, with how many; the most frequent first."""
        rows = await self.database.fetch(
            "SELECT limits, COUNT(*) FROM host WHERE sweep_id = ? AND limited > 0 AND state ="
            " 'limited' AND name_key >= '' GROUP BY limits ORDER BY 2 DESC, 1 LIMIT ?",
            sweep_id, limit,
        )  # fmt: skip
        return [(limits_kept(str(limits)), int(count)) for limits, count in rows]

    async def hosts(
        self, sweep_id: str, chosen: HostFilter = EVERY_HOST, *, after: tuple[str, str] = ("", "")
    ) -> list[HostRow]:
        """A page by name; ``after``: name (any case) and key of the last row of the page before."""
        names = await self.names(sweep_id, chosen)
        where, values = conditions(sweep_id, chosen, from_name=name_key(after[0]), names=names)
        if after[1]:
            where += " AND (name_key > ? OR host_key > ?)"
            values += [name_key(after[0]), after[1]]
        return await self._all(
            HostRow,
            f"SELECT {HOST} FROM host WHERE {where} ORDER BY name_key, host_key LIMIT ?",
            *values, PAGE,
        )  # fmt: skip

    async def host(self, sweep_id: str, host_key: str) -> HostRow | None:
        rows = await self._all(
            HostRow,
            f"SELECT {HOST} FROM host WHERE sweep_id = ? AND host_key = ?",
            sweep_id, host_key,
        )  # fmt: skip
        return rows[0] if rows else None

    async def indicators(self, sweep_id: str) -> list[IndicatorRow]:
        """Findings grouped by indicator, strongest first, then by hosts."""
        # In the order of the index, which has all that is counted.
        each = (
            "SELECT indicator_id, MIN(CASE strength WHEN 'confirmed' THEN '0confirmed'"
            " WHEN 'strong' THEN '1strong' WHEN 'weak' THEN '2weak' ELSE '3excluded' END) AS rank,"
            " COUNT(DISTINCT host_key) AS hosts, COUNT(*) AS findings,"
            " COUNT(suppression_id) AS aside, MIN(time) AS first_time, MAX(time) AS last_time"
            " FROM finding WHERE sweep_id = ? GROUP BY indicator_id"
        )
        of_one = (
            "(SELECT f.{0} FROM finding f WHERE f.sweep_id = ? AND f.indicator_id = g.indicator_id"
            " ORDER BY f.report_id, f.finding_id LIMIT 1)"
        )
        rows = await self._all(
            IndicatorRow,
            f"SELECT g.indicator_id, {of_one.format('indicator_type')},"
            f" {of_one.format('indicator_value')}, {of_one.format('pack')}, g.rank, g.hosts,"
            " g.findings, g.aside, g.first_time, g.last_time"
            f" FROM ({each} ORDER BY 2, 3 DESC, 1 LIMIT 1000) AS g"
            " ORDER BY g.rank, g.hosts DESC, g.indicator_id",
            sweep_id, sweep_id, sweep_id, sweep_id,
        )  # fmt: skip
        return [_renamed(row) for row in rows]

    async def findings(
        self,
        sweep_id: str,
        *,
        indicator_id: str | None = None,
        host_key: str | None = None,
        after: tuple[str, str] = ("", ""),
    ) -> list[FindingRow]:
        """A page by report and finding; ``after``: their ids of the last row before. What several
        reports of a host tell is there once, as the worst that they tell."""
        where, values = "sweep_id = ?", [sweep_id]
        if indicator_id is not None:
            where, values = f"{where} AND indicator_id = ?", [*values, indicator_id]
        if host_key is not None:
            where += f" AND report_id IN ({_REPORTS_OF_HOST})"
            values += [sweep_id, host_key]
        where += " AND report_id >= ? AND (report_id > ? OR finding_id > ?)"
        where += f" AND NOT {_TOLD_WORSE}"
        return await self._all(
            FindingRow,
            f"SELECT {FINDING} FROM finding WHERE {where} ORDER BY report_id, finding_id LIMIT ?",
            *values, after[0], after[0], after[1], PAGE,
        )  # fmt: skip

    async def missing(
        self,
        sweep_id: str,
        *,
        after: str = "",
        text: str = "",
        owing: bool = False,
        column: ColumnFilter = ANY_COLUMN,
    ) -> list[str]:
        """A page of the names that have not reported, or (``owing``) of those whose reports are all
        limited, by name."""
        low, high = prefix(text)
        where = "sweep_id = ? AND seen = ? AND name_key > ? AND name_key >= ?"
        seen = Seen.LIMITED if owing else Seen.NOTHING
        values: list[Value] = [sweep_id, int(seen), name_key(after), low]
        if high:
            where, values = f"{where} AND name_key < ?", [*values, high]
        more, given = names_where(sweep_id, column)
        where, values = where + more, [*values, *given]
        rows = await self.database.fetch(
            f"SELECT name FROM expected WHERE {where} ORDER BY name_key LIMIT ?", *values, PAGE
        )
        return [str(name) for (name,) in rows]

    async def all_hosts(self, sweep_id: str) -> AsyncIterator[HostRow]:
        """Every host of a sweep, by name."""
        async for row in self._stream(
            HostRow, f"SELECT {HOST} FROM host WHERE sweep_id = ? ORDER BY name_key", sweep_id
        ):
            yield row

    async def unexpected_of(self, sweep_id: str, host_keys: Sequence[str]) -> set[str]:
        """Those of these hosts that are on no line of the list."""
        if not host_keys:
            return set()
        rows = await self.database.fetch(
            "SELECT host_key FROM host WHERE sweep_id = ?"
            f" AND host_key IN ({', '.join('?' * len(host_keys))}) AND {UNEXPECTED}",
            sweep_id, *host_keys,
        )  # fmt: skip
        return {str(key) for (key,) in rows}

    async def all_missing(self, sweep_id: str) -> AsyncIterator[tuple[str, bool]]:
        """Every expected name that has not answered, and whether it sent limited reports."""
        async for rows in self.database.stream(
            "SELECT name, seen FROM expected WHERE sweep_id = ? AND seen <> 1"
            f" AND {COUNTED} ORDER BY name_key",
            sweep_id,
        ):
            for name, seen in rows:
                yield str(name), int(seen) == Seen.LIMITED

    async def all_findings(self, sweep_id: str) -> AsyncIterator[FindingRow]:
        """Every finding of a sweep, by host."""
        async for row in self._stream(
            FindingRow,
            f"SELECT {', '.join(f'f.{one}' for one in FINDING.split(', '))} FROM report r"
            " JOIN finding f ON f.report_id = r.report_id WHERE r.sweep_id = ?"
            " ORDER BY r.host_key, f.finding_id, r.report_id",
            sweep_id,
        ):
            yield row


def _renamed(row: IndicatorRow) -> IndicatorRow:
    """The strength without the figure that sorts it."""
    return structs.replace(row, strength=row.strength[1:])
