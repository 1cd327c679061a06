"""Hosts by what a column of the list says of them, in six counters.

To look all hosts up in the list is most of it. How many hosts a value has changes only with the
list, and when a host reports that never did before: that is kept, where the values are few. Then
hosts in the state that most are in are not looked up: they are what is left of all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from .beside import Beside
from .database import Database, Value
from .putting import Seen
from .since import SoFar
from .whose import BY_NAME, BY_OTHER_NAMES, VALUE

MAX_GROUPS = 500
MAX_VALUES = 6000
"""Of a column whose hosts are kept by value."""
_MAX_KEPT = 10
_STATES = ("hit", "failed", "incomplete", "limited", "clean")
_SILENT = ""
"""Stands for the state of who has not reported."""


class Group(Struct, frozen=True, kw_only=True):
    """The hosts that the list has with one value, in six counters."""

    value: str
    """Empty: it says nothing of these, or has them not."""
    hit: int
    failed: int
    incomplete: int
    limited: int
    clean: int
    not_reported: int


class _Kept(NamedTuple):
    listed: int
    """Of which list."""
    upto: int
    """A number of a report."""
    hosts: Counter[str]
    """By value: hosts of a listed name with a report up to this number."""
    most: str
    """The state that most were in."""


class _Of(NamedTuple):
    """SQL with the values for it."""

    sql: str
    values: Sequence[Value]


_Counts = dict[str, Counter[str]]
"""By state and value."""
_LISTED, _NEW, _BESIDE, _LIST = range(4)
"""Parts of an answer: hosts of listed names, those of them that reported only since, all others and
who is silent, and the number of the list."""
_ALSO_PART = f"{_BESIDE} AS part, "
_OWN = (
    "LEFT JOIN expected_column own ON own.sweep_id = {0}.sweep_id AND own.name = ?"
    " AND own.name_key = {0}.name_key"
)
_BY_NAME = (
    "JOIN expected_column own ON own.sweep_id = host.sweep_id AND own.name_key = host.name_key"
    " WHERE host.sweep_id = ? AND host.name_key >= '' AND own.name = ? AND own.value <> ''"
)
"""SQL: hosts of which the list says something by their names; a sweep and a column."""
# the sweep by no index: the number leads to the few reports
_CAME = "SELECT host_key FROM report WHERE {} AND COALESCE(sweep_id, '') = ?"


class Grouping(Beside):
    """Counts hosts by column."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._by_value: dict[tuple[str, str], _Kept] = {}

    async def groups(self, sweep_id: str, column: str) -> list[Group]:
        """Hosts by what a column says, those with most hits first; at most MAX_GROUPS and one."""
        now = await self.so_far(sweep_id)
        others = await self.names_without(sweep_id, column)
        kept = self._by_value.get((sweep_id, column))
        if now is not None and others is not None:
            if kept is not None and (kept.listed != now.listed or not now.few_since(kept.upto)):
                kept = None
            if kept is not None or await self._few_values(sweep_id, column):
                found = await self._by_kept(sweep_id, column, others, kept, now)
                if found is not None:
                    return _groups(found)
        return await self._all_groups(sweep_id, column, others)

    async def _few_values(self, sweep_id: str, column: str) -> bool:
        ((count,),) = await self.database.fetch(
            "SELECT COUNT(*) FROM (SELECT DISTINCT value FROM expected_column WHERE sweep_id = ?"
            " AND name = ? LIMIT ?) AS different",
            sweep_id, column, MAX_VALUES + 1,
        )  # fmt: skip
        return int(count) <= MAX_VALUES

    async def _by_kept(
        self, sweep_id: str, column: str, others: list[str], kept: _Kept | None, now: SoFar
    ) -> _Counts | None:
        """None: the list was changed meanwhile."""
        if kept is not None and kept.upto < now.upto:
            kept = await self._brought_up(sweep_id, column, kept, now)
        # whoever asked beside this may have brought it further
        upto = now.upto if kept is None else kept.upto
        # one statement: what is left of all must be of the same moment
        parts = [
            _listed(sweep_id, column, "" if kept is None else kept.most),
            _new(sweep_id, column, upto),
            *_of_others(sweep_id, column, others, _ALSO_PART),
            _silent(sweep_id, column, _ALSO_PART),
            _Of(
                f"SELECT {_LIST} AS part, '' AS said, '' AS state, COALESCE(MAX(number), 0) AS n"
                " FROM list_change WHERE sweep_id = ?",
                [sweep_id],
            ),
        ]
        rows = await self.database.fetch(
            " UNION ALL ".join(one.sql for one in parts),
            *(value for one in parts for value in one.values),
        )
        counts: list[_Counts] = [defaultdict(Counter) for _ in range(4)]
        for part, said, state, n in rows:
            counts[part][str(state)][str(said)] += int(n)
        listed, new, found, (of_list,) = *counts[:_LIST], counts[_LIST][""].values()
        if of_list != now.listed:
            return None
        if kept is None:
            hosts = sum(listed.values(), Counter())
            hosts.subtract(new[""])
        else:
            hosts = kept.hosts
            rest = hosts + new[""]
            for so_many in listed.values():
                rest.subtract(so_many)
            listed[kept.most] = rest
        most = max(_STATES, key=lambda state: listed[state].total())
        if len(self._by_value) >= _MAX_KEPT:
            self._by_value.clear()
        self._by_value[sweep_id, column] = _Kept(now.listed, upto, hosts, most)
        for state, so_many in listed.items():
            found[state].update(so_many)
        return found

    async def _brought_up(self, sweep_id: str, column: str, kept: _Kept, now: SoFar) -> _Kept:
        """As of the number of now. What came until then is there for good."""
        came = _CAME.format("seq > ? AND seq <= ?")
        asked = _first(came, [kept.upto, now.upto, sweep_id], sweep_id, column, kept.upto)
        rows = await self.database.fetch(asked.sql, *asked.values)
        new = Counter({str(said): int(n) for _, said, _, n in rows})
        return kept._replace(upto=now.upto, hosts=kept.hosts + new)

    async def _all_groups(
        self, sweep_id: str, column: str, others: list[str] | None
    ) -> list[Group]:
        """By looking all hosts up. Of many values, the engine tells those with most hits."""
        sums = ", ".join(f"SUM(CASE WHEN state = '{one}' THEN n ELSE 0 END)" for one in _STATES)
        asked = [*_grouped(sweep_id, column, others), _silent(sweep_id, column)]
        hosts = " UNION ALL ".join(one.sql for one in asked)
        rows = await self.database.fetch(
            f"SELECT said, {sums}, SUM(CASE WHEN state = '{_SILENT}' THEN n ELSE 0 END)"
            f" FROM ({hosts}) AS some_of_each GROUP BY said"
            " ORDER BY 2 DESC, 3 DESC, 4 DESC, 1 LIMIT ?",
            *(value for one in asked for value in one.values), MAX_GROUPS + 1,
        )  # fmt: skip
        return [
            Group(
                value=str(value), hit=int(hit), failed=int(failed), incomplete=int(incomplete),
                limited=int(limited), clean=int(clean), not_reported=int(silent),
            )
            for value, hit, failed, incomplete, limited, clean, silent in rows
        ]  # fmt: skip


