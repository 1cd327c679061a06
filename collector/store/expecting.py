"""The list of expected hosts, and what it says beside their names: whom to call.

Which host a name of the list means is for ``whose.py`` to say, and which names are of one host for
``same_host.py``.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ..host_names import name_key, name_keys, short_of
from ..records import HostRow
from .database import Insert, Statement, Value
from .grouping import Grouping
from .packing import packed
from .rows import audit
from .same_host import (
    COUNTED,
    MARK,
    SameHost,
    apart,
    columns_of_other_names,
    other_names,
    short_to_be,
    told_apart,
)
from .whose import VALUE, WAYS, called_with_value, with_value

MAX_COLUMNS = 16
"""Of one list."""
MAX_VALUE = 256
"""Characters of a cell, and of a column's name."""
MAX_NAMES = 64
"""Columns of all lists of a sweep together."""
_AT_ONCE = 200
"""Hosts whose columns are written in one transaction: 16,000 parameters at most."""
_ROWS_AT_ONCE = 5000
_EXPECTED = ("sweep_id", "name_key", "short_key", "name", "seen")
Columns = tuple[tuple[str, str], ...]
"""Name and value, in the order of the list."""


class Expected(Struct, frozen=True):
    """A line of the list."""

    name: str
    columns: Columns = ()
    """At most MAX_COLUMNS; empty: what is known stays."""


class Listed(Struct, frozen=True):
    """What became of a list."""

    new: int
    """Hosts that were not expected before."""
    same: tuple[SameHost, ...] = ()
    """Names that came with it and are no host of their own, or are now those of hosts that were on
    the list."""


class ColumnFilter(Struct, frozen=True, kw_only=True):
    """Which hosts by what the list says of them."""

    name: str = ""
    """Empty: all."""
    value: str = ""


ANY_COLUMN = ColumnFilter()


def listed_where(sweep_id: str, chosen: ColumnFilter) -> tuple[str, list[Value]]:
    """SQL on ``host``, beginning with AND. The names do not hang on the host, and are looked up
    once; only of hosts so called it is asked which of several names counts."""
    if not chosen.name:
        return "", []
    if not chosen.value:
        return f" AND {VALUE} = ''", [chosen.name] * 3
    so, given = with_value(sweep_id, chosen.name, chosen.value)
    return f" AND {so} AND {VALUE} = ?", [*given, *[chosen.name] * 3, chosen.value]


def listed_first(sweep_id: str, chosen: ColumnFilter) -> tuple[str, list[Value], str, list[Value]]:
    """The same as :func:`listed_where` for a value of few names: SQL of what to join ``host`` to
    from the left, so that each of them is read once, and SQL beginning with AND, with the values
    for each."""
    called, given = called_with_value(sweep_id, chosen.name, chosen.value)
    # their keys by the index of names, which SQLite takes where it needs no more than that has
    return (
        f"(SELECT host_key AS listed_key, own FROM (SELECT called, MAX(own) AS own FROM ({called})"
        " AS each_way GROUP BY called) AS called_so CROSS JOIN host WHERE sweep_id = ?"
        " AND name_key = called) AS listed CROSS JOIN ",
        [*given, sweep_id],
        f" AND host_key = listed_key AND (own = 1 OR {VALUE} = ?)",
        [*[chosen.name] * 3, chosen.value],
    )


def names_where(sweep_id: str, chosen: ColumnFilter) -> tuple[str, list[Value]]:
    """SQL on ``expected``, beginning with AND."""
    if not chosen.name:
        return "", []
    there = "SELECT c.name_key FROM expected_column c WHERE c.sweep_id = ?"
    if not chosen.value:
        return f" AND name_key NOT IN ({there} AND c.name = ?)", [sweep_id, chosen.name]
    return (
        f" AND name_key IN ({there} AND c.name = ? AND c.value = ?)",
        [sweep_id, chosen.name, chosen.value],
    )


