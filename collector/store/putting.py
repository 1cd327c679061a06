"""How a report is kept: the statements and their order, the same in every engine.

A host is shown by the worst that it ever said: a later ``clean`` never overwrites a ``hit``. Hits
aside, the report that ended last counts, so that a second sweep may close the first one's gaps and
a late one out of a spool changes nothing. One that asked about the whole host counts before all
that asked about a part: nothing found in a folder closes no gap elsewhere.
"""

from __future__ import annotations

from msgspec.structs import astuple

from ..records import NewReport
from .database import Value

REPORT_COLUMNS = (
    "report_id", "sweep_id", "host_key", "name", "state", "strong", "weak", "excluded", "started",
    "finished", "received", "source", "digest", "size", "indexed", "body", "schema", "whole_host",
)  # fmt: skip
HOST_COLUMNS = (
    "sweep_id", "host_key", "host_id", "name", "name_key", "fqdn", "fqdn_key", "domain", "os", "ip",
    "agent", "state", "base", "hit", "suppressed", "reasons", "strong", "weak", "reports",
    "report_id", "first_received", "last_received", "finished", "sources", "flagged", "limited",
)  # fmt: skip

_LATER = (
    "(excluded.limited < host.limited"
    " OR (excluded.limited = host.limited AND excluded.finished >= host.finished))"
)
_TAKES = f"(excluded.hit > host.hit OR (excluded.hit = host.hit AND {_LATER}))"
_OTHER_SENDER = "(' ' || host.sources || ' ') NOT LIKE ('% ' || excluded.sources || ' %')"
MAX_SOURCES = 400
"""Characters of addresses kept per host."""

HOST_CONFLICT = f"""
ON CONFLICT (sweep_id, host_key) DO UPDATE SET
    host_id = excluded.host_id,
    name = excluded.name,
    name_key = excluded.name_key,
    fqdn = CASE WHEN {_LATER} THEN excluded.fqdn ELSE host.fqdn END,
    fqdn_key = CASE WHEN {_LATER} THEN excluded.fqdn_key ELSE host.fqdn_key END,
    domain = CASE WHEN {_LATER} THEN excluded.domain ELSE host.domain END,
    os = CASE WHEN {_LATER} THEN excluded.os ELSE host.os END,
    ip = CASE WHEN {_LATER} THEN excluded.ip ELSE host.ip END,
    agent = CASE WHEN {_LATER} THEN excluded.agent ELSE host.agent END,
    state = CASE
        WHEN excluded.hit = 1 OR (host.hit = 1 AND host.suppressed = 0) THEN 'hit'
        WHEN {_LATER} THEN excluded.base
        ELSE host.base END,
    base = CASE WHEN {_LATER} THEN excluded.base ELSE host.base END,
    hit = CASE WHEN excluded.hit = 1 THEN 1 ELSE host.hit END,
    suppressed = CASE WHEN excluded.hit = 1 THEN 0 ELSE host.suppressed END,
    reasons = CASE WHEN {_TAKES} THEN excluded.reasons ELSE host.reasons END,
    strong = CASE WHEN {_TAKES} THEN excluded.strong ELSE host.strong END,
    weak = CASE WHEN {_TAKES} THEN excluded.weak ELSE host.weak END,
    reports = host.reports + 1,
    report_id = CASE WHEN {_TAKES} THEN excluded.report_id ELSE host.report_id END,
    last_received = CASE WHEN excluded.last_received > host.last_received
        THEN excluded.last_received ELSE host.last_received END,
    finished = CASE WHEN {_LATER} THEN excluded.finished ELSE host.finished END,
    limited = CASE WHEN {_LATER} THEN excluded.limited ELSE host.limited END,
    sources = CASE WHEN {_OTHER_SENDER} AND length(host.sources) < {MAX_SOURCES}
        THEN host.sources || ' ' || excluded.sources ELSE host.sources END,
    flagged = CASE WHEN {_OTHER_SENDER} THEN 1 ELSE host.flagged END
"""


def report_fields(report: NewReport) -> tuple[Value, ...]:
    """All that a report brings, for :func:`~collector.store.database.storable`."""
    return astuple(report)


def report_values(report: NewReport) -> tuple[Value, ...]:
    """In the order of REPORT_COLUMNS. A report with findings is indexed after the commit."""
    state = "hit" if report.hit else report.base
    findings = report.strong + report.weak + report.excluded
    return (
        report.report_id, report.sweep_id, report.host_key, report.name, state, report.strong,
        report.weak, report.excluded, report.started, report.finished, report.received,
        report.source, report.digest, report.size, 0 if findings else 1, report.body,
        report.schema, int(report.whole_host),
    )  # fmt: skip


def host_values(report: NewReport) -> tuple[Value, ...]:
    """In the order of HOST_COLUMNS."""
    state = "hit" if report.hit else report.base
    name_key, fqdn_key = name_keys(report)
    return (
        report.sweep_id, report.host_key, report.host_id, report.name, name_key, report.fqdn,
        fqdn_key, report.domain, report.os, report.ip, report.agent, state, report.base,
        int(report.hit), 0, report.reasons, report.strong, report.weak, 1, report.report_id,
        report.received, report.received, report.finished, report.source, 0,
        int(not report.whole_host),
    )  # fmt: skip


def name_keys(report: NewReport) -> tuple[str, str]:
    """What a list of expected hosts may call it: the short name, and the whole one if known."""
    name = report.name.casefold()
    if report.fqdn:
        return name, report.fqdn.casefold()
    return name, f"{name}.{report.domain.casefold()}" if "." in report.domain else ""
