"""A report made of what a killed sweep left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import IO

from ..findings.finding import MAX_EVIDENCE, SCORES
from ..findings.keys import finding_id, image_of, main_key
from ..model.attestation import Verify
from ..model.chain_of_lines import ChainCheck
from ..model.codec import MAX_BYTES, ReportError, from_json
from ..model.journal_record import (
    BODY,
    SUFFIX,
    Body,
    CoverageRecord,
    EvidenceRecord,
    FindingRecord,
    Header,
    JournalError,
)
from ..model.objects import objects_of
from ..model.observation import telling_of, utc
from ..model.report import (
    INTERRUPTED,
    Coverage,
    Finding,
    IndicatorRef,
    Reason,
    Report,
    Resources,
    State,
    Strength,
    Truncation,
    verdict_of,
)
from ..model.window import is_before
from ..signing.keys import PublicKey
from .journal import MAX_FINDINGS, lock
from .publish import publish

ALTERED = "the journal is not as it was written"
"""The reason of a recovered report whose signed journal was altered; it stays incomplete."""
UNSIGNED = "the journal is not signed"
"""The reason of one that is finished by a sweep with a key: what signs it has not seen it made."""
_MAX_THINGS = 5 * MAX_FINDINGS

_MAX_SIGHTINGS = 64

_MAX_LINE = MAX_BYTES + 1

_UNLOCKABLE_AGE_S = 3600


def find_interrupted(folder: Path) -> list[Path]:
    """The journals in ``folder`` that no running sweep holds, by name; no folder, no journals.

    Raises OSError if the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                Path(entry.path)
                for entry in entries
                if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []
    return [path for path in found if not _is_held(path)]


def recover(path: Path, key: PublicKey | None = None) -> Report:
    """The report of an interrupted sweep: ``hit`` if strong evidence was recorded, or
    ``incomplete``. Where its lines are signed and were altered, it says so; ``key``: whose
    signatures count, so that one without any says so as well, or else only how the lines hang
    together.

    Raises :class:`JournalError` if the header itself is torn or is not one, OSError if the file
    cannot be read. Nothing is changed or removed.
    """
    with path.open("rb") as file:
        line, header = _read_header(path, file)
        body = _Remains(header, None if key is None else {key.id: key.verify})
        body.check.add(1, line)
        for number, line in _lines(file):
            body.add(number, line)
    return body.report()


def settle(
    path: Path,
    report: Report,
    *,
    taken: Path | None = None,
    keeps: Callable[[Report], bool] | None = None,
    kept: Callable[[Path], bool] | None = None,
) -> Path:
    """Put a recovered report where its sweep would have put it, remove the journal, give the path.

    Where something else of that name exists, or will (``taken``), the recovered report gets its own
    id into its name. ``keeps``: tells whether what its sweep had written there is as good, and then
    that stays. ``kept``: as of :meth:`.Journal.finish`. Raises OSError, ReportError, JournalError;
    then the journal stays.
    """
    with path.open("rb") as file:
        name = _read_header(path, file)[1].final
    final = path.with_name(name) if _is_plain(name) else path.with_name(f"{report.report_id}.json")
    final = publish(report, final, spare=final == taken, keeps=keeps)
    if kept is None or kept(final):
        path.unlink(missing_ok=True)
    return final


