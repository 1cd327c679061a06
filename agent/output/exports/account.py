"""What a report says of itself, beside its findings: verdict, scope, gaps, packs, what was cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ...model.observation import telling
from ...model.report import Coverage, Finding, Report, State, Strength
from ..mapping.document import Document, plain, pruned, stamp, utc
from ..verdict import verdict_line

MAX_SENTENCE = 4_000
"""Characters of the gaps in one sentence; the report has all."""


def account(report: Report) -> Document:
    """As JSON: nothing that is not in the report, and nothing empty."""
    told: Document = pruned(
        {
            "verdict": report.verdict.value,
            "summary": answer(report),
            "report_id": report.report_id,
            "sweep_id": report.sweep_id,
            "target": plain(report.target),
            "scope": plain(report.scope),
            "since": stamp(report.since),
            "older_strong_findings": len(report.older) or None,
            "findings": {s.value: _count(report, s) for s in Strength if _count(report, s)},
            "not_covered": [_gap(one) for one in gaps(report)],
            "truncated": plain(report.truncated),
            "packs": plain(report.packs),
            "agent": plain(report.agent),
        }
    )
    return told


def answer(report: Report) -> str:
    """``WS-0421: HIT, 1 confirmed``: one line."""
    return f"{report.host.name}: {verdict_line(report).replace('   ', ', ')}"


def gaps(report: Report) -> list[Coverage]:
    """Sources that did not see all: those that forbid a clean verdict first."""
    short = [one for one in report.coverage if one.state is not State.COMPLETE]
    return sorted(short, key=lambda one: not one.required)


def sentence(report: Report) -> str:
    """One paragraph for a person: host, verdict, and what was not covered."""
    parts = [answer(report)]
    required = [one for one in gaps(report) if one.required]
    if required:
        parts.append("Not covered: " + "; ".join(map(_in_words, required)))
    if cut := [f"{one.what} ({one.kept:,} of {one.total:,})" for one in report.truncated]:
        parts.append("The report itself was cut: " + ", ".join(cut))
    text = ". ".join(parts) + "."
    return text if len(text) <= MAX_SENTENCE else text[: MAX_SENTENCE - 1] + "…"


def times_of(finding: Finding, indicator: str) -> list[datetime]:
    """When this indicator was seen in it, in UTC and in order; where none of its own sightings
    tells, when the finding was, and of one without any time, when the sweep saw it."""
    own = (one for one in finding.evidence if one.indicator == indicator)
    times = [time for one in own for time in telling(one.moments)]
    times = times or [t for t in (finding.first_seen, finding.last_seen) if t is not None]
    return sorted(utc(time) for time in times or [finding.time])


def oldest_first(reports: Sequence[Report]) -> list[Report]:
    """In an order that does not depend on how they were given."""
    return sorted(reports, key=lambda one: (stamp(one.started) or "", one.report_id))


def _count(report: Report, strength: Strength) -> int:
    return sum(1 for finding in report.findings if finding.strength is strength)


def _gap(one: Coverage) -> Document:
    return {
        "source": one.source,
        "state": one.state.value,
        "required": one.required,
        "unread": one.unread,
        "reasons": [{"reason": why.reason, "count": why.count} for why in one.reasons],
    }


def _in_words(one: Coverage) -> str:
    reasons = ", ".join(_reasons(one)) or "no reason given"
    return f"{one.source} {one.state.value} ({reasons})"


def _reasons(one: Coverage) -> Iterator[str]:
    for why in one.reasons:
        yield why.reason if why.count == 1 else f"{why.reason} ({why.count:,} times)"
