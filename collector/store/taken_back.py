"""Expected hosts that were taken for one that says now that it is another.

A host that knows no domain stands for the one on the list that begins like its name. When it tells
a whole name later, and that is another's, the one on the list has not answered: what is listed is
what the hosts say as they are now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .database import Statement
from .putting import Judged, name_keys
from .same_host import COUNTED, MARK, seen_of
from .whose import stands_for_its_name

_MARKED = f"substr(e.short_key, 1, 1) = '{MARK}'"
_EXPLAINS = (
    f"h.name_key = CASE WHEN {_MARKED} THEN substr(e.short_key, 2) ELSE e.short_key END"
    " AND (h.fqdn_key = e.name_key OR (e.name_key = e.short_key AND"
    f" {stands_for_its_name('h')}) OR (e.name_key <> e.short_key AND NOT {_MARKED}"
    " AND h.fqdn_key = ''))"
)


def doubtful(reports: Sequence[Judged]) -> Iterator[tuple[str, list[str]]]:
    """For each sweep the keys of names that may stand for others than before."""
    found: dict[str, set[str]] = {}
    for one in reports:
        name, _ = name_keys(one.report)
        if name:
            found.setdefault(one.report.sweep_id, set()).update((name, MARK + name))
    for sweep_id, keys in sorted(found.items()):
        yield sweep_id, sorted(keys)


def otherwise_by_hosts(marks: str, *, name_index: bool = False) -> str:
    """SQL: expected hosts that are listed otherwise than the hosts of their short name say. The
    sweep, and keys of :func:`doubtful`. ``name_index``: for SQLite, which would go through all of
    the sweep."""
    listed, hosts = " INDEXED BY expected_short", " INDEXED BY host_name"
    host = (
        f"EXISTS (SELECT 1 FROM host h{hosts if name_index else ''}"
        f" WHERE h.sweep_id = e.sweep_id AND {_EXPLAINS} AND h.limited"
    )
    return (
        f"SELECT e.name_key FROM expected e{listed if name_index else ''} WHERE e.sweep_id = ?"
        f" AND e.short_key IN ({marks}) AND e.{COUNTED}"
        f" AND e.seen <> CASE WHEN {host} = 0) THEN 1 WHEN {host} > 0) THEN 2 ELSE 0 END"
    )


def seen_by_hosts(sweep_id: str, names: Sequence[str]) -> list[Statement]:
    """What all hosts say of these, whatever they are called."""
    which = f"sweep_id = ? AND name_key IN ({', '.join('?' * len(names))})"
    return [
        (sql, [sweep_id, *names, *[sweep_id] * (sql.count("?") - len(names) - 1)])
        for sql in seen_of(which)
    ]


__all__ = ["doubtful", "otherwise_by_hosts", "seen_by_hosts"]
