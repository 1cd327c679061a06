"""The findings of a report as lists and exports show them; the whole ones are in the report."""

from __future__ import annotations

from functools import lru_cache

from agent.model.report import Evidence, Finding, Report
from agent.output.escape import shown

from .intake import key_text, milliseconds
from .records import FindingRow

MAX_LISTED = 1000
"""Findings listed per report, the strongest; exports take the others from the report itself."""
_TEXT = 500
_INDICATOR = 800
"""Bytes of an indicator's id; it is indexed together with the host."""


def rows_of(report: Report, sweep_id: str, host_key: str, name: str) -> list[FindingRow]:
    """The findings as lists show them, strongest first, at most MAX_LISTED."""
    found = _strongest_first(report)[:MAX_LISTED]
    return [_row(finding, report, sweep_id, host_key, name) for finding in found]


def rows_beyond(report: Report, sweep_id: str, host_key: str, name: str) -> list[FindingRow]:
    """The others, which no list has: for exports."""
    found = _strongest_first(report)[MAX_LISTED:]
    return [_row(finding, report, sweep_id, host_key, name) for finding in found]


def _strongest_first(report: Report) -> list[Finding]:
    """Of those that share an id the first."""
    ordered = sorted(report.findings, key=lambda one: (-one.strength.rank, -one.score, one.id))
    by_id: dict[str, Finding] = {}
    for finding in ordered:
        by_id.setdefault(finding.id, finding)
    return [*by_id.values()]


def _row(finding: Finding, report: Report, sweep_id: str, host_key: str, name: str) -> FindingRow:
    indicator = finding.indicator
    claims = dict.fromkeys(one.claim.value for one in finding.evidence if one.claim is not None)
    best = _best(finding)
    place = best.place if best is not None else None
    return FindingRow(
        finding_id=_cut(finding.id),
        report_id=report.report_id,
        sweep_id=sweep_id,
        host_key=host_key,
        name=name,
        indicator_id=_indicator_id(indicator.id),
        indicator_type=_cut(indicator.type),
        indicator_value=_cut(indicator.value),
        pack=_cut(indicator.pack),
        strength=finding.strength.value,
        score=finding.score,
        title=_cut(finding.title),
        time=milliseconds(finding.time),
        suppression_id=None,
        first_seen=milliseconds(finding.first_seen) if finding.first_seen else None,
        last_seen=milliseconds(finding.last_seen) if finding.last_seen else None,
        claims=", ".join(claims),
        place=_cut(place.text) if place else "",
        path=_cut(place.path) if place else "",
        record=_cut(place.record) if place else "",
        view=_cut(place.view) if place else "",
        owner=_cut(place.owner) if place else "",
        object_path=_cut(_path(finding)),
        object_hash=_hash(finding),
    )


def _path(finding: Finding) -> str:
    """Of the thing itself. Where it was seen may be a log, which holds many things."""
    for one in (finding.dll, finding.file):
        if one is not None:
            return one.path
    return finding.process.executable if finding.process is not None else ""


def _hash(finding: Finding) -> str:
    for one in (finding.dll, finding.file, finding.process):
        if one is not None:  # never that of another thing than the path's
            known = one.hash
            digest = (known.sha256 or known.sha1 or known.md5 or "") if known is not None else ""
            return _cut(digest).casefold()
    return ""


def _best(finding: Finding) -> Evidence | None:
    """The strongest sighting, of those the first."""
    if len(finding.evidence) == 1:
        return finding.evidence[0]
    return max(finding.evidence, key=lambda one: one.strength.rank, default=None)


@lru_cache(4096)
def _indicator_id(text: str) -> str:
    """Of what all reports of a fleet name alike."""
    return key_text(text, _TEXT, _INDICATOR)


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT and text.isprintable() else shown(text)[:_TEXT]