class Expecting(Grouping):
    """What an administrator expects, and asks."""

    async def expect(self, sweep_id: str, hosts: Iterable[str | Expected], *, who: str) -> Listed:
        """Add hosts to the list. Those that reported already are seen, and the columns that come
        with a name replace those that it had.

        Raises ValueError: more columns than a sweep keeps. StoreError.
        """
        names: dict[str, str] = {}
        columns: dict[str, Columns] = {}
        same: list[SameHost] = []
        for one in hosts:
            name, beside = (one, ()) if isinstance(one, str) else (one.name, one.columns)
            key = name_key(name)
            first = names.setdefault(key, name)
            if name.casefold() != first.casefold():
                same.append(SameHost(name, first))
            if beside or key not in columns:
                columns[key] = beside
        for every in (names, columns):
            every.pop("", None)
        known = await self.columns(sweep_id)
        titles = {*known, *(name for beside in columns.values() for name, _ in beside)}
        if len(titles) > MAX_NAMES:
            raise ValueError(
                f"the lists of a sweep have at most {MAX_NAMES} columns, with this {len(titles)}"
            )
        before = await self._hosts_listed(sweep_id)
        others = await other_names(self.database, sweep_id, names)
        rows = [
            (sweep_id, key, short_to_be(key), name, 0)
            for key, name in names.items()
            if key not in others
        ]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = packed(rows[start : start + _ROWS_AT_ONCE], self.database.form)
            by = ("sweep_id", "name_key")
            new = Insert("expected", _EXPECTED, {"seen"}, by, [some])
            await self.database.transact([_changed(sweep_id)], new)
        told = {
            MARK + key if key in others else key: beside
            for key, beside in columns.items()
            if beside
        }
        for replaced in _columns(sweep_id, told, known):
            await self.database.transact([*replaced, _changed(sweep_id)])
        await self.database.transact([*told_apart(sweep_id), _changed(sweep_id)])
        short = [key.removeprefix(MARK) for key in told]
        for filled in columns_of_other_names(sweep_id, short, sorted(titles)):
            await self.database.transact([filled, _changed(sweep_id)])
        added = await self._hosts_listed(sweep_id) - before
        now = await other_names(self.database, sweep_id, map(short_of, names))
        same += [
            SameHost(name, host)
            for key, (name, of, host) in now.items()
            if {key, of} & names.keys()
        ]
        more = f", columns of {len(told)}" if told else ""
        also = f", {len(same)} names are the same host as others" if same else ""
        await self.database.transact(
            [audit(who, "import expected hosts", sweep_id, f"{added} new{more}{also}")]
        )
        return Listed(added, tuple(same))

    async def _hosts_listed(self, sweep_id: str) -> int:
        ((count,),) = await self.database.fetch(
            f"SELECT COUNT(*) FROM expected WHERE sweep_id = ? AND {COUNTED}", sweep_id
        )
        return int(count)

    async def expect_no_more(self, sweep_id: str, names: Iterable[str], *, who: str) -> int:
        """Take names from the list; gives how many were on it. What they reported stays."""
        keys = list(dict.fromkeys(map(name_key, names)))
        known = await self.columns(sweep_id)
        removed = 0
        for start in range(0, len(keys), 500):
            piece = [one for key in keys[start : start + 500] for one in (key, MARK + key)]
            marks = ", ".join("?" * len(piece))
            touched = await self.database.transact(
                [
                    (
                        f"DELETE FROM expected WHERE sweep_id = ? AND name_key IN ({marks})",
                        [sweep_id, *piece],
                    ),
                    *_forgotten(sweep_id, piece, known),
                    *apart(sweep_id),
                    _changed(sweep_id),
                ]
            )
            removed += touched[0]
        await self.database.transact(
            [
                *told_apart(sweep_id),
                _changed(sweep_id),
                audit(who, "remove expected hosts", sweep_id, f"{removed} of {len(keys)}"),
            ]
        )
        return removed

    async def columns(self, sweep_id: str) -> list[str]:
        """What the lists of a sweep say beside names, in order of the alphabet."""
        found: list[str] = []
        while len(found) < MAX_NAMES:  # each a step in the index, not one through all hosts
            ((name,),) = await self.database.fetch(
                "SELECT MIN(name) FROM expected_column WHERE sweep_id = ? AND name > ?",
                sweep_id, found[-1] if found else "",
            )  # fmt: skip
            if name is None:
                break
            found.append(str(name))
        return found

    async def columns_of_names(self, sweep_id: str, keys: Sequence[str]) -> dict[str, Columns]:
        """By the name in lower case; without those of which the list says nothing."""
        columns = await self.columns(sweep_id) if keys else []
        if not columns:
            return {}
        rows = await self.database.fetch(
            "SELECT name_key, name, value FROM expected_column WHERE sweep_id = ?"
            f" AND name IN ({', '.join('?' * len(columns))})"
            f" AND name_key IN ({', '.join('?' * len(keys))}) ORDER BY place, name",
            sweep_id, *columns, *keys,
        )  # fmt: skip
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for key, name, value in rows:
            found[str(key)].append((str(name), str(value)))
        return {key: tuple(pairs) for key, pairs in found.items()}

    async def columns_of_hosts(self, sweep_id: str, hosts: Sequence[HostRow]) -> dict[str, Columns]:
        """What the list says of hosts, by their keys; without those of which it says nothing."""
        if not hosts or not await self.columns(sweep_id):
            return {}
        names = {host.host_key: name_keys(host.name, host.fqdn, host.domain) for host in hosts}
        short = await self._short(sweep_id, sorted({one[0] for one in names.values()}))
        listed = {
            host_key: [
                [key] if way.listed == "name_key" else short.get(key, [])
                for way in WAYS
                if (key := way.key(*own))
            ]
            for host_key, own in names.items()
        }
        keys = {key for ways in listed.values() for way in ways for key in way}
        known = await self.columns_of_names(sweep_id, sorted(keys))
        found: dict[str, Columns] = {}
        for host_key, ways in listed.items():
            told: dict[str, str] = {}
            for way in ways:
                least: dict[str, str] = {}
                for column, value in (pair for key in way for pair in known.get(key, ())):
                    least[column] = min(value, least.get(column, value))
                for column, value in least.items():
                    told.setdefault(column, value)
            if told:
                found[host_key] = tuple(told.items())
        return found

    async def _short(self, sweep_id: str, names: Sequence[str]) -> dict[str, list[str]]:
        """Whole names on the list, by their first parts."""
        if not names:
            return {}
        # the order from no index: SQLite would go through the whole list in it
        rows = await self.database.fetch(
            "SELECT short_key, name_key FROM expected WHERE sweep_id = ? AND short_key IN"
            f" ({', '.join('?' * len(names))}) ORDER BY COALESCE(name_key, '') LIMIT 5000",
            sweep_id, *names,
        )  # fmt: skip
        found: defaultdict[str, list[str]] = defaultdict(list)
        for short, name in rows:
            found[str(short)].append(str(name))
        return found


