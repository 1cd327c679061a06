"""What the answers of clean hosts rest on, counted together.

To read all clean hosts is most of what the page of a sweep takes. What was counted is kept of hosts
that have not reported since, while nobody suppressed, lifted or asked for something else; then only
hosts that reported since are read. If one of them was counted, all are read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from .database import Database, Row, Value
from .signing import KIND
from .since import Since, SoFar

_MAX_KEPT = 20
"""Sweeps."""


class CleanGroup(Struct, frozen=True, kw_only=True):
    """Clean hosts whose answers rest on the same."""

    worth: str
    """As :func:`collector.worth.worth_of`."""
    elevated: bool | None
    signature: str
    """``verified``, ``unsigned``, ``unverified``, ``unchecked``: of the reports."""
    hosts: int
    weak: int
    """Of these, those with weak traces."""
    oldest: int
    """When the sweeps ended that they are clean by, by their own clocks."""
    youngest: int


_Version = tuple[Sequence[int], ...]
"""What changes hosts beside their reports, as numbers."""


class _Kept(NamedTuple):
    upto: int
    """A number of a report: all up to it are listed."""
    version: _Version
    groups: list[CleanGroup] | None
    """Of hosts without a later report then; None: they are too many to be kept."""


_OLD, _NEW, _SWEEP, _SUPPRESSED, _AGAIN = range(5)
"""Parts of an answer: groups of hosts without a later report, of those with one, how the sweep is,
what was suppressed and lifted, and how many with a later report have an earlier one."""
_CAME = (
    "(SELECT host_key FROM report WHERE seq > ? AND COALESCE(sweep_id, '') = ?"
    " UNION SELECT host_key FROM report WHERE seq IS NULL AND COALESCE(sweep_id, '') = ?)"
)
"""SQL: the number of a report, and the sweep twice."""
_COUNTED = (
    "worth, elevated, COUNT(*) AS n, SUM(CASE WHEN strongest > 0 THEN 1 ELSE 0 END) AS weak,"
    f" MIN(finished) AS oldest, MAX(finished) AS youngest, {KIND} AS signed"
)
_FIRST = " ORDER BY n DESC, worth, COALESCE(elevated, -1), signed LIMIT ?"
"""SQL: in the same order in every engine."""
_ALL = (
    f"SELECT {_COUNTED} FROM host WHERE sweep_id = ? AND state = 'clean' GROUP BY worth, elevated,"
    f" signed{_FIRST}"
)
_OF_OLD = (
    f"SELECT {_OLD} AS part, counted.* FROM (SELECT {_COUNTED} FROM host WHERE sweep_id = ?"
    f" AND state = 'clean' AND host_key NOT IN {_CAME} GROUP BY worth, elevated, signed{_FIRST})"
    " AS counted"
    " UNION ALL "
)
_SINCE = (
    f"SELECT {_NEW} AS part, {_COUNTED} FROM {_CAME} AS came CROSS JOIN host"
    " WHERE host.sweep_id = ? AND host.host_key = came.host_key AND COALESCE(state, '') = 'clean'"
    " GROUP BY worth, elevated, signed"
    f" UNION ALL SELECT {_SWEEP}, '', 0, created, judged, demanded, 0, '' FROM sweep"
    " WHERE sweep_id = ?"
    f" UNION ALL SELECT {_SUPPRESSED}, '', 0, COUNT(*), COUNT(lifted), 0, 0, '' FROM suppression"
    " WHERE sweep_id = ?"
    f" UNION ALL SELECT {_AGAIN}, '', 0, COUNT(*), 0, 0, 0, '' FROM {_CAME} AS came WHERE EXISTS"
    " (SELECT 1 FROM report r WHERE r.sweep_id = ? AND r.host_key = came.host_key AND r.seq <= ?)"
)
_LISTED = "SELECT MIN(seq) FROM report WHERE indexed = 0"


class Resting(Since):
    """Counts clean hosts."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._resting: dict[str, _Kept] = {}

    async def clean_groups(self, sweep_id: str, most: int) -> list[CleanGroup]:
        """Those of most hosts first."""
        now = await self.so_far(sweep_id)
        if now is None:
            return await self._all_groups_at_once(sweep_id, most)
        kept = self._resting.get(sweep_id)
        if kept is not None and now.few_since(kept.upto):
            if kept.groups is None:
                return await self._all_groups_at_once(sweep_id, most)
            new, version, _ = await self._since(sweep_id, kept.upto)
            if version == kept.version and now.judged >= now.demanded:
                return _together([*kept.groups, *new])[:most]
        return await self._afresh(sweep_id, most, now)

    async def _afresh(self, sweep_id: str, most: int, now: SoFar) -> list[CleanGroup]:
        ((unlisted,),) = await self.database.fetch(_LISTED)
        upto = now.upto if unlisted is None else min(now.upto, int(unlisted) - 1)
        if not now.few_since(upto):
            return await self._all_groups_at_once(sweep_id, most)
        new, version, old = await self._since(sweep_id, upto, most + 1)
        if len(self._resting) >= _MAX_KEPT:
            self._resting.clear()
        if len(old) > most:
            self._resting[sweep_id] = _Kept(upto, version, None)
            return await self._all_groups_at_once(sweep_id, most)
        self._resting[sweep_id] = _Kept(upto, version, old)
        return _together([*old, *new])[:most]

    async def _since(
        self, sweep_id: str, upto: int, of_old: int = 0
    ) -> tuple[list[CleanGroup], _Version, list[CleanGroup]]:
        """Groups of hosts with a report beyond this number, the version, and so many groups of
        those without one: all of one moment."""
        came: list[Value] = [upto, sweep_id, sweep_id]
        old = [sweep_id, *came, of_old]
        rows = await self.database.fetch(
            (_OF_OLD if of_old else "") + _SINCE,
            *(old if of_old else ()), *came, sweep_id, sweep_id, sweep_id, *came, sweep_id, upto,
        )  # fmt: skip
        parts: dict[int, list[Row]] = {}
        for part, *row in rows:
            parts.setdefault(int(part), []).append(row)
        version = tuple(
            tuple(map(int, row[2:6]))
            for part in (_SWEEP, _SUPPRESSED, _AGAIN)
            for row in parts.get(part, ())
        )
        groups = [[_group(row) for row in parts.get(part, ())] for part in (_NEW, _OLD)]
        return groups[0], version, groups[1]

    async def _all_groups_at_once(self, sweep_id: str, most: int) -> list[CleanGroup]:
        return [_group(row) for row in await self.database.fetch(_ALL, sweep_id, most)]


