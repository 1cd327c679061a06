"""Open Cybersecurity Schema Framework 1.8.0, one JSON object a line.

A finding is a Detection Finding (class 2004), a sweep a Scan Activity (class 6007) that ends the
lines of its report: without findings, it says whether the host is clean or was not seen whole.
Source: schema 1.8.0 (github.com/ocsf/ocsf-schema), classes ``detection_finding`` and
``scan_activity``, profiles ``host`` and ``osint``. What it has no attribute for is in ``unmapped``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from ...model.report import INTERRUPTED, Finding, Report, State, Strength, Verdict
from ..mapping.document import (
    Document,
    cuts_as_text,
    document_id,
    epoch_ms,
    plain,
    pruned,
    sane,
    valid,
    within,
)
from .account import account, answer, gaps, oldest_first, sentence
from .ocsf_objects import device_of, evidences_of, observables_of

VERSION: Final = "1.8.0"
MAX_BYTES = 1_000_000
"""Of one event."""
MAX_TEXT = 64_000
_PRODUCT: Final = "iocsweep"
_TIME_OVER: Final = "--max-runtime"
"""In the reasons of a sweep that ran out of its time."""
_NAMESPACE = uuid.UUID("7c3f4e02-90a5-5b0e-9a52-6f5f7a7b1c18")

_SEVERITY = {
    Strength.CONFIRMED: (5, "Critical"),
    Strength.STRONG: (4, "High"),
    Strength.WEAK: (2, "Low"),
    Strength.EXCLUDED: (1, "Informational"),
}
_CONFIDENCE = {Strength.CONFIRMED: (3, "High"), Strength.STRONG: (2, "Medium")}
_LOW = (1, "Low")
_INDICATORS = {
    "hash": (4, "Hash"),
    "file_name": (11, "File"),
    "file_path": (11, "File"),
    "pe": (11, "File"),
    "lnk": (11, "File"),
    "layout": (11, "File"),
    "domain": (2, "Domain"),
    "address": (1, "IP Address"),
    "url": (5, "URL"),
    "command_line": (14, "Command Line"),
    "certificate": (7, "Digital Certificate"),
}
"""``osint.type_id``; all others are 99 with our own name."""


def lines(reports: Sequence[Report]) -> bytes:
    """All reports, in UTF-8."""
    return b"".join(msgspec.json.encode(event) + b"\n" for event in _events(reports))


def is_lines(data: bytes) -> bool:
    """Whether these bytes are such lines and nothing else."""
    try:
        rows = [msgspec.json.decode(line) for line in data.splitlines()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bool(rows) and all(map(_is_event, rows))


def _is_event(row: Any) -> bool:
    if not isinstance(row, dict) or row.get("class_uid") not in (2004, 6007):
        return False
    metadata = row.get("metadata")
    product = metadata.get("product") if isinstance(metadata, dict) else None
    return isinstance(product, dict) and product.get("name") == _PRODUCT


def _events(reports: Sequence[Report]) -> Iterator[Document]:
    for report in oldest_first(reports):
        for finding in report.findings:
            yield detection(report, finding)
        yield scan(report)


def detection(report: Report, finding: Finding) -> Document:
    """A Detection Finding."""
    severity_id, severity = _SEVERITY[finding.alarm]
    confidence_id, confidence = _CONFIDENCE.get(finding.strength, _LOW)
    excluded = finding.alarm is Strength.EXCLUDED
    strong = finding.strength.rank >= Strength.STRONG.rank
    event: Document = {
        **_head(report, 2, "Findings", 2004, "Detection Finding", 1, "Create"),
        "time": epoch_ms(sane(finding.time)),
        "start_time": _ms(finding.first_seen),
        "end_time": _ms(finding.last_seen),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 3 if excluded else 1,
        "status": "Suppressed" if excluded else "New",
        "confidence_id": confidence_id,
        "confidence": confidence,
        "risk_score": finding.score,
        "is_alert": strong and finding.in_window,
        "message": finding.title,
        "finding_info": _info(report, finding),
        "evidences": evidences_of(finding),
        "observables": observables_of(report, finding),
        "device": device_of(report.host),
        "osint": [_indicator(finding)],
        "unmapped": {
            "strength": finding.strength.value,
            "excluded_by": finding.excluded_by,
            "in_window": finding.in_window,
            "reasons": finding.reasons,
            "pack": finding.indicator.pack,
            "indicator_type": finding.indicator.type,
            "report_id": report.report_id,
            "verdict": report.verdict.value,
            "sweep": answer(report),
        },
    }
    event["metadata"]["uid"] = document_id(report, finding)
    return _fitted(event)


def scan(report: Report) -> Document:
    """A Scan Activity: that it was swept, with which answer."""
    activity_id, activity = _ended(report)
    whole = not any(one.required for one in gaps(report))
    severity_id, severity = _severity_of(report)
    event: Document = {
        **_head(report, 6, "Application Activity", 6007, "Scan Activity", activity_id, activity),
        "time": epoch_ms(sane(report.finished)),
        "start_time": _ms(report.started),
        "end_time": _ms(report.finished),
        "duration": max(epoch_ms(report.finished) - epoch_ms(report.started), 0),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1 if whole else 99,
        "status": "Success" if whole else "Incomplete",
        "status_detail": sentence(report),
        "message": answer(report),
        "scan": {
            "name": report.sweep_id or _PRODUCT,
            "uid": report.report_id,
            "type_id": 0,
            "type": "Unknown",
        },
        "total": sum(one.examined for one in report.coverage),
        "num_skipped_items": sum(one.unread for one in report.coverage),
        "num_detections": sum(
            1 for finding in report.findings if finding.alarm is not Strength.EXCLUDED
        ),
        "device": device_of(report.host),
        "unmapped": {"sweep": account(report), "remembered": plain(report.remembered)},
    }
    event["metadata"]["profiles"] = ["host"]
    event["metadata"]["uid"] = str(uuid.uuid5(_NAMESPACE, valid(report.report_id)))
    return _fitted(event)


def _head(
    report: Report, category: int, name: str, kind: int, kind_name: str, activity: int, done: str
) -> Document:
    return {
        "metadata": {
            "product": {
                "name": _PRODUCT,
                "vendor_name": _PRODUCT,
                "version": report.agent.version,
            },
            "version": VERSION,
            "profiles": ["host", "osint"],
            "correlation_uid": report.sweep_id,
        },
        "category_uid": category,
        "category_name": name,
        "class_uid": kind,
        "class_name": kind_name,
        "activity_id": activity,
        "activity_name": done,
        "type_uid": kind * 100 + activity,
        "type_name": f"{kind_name}: {done}",
    }


def _info(report: Report, finding: Finding) -> Document:
    others = dict.fromkeys(one.indicator for one in finding.evidence)
    others.pop(finding.indicator.id, None)
    version = next((p.version for p in report.packs if p.id == finding.indicator.pack), None)
    return {
        "uid": finding.id,
        "title": finding.title,
        "desc": "; ".join(finding.reasons),
        "created_time": _ms(finding.time),
        "first_seen_time": _ms(finding.first_seen),
        "last_seen_time": _ms(finding.last_seen),
        "data_sources": list(dict.fromkeys(one.source for one in finding.evidence)),
        "analytic": {**_analytic(finding.indicator.id), "version": version},
        "related_analytics": [_analytic(one) for one in others],
    }


def _analytic(indicator: str) -> Document:
    return {"type_id": 1, "type": "Rule", "uid": indicator, "name": indicator}


def _indicator(finding: Finding) -> Document:
    indicator = finding.indicator
    type_id, name = _INDICATORS.get(indicator.type, (99, indicator.type))
    confidence_id, confidence = _CONFIDENCE.get(finding.strength, _LOW)
    return {
        "type_id": type_id,
        "type": name,
        "value": indicator.value,
        "uid": indicator.id,
        "references": indicator.reference,
        "confidence_id": confidence_id,
        "confidence": confidence,
    }


def _severity_of(report: Report) -> tuple[int, str]:
    if report.verdict is not Verdict.HIT:
        return _SEVERITY[Strength.EXCLUDED]
    counted = (finding.strength for finding in report.findings if finding.in_window)
    return _SEVERITY[max(counted, key=lambda strength: strength.rank)]


def _ended(report: Report) -> tuple[int, str]:
    """How: over, stopped, or out of its time."""
    said = {
        why.reason
        for one in report.coverage
        if one.state is not State.COMPLETE
        for why in one.reasons
    }
    if any(INTERRUPTED in reason for reason in said):
        return 3, "Cancelled"
    if any(_TIME_OVER in reason and "over" in reason for reason in said):
        return 4, "Duration Violation"
    return 2, "Completed"


def _ms(time: datetime | None) -> int | None:
    return None if time is None else epoch_ms(time)


def _fitted(event: Document) -> Document:
    fitted, cuts = within(pruned(event), max_bytes=MAX_BYTES, max_text=MAX_TEXT)
    if cuts:
        fitted["metadata"]["is_truncated"] = True
        fitted["unmapped"]["truncated"] = cuts_as_text(cuts)
    assert isinstance(fitted, dict)
    return fitted
