"""One report as a page: what it answers, by what evidence, and what was not looked at.

It is decoded from the body as it was received, off the event loop, and shown up to bounds that it
names: all of it is in the download.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from agent.model.codec import ReportError, decode
from agent.model.report import Coverage, Finding, Reason, Report, State, Strength

from ..records import ReportRow
from .chain import Step, chain_of, cut
from .describe import report_answer, size, when
from .exports import MAX_DECOMPRESSED, unpacked
from .session import Reader
from .site import Site, not_found, path_id

MAX_FINDINGS = 200
MAX_EVIDENCE = 40
"""Sightings shown per finding."""
MAX_SOURCES = 200
MAX_REASONS = 20
MAX_INDICATORS = 500
_AT_ONCE = 2
"""Reports that are decoded at the same time."""


class Sighting(Struct, frozen=True, kw_only=True):
    """One row of evidence."""

    time: str
    source: str
    seen: str
    strength: str
    place: str
    detail: str
    indicator: str


class FindingView(Struct, frozen=True, kw_only=True):
    """A finding with its chain of evidence."""

    finding_id: str
    strength: str
    title: str
    score: int
    reasons: list[str]
    indicator_id: str
    indicator: str
    references: list[str]
    excluded_by: str
    times: list[tuple[str, str]]
    chain: list[Step]
    sightings: list[Sighting]
    more: int


class SourceView(Struct, frozen=True, kw_only=True):
    """How much of one source was looked at."""

    source: str
    required: bool
    state: str
    examined: int
    unread: int
    own: int
    reasons: list[tuple[str, int, list[str]]]
    notes: list[tuple[str, int, list[str]]]
    reach: list[str]
    cost: str


class ReportView(Struct, frozen=True, kw_only=True):
    """All that the page shows of a report."""

    said: str
    found: str
    gaps: list[str]
    facts: list[tuple[str, str]]
    findings: list[FindingView]
    more_findings: int
    coverage: list[SourceView]
    truncated: list[tuple[str, int, int]]
    indicators: list[tuple[str, int, int]]
    untested: int
    tested: int
    options: list[tuple[str, str]]


def read(body: bytes) -> Report:
    """The report in a gzip body. Raises ReportError."""
    try:
        return decode(b"".join(unpacked(body)), max_bytes=MAX_DECOMPRESSED)
    except zlib.error as error:
        raise ReportError(str(error)) from error


def view_of(report: Report, row: ReportRow) -> ReportView:
    """A report in words, bounded."""
    findings = sorted(report.findings, key=lambda f: (-f.strength.rank, -f.score, f.id))
    strengths = [finding.strength for finding in findings]
    said, found = report_answer(
        row.state, [(strengths.count(strength), strength.value) for strength in Strength]
    )
    untested = sum(1 for one in report.indicators if not one.tested)
    return ReportView(
        said=said,
        found=found,
        gaps=[
            f"{c.source} ({c.state.value})"
            for c in report.coverage
            if c.required and c.state is not State.COMPLETE
        ][:MAX_SOURCES],
        facts=_facts(report),
        findings=[_finding(one) for one in findings[:MAX_FINDINGS]],
        more_findings=max(len(findings) - MAX_FINDINGS, 0),
        coverage=[_source(one) for one in sorted(report.coverage, key=_worst_first)][:MAX_SOURCES],
        truncated=[(t.what, t.kept, t.total) for t in report.truncated[:MAX_SOURCES]],
        indicators=[
            (one.id, one.tested, one.matched)
            for one in sorted(report.indicators, key=lambda i: (-i.matched, i.tested > 0, i.id))
        ][:MAX_INDICATORS],
        untested=untested,
        tested=len(report.indicators) - untested,
        options=[
            (str(name), cut(json.dumps(value))) for name, value in sorted(report.options.items())
        ][:MAX_SOURCES],
    )


def _worst_first(coverage: Coverage) -> tuple[int, str]:
    """Gaps that the verdict hangs on, then other partial ones, and last what is not here at all."""
    if coverage.state is State.COMPLETE:
        rank = 2
    elif coverage.required:
        rank = 0
    else:
        rank = 1 if coverage.state is State.PARTIAL else 3
    return rank, coverage.source


def _facts(report: Report) -> list[tuple[str, str]]:
    host, agent = report.host, report.agent
    rights = {True: "with administrator rights", False: "without administrator rights", None: ""}
    used = report.resources
    took = (report.finished - report.started).total_seconds()
    offset = host.utc_offset_minutes
    pairs = [
        ("Target", ", ".join([report.target.kind.value, *report.target.paths[:20]])),
        ("Swept", f"{when(report.started)}, took {took:,.1f} s"),
        ("Rights", rights[host.elevated]),
        ("System", " ".join(p for p in (host.os.name, host.os.version) if p) if host.os else ""),
        ("Architecture", host.architecture),
        ("Full name", host.fqdn),
        ("Domain", host.domain),
        ("Addresses", ", ".join(host.ip[:20])),
        ("Host's clock", "" if offset is None else f"UTC{offset // 60:+03}:{offset % 60:02}"),
        ("Host id", host.id),
        ("Agent", f"{agent.version} {agent.form} {agent.build}"),
        ("Agent's SHA-256", agent.sha256 or ""),
        *(
            ("Pack", f"{p.id} {p.version}, {p.indicators:,} indicators, SHA-256 {p.sha256}")
            for p in report.packs[:20]
        ),
        ("CPU time", f"{used.cpu_s:,.1f} s in {used.wall_s:,.1f} s"),
        ("Memory", f"{size(used.peak_rss_bytes)} at most"),
        ("Read", size(used.read_bytes)),
    ]
    return [(label, cut(text)) for label, text in pairs if text]


def _finding(finding: Finding) -> FindingView:
    indicator = finding.indicator
    times = [
        ("first seen", finding.first_seen),
        ("last seen", finding.last_seen),
        ("found", finding.time),
    ]
    return FindingView(
        finding_id=finding.id,
        strength=finding.strength.value,
        title=cut(finding.title),
        score=finding.score,
        reasons=[cut(reason) for reason in finding.reasons[:MAX_REASONS]],
        indicator_id=indicator.id,
        indicator=cut(f"{indicator.type.replace('_', ' ')} {indicator.value}"),
        references=[cut(one) for one in indicator.reference[:MAX_REASONS]],
        excluded_by=finding.excluded_by or "",
        times=[(label, when(time)) for label, time in times if time is not None],
        chain=chain_of(finding),
        sightings=[
            Sighting(
                time=when(one.time) if one.time else "",
                source=one.source,
                seen=cut(one.seen),
                strength=one.strength.value,
                place=cut(one.place.text),
                detail="" if one.detail in one.place.text else cut(one.detail),
                indicator=one.indicator,
            )
            for one in finding.evidence[:MAX_EVIDENCE]
        ],
        more=max(len(finding.evidence) - MAX_EVIDENCE, 0),
    )


def _source(coverage: Coverage) -> SourceView:
    reach = coverage.reach
    ends = [when(end) for end in (reach.oldest, reach.newest) if end is not None] if reach else []
    read_bytes = f", {size(coverage.bytes)}" if coverage.bytes else ""
    return SourceView(
        source=coverage.source,
        required=coverage.required,
        state=coverage.state.value,
        examined=coverage.examined,
        unread=coverage.unread,
        own=coverage.own,
        reasons=_reasons(coverage.reasons),
        notes=_reasons(coverage.notes),
        reach=ends,
        cost=f"{coverage.elapsed_ms / 1000:,.1f} s{read_bytes}",
    )


def _reasons(reasons: Sequence[Reason]) -> list[tuple[str, int, list[str]]]:
    return [
        (cut(one.reason), one.count, [cut(sample) for sample in one.samples])
        for one in reasons[:MAX_REASONS]
    ]


class ReportPages:
    """``/reports/{report_id}``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def one(self, request: Request, reader: Reader) -> Response:
        """Verdict, findings, coverage."""
        store, report_id = self._site.store, path_id(request, "report_id")
        row = await store.report(report_id)
        sweep = await store.sweep(row.sweep_id) if row and reader.may_read(row.sweep_id) else None
        body = await store.body(report_id) if sweep else None
        if row is None or sweep is None or body is None:
            raise not_found("report")

        def page(view: ReportView | None, error: str = "") -> str:
            return self._site.text(
                "report.html", reader=reader, sweep=sweep, row=row, view=view, error=error
            )

        def work() -> str:
            try:
                return page(view_of(read(body), row))
            except (ReportError, ArithmeticError, TypeError, ValueError) as problem:
                # not decodable, or numbers and times that no calendar or page has
                return page(None, f"{type(problem).__name__}: {problem}"[:500])

        async with self._turns:
            return self._site.respond(await asyncio.to_thread(work))