def _group(row: Row) -> CleanGroup:
    worth, elevated, hosts, weak, oldest, youngest, signature = row
    return CleanGroup(
        worth=str(worth), elevated=None if elevated is None else bool(elevated), hosts=int(hosts),
        weak=int(weak), oldest=int(oldest), youngest=int(youngest), signature=str(signature),
    )  # fmt: skip


def _together(groups: Iterable[CleanGroup]) -> list[CleanGroup]:
    """One of each kind, those of most hosts first."""
    found: dict[tuple[str, bool | None, str], CleanGroup] = {}
    for one in groups:
        kind = one.worth, one.elevated, one.signature
        other = found.get(kind)
        found[kind] = one if other is None else _sum(one, other)
    return sorted(
        found.values(),
        key=lambda one: (
            -one.hosts,
            one.worth,
            -1 if one.elevated is None else one.elevated,
            one.signature,
        ),
    )


def _sum(one: CleanGroup, other: CleanGroup) -> CleanGroup:
    return CleanGroup(
        worth=one.worth, elevated=one.elevated, signature=one.signature,
        hosts=one.hosts + other.hosts, weak=one.weak + other.weak,
        oldest=min(one.oldest, other.oldest), youngest=max(one.youngest, other.youngest),
    )  # fmt: skip


__all__ = ["CleanGroup", "Resting"]
