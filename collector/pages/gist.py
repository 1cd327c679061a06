"""The first screen of a report: who and where, what is strongest, since when, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from agent.model.observation import EARLIEST, utc
from agent.model.remembered import Recorded
from agent.model.report import Finding, Report, State, Strength
from agent.output.chain import cut
from agent.output.next_steps import once_each, users_of
from agent.output.order import is_live
from agent.output.recollection import WORDS

from ..records import ReportRow
from .advice import NextStep, Way, tasks_of, ways_of
from .coverage import MAX_SOURCES
from .describe import counted, report_answer

MAX_USERS = 8
MAX_LIMITS = 20
_AHEAD = timedelta(days=1)
"""A clock that runs before ours. What is later than that was never seen."""


class Strongest(Struct, frozen=True, kw_only=True):
    """The finding that proves most."""

    finding_id: str
    strength: str
    title: str
    live: bool
    """Seen to run, to be loaded or to be connected as the sweep looked."""


class Memory(Struct, frozen=True, kw_only=True):
    """How far back the host remembers a deed."""

    deed: str
    """``run``, ``look-up`` …"""
    since: datetime | None
    """None: nothing is sure."""


class Gap(Struct, frozen=True, kw_only=True):
    """A source that the verdict lacks."""

    source: str
    state: str


class Gist(Struct, frozen=True, kw_only=True):
    """The answer of a report in short; all texts from the host are as it wrote them, bounded."""

    report_id: str
    sweep_id: str
    host_key: str
    host: str
    state: str
    said: str
    """The verdict in words: ``Incomplete, no strong trace found in what could be seen``."""
    found: str
    """``1 confirmed, 2 weak, 1 of a drill``; empty: nothing."""
    where: str
    """Full name, addresses, system."""
    users: list[str]
    more_users: int
    strongest: Strongest | None
    first_seen: datetime | None
    """The earliest time that a finding as strong as the strongest has on the host, UTC."""
    last_seen: datetime | None
    covered: str
    gaps: list[Gap]
    scope: str
    """What limited the question; empty: nothing did."""
    remembers: list[Memory]
    tasks: list[NextStep]
    ways: list[Way]


def gist_of(report: Report, row: ReportRow) -> Gist:
    """A report in short."""
    findings = strongest_first(report.findings)
    strengths = [finding.strength for finding in findings if not finding.is_drill]
    said, found = report_answer(
        row.counted_as,
        [
            *((strengths.count(strength), strength.value) for strength in Strength),
            (len(findings) - len(strengths), "of a drill"),
        ],
    )
    counted_ones = [one for one in findings if one.strength.rank]
    users = once_each(users_of(report, [f for f in findings if f.strength.rank >= 2]))
    first, last = seen_between(_as_strong(counted_ones), report)
    required = [one for one in report.coverage if one.required]
    whole = sum(1 for one in required if one.state is State.COMPLETE)
    return Gist(
        report_id=row.report_id,
        sweep_id=row.sweep_id,
        host_key=row.host_key,
        host=row.name,
        state=row.counted_as,
        said=said,
        found=found,
        where=_where(report),
        users=[cut(user) for user in users[:MAX_USERS]],
        more_users=max(len(users) - MAX_USERS, 0),
        strongest=_strongest(counted_ones),
        first_seen=first,
        last_seen=last,
        covered=f"{whole} of {counted(len(required), 'required source')} wholly looked at",
        gaps=[Gap(source=cut(c.source), state=c.state.value) for c in required if c.is_gap][
            :MAX_SOURCES
        ],
        scope=scope_of(report),
        remembers=_memories(report),
        tasks=tasks_of(report),
        ways=ways_of(report, row.counted_as),
    )


def strongest_first(findings: Sequence[Finding]) -> list[Finding]:
    """By strength, then score; of equals the one that the sweep's page names for its host."""
    by_id = sorted(findings, key=lambda f: f.id, reverse=True)
    return sorted(by_id, key=lambda f: (-f.strength.rank, -f.score))


def seen_between(
    findings: Sequence[Finding], report: Report
) -> tuple[datetime | None, datetime | None]:
    """The first and the last time of them that can be true, UTC."""
    ends = [end for one in findings for end in (one.first_seen, one.last_seen) if end is not None]
    limit = utc(report.finished) + _AHEAD
    true = [end for end in map(utc, ends) if EARLIEST < end <= limit]
    return min(true, default=None), max(true, default=None)


def scope_of(report: Report) -> str:
    """What limited the question, bounded."""
    scope = report.scope
    if scope.whole_host:
        return ""
    told = "; ".join(cut(one) for one in scope.limited_to[:MAX_LIMITS])
    more = len(scope.limited_to) - MAX_LIMITS
    if more > 0:
        told += f"; and {more:,} more in the download"
    return told or "it does not say what limited it"


def _as_strong(findings: Sequence[Finding]) -> list[Finding]:
    """Those that make a hit; where none does, the weak ones."""
    strong = [one for one in findings if one.strength.rank >= Strength.STRONG.rank]
    return strong or [*findings]


def _strongest(findings: Sequence[Finding]) -> Strongest | None:
    if not findings:
        return None
    best = findings[0]
    return Strongest(
        finding_id=best.id,
        strength=best.strength.value,
        title=cut(best.title),
        live=is_live(best),
    )


def _where(report: Report) -> str:
    host = report.host
    name = host.fqdn or (f"{host.name}.{host.domain}" if host.domain else "")
    system = host.os.name if host.os else ""
    return cut("; ".join(part for part in (name, ", ".join(host.ip[:20]), system) if part))


def _memories(report: Report) -> list[Memory]:
    told = []
    for behaviour, words in WORDS.items():
        some = [one for one in report.remembered if one.behaviour is behaviour]
        known = [
            utc(one.since)
            for one in some
            if one.state is Recorded.RECORDED and not one.only and one.since is not None
        ]
        if some:
            told.append(Memory(deed=words, since=min(known, default=None)))
    return told


__all__ = ["Gap", "Gist", "Memory", "Strongest", "gist_of", "scope_of", "strongest_first"]
