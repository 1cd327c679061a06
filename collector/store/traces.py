"""What the listed findings say of a host, kept in its row: the strongest, and since when.

A finding that is suppressed or excluded is none. Listing a report's findings can only add to what
is there; suppressing and lifting work it out anew.
"""

from __future__ import annotations

from agent.model.observation import EARLIEST

from ..records import RANKS
from .database import Statement, Value

FIRST_TIME = int(EARLIEST.timestamp() * 1000)
"""Milliseconds UTC; what is earlier is no time."""
AHEAD_MS = 24 * 3600 * 1000
"""That a host's clock may run before ours: what is later than its report came was never seen."""
COLUMNS = "strongest, best, first_trace, last_trace, first_any, last_any"
_RANK = (
    f"CASE f.strength WHEN 'confirmed' THEN {RANKS['confirmed']}"
    f" WHEN 'strong' THEN {RANKS['strong']} ELSE {RANKS['weak']} END"
)
_STRONG = "f.strength IN ('strong', 'confirmed')"


def _time(column: str) -> str:
    return f"f.{column} >= {FIRST_TIME} AND f.{column} <= r.received + {AHEAD_MS}"


_EACH = (
    f"SELECT {_RANK} AS strongest,"
    # so many figures always: what is greater as text is greater
    f" CAST(1000 * {_RANK} + f.score AS TEXT) || '\n' || f.finding_id || '\n' || f.report_id"
    " AS best,"
    f" CASE WHEN {_STRONG} AND {_time('first_seen')} THEN f.first_seen END AS first_trace,"
    f" CASE WHEN {_STRONG} AND {_time('last_seen')} THEN f.last_seen END AS last_trace,"
    f" CASE WHEN {_time('first_seen')} THEN f.first_seen END AS first_any,"
    f" CASE WHEN {_time('last_seen')} THEN f.last_seen END AS last_any"
)
_COUNTS = "f.suppression_id IS NULL AND f.strength <> 'excluded'"
_ALL = (
    "SELECT COALESCE(MAX(strongest), 0) AS strongest, COALESCE(MAX(best), '') AS best,"
    " MIN(first_trace) AS first_trace, MAX(last_trace) AS last_trace,"
    " MIN(first_any) AS first_any, MAX(last_any) AS last_any FROM"
)


def told_of(host: str) -> str:
    """SQL: the columns as the findings of a host say them, which is called so in the statement."""
    return (
        f"{_ALL} ({_EACH} FROM report r JOIN finding f ON f.report_id = r.report_id"
        f" WHERE r.sweep_id = {host}.sweep_id AND r.host_key = {host}.host_key AND {_COUNTS})"
        " AS told"
    )


EVERY_HOST_AGAIN = (
    f"UPDATE host SET ({COLUMNS}) = ({told_of('host')}) WHERE (sweep_id, host_key) IN"
    " (SELECT sweep_id, host_key FROM finding)"
)


def traces_added(report_id: str, sweep_id: str, host_key: str) -> Statement:
    """The findings of one report beside what was known."""
    return (
        f"UPDATE host SET ({COLUMNS}) = ({_ALL} ({_EACH} FROM report r JOIN finding f"
        f" ON f.report_id = r.report_id WHERE r.report_id = ? AND {_COUNTS} UNION ALL SELECT"
        " host.strongest, host.best, host.first_trace, host.last_trace, host.first_any,"
        " host.last_any) AS told) WHERE sweep_id = ? AND host_key = ?",
        (report_id, sweep_id, host_key),
    )


def traces_again(sweep_id: str, indicator_id: str, host_key: str | None = None) -> Statement:
    """Of the hosts with a finding of an indicator, or of one of them."""
    which: str = "sweep_id = ? AND host_key IN (SELECT host_key FROM finding WHERE sweep_id = ?"
    which += " AND indicator_id = ?)"
    values: list[Value] = [sweep_id, sweep_id, indicator_id]
    if host_key is not None:
        which, values = f"{which} AND host_key = ?", [*values, host_key]
    return (f"UPDATE host SET ({COLUMNS}) = ({told_of('host')}) WHERE {which}", values)
