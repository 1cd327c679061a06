"""The list of expected hosts, and what it says beside their names: whom to call.

A host is the one that a name of the list means as it is for the counters: by its name, else by its
whole name, else by the first part of a whole name where its own is not known, and one host alone is
so called: of two, the one that is silent must not be taken for the one that reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ..records import HostRow
from .database import Statement, Value
from .judging_again import seen_again
from .putting import Seen
from .rows import Rows, audit

MAX_COLUMNS = 16
"""Of one list."""
MAX_VALUE = 256
"""Characters of a cell, and of a column's name."""
MAX_NAMES = 64
"""Columns of all lists of a sweep together."""
MAX_GROUPS = 500
_AT_ONCE = 200
"""Hosts whose columns are written in one transaction: 16,000 parameters at most."""
Columns = tuple[tuple[str, str], ...]
"""Name and value, in the order of the list."""


class Expected(Struct, frozen=True):
    """A line of the list."""

    name: str
    columns: Columns = ()
    """At most MAX_COLUMNS; empty: what is known stays."""


class ColumnFilter(Struct, frozen=True, kw_only=True):
    """Which hosts by what the list says of them."""

    name: str = ""
    """Empty: all."""
    value: str = ""


ANY_COLUMN = ColumnFilter()


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


def _said(of: str, what: str = "c.value") -> str:
    """SQL: what a column (parameter) of the names says that are chosen so; NULL: nothing."""
    return (
        f"(SELECT {what} FROM expected_column c WHERE c.sweep_id = host.sweep_id"
        f" AND c.name = ? AND {of})"
    )


_WHOLE_NAMES = (
    "SELECT e.name_key FROM expected e WHERE e.sweep_id = host.sweep_id"
    " AND e.short_key = host.name_key"
)
_OF_SHORT = f"c.name_key IN ({_WHOLE_NAMES})"
_BY_OTHER_NAMES = (
    f"{_said('c.name_key = host.fqdn_key')},"
    f" CASE WHEN host.fqdn_key = '' THEN {_said(_OF_SHORT, 'MIN(c.value)')} END, ''"
)
_VALUE = f"COALESCE({_said('c.name_key = host.name_key')}, {_BY_OTHER_NAMES})"
"""SQL: what the list says of a host; three parameters."""
_OWN = (
    "LEFT JOIN expected_column own ON own.sweep_id = {0}.sweep_id AND own.name = ?"
    " AND own.name_key = {0}.name_key"
)


_MARK = "\n"
"""Before the first part of whole names that several have: no host is called so."""


def _ambiguous(sweep_id: str) -> list[Statement]:
    """Mark the first parts that several whole names have, and those no more that one alone has.
    Whoever was seen by such a part is seen no more, until :func:`seen_again`."""
    others = (
        "EXISTS (SELECT 1 FROM expected o WHERE o.sweep_id = expected.sweep_id"
        " AND o.name_key <> expected.name_key AND o.name_key <> o.short_key AND o.short_key IN"
    )
    marked = f"substr(short_key, 1, 1) = '{_MARK}'"
    return [
        (
            f"UPDATE expected SET short_key = '{_MARK}' || short_key, seen = 0 WHERE sweep_id = ?"
            f" AND name_key <> short_key AND NOT {marked}"
            f" AND {others} (expected.short_key, '{_MARK}' || expected.short_key))",
            [sweep_id],
        ),
        (
            f"UPDATE expected SET short_key = substr(short_key, 2) WHERE sweep_id = ? AND {marked}"
            f" AND NOT {others} (expected.short_key))",
            [sweep_id],
        ),
    ]