def _groups(counts: _Counts) -> list[Group]:
    hit, failed, incomplete, limited, clean = (counts[state] for state in _STATES)
    silent = counts[_SILENT]
    values = {one for so_many in counts.values() for one, n in so_many.items() if n}
    # engines compare text byte by byte, which is by its characters' numbers
    first = sorted(values, key=lambda one: (-hit[one], -failed[one], -incomplete[one], one))
    return [
        Group(
            value=one, hit=hit[one], failed=failed[one], incomplete=incomplete[one],
            limited=limited[one], clean=clean[one], not_reported=silent[one],
        )
        for one in first[: MAX_GROUPS + 1]
    ]  # fmt: skip


def _listed(sweep_id: str, column: str, but: str) -> _Of:
    """Hosts of listed names, but for those in a state (empty: none)."""
    return _Of(
        # by columns alone, of which an engine knows how many groups they make
        f"SELECT {_LISTED} AS part, own.value AS said, host.state AS state, COUNT(*) AS n FROM host"
        f" {_BY_NAME} AND host.state <> ? GROUP BY own.value, host.state",
        [sweep_id, column, but],
    )


def _new(sweep_id: str, column: str, upto: int) -> _Of:
    """Hosts of listed names that have no report up to this number."""
    came = f"{_CAME.format('seq > ?')} UNION {_CAME.format('seq IS NULL')}"
    return _first(came, [upto, sweep_id, sweep_id], sweep_id, column, upto)


def _first(came: str, given: Sequence[Value], sweep_id: str, column: str, upto: int) -> _Of:
    """Hosts of listed names that came with these reports for the first time."""
    return _Of(
        f"SELECT {_NEW} AS part, own.value AS said, '' AS state, COUNT(*) AS n"
        f" FROM (SELECT DISTINCT host_key FROM ({came}) AS reports) AS came CROSS JOIN host"
        f" {_BY_NAME} AND host.host_key = came.host_key AND NOT EXISTS (SELECT 1 FROM report r"
        " WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key AND r.seq <= ?)"
        " GROUP BY own.value",
        [*given, sweep_id, column, upto],
    )


def _of_others(sweep_id: str, column: str, others: list[str], part: str = "") -> list[_Of]:
    """Hosts of which the list says nothing by their names, which are these, and may say something
    by another."""
    if not others:
        return []
    return [
        _Of(
            f"SELECT {part}{VALUE} AS said, state, COUNT(*) AS n FROM host"
            f" WHERE sweep_id = ? AND name_key IN ({', '.join('?' * len(others))}) AND"
            f" COALESCE({BY_NAME}, '') = '' GROUP BY said, state",
            [*[column] * 3, sweep_id, *others, column],
        )
    ]


def _silent(sweep_id: str, column: str, part: str = "") -> _Of:
    return _Of(
        f"SELECT {part}COALESCE(own.value, '') AS said, '{_SILENT}' AS state, COUNT(*) AS n"
        f" FROM expected e {_OWN.format('e')} WHERE e.sweep_id = ? AND e.seen = ? GROUP BY said",
        [column, sweep_id, int(Seen.NOTHING)],
    )


def _grouped(sweep_id: str, column: str, others: list[str] | None) -> list[_Of]:
    """What a column says of hosts, their state, and how many; ``others``: as
    :meth:`~collector.store.beside.Beside.names_without` told."""
    # by joins, which engines have several ways of; the state from the index of names
    if others is None:
        return [
            _Of(
                f"SELECT COALESCE(own.value, {BY_OTHER_NAMES}) AS said, host.state AS state,"
                f" COUNT(*) AS n FROM host {_OWN.format('host')}"
                " WHERE host.sweep_id = ? AND host.name_key >= '' GROUP BY 1, 2",
                [*[column] * 3, sweep_id],
            )
        ]
    return [
        _Of(
            "SELECT own.value AS said, host.state AS state, COUNT(*) AS n FROM host"
            f" {_BY_NAME} GROUP BY own.value, host.state",
            [sweep_id, column],
        ),
        *_of_others(sweep_id, column, others),
    ]


__all__ = ["MAX_GROUPS", "Group", "Grouping"]
