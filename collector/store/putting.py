"""How a report is kept: the statements and their order, the same in every engine.

A host is shown by the worst that it ever said: a later ``clean`` never overwrites a ``hit``. Hits
aside, the report that ended last counts, so that a second sweep may close the first one's gaps and
a late one out of a spool changes nothing. One that is what the sweep asks for counts before all
that are not: nothing found in a folder, or by another campaign's pack, closes a gap elsewhere. Of
those that are, one that is as a key of the sweep signed it counts before all that nobody signed:
whoever takes a signature off closes no gap of a report that has one.
``collector/folding.py`` says the same without a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache

from msgspec import MsgspecError, Struct
from msgspec.structs import astuple

from .. import host_names
from ..judging import demand_of, limits_text, unpacked_limits
from ..records import NOTHING_ASKED, Demand, Limit, NewReport
from .database import Value
from .whose import WAYS

REPORT_COLUMNS = (
    "report_id", "sweep_id", "host_key", "name", "state", "strong", "weak", "excluded", "started",
    "finished", "received", "source", "digest", "size", "indexed", "body", "schema", "whole_host",
    "limits", "signature",
)  # fmt: skip
HOST_COLUMNS = (
    "sweep_id", "host_key", "host_id", "name", "name_key", "fqdn", "fqdn_key", "domain", "os", "ip",
    "agent", "state", "base", "hit", "suppressed", "reasons", "strong", "weak", "reports",
    "report_id", "first_received", "last_received", "finished", "sources", "flagged", "limited",
    "limits", "hit_limits", "trouble", "cleared", "first_hit", "users", "elevated", "kind", "worth",
    "signature", "hit_signature",
)  # fmt: skip
DEMANDS = "SELECT sweep_id, demand FROM sweep WHERE sweep_id IN ({})"
"""Of the sweeps of a batch."""
LISTED = (
    "SELECT sweep_id FROM sweep s WHERE sweep_id IN ({}) AND EXISTS"
    " (SELECT 1 FROM expected e WHERE e.sweep_id = s.sweep_id)"
)
"""Those of them that expect hosts."""


def _trust(row: str) -> str:
    """SQL: 1 where it is as a key of the sweep signed it."""
    return f"CASE WHEN substr({row}.signature, 1, 7) = 'signed ' THEN 1 ELSE 0 END"


_LATER = (
    "(CASE WHEN excluded.limited <> host.limited THEN excluded.limited < host.limited"
    f" WHEN {_trust('excluded')} <> {_trust('host')} THEN {_trust('excluded')} > {_trust('host')}"
    " ELSE excluded.finished >= host.finished END)"
)
_TOLD_BY = (
    # which of two hits counts is not said by what counts hits aside
    "(SELECT CASE WHEN excluded.limited <> told.rank THEN excluded.limited < told.rank"
    f" WHEN {_trust('excluded')} <> told.trust THEN {_trust('excluded')} > told.trust"
    " ELSE excluded.finished >= told.finished END FROM (SELECT r.finished, CASE WHEN r.limits = ''"
    f" THEN 0 WHEN r.whole_host = 1 THEN 1 ELSE 2 END AS rank, {_trust('r')} AS trust"
    " FROM report r WHERE r.report_id = host.report_id) AS told)"
)
_TAKES = (
    f"(excluded.hit > host.hit OR (excluded.hit = host.hit AND CASE WHEN host.hit = 1"
    f" THEN COALESCE({_TOLD_BY}, {_LATER}) ELSE {_LATER} END))"
)
_NAMES = (
    # one that knows less than was known takes nothing away
    f"(CASE WHEN host.fqdn_key = '' THEN excluded.fqdn_key <> '' OR {_LATER}"
    f" ELSE excluded.fqdn_key <> '' AND {_LATER} END)"
)
_OTHER_SENDER = "(' ' || host.sources || ' ') NOT LIKE ('% ' || excluded.sources || ' %')"
MAX_SOURCES = 400
"""Characters of addresses kept per host."""


def worth(base: str, limited: str) -> str:
    """SQL: the state, hits aside, of these two columns."""
    return f"CASE WHEN {base} = 'clean' AND {limited} > 0 THEN 'limited' ELSE {base} END"


def _first_of(column: str, sign: str) -> str:
    """SQL: the lesser or greater of what is there and what comes, either of which may be NULL."""
    return (
        f"{column} = CASE WHEN host.{column} IS NULL OR excluded.{column} {sign} host.{column}"
        f" THEN COALESCE(excluded.{column}, host.{column}) ELSE host.{column} END"
    )


HOST_CONFLICT = f"""
ON CONFLICT (sweep_id, host_key) DO UPDATE SET
    host_id = excluded.host_id,
    name = excluded.name,
    name_key = excluded.name_key,
    fqdn = CASE WHEN {_NAMES} THEN excluded.fqdn ELSE host.fqdn END,
    fqdn_key = CASE WHEN {_NAMES} THEN excluded.fqdn_key ELSE host.fqdn_key END,
    domain = CASE WHEN {_NAMES} THEN excluded.domain ELSE host.domain END,
    os = CASE WHEN {_LATER} THEN excluded.os ELSE host.os END,
    ip = CASE WHEN {_LATER} THEN excluded.ip ELSE host.ip END,
    agent = CASE WHEN {_LATER} THEN excluded.agent ELSE host.agent END,
    state = CASE
        WHEN excluded.hit = 1 OR (host.hit = 1 AND host.suppressed = 0) THEN 'hit'
        WHEN {_LATER} THEN {worth("excluded.base", "excluded.limited")}
        ELSE {worth("host.base", "host.limited")} END,
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
    limits = CASE WHEN {_LATER} THEN excluded.limits ELSE host.limits END,
    hit_limits = CASE WHEN {_TAKES} THEN excluded.hit_limits ELSE host.hit_limits END,
    {_first_of("trouble", "<")},
    {_first_of("cleared", ">")},
    {_first_of("first_hit", "<")},
    users = CASE WHEN {_TAKES} THEN excluded.users ELSE host.users END,
    elevated = CASE WHEN {_LATER} THEN excluded.elevated ELSE host.elevated END,
    kind = CASE WHEN {_LATER} THEN excluded.kind ELSE host.kind END,
    worth = CASE WHEN {_LATER} THEN excluded.worth ELSE host.worth END,
    signature = CASE WHEN {_LATER} THEN excluded.signature ELSE host.signature END,
    hit_signature = CASE WHEN {_TAKES} THEN excluded.hit_signature ELSE host.hit_signature END,
    sources = CASE WHEN {_OTHER_SENDER} AND length(host.sources) < {MAX_SOURCES}
        THEN host.sources || ' ' || excluded.sources ELSE host.sources END,
    flagged = CASE WHEN {_OTHER_SENDER} THEN 1 ELSE host.flagged END
