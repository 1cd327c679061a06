"""Which expected host a report is from: the one place that says so, as SQL and without.

By its name; else by its whole name; else, where it knows no whole name of its own, by the first
part of one on the list, if one host alone is so called: of two, the one that is silent must not be
taken for the one that reported. For the same reason a host whose whole name is listed has answered
for that alone. What is another name of a host on the list (``same_host.py``) stands for none.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from .database import Value


class Way(Struct, frozen=True):
    """Both are the same."""

    listed: str
    """Column of ``expected``."""
    told: str
    """Column of ``host``."""
    only: str = ""
    """SQL on the host: when this way counts; empty: always."""
    answers: str = ""
    """SQL on the host: when it is the one that has answered for this name; empty: always."""

    def key(self, name: str, fqdn: str) -> str:
        """What must be listed so, of a host whose keys these are; empty: this way does not count.
        See :func:`~collector.host_names.name_keys`."""
        if self.told == "fqdn_key":
            return fqdn
        return "" if self.only and fqdn else name


def stands_for_its_name(host: str) -> str:
    """SQL on a host, which is called so in the statement: whether its whole name is not on the
    list. Where it is, the short one beside it may be of another host."""
    return (
        f"({host}.fqdn_key = '' OR {host}.fqdn_key = {host}.name_key OR NOT EXISTS"
        f" (SELECT 1 FROM expected w WHERE w.sweep_id = {host}.sweep_id"
        f" AND w.name_key = {host}.fqdn_key))"
    )


WAYS = (
    Way("name_key", "name_key", answers=stands_for_its_name("host")),
    Way("name_key", "fqdn_key"),
    Way("short_key", "name_key", "fqdn_key = ''"),
)
"""The first counts."""


def has_reported(so: str) -> str:
    """SQL on ``expected``: whether it has a host for which this holds; three times the sweep's id.
    Beside each name all hosts of the sweep are looked up once."""
    return _any(
        f"{way.listed} IN (SELECT {way.told} FROM host WHERE sweep_id = ? AND {_and(so, way)})"
        for way in WAYS
    )


def has_reported_anywhere(so: str) -> str:
    """The same of all sweeps at once."""
    return _any(
        f"(sweep_id, {way.listed}) IN (SELECT sweep_id, {way.told} FROM host WHERE {_and(so, way)})"
        for way in WAYS
    )


def _listed(way: Way) -> str:
    there = "SELECT 1 FROM expected e WHERE e.sweep_id = host.sweep_id"
    return f"EXISTS ({there} AND e.{way.listed} = host.{way.told})"


def _unlisted(way: Way) -> str:
    """The list is not asked where this way does not count."""
    counts = way.only or ("" if way.told == "name_key" else f"{way.told} <> ''")
    return f"NOT ({counts} AND {_listed(way)})" if counts else f"NOT {_listed(way)}"


UNEXPECTED = " AND ".join(map(_unlisted, WAYS))
"""SQL on ``host``."""


# ---- What the list says of a host


def _said(way: Way) -> str:
    """SQL: what a column (parameter) says of the host in this way; NULL: nothing."""
    if way.listed == "name_key":
        what, of = "c.value", f"c.name_key = host.{way.told}"
    else:
        names = "SELECT e.name_key FROM expected e WHERE e.sweep_id = host.sweep_id"
        what, of = "MIN(c.value)", f"c.name_key IN ({names} AND e.{way.listed} = host.{way.told})"
    told = (
        f"(SELECT {what} FROM expected_column c WHERE c.sweep_id = host.sweep_id"
        f" AND c.name = ? AND {of})"
    )
    return f"CASE WHEN {way.only} THEN {told} END" if way.only else told


BY_NAME = _said(WAYS[0])
"""SQL: what the list says of a host by its name, or NULL; one parameter."""
BY_OTHER_NAMES = ", ".join([*map(_said, WAYS[1:]), "''"])
"""SQL: what the list says of a host of which it says nothing by its name; two parameters."""
VALUE = f"COALESCE({BY_NAME}, {BY_OTHER_NAMES})"
"""SQL: what the list says of a host; three parameters."""


def with_value(sweep_id: str, name: str, value: str) -> tuple[str, list[Value]]:
    """SQL on ``host``: those that may have this value of a column, and others. The names do not
    hang on the host, and are looked up once."""
    names = [_names_with(way, sweep_id, name, value) for way in WAYS]
    return (
        _any(f"host.{way.told} IN ({sql})" for way, (sql, _) in zip(WAYS, names, strict=True)),
        [one for _, values in names for one in values],
    )


def called_with_value(sweep_id: str, name: str, value: str) -> tuple[str, list[Value]]:
    """SQL: keys of names that the same hosts have, some of them more than once (``called``), and
    whether the list says it of this very name (``own``): then it is said of the host."""
    parts, given = [], list[Value]()
    for way in WAYS:
        # a name without a dot is its own first part
        more = "" if way.listed == "name_key" else " AND c.name_key LIKE '%.%'"
        sql, values = _names_with(way, sweep_id, name, value, more)
        if way.told == "name_key":
            parts.append(f"SELECT called, {int(way is WAYS[0])} AS own FROM ({sql}) AS so_listed")
        else:
            parts.append(
                "SELECT name_key AS called, 0 AS own FROM host WHERE sweep_id = ?"
                f" AND name_key >= '' AND {way.told} <> '' AND {way.told} IN ({sql})"
            )
            values = [sweep_id, *values]
        given += values
    return " UNION ALL ".join(parts), given


def _names_with(
    way: Way, sweep_id: str, name: str, value: str, more: str = ""
) -> tuple[str, list[Value]]:
    so = "SELECT c.name_key AS called FROM expected_column c WHERE c.sweep_id = ?"
    so += f" AND c.name = ? AND c.value = ?{more}"
    if way.listed == "name_key":
        return so, [sweep_id, name, value]
    return (
        f"SELECT e.{way.listed} AS called FROM expected e WHERE e.sweep_id = ?"
        f" AND e.name_key IN ({so})",
        [sweep_id, sweep_id, name, value],
    )


def _and(so: str, way: Way) -> str:
    return " AND ".join(filter(None, (so, way.only, way.answers)))


def _any(parts: Iterable[str]) -> str:
    return f"({' OR '.join(parts)})"


__all__ = [
    "BY_NAME", "BY_OTHER_NAMES", "UNEXPECTED", "VALUE", "WAYS", "Way", "called_with_value",
    "has_reported", "has_reported_anywhere", "stands_for_its_name", "with_value",
]  # fmt: skip
