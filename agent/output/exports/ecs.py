"""Elastic Common Schema 9.4 as JSON lines: a document for each finding, and one for each sweep.

A finding is what the collector's output makes of it (:mod:`..mapping.ecs`). ``_id`` has no place in
such a file: ``iocsweep.document_id`` is meant for it (Filebeat's ``json.document_id``, Logstash's
``document_id``), so that a second import adds nothing. Values of ``event.*``: Elastic Common Schema
reference 9.4, "ECS Categorization Fields".
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from ...model.report import Report
from ..mapping import ecs
from ..mapping.document import (
    PRODUCT,
    Document,
    cuts_as_text,
    document_id,
    plain,
    pruned,
    stamp,
    valid,
    within,
)
from .account import account, answer, gaps, oldest_first, sentence

SWEEP: Final = "iocsweep.sweep"
"""``event.dataset`` of a sweep."""
_NAMESPACE = uuid.UUID("c8a4b9d1-7d0f-5c7e-8f53-4b64f7b9d0a2")


def lines(reports: Sequence[Report]) -> bytes:
    """All reports, in UTF-8."""
    return b"".join(msgspec.json.encode(one) + b"\n" for one in _documents(reports))


def is_lines(data: bytes) -> bool:
    """Whether these bytes are such lines and nothing else."""
    try:
        rows = [msgspec.json.decode(line) for line in data.splitlines()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bool(rows) and all(map(_is_document, rows))


def _is_document(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get(PRODUCT), dict):
        return False
    event = row.get("event")
    return (
        isinstance(event, dict)
        and event.get("dataset") in (ecs.DATASET, SWEEP)
        and "document_id" in row[PRODUCT]
    )


def _documents(reports: Sequence[Report]) -> Iterator[Document]:
    for report in oldest_first(reports):
        for finding in report.findings:
            made = ecs.document(report, finding)
            made[PRODUCT]["document_id"] = document_id(report, finding)
            yield made
        yield sweep(report)


def sweep(report: Report) -> Document:
    """That the host was swept, with which answer. ``event.outcome`` is a success only where nothing
    was left out that a clean answer needs."""
    whole = not any(one.required for one in gaps(report))
    raw = pruned(
        {
            "@timestamp": stamp(report.finished),
            "ecs": {"version": ecs.ECS_VERSION},
            "message": answer(report),
            "event": {
                "kind": "state",
                "category": ["host"],
                "type": ["info"],
                "module": PRODUCT,
                "dataset": SWEEP,
                "provider": PRODUCT,
                "id": report.report_id,
                "start": stamp(report.started),
                "end": stamp(report.finished),
                "duration": int((report.finished - report.started).total_seconds() * 1e6) * 1000,
                "outcome": "success" if whole else "unknown",
                "reason": sentence(report),
            },
            **ecs.who(report),
            "labels": {"sweep_id": report.sweep_id, "verdict": report.verdict.value},
            PRODUCT: {
                "document_id": str(uuid.uuid5(_NAMESPACE, valid(report.report_id))),
                "report_id": report.report_id,
                "sweep": account(report),
                "remembered": plain(report.remembered),
            },
        }
    )
    made, cuts = within(raw, max_bytes=ecs.MAX_BYTES, max_text=ecs.MAX_TEXT)
    if cuts:
        made[PRODUCT]["truncated"] = cuts_as_text(cuts)
    assert isinstance(made, dict)
    return made