def listed_where(sweep_id: str, chosen: ColumnFilter) -> tuple[str, list[Value]]:
    """SQL on ``host``, beginning with AND. The names do not hang on the host, and are looked up
    once; only of hosts so called it is asked which of several names counts."""
    if not chosen.name:
        return "", []
    so = "SELECT c.name_key FROM expected_column c WHERE c.sweep_id = ?"
    so += " AND c.name = ? AND c.value = ?"
    short = "SELECT e.short_key FROM expected e JOIN expected_column c ON c.sweep_id = e.sweep_id"
    short += " AND c.name_key = e.name_key WHERE e.sweep_id = ?"
    short += " AND c.name = ? AND c.value = ?"
    each: list[Value] = [sweep_id, chosen.name, chosen.value]
    if not chosen.value:
        return f" AND {_VALUE} = ''", [chosen.name] * 3
    return (
        f" AND (host.name_key IN ({so}) OR host.fqdn_key IN ({so}) OR host.name_key IN ({short}))"
        f" AND {_VALUE} = ?",
        [*each * 3, *[chosen.name] * 3, chosen.value],
    )


def listed_first(sweep_id: str, chosen: ColumnFilter) -> tuple[str, list[Value]]:
    """SQL on ``host``, beginning with AND, for a value of few names: the hosts that have one of
    them, most by an index; what :func:`listed_where` asks is asked of these."""
    of = "SELECT host_key FROM host WHERE sweep_id = ? AND name_key"
    so = "SELECT name_key FROM expected_column WHERE sweep_id = ? AND name = ? AND value = ?"
    short = f"SELECT short_key FROM expected WHERE sweep_id = ? AND name_key IN ({so})"
    each: list[Value] = [sweep_id, chosen.name, chosen.value]
    return (
        f" AND host_key IN ({of} IN ({so}) UNION {of} IN ({short})"
        f" UNION {of} >= '' AND fqdn_key IN ({so}))",
        [sweep_id, *each, sweep_id, sweep_id, *each, sweep_id, *each],
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


class Expecting(Rows):
    """What an administrator expects, and asks."""

    async def expect(self, sweep_id: str, hosts: Iterable[str | Expected], *, who: str) -> int:
        """Add hosts to the list; gives how many are new. Those that reported already are seen, and
        the columns that come with a name replace those that it had.

        Raises ValueError: more columns than a sweep keeps. StoreError.
        """
        rows: list[Value] = []
        columns: dict[str, Columns] = {}
        for one in hosts:
            name, beside = (one, ()) if isinstance(one, str) else (one.name, one.columns)
            key = name.casefold().rstrip(".")
            if key and key not in columns:
                rows += [sweep_id, key, key.partition(".")[0], name]
            if key and (beside or key not in columns):
                columns[key] = beside
        told = {key: beside for key, beside in columns.items() if beside}
        known = await self.columns(sweep_id)
        names = {*known, *(name for beside in told.values() for name, _ in beside)}
        if len(names) > MAX_NAMES:
            raise ValueError(
                f"the lists of a sweep have at most {MAX_NAMES} columns, with this {len(names)}"
            )
        statements: list[Statement] = []
        for start in range(0, len(rows), 4 * 500):
            piece = rows[start : start + 4 * 500]
            marks = ", ".join(["(?, ?, ?, ?, 0)"] * (len(piece) // 4))
            statements.append(
                (
                    "INSERT INTO expected (sweep_id, name_key, short_key, name, seen)"
                    f" VALUES {marks} ON CONFLICT (sweep_id, name_key) DO NOTHING",
                    piece,
                )
            )
        added = 0
        for start in range(0, len(statements), 10):
            added += sum(await self.database.transact(statements[start : start + 10]))
        for replaced in _columns(sweep_id, told, known):
            await self.database.transact(replaced)
        more = f", columns of {len(told)}" if told else ""
        await self.database.transact(
            [
                *_ambiguous(sweep_id),
                *seen_again(sweep_id),
                audit(who, "import expected hosts", sweep_id, f"{added} new{more}"),
            ]
        )
        return added

    async def expect_no_more(self, sweep_id: str, names: Iterable[str], *, who: str) -> int:
        """Take names from the list; gives how many were on it. What they reported stays."""
        keys = list(dict.fromkeys(name.casefold().rstrip(".") for name in names))
        known = await self.columns(sweep_id)
        removed = 0
        for start in range(0, len(keys), 500):
            piece = keys[start : start + 500]
            marks = ", ".join("?" * len(piece))
            touched = await self.database.transact(
                [
                    (
                        f"DELETE FROM expected WHERE sweep_id = ? AND name_key IN ({marks})",
                        [sweep_id, *piece],
                    ),
                    *_forgotten(sweep_id, piece, known),
                ]
            )
            removed += touched[0]
        await self.database.transact(
            [
                *_ambiguous(sweep_id),
                *seen_again(sweep_id),
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
        names = {host.host_key: _names(host) for host in hosts}
        short = await self._short(sweep_id, [own[0] for own in names.values() if not own[1]])
        keys = {key for own in names.values() for key in own if key}
        known = await self.columns_of_names(
            sweep_id, sorted(keys.union(*(set(more) for more in short.values())))
        )
        found: dict[str, Columns] = {}
        for host_key, (name, fqdn) in names.items():
            told: dict[str, str] = {}
            for key in (name, fqdn):
                for column, value in known.get(key, ()):
                    told.setdefault(column, value)
            least: dict[str, str] = {}
            for key in short.get(name, ()) if not fqdn else ():
                for column, value in known.get(key, ()):
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
        rows = await self.database.fetch(
            "SELECT short_key, name_key FROM expected WHERE sweep_id = ?"
            f" AND short_key IN ({', '.join('?' * len(names))}) ORDER BY name_key LIMIT 5000",
            sweep_id, *names,
        )  # fmt: skip
        found: defaultdict[str, list[str]] = defaultdict(list)
        for short, name in rows:
            found[str(short)].append(str(name))
        return found

    async def groups(self, sweep_id: str, column: str) -> list[Group]:
        """Hosts by what a column says, those with most hits first; at most MAX_GROUPS and one."""
        states = ("hit", "failed", "incomplete", "limited", "clean")
        sums = ", ".join(f"SUM(CASE WHEN state = '{one}' THEN n ELSE 0 END)" for one in states)
        rows = await self.database.fetch(
            # most hosts by a join, which engines have several ways of; the state from the index
            # of names
            f"SELECT said, {sums}, SUM(CASE WHEN state = '' THEN n ELSE 0 END) FROM ("
            f"SELECT COALESCE(own.value, {_BY_OTHER_NAMES}) AS said, host.state AS state,"
            f" COUNT(*) AS n FROM host {_OWN.format('host')}"
            " WHERE host.sweep_id = ? AND host.name_key >= '' GROUP BY 1, 2"
            " UNION ALL SELECT COALESCE(own.value, '') AS said, '' AS state, COUNT(*) AS n"
            f" FROM expected e {_OWN.format('e')} WHERE e.sweep_id = ? AND e.seen = ? GROUP BY 1"
            ") AS some_of_each GROUP BY said ORDER BY 2 DESC, 3 DESC, 4 DESC, 1 LIMIT ?",
            *[column] * 3, sweep_id, column, sweep_id, int(Seen.NOTHING), MAX_GROUPS + 1,
        )  # fmt: skip
        return [
            Group(
                value=str(value), hit=int(hit), failed=int(failed), incomplete=int(incomplete),
                limited=int(limited), clean=int(clean), not_reported=int(silent),
            )
            for value, hit, failed, incomplete, limited, clean, silent in rows
        ]  # fmt: skip


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


def _names(host: HostRow) -> tuple[str, str]:
    """As :func:`~collector.store.putting.name_keys` has them."""
    name = host.name.casefold()
    if host.fqdn:
        return name, host.fqdn.casefold()
    return name, f"{name}.{host.domain.casefold()}" if "." in host.domain else ""