def _columns(
    sweep_id: str, told: dict[str, Columns], known: Sequence[str]
) -> Iterable[list[Statement]]:
    """What replaces what was known of these names, some in each transaction."""
    keys = list(told)
    for start in range(0, len(keys), _AT_ONCE):
        piece = keys[start : start + _AT_ONCE]
        values: list[Value] = []
        for key in piece:
            for place, (name, value) in enumerate(told[key][:MAX_COLUMNS]):
                values += [sweep_id, name[:MAX_VALUE], key, place, value[:MAX_VALUE]]
        marks = ", ".join(["(?, ?, ?, ?, ?)"] * (len(values) // 5))
        yield [
            *_forgotten(sweep_id, piece, known),
            (
                "INSERT INTO expected_column (sweep_id, name, name_key, place, value)"
                f" VALUES {marks} ON CONFLICT (sweep_id, name, name_key) DO NOTHING",
                values,
            ),
        ]


def _changed(sweep_id: str) -> Statement:
    """For whoever keeps what was found by the list. No counter: a sweep may be removed, and another
    be made that is called so."""
    return (
        "INSERT INTO list_change (sweep_id, number) VALUES (?, ?)"
        " ON CONFLICT (sweep_id) DO UPDATE SET number = excluded.number",
        [sweep_id, secrets.randbits(62)],
    )


def _forgotten(sweep_id: str, keys: Sequence[str], known: Sequence[str]) -> list[Statement]:
    if not known:
        return []
    return [
        (
            "DELETE FROM expected_column WHERE sweep_id = ?"
            f" AND name IN ({', '.join('?' * len(known))})"
            f" AND name_key IN ({', '.join('?' * len(keys))})",
            [sweep_id, *known, *keys],
        )
    ]
