"""One report as a page: what it answers, by what evidence, and what was not looked at.

It is decoded from the body as it was received, off the event loop, and shown up to bounds that it
names: all of it is in the download.
"""

from __future__ import annotations

import json

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from agent.model.report import Report, State
from agent.output.chain import cut
from agent.output.custody import custody_lines
from agent.output.layout import size
from agent.output.recollection import HEAD, WORDS, line_of, recollection

from ..records import ReportRow
from ..signatures import Verdict
from .casework import case_of
from .coverage import MAX_SOURCES, SourceView, sources_of
from .data import ReportSummary, summary_of
from .describe import when, zone_words
from .found import MAX_FINDINGS, Rank, ranks_of
from .gist import Gist, gist_of, strongest_first
from .opening import UNREADABLE, Found, Opening, found, told
from .session import Reader
from .site import Refused, Site, path_id

MAX_INDICATORS = 500


class ReportView(Struct, frozen=True, kw_only=True):
    """All that the page shows of a report."""

    gist: Gist
    since: str
    """What the verdict is about, and what is older; empty: all of it."""
    made_as: str
    """The schema, if it is not today's."""
    facts: list[tuple[str, str]]
    ranks: list[Rank]
    findings: int
    more_findings: int
    remembered: list[tuple[str, str]]
    """By what would have been done: where there would be a trace of it, and since when."""
    remembered_head: str
    memories: list[tuple[str, list[str]]]
    """Each by itself, by what would have been done."""
    lacking: list[SourceView]
    """Sources that are not whole, those first that the verdict hangs on."""
    whole: list[SourceView]
    truncated: list[tuple[str, int, int]]
    indicators: list[tuple[str, int, int]]
    untested: int
    tested: int
    options: list[tuple[str, str]]
    signature: Verdict
    """Of the bytes as they are now."""
    changed: str
    """What is not as it was kept; empty: all is."""
    custody: list[tuple[str, str]]
    """Who had which bytes swept; empty of a live sweep."""


def view_of(one: Found, row: ReportRow) -> ReportView:
    """A report in words, bounded."""
    report = one.report
    findings, sources = strongest_first(report.findings), sources_of(report)
    untested = sum(1 for one in report.indicators if not one.tested)
    return ReportView(
        gist=gist_of(report, row),
        since=_since(report),
        made_as=report.made_as or "",
        facts=_facts(report),
        ranks=ranks_of(findings),
        findings=len(findings),
        more_findings=max(len(findings) - MAX_FINDINGS, 0),
        remembered=[(_titled(words), cut(told)) for words, told in recollection(report.remembered)],
        remembered_head=f"{_titled(HEAD)}.",
        memories=_memories(report),
        lacking=[one for one in sources if one.state != State.COMPLETE.value],
        whole=[one for one in sources if one.state == State.COMPLETE.value],
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
        signature=one.signature,
        changed=one.changed,
        custody=[(_titled(what), cut(words)) for what, words in custody_lines(report.custody)],
    )


def _memories(report: Report) -> list[tuple[str, list[str]]]:
    return [
        (_titled(words), lines)
        for behaviour, words in WORDS.items()
        if (lines := [cut(line_of(r)) for r in report.remembered if r.behaviour is behaviour])
    ]


def _titled(words: str) -> str:
    return words[:1].upper() + words[1:]


def _since(report: Report) -> str:
    if report.since is None:
        return ""
    older = len(report.older)
    told = f"what happened since {when(report.since)}"
    if not older:
        return told
    traces = "strong trace is" if older == 1 else "strong traces are"
    return f"{told}: {older:,} {traces} older, and it says {report.verdict.value}"


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
        ("Host's clock", "" if offset is None else zone_words(offset)),
        ("Host id", host.id),
        ("Agent", f"{agent.version} {agent.form} {agent.build}"),
        ("Made in", report.made_as or report.schema),
        ("Agent's SHA-256", agent.sha256 or ""),
        *(
            ("Pack", f"{p.id} {p.version}, {p.indicators:,} indicators, SHA-256 {p.sha256}")
            for p in report.packs[:20]
        ),
        ("CPU time", f"{used.cpu_s:,.1f} s in {used.wall_s:,.1f} s"),
        ("Waited", f"{used.paused_s:,.1f} s for the host" if used.paused_s else ""),
        ("Memory", f"{size(used.peak_rss_bytes)} at most"),
        ("Read", size(used.read_bytes)),
    ]
    return [(label, cut(text)) for label, text in pairs if text]


class ReportPages:
    """``/reports/{report_id}`` and, in short, ``/reports/{report_id}/summary.json``."""

    def __init__(self, site: Site, opening: Opening) -> None:
        self._site = site
        self._opening = opening

    async def one(self, request: Request, reader: Reader) -> Response:
        """Verdict, findings, coverage."""
        opened = await self._opening.kept(path_id(request, "report_id"), reader)
        row, sweep = opened.row, opened.sweep
        before = await self._before(row)
        cases = await self._site.store.cases_on_hosts(row.sweep_id, [row.host_key])
        of = case_of(row.sweep_id, row.host_key, cases)

        def page(view: ReportView | None, error: str = "") -> str:
            return self._site.text(
                "report.html", reader=reader, sweep=sweep, row=row, view=view, error=error,
                before=before, case_of=of,
            )  # fmt: skip

        def work() -> str:
            try:
                return page(view_of(found(opened), row))
            except UNREADABLE as problem:
                return page(None, told(problem))

        return self._site.respond(await self._opening.turn(work))

    async def summary(self, request: Request, reader: Reader) -> ReportSummary:
        """For programs."""
        opened = await self._opening.kept(path_id(request, "report_id"), reader)
        try:
            return await self._opening.turn(lambda: summary_of(found(opened), opened.row))
        except UNREADABLE as problem:
            raise Refused(422, told(problem)) from problem

    async def _before(self, row: ReportRow) -> ReportRow | None:
        """The host's report before this one."""
        rows = await self._site.store.reports_of_host(row.sweep_id, row.host_key)
        at = next((n for n, one in enumerate(rows) if one.report_id == row.report_id), len(rows))
        return next(iter(rows[at + 1 :]), None)
