"""The timeline as JSON lines, as Timesketch imports it ("Create timeline from JSON/JSONL/CSV file":
``message``, ``datetime`` in ISO 8601 and ``timestamp_desc``, one row a time; all else is kept).

A finding of which no time is known has a row of the time at which the sweep saw it, which says so.
The last row of a report is the sweep's own: its answer, and what was not covered.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from ...model.observation import MomentOf
from ...model.report import Finding, Report, Strength
from ..mapping.document import Document, pruned, stamp, within
from ..mapping.timeline import Row, rows
from .account import answer, sentence

MAX_ROW = 900_000
"""Bytes of a row's JSON, and characters of one of its texts."""
MAX_TEXT = 64_000
SIGHTING: Final = "iocsweep:sighting"
SWEEP: Final = "iocsweep:sweep"
"""``data_type`` of a report's last row."""
UNDATED: Final = "Time of the Sweep"
"""``timestamp_desc`` of what has no time of its own."""

_DESCRIPTIONS = {
    MomentOf.CREATED: "Creation Time",
    MomentOf.MODIFIED: "Content Modification Time",
    MomentOf.ACCESSED: "Last Access Time",
    MomentOf.RAN: "Execution Time",
    MomentOf.LOGGED: "Event Logged Time",
    MomentOf.VISITED: "Visit Time",
    MomentOf.DOWNLOADED: "Download Time",
    MomentOf.DELETED: "Deletion Time",
    MomentOf.CONNECTED: "Connection Time",
    MomentOf.HAPPENED: "Event Time",
}


def timesketch(report: Report) -> bytes:
    """As JSON lines in UTF-8, at least one."""
    told = rows(report)
    dated = {row.finding.id for row in told}
    made = [_of_row(report, row) for row in told]
    made += [_undated(report, one) for one in report.findings if one.id not in dated]
    return b"".join(msgspec.json.encode(_fitted(one)) + b"\n" for one in [*made, _sweep(report)])


def _of_row(report: Report, row: Row) -> Document:
    finding, place = row.finding, row.place
    return {
        **_of_finding(report, finding, row.strength),
        "message": row.message,
        "datetime": stamp(row.time),
        "timestamp_desc": _DESCRIPTIONS[row.of],
        "username": row.user,
        "source_name": row.source,
        "claim": row.claim,
        "moment": row.of.value,
        "thing": row.thing,
        "by": row.by,
        "seen": row.seen,
        "place": place.text,
        "place_path": place.path,
        "place_record": place.record,
        "place_view": place.view,
        "detail": row.detail,
        "indicators": list(row.indicators),
    }


def _undated(report: Report, finding: Finding) -> Document:
    strength = Strength.EXCLUDED if finding.excluded_by else finding.strength
    return {
        **_of_finding(report, finding, strength),
        "message": f"{finding.title}: seen by the sweep, no time of it is known",
        "datetime": stamp(finding.time),
        "timestamp_desc": UNDATED,
        "source_name": ", ".join(dict.fromkeys(one.source for one in finding.evidence)),
        "moment": "swept",
        "seen": "; ".join(finding.reasons),
        "indicators": list(dict.fromkeys(one.indicator for one in finding.evidence)),
    }


def _of_finding(report: Report, finding: Finding, strength: Strength) -> Document:
    tags = [strength.value]
    tags += ["older"] if not finding.in_window else []
    tags += ["drill"] if finding.is_drill else []
    return {
        **_of_report(report),
        "data_type": SIGHTING,
        "tag": tags,
        "strength": strength.value,
        "finding_id": finding.id,
        "finding": finding.title,
    }


def _sweep(report: Report) -> Document:
    return {
        **_of_report(report),
        "data_type": SWEEP,
        "message": answer(report),
        "datetime": stamp(report.finished),
        "timestamp_desc": "End of the Sweep",
        "tag": [report.verdict.value],
        "verdict": report.verdict.value,
        "detail": sentence(report),
    }


def _of_report(report: Report) -> Document:
    return {
        "hostname": report.host.name,
        "host_id": report.host.id,
        "report_id": report.report_id,
        "sweep_id": report.sweep_id,
    }


def _fitted(whole: Document) -> Any:
    return within(pruned(whole), max_bytes=MAX_ROW, max_text=MAX_TEXT)[0]


def is_timeline(data: bytes) -> bool:
    """Whether these bytes are such lines and nothing else."""
    try:
        lines = [_LINE.decode(line) for line in data.splitlines()]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return bool(lines)


class _Sighting(
    Struct, forbid_unknown_fields=True, kw_only=True, tag_field="data_type", tag=SIGHTING
):
    """What a row of a finding may have, and must."""

    message: str
    datetime: str
    timestamp_desc: str
    moment: str
    seen: str
    strength: str
    finding_id: str
    report_id: str
    tag: list[str] = []
    hostname: str = ""
    host_id: str = ""
    username: str = ""
    source_name: str = ""
    claim: str = ""
    thing: str = ""
    by: str = ""
    place: str = ""
    place_path: str = ""
    place_record: str = ""
    place_view: str = ""
    detail: str = ""
    indicators: list[str] = []
    finding: str = ""
    sweep_id: str = ""


class _Sweep(Struct, forbid_unknown_fields=True, kw_only=True, tag_field="data_type", tag=SWEEP):
    """The same of a sweep's."""

    message: str
    datetime: str
    timestamp_desc: str
    verdict: str
    report_id: str
    tag: list[str] = []
    hostname: str = ""
    host_id: str = ""
    detail: str = ""
    sweep_id: str = ""


_LINE = msgspec.json.Decoder(_Sighting | _Sweep)
