"""What the columns of schema 2 say of reports that were kept before: read out of their bodies.

Part of the transaction that adds the columns. A body that cannot be read any more leaves them
empty, and is for ``verify`` to name.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.model.codec import MAX_BYTES, ReportError, decode

from ..intake import Refused, bounded_gunzip, schema_of
from ..listing import rows_of
from .database import Row, Value

SINCE = 2
"""The schema that these columns are of."""
AT_ONCE = 20
"""Bodies held at once: each may be of many megabytes."""
OLDER = (
    "SELECT report_id, sweep_id, host_key, name, body FROM report WHERE report_id > ?"
    f" ORDER BY report_id LIMIT {AT_ONCE}"
)
"""The next of them, behind the last of those before; at first behind an empty id."""
_REPORT = "UPDATE report SET schema = ?, whole_host = ? WHERE report_id = ?"
_FACTS = ("first_seen", "last_seen", "claims", "place", "path", "record", "view", "owner")
_FINDING = (
    f"UPDATE finding SET {', '.join(f'{one} = ?' for one in _FACTS)}"
    " WHERE report_id = ? AND finding_id = ?"
)
LAST = (
    # the report that a host is counted by is the one that ended last
    "UPDATE host SET limited = 1 WHERE EXISTS (SELECT 1 FROM report r"
    " WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key"
    " AND r.finished = host.finished AND r.whole_host = 0)"
)
"""When all are filled."""


def filled(rows: Sequence[Row]) -> list[tuple[str, list[tuple[Value, ...]]]]:
    """Statements for rows of OLDER, each with the values of every time that it is to be run."""
    reports: list[tuple[Value, ...]] = []
    findings: list[tuple[Value, ...]] = []
    for report_id, sweep_id, host_key, name, body in rows:
        try:
            report = decode(bounded_gunzip(bytes(body), MAX_BYTES), max_bytes=MAX_BYTES)
        except (ReportError, Refused):
            continue
        reports.append((schema_of(report), int(report.scope.whole_host), str(report_id)))
        for row in rows_of(report, str(sweep_id), str(host_key), str(name)):
            facts = (getattr(row, fact) for fact in _FACTS)
            findings.append((*facts, str(report_id), row.finding_id))
    return [(sql, values) for sql, values in ((_REPORT, reports), (_FINDING, findings)) if values]