"""


def report_fields(report: NewReport) -> tuple[Value, ...]:
    """All that a report brings, for :func:`~collector.store.database.storable`."""
    return astuple(report)


class Judged(Struct, frozen=True):
    """A report, and in what it is not what its sweep asks for."""

    report: NewReport
    limits: str
    """As :func:`~collector.judging.packed`."""


def judged(reports: Sequence[NewReport], demands: Mapping[str, str]) -> list[Judged]:
    """``demands``: as the store keeps them, by sweep."""
    of = {sweep_id: demand_kept(text) for sweep_id, text in demands.items()}
    return [Judged(one, limits_text(one, of.get(one.sweep_id, NOTHING_ASKED))) for one in reports]


@lru_cache(256)
def demand_kept(text: str) -> Demand:
    """What a sweep's row says; of one by an earlier collector nothing. What cannot be read counts
    nothing as clean: a demand of ours always can."""
    try:
        return demand_of(text) if text else NOTHING_ASKED
    except MsgspecError:
        return Demand()


@lru_cache(256)
def limits_kept(text: str) -> tuple[Limit, ...]:
    """What a row says. What cannot be read is for ``verify`` to tell, and counts as a limit."""
    try:
        return unpacked_limits(text)
    except MsgspecError:
        return (Limit("schema", "limits that cannot be read", "the collector's own"),)


def rank(report: NewReport, limits: str) -> int:
    """0 for what was asked for, 1 for what is not, 2 for a part of a host: the least counts."""
    return 0 if not limits else 1 if report.whole_host else 2


def report_values(one: Judged) -> tuple[Value, ...]:
    """In the order of REPORT_COLUMNS. A report with findings is indexed after the commit."""
    report = one.report
    state = "hit" if report.hit else report.base
    findings = report.strong + report.weak + report.excluded
    return (
        report.report_id, report.sweep_id, report.host_key, report.name, state, report.strong,
        report.weak, report.excluded, report.started, report.finished, report.received,
        report.source, report.digest, report.size, 0 if findings else 1, report.body,
        report.schema, int(report.whole_host), one.limits, report.signature,
    )  # fmt: skip


def host_values(one: Judged) -> tuple[Value, ...]:
    """In the order of HOST_COLUMNS."""
    report = one.report
    base = "limited" if report.base == "clean" and one.limits else report.base
    good = report.base == "clean" and not report.hit
    name_key, fqdn_key = name_keys(report)
    return (
        report.sweep_id, report.host_key, report.host_id, report.name, name_key, report.fqdn,
        fqdn_key, report.domain, report.os, report.ip, report.agent,
        "hit" if report.hit else base, report.base, int(report.hit), 0, report.reasons,
        report.strong, report.weak, 1, report.report_id, report.received, report.received,
        report.finished, report.source, 0, rank(report, one.limits), one.limits,
        one.limits if report.hit else "",
        None if good else report.finished, report.finished if good else None,
        report.received if report.hit else None, report.users, report.elevated, report.kind,
        report.worth, report.signature, report.signature if report.hit else "",
    )  # fmt: skip


def name_keys(report: NewReport) -> tuple[str, str]:
    """See :func:`collector.host_names.name_keys`."""
    return host_names.name_keys(report.name, report.fqdn, report.domain)


class Seen(IntEnum):
    """What is known of an expected host."""

    NOTHING = 0
    ANSWERED = 1
    LIMITED = 2
    """By reports alone that are not what was asked for: it still owes an answer."""

    @property
    def before(self) -> str:
        """SQL: those that can become so by a report."""
        return "seen <> 1" if self is Seen.ANSWERED else "seen = 0"


SEEN = (Seen.ANSWERED, Seen.LIMITED)
"""That reports make, the better first."""


def ticks(reports: Sequence[Judged]) -> Iterator[tuple[str, str, Seen, list[str]]]:
    """Sweep, column of ``expected``, what it becomes and the keys, in one order everywhere."""
    found: dict[tuple[str, str, Seen], set[str]] = {}
    for one in reports:
        name, fqdn = name_keys(one.report)
        seen = Seen.LIMITED if one.limits else Seen.ANSWERED
        for way in WAYS:
            if key := way.key(name, fqdn):
                found.setdefault((one.report.sweep_id, way.listed, seen), set()).add(key)
    for (sweep_id, column, seen), keys in sorted(found.items()):
        yield sweep_id, column, seen, sorted(keys)
