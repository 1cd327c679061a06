"""What the columns of a newer schema say of older reports: read out of their bodies.

Part of the transaction that adds the columns, as are keys that are made otherwise now. A body that
cannot be read any more leaves them as the migration does, and is for ``verify`` to name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from agent.model.codec import MAX_BYTES, ReportError, decode
from agent.model.report import Report

from ..host_names import name_key, name_keys, short_of
from ..intake import Refused, bounded_gunzip, schema_of, scope_of
from ..judging import WHOLE, packed
from ..listing import rows_of
from ..records import Limit
from ..worth import users_of_hit, worth_of
from .database import Row, Value
from .same_host import MARK, all_told_apart
from .traces import EVERY_HOST_AGAIN

AT_ONCE = 20
"""Bodies held at once: each may be of many megabytes."""
_REPORT = "UPDATE report SET schema = ?, whole_host = ? WHERE report_id = ?"
_FACTS = ("first_seen", "last_seen", "claims", "place", "path", "record", "view", "owner")
_FINDING = (
    f"UPDATE finding SET {', '.join(f'{one} = ?' for one in _FACTS)}"
    " WHERE report_id = ? AND finding_id = ?"
)
_OBJECT = (
    "UPDATE finding SET object_path = ?, object_hash = ? WHERE report_id = ? AND finding_id = ?"
)
_LIMITS = "UPDATE report SET limits = ? WHERE report_id = ?"
_WORTH = (
    "UPDATE host SET elevated = ?, kind = ?, worth = ? WHERE sweep_id = ? AND host_key = ?"
    " AND finished = ? AND limits = ?"
)
_USERS = "UPDATE host SET users = ? WHERE sweep_id = ? AND host_key = ? AND report_id = ?"
_COUNTED = (
    "SELECT MAX(r.limits) FROM report r WHERE r.sweep_id = host.sweep_id"
    " AND r.host_key = host.host_key AND r.finished = host.finished AND r.whole_host = 0"
)

NAMES_AT_ONCE = 5000
_MARKED = f"substr(name_key, 1, 1) = '{MARK}'"
_HOST_KEYS = "UPDATE host SET name_key = ?, fqdn_key = ? WHERE sweep_id = ? AND host_key = ?"
_COLUMN_KEYS = (
    "UPDATE expected_column SET name_key = ? WHERE sweep_id = ? AND name_key = ? AND NOT EXISTS"
    " (SELECT 1 FROM expected_column o WHERE o.sweep_id = expected_column.sweep_id"
    " AND o.name = expected_column.name AND o.name_key = ?)"
)
_COLUMNS_GONE = "DELETE FROM expected_column WHERE sweep_id = ? AND name_key = ?"
_LISTED_KEYS = (
    "UPDATE expected SET name_key = ?, short_key = ? WHERE sweep_id = ? AND name_key = ?"
    " AND NOT EXISTS (SELECT 1 FROM expected o WHERE o.sweep_id = expected.sweep_id"
    " AND o.name_key = ?)"
)
_LISTED_GONE = "DELETE FROM expected WHERE sweep_id = ? AND name_key = ?"
"""Of a name that was listed in two spellings, which are one."""

Values = tuple[Value, ...]
Made = list[tuple[str, Values]]


class Filling(Struct, frozen=True):
    """How the columns of one schema are filled."""

    older: str
    """The next reports, behind the id of the last of those before; at first behind an empty one."""
    of: Callable[[Row, Report], Made] | None
    """Statements for a row of these, whose last column is the body, and the report in it."""
    last: tuple[str, ...]
    """When all are filled."""
    of_row: Callable[[Row], Made] | None = None
    """Instead, of rows that are no reports; each is then none of these any more."""


def _of_version_2(row: Row, report: Report) -> Made:
    report_id, sweep_id, host_key, name = map(str, row[:4])
    made: Made = [(_REPORT, (schema_of(report), int(report.scope.whole_host), report_id))]
    for listed in rows_of(report, sweep_id, host_key, name):
        facts = (getattr(listed, fact) for fact in _FACTS)
        made.append((_FINDING, (*facts, report_id, listed.finding_id)))
    return made


def _of_suppressions(row: Row, report: Report) -> Made:
    report_id, sweep_id, host_key, name = map(str, row[:4])
    return [
        (_OBJECT, (listed.object_path, listed.object_hash, report_id, listed.finding_id))
        for listed in rows_of(report, sweep_id, host_key, name)
        if listed.object_path or listed.object_hash
    ]


def _of_standing(row: Row, report: Report) -> Made:
    report_id, sweep_id, host_key, finished, limits = row[:5]
    elevated = report.host.elevated
    worth = (
        None if elevated is None else int(elevated),
        report.target.kind.value,
        worth_of(report),
    )
    whose = (str(sweep_id), str(host_key))
    return [
        (_WORTH, (*worth, *whose, int(finished), str(limits))),
        (_USERS, (users_of_hit(report), *whose, str(report_id))),
    ]


def _of_demands(row: Row, report: Report) -> Made:
    limit = Limit("scope", scope_of(report), WHOLE)
    return [(_LIMITS, (packed([limit]), str(row[0])))]


def _of_names(row: Row) -> Made:
    """Of hosts and of lists, whose keys are marked by the migration: by what they are called."""
    sweep_id, host_key, name, fqdn, domain, marked = map(str, row)
    if host_key:
        short, whole = name_keys(name, fqdn, domain)
        return [(_HOST_KEYS, (short.lstrip(MARK), whole, sweep_id, host_key))]
    before, key = marked.removeprefix(MARK), name_key(name).lstrip(MARK)
    moved = [(_COLUMN_KEYS, (key, sweep_id, before, key)), (_COLUMNS_GONE, (sweep_id, before))]
    return [
        *(moved if key != before else []),
        (_LISTED_KEYS, (key, short_of(key), sweep_id, marked, key)),
        (_LISTED_GONE, (sweep_id, marked)),
    ]


FILLINGS = {
    2: Filling(
        "SELECT report_id, sweep_id, host_key, name, body FROM report WHERE report_id > ?"
        f" ORDER BY report_id LIMIT {AT_ONCE}",
        _of_version_2,
        (
            # the report that a host is counted by is the one that ended last
            "UPDATE host SET limited = 1 WHERE EXISTS (SELECT 1 FROM report r"
            " WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key"
            " AND r.finished = host.finished AND r.whole_host = 0)",
        ),
    ),
    3: Filling(
        "SELECT report_id, body FROM report WHERE report_id > ? AND whole_host = 0"
        f" ORDER BY report_id LIMIT {AT_ONCE}",
        _of_demands,
        (
            f"UPDATE host SET limits = COALESCE(({_COUNTED}), '') WHERE limited > 0",
            "UPDATE host SET hit_limits = COALESCE((SELECT r.limits FROM report r"
            " WHERE r.report_id = host.report_id), '')",
        ),
    ),
    4: Filling(
        "SELECT report_id, sweep_id, host_key, name, body FROM report WHERE report_id > ?"
        " AND strong + weak + excluded > 0"
        f" ORDER BY report_id LIMIT {AT_ONCE}",
        _of_suppressions,
        (),
    ),
    7: Filling(
        # those that a host is counted by, or its hit is from
        "SELECT r.report_id, r.sweep_id, r.host_key, r.finished, r.limits, r.body FROM report r"
        " JOIN host h ON h.sweep_id = r.sweep_id AND h.host_key = r.host_key"
        " WHERE r.report_id > ? AND (h.report_id = r.report_id"
        " OR (h.finished = r.finished AND h.limits = r.limits))"
        f" ORDER BY r.report_id LIMIT {AT_ONCE}",
        _of_standing,
        (EVERY_HOST_AGAIN,),
    ),
    11: Filling(
        # behind no place: what was renamed is marked no more
        f"SELECT sweep_id, host_key, name, fqdn, domain, name_key FROM host WHERE {_MARKED}"
        " UNION ALL SELECT sweep_id, '', name, '', '', name_key FROM expected"
        f" WHERE {_MARKED} AND ? || '' IS NOT NULL LIMIT {NAMES_AT_ONCE}",
        None,
        tuple(all_told_apart()),
        _of_names,
    ),
}
"""By the schema that they are of."""


def filled(filling: Filling, rows: Sequence[Row]) -> list[tuple[str, list[Values]]]:
    """Statements for the rows, each with the values of every time that it is to be run."""
    made: dict[str, list[Values]] = {}
    for row in rows:
        if filling.of_row is not None:
            for sql, values in filling.of_row(row):
                made.setdefault(sql, []).append(values)
            continue
        try:
            report = decode(bounded_gunzip(bytes(row[-1]), MAX_BYTES), max_bytes=MAX_BYTES)
        except (ReportError, Refused):
            continue
        for sql, values in filling.of(row, report) if filling.of else ():
            made.setdefault(sql, []).append(values)
    return list(made.items())
