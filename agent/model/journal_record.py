"""The lines of a report's journal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from .attestation import Attestation
from .codec import ReportError, from_json, unknown_fields
from .custody import Custody
from .objects import Count
from .report import (
    SCHEMA,
    Agent,
    Coverage,
    Evidence,
    ExclusionsRef,
    Finding,
    Host,
    IndicatorRef,
    PackRef,
    Report,
    Scope,
    Target,
)

SUFFIX = ".partial.jsonl"

RECORD_START = b'{"kind":"'


class JournalError(Exception):
    """A journal cannot be read at all; it is kept as it is."""


class PlannedSource(Struct, frozen=True):
    """A source that the sweep will run, and whether a clean verdict needs it."""

    name: str
    required: bool


class Record(Struct, tag_field="kind", kw_only=True):
    """A line after the first."""

    at: datetime
    """When it was written, UTC."""
    attestation: Attestation | UnsetType = UNSET
    """Of a signed journal; it stands at the line's end."""


class Header(Struct, tag_field="kind", tag="header", kw_only=True):
    """Everything of a report that is known when the sweep starts."""

    schema: Literal["iocsweep.report/2"] = SCHEMA
    made_as: str | None = None
    """As a report's."""
    report_id: str
    sweep_id: str | None = None
    agent: Agent
    host: Host
    target: Target
    scope: Scope
    packs: list[PackRef]
    exclusions: ExclusionsRef | None = None
    started: datetime
    since: datetime | None = None
    options: dict[str, Any]
    sources: list[PlannedSource]
    custody: Custody | None = None
    final: Annotated[str, Meta(max_length=255)] = ""
    """File name of the final report; filled in by :meth:`Journal.create`."""
    attestation: Attestation | UnsetType = UNSET
    """As a record's."""


class EvidenceRecord(Record, tag="evidence", kw_only=True):
    """A sighting, with the title of its finding."""

    title: str
    evidence: Evidence
    indicator: IndicatorRef | None = None


class CoverageRecord(Record, tag="coverage", kw_only=True):
    """A source has ended."""

    coverage: Coverage
    dropped: Count = 0
    """Evidence left out of the journal so far, because of :data:`MAX_EVIDENCE`."""


class FindingRecord(Record, tag="finding", kw_only=True):
    """A finding as the report will have it."""

    finding: Finding


class EndRecord(Record, tag="end", kw_only=True):
    """The whole report: the sweep has ended."""

    report: Report


Body: TypeAlias = "EvidenceRecord | CoverageRecord | FindingRecord | EndRecord"

BODY: Any = EvidenceRecord | CoverageRecord | FindingRecord | EndRecord


def is_journal(data: bytes) -> bool:
    """Whether these bytes are a journal and nothing else: a header, then records, each whole but
    the last, which the sweep's end may have torn."""
    header, *lines = data.split(b"\n")
    torn = lines.pop() if lines else header
    if torn and not torn.startswith(RECORD_START):
        return False
    try:
        begun = from_json(header, Header)
        if unknown_fields(header, begun):
            return False
        for line in lines:
            record = from_json(line, BODY, version_1=begun.made_as is not None)
            if unknown_fields(line, record):
                return False
    except ReportError:
        return False
    return True