class _Remains:
    """What the lines of a journal add up to."""

    def __init__(self, header: Header, keys: Mapping[str, Verify] | None) -> None:
        self._header = header
        self.check = ChainCheck(keys)
        self._has_keys = keys is not None
        self._last = header.started
        self._coverage: dict[str, Coverage] = {}
        self._findings: list[Finding] = []
        self._evidence: dict[tuple[str, str], list[EvidenceRecord]] = {}
        self._read = 0
        self._damaged = 0
        self._dropped = 0
        self._too_many = 0
        """Sightings of one thing for which its finding has no room."""
        self._left_out = 0
        self._end: Report | None = None

    def add(self, number: int, line: bytes) -> None:
        try:
            record: Body = from_json(line, BODY, version_1=self._header.made_as is not None)
        except ReportError:
            self._damaged += 1
            return
        self.check.add(number, line)
        self._read += 1
        self._keep(record)

    def _keep(self, record: Body) -> None:
        if utc(record.at) > utc(self._last):
            self._last = record.at
        if isinstance(record, CoverageRecord):
            self._coverage[record.coverage.source] = record.coverage
            self._dropped = record.dropped
        elif isinstance(record, FindingRecord):
            if len(self._findings) < _MAX_THINGS:
                self._findings.append(record.finding)
            else:
                self._left_out += 1
        elif isinstance(record, EvidenceRecord):
            self._keep_evidence(record)
        elif record.report.report_id == self._header.report_id:
            self._end = record.report

    def _keep_evidence(self, record: EvidenceRecord) -> None:
        key = (record.evidence.indicator, record.evidence.place.text)
        if key not in self._evidence and len(self._evidence) >= _MAX_THINGS:
            self._left_out += 1
            return
        sightings = self._evidence.setdefault(key, [])
        if len(sightings) < _MAX_SIGHTINGS:
            sightings.append(record)
        else:
            self._dropped += 1

    def report(self) -> Report:
        doubt = self._doubt()
        if self._end is not None and doubt is None:
            return self._end
        header = self._header
        findings, truncated = self._all_findings()
        coverage = self._all_coverage(doubt)
        return Report(
            report_id=header.report_id,
            sweep_id=header.sweep_id,
            agent=header.agent,
            host=header.host,
            target=header.target,
            made_as=header.made_as,
            scope=header.scope,
            packs=header.packs,
            exclusions=header.exclusions,
            started=header.started,
            finished=self._last,
            since=header.since,
            options=header.options,
            verdict=verdict_of(findings, coverage),
            coverage=coverage,
            indicators=[],
            findings=findings,
            truncated=truncated,
            custody=header.custody,
            resources=Resources(wall_s=(utc(self._last) - utc(header.started)).total_seconds()),
        )

    def _doubt(self) -> Reason | None:
        """Why the lines may not be those that were written."""
        if flaw := self.check.flaw():
            return Reason(reason=ALTERED, samples=[flaw])
        return Reason(reason=UNSIGNED) if self._has_keys and not self.check.signed else None

    def _all_coverage(self, doubt: Reason | None) -> list[Coverage]:
        seen = {record.evidence.source for records in self._evidence.values() for record in records}
        planned = [
            self._coverage.pop(source.name)
            if source.name in self._coverage
            else Coverage(
                source=source.name,
                required=source.required,
                state=State.PARTIAL if source.name in seen else State.UNAVAILABLE,
                reasons=[Reason(reason=INTERRUPTED)],
            )
            for source in self._header.sources
        ]
        # Even when every source had ended, their matches were not yet put together nor exclusions
        # applied: the sweep as a whole is a source with a gap, and no verdict here is ever clean.
        reasons = [Reason(reason=INTERRUPTED)]
        if doubt is not None:
            reasons.append(doubt)
        whole = Coverage(source="sweep", required=True, state=State.PARTIAL, reasons=reasons)
        return [whole, *planned, *self._coverage.values()]

    def _all_findings(self) -> tuple[list[Finding], list[Truncation]]:
        told = {
            (evidence.indicator, evidence.place.text)
            for finding in self._findings
            for evidence in finding.evidence
        }
        by_id: dict[str, list[EvidenceRecord]] = {}
        for key, records in self._evidence.items():
            if key not in told:
                by_id.setdefault(self._id_of(records), []).extend(records)
        known = {finding.id for finding in self._findings}
        made = [self._finding_of(*one) for one in by_id.items() if one[0] not in known]
        findings = sorted(
            [*self._findings, *made], key=lambda finding: (-finding.strength.rank, -finding.score)
        )
        kept = findings[:MAX_FINDINGS]
        evidence = sum(len(records) for records in self._evidence.values()) - self._too_many
        truncated = [
            Truncation(what=what, kept=kept_of, total=kept_of + lost)
            for what, kept_of, lost in (
                ("findings", len(kept), len(findings) - len(kept) + self._left_out),
                ("evidence", evidence, self._dropped + self._too_many),
                ("journal records", self._read, self._damaged),
            )
            if lost
        ]
        return kept, truncated

    def _id_of(self, records: list[EvidenceRecord]) -> str:
        evidence = _strongest(records).evidence
        key = main_key(evidence, evidence.place.text, evidence.time)
        host = self._header.host
        return finding_id(host.id, key, image_of(host, self._header.target))

    def _finding_of(self, known_as: str, records: list[EvidenceRecord]) -> Finding:
        strongest = _strongest(records)
        evidence = strongest.evidence
        # An excluded match is recorded before any rule's id is known to the finding.
        strength = max(evidence.strength, Strength.WEAK, key=lambda one: one.rank)
        times = telling_of(record.evidence for record in records)
        made = Finding(
            id=known_as,
            time=strongest.at,
            first_seen=times[0] if times else None,
            last_seen=times[-1] if times else None,
            strength=strength,
            score=SCORES[strength].least,
            title=strongest.title,
            reasons=[f"{INTERRUPTED}: matches not put together, known-benign rules not applied"],
            indicator=strongest.indicator
            or IndicatorRef(id=evidence.indicator, type="", value="", pack=""),
            evidence=[record.evidence for record in self._within_bounds(records)],
            **objects_of(evidence),  # type: ignore[arg-type]
        )
        made.in_window = not is_before(
            made, self._header.since, [record.evidence for record in records]
        )
        return made

    def _within_bounds(self, records: list[EvidenceRecord]) -> list[EvidenceRecord]:
        """The strongest sightings, those left out counted."""
        self._too_many += max(0, len(records) - MAX_EVIDENCE)
        return sorted(records, key=lambda record: -record.evidence.strength.rank)[:MAX_EVIDENCE]


def _strongest(records: list[EvidenceRecord]) -> EvidenceRecord:
    return max(records, key=lambda record: record.evidence.strength.rank)


def _read_header(path: Path, file: IO[bytes]) -> tuple[bytes, Header]:
    line = file.readline(_MAX_LINE)
    if not line.endswith(b"\n"):
        raise JournalError(
            f"{path}: the first record is torn; nothing can be read from this journal"
        )
    try:
        return line, from_json(line, Header)
    except ReportError as error:
        raise JournalError(f"{path}: does not begin with a journal's header: {error}") from error


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The whole lines that follow, with their numbers; a last one without a line end was torn while
    it was written."""
    for number in count(2):
        line = file.readline(_MAX_LINE)
        if line.endswith(b"\n"):
            if line != b"\n":
                yield number, line
        elif len(line) < _MAX_LINE:
            return


def _is_plain(name: str) -> bool:
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\:\0")


def _is_held(path: Path) -> bool:
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return True  # finished and removed since the folder was listed
    except OSError:
        return False  # whoever recovers it meets the same error and can say so
    try:
        return not lock(descriptor, wait=False)
    except OSError:
        # This file system has no locks, so age must tell.
        return time.time() - os.fstat(descriptor).st_mtime < _UNLOCKABLE_AGE_S
    finally:
        os.close(descriptor)
