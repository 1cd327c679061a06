"""What pages show as JSON, for programs: with a reader's token as bearer, or in a session."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from agent.model.observation import utc
from agent.model.report import Finding
from agent.output.chain import cut

from ..records import ReportRow
from ..store.database import StoreError
from .asking import Query, checked_query
from .gist import Gist, gist_of, strongest_first
from .opening import Found
from .session import Reader
from .site import HEADERS, Endpoint, Refused, Site

MAX_FINDINGS = 1000
Make = Callable[[Request, Reader], Awaitable[Struct]]


class FindingLine(Struct, frozen=True, kw_only=True):
    """A finding without its evidence."""

    finding_id: str
    strength: str
    score: int
    title: str
    indicator_id: str
    indicator_type: str
    indicator_value: str
    excluded_by: str
    """Empty: not excluded."""
    drill: bool
    """A canary that somebody left for a drill, and no trace of a campaign."""
    in_window: bool
    first_seen: datetime | None
    last_seen: datetime | None
    """UTC, as the host says."""
    sources: list[str]
    sightings: int


class ReportSummary(Struct, frozen=True, kw_only=True):
    """``/reports/{report_id}/summary.json``."""

    gist: Gist
    findings: list[FindingLine]
    """The strongest first, at most MAX_FINDINGS."""
    more_findings: int
    signature: str
    """``signed``, ``unsigned``, ``wrong``, ``unknown``; empty: it came before this was asked."""
    signature_words: str
    """By which key, or what is wrong and in which line."""
    signature_status: str
    """``verified``, ``unsigned``, ``altered`` …, as in every list and output:
    ``docs/signatures.md``."""
    signature_detail: str
    changed: str
    """What is not as it was when the report came; empty: its bytes are, and what was found of its
    signature."""


class Problem(Struct, frozen=True, kw_only=True):
    """Why there is no answer."""

    error: str


def summary_of(one: Found, row: ReportRow) -> ReportSummary:
    """A report without its evidence."""
    report, signature = one.report, one.signature
    findings = strongest_first(report.findings)
    return ReportSummary(
        gist=gist_of(report, row),
        findings=[_line(one) for one in findings[:MAX_FINDINGS]],
        more_findings=max(len(findings) - MAX_FINDINGS, 0),
        signature=signature.state,
        signature_words=signature.words,
        signature_status=signature.status,
        signature_detail=signature.detail,
        changed=one.changed,
    )


def _line(finding: Finding) -> FindingLine:
    first, last = finding.first_seen, finding.last_seen
    return FindingLine(
        finding_id=finding.id,
        strength=finding.strength.value,
        score=finding.score,
        title=cut(finding.title),
        indicator_id=finding.indicator.id,
        indicator_type=finding.indicator.type,
        indicator_value=cut(finding.indicator.value),
        excluded_by=finding.excluded_by or "",
        drill=finding.is_drill,
        in_window=finding.in_window,
        first_seen=utc(first) if first is not None else None,
        last_seen=utc(last) if last is not None else None,
        sources=sorted({one.source for one in finding.evidence}),
        sightings=len(finding.evidence),
    )


def data(site: Site, make: Make, query: Query) -> Endpoint:
    """An endpoint for GET that answers in JSON, errors too; it leads nobody to the log-in.
    ``query``: what may be asked."""

    async def endpoint(request: Request) -> Response:
        try:
            reader = await site.sessions.reader(request)
            if reader is None:
                challenge = {"www-authenticate": 'Bearer realm="iocsweep-collector"'}
                return answered(Problem(error="a reader token is needed"), 401, challenge)
            checked_query(request, query)
            return answered(await make(request, reader))
        except Refused as refused:
            return answered(Problem(error=refused.words), refused.status)
        except StoreError:
            return answered(Problem(error="the database cannot be used now"), 503)

    return endpoint


def answered(value: Struct, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """In JSON."""
    # ASCII, so that half a surrogate pair in a host's text is an escape and no error
    text = json.dumps(msgspec.to_builtins(value), separators=(",", ":"))
    return Response(text, status, {**HEADERS, **(headers or {})}, media_type="application/json")


__all__ = ["FindingLine", "Problem", "ReportSummary", "answered", "data", "summary_of"]
