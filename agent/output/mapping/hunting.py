"""Sightings as rows of Microsoft Defender XDR's advanced hunting, one JSON object per line.

As :mod:`.defender`, but a row for each sighting and each of its times: ``Timestamp`` is when it
happened, so that a hunter's ``where Timestamp > ago(10d)`` asks about the host's past. A sighting
without a time has that of the sweep. ``ActionType`` says what it claims (``IocSweepRan`` …).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from ...model.objects import objects_of
from ...model.observation import Claim, MomentOf
from ...model.report import Evidence, Finding, Report
from ...model.shared_objects import seen_objects
from . import defender
from .document import Document, document_id, plain, stamp

TABLES = (
    "DeviceProcessEvents", "DeviceFileEvents", "DeviceImageLoadEvents", "DeviceNetworkEvents",
    "DeviceRegistryEvents", "DeviceEvents",
)  # fmt: skip
_OWN = "SweepReportId"


def hunting_lines(report: Report) -> bytes:
    """All sightings as JSON lines in UTF-8; ``Type`` names the table."""
    made = (row for finding in report.findings for row in hunting_rows(report, finding))
    return b"".join(msgspec.json.encode(row) + b"\n" for row in made)


def is_hunting(data: bytes) -> bool:
    """Whether these bytes are such lines and nothing else."""
    lines = data.splitlines()
    try:
        rows = [msgspec.json.decode(line) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bool(rows) and all(map(_is_row, rows))


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or row.get("Type") not in TABLES:
        return False
    more = row.get("AdditionalFields")
    return isinstance(more, dict) and _OWN in more


def hunting_rows(report: Report, finding: Finding) -> Iterator[Document]:
    """Of one finding: a row per sighting, table and time, each once."""
    told: set[tuple[object, ...]] = set()
    for evidence in finding.evidence:
        for moment in _times(evidence, finding):
            for row in _rows(report, finding, evidence, moment):
                key = (row["ReportId"], *sorted((k, str(v)) for k, v in row.items() if k != _MORE))
                if key not in told:
                    told.add(key)
                    yield row


_MORE = "AdditionalFields"
_PROCESSES = "DeviceProcessEvents"
_ONLY_DONE_BY_ONE = (
    Claim.LOADED, Claim.CONNECTED, Claim.RESOLVED, Claim.VISITED, Claim.DOWNLOADED,
    Claim.WAS_THERE, Claim.EXISTS, Claim.BLOCKED,
)  # fmt: skip
"""Of which the process is who did it: it began at another time."""


def _times(evidence: Evidence, finding: Finding) -> list[datetime]:
    """Those at which something happened, and else that of the sweep."""
    happened = [one.time for one in evidence.moments if one.of is not MomentOf.ACCESSED]
    return [*dict.fromkeys(happened)] or [finding.time]


def _rows(
    report: Report, finding: Finding, evidence: Evidence, time: datetime
) -> Iterator[Document]:
    seen = seen_objects(finding, evidence)
    alone = structs.replace(
        finding, time=time, **dict.fromkeys(objects_of(finding)), evidence=[evidence]
    )
    alone = structs.replace(alone, **objects_of(seen))
    made = defender.rows(report, alone)
    if len(made) > 1 and evidence.claim in _ONLY_DONE_BY_ONE:
        made = [row for row in made if row["Type"] != _PROCESSES]
    for number, row in enumerate(made):
        row["ActionType"] = _action(evidence.claim)
        identity = f"{document_id(report, finding)}/{stamp(time)}/{evidence.source}"
        row["ReportId"] = defender.number_of(f"{identity}/{evidence.place.text}/{number}")
        row[_MORE] = {
            "FindingId": finding.id,
            _OWN: report.report_id,
            "Strength": finding.strength.value,
            "Source": evidence.source,
            "Seen": evidence.seen,
            "Indicator": evidence.indicator,
            "Place": plain(evidence.place),
            "Detail": plain(evidence.detail),
            "Moments": plain(evidence.moments),
            "SeenBySweep": stamp(finding.time),
        }
        yield row


def _action(claim: Claim | None) -> str:
    words = claim.value if claim is not None else "seen"
    return "IocSweep" + "".join(word.capitalize() for word in words.split())
