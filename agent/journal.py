"""The report as it grows: append-only JSON lines beside the final path.

A sweep can end at any moment: kill, power loss, a full disk. What it had seen by then is in
``NAME.partial.jsonl`` next to where ``NAME`` would have been, one record per line, each written
with one ``os.write``; a line torn by the end is recognised by its missing line end. The next run
finds the file (:func:`find_interrupted`), makes a readable report of it (:func:`recover`), and puts
that where the sweep would have put its own (:func:`settle`).

A journal that a running sweep still writes is told by a lock on it, which the system releases with
the process however it ends. A process id would not do, since ids are reused and the journal may lie
on a share that many hosts write to.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, structs

from .model import (
    INTERRUPTED,
    SCHEMA,
    Agent,
    Count,
    Coverage,
    Evidence,
    ExclusionsRef,
    Finding,
    Host,
    IndicatorRef,
    PackRef,
    Reason,
    Report,
    Resources,
    State,
    Strength,
    Target,
    Truncation,
    verdict_of,
)
from .output.atomic import sync_folder, write_all, write_atomically
from .report_codec import MAX_BYTES, ReportError, decode, encode, from_json, to_json

SUFFIX = ".partial.jsonl"
MAX_EVIDENCE = 20_000
"""Weak and excluded evidence records kept in one journal; stronger ones are always kept."""
MAX_FINDINGS = 10_000
"""Findings made of one journal."""
_MAX_THINGS = 5 * MAX_FINDINGS
_MAX_SIGHTINGS = 64
_MAX_LINE = MAX_BYTES + 1
_LOCKED_BYTE = 0x7FFF_FFF0
"""Far beyond the end of any journal, and within the 32 bits that Windows' C library locks by."""
_UNLOCKABLE_AGE_S = 3600
_RECORD_START = b'{"kind":"'
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:iocsweep:finding")


class JournalError(Exception):
    """A journal cannot be read at all; it is kept as it is."""


class PlannedSource(Struct, forbid_unknown_fields=True, frozen=True):
    """A source that the sweep will run, and whether a clean verdict needs it."""

    name: str
    required: bool


class _Record(Struct, tag_field="kind", forbid_unknown_fields=True, kw_only=True):
    at: datetime
    """When it was written, UTC."""


class Header(Struct, tag_field="kind", tag="header", forbid_unknown_fields=True, kw_only=True):
    """Everything of a report that is known when the sweep starts."""

    schema: Literal["iocsweep.report/1"] = SCHEMA
    report_id: str
    sweep_id: str | None = None
    agent: Agent
    host: Host
    target: Target
    packs: list[PackRef]
    exclusions: ExclusionsRef | None = None
    started: datetime
    options: dict[str, Any]
    sources: list[PlannedSource]
    final: Annotated[str, Meta(max_length=255)] = ""
    """File name of the final report; filled in by :meth:`Journal.create`."""


class _Evidence(_Record, tag="evidence", kw_only=True):
    title: str
    evidence: Evidence
    indicator: IndicatorRef | None = None


class _Coverage(_Record, tag="coverage", kw_only=True):
    coverage: Coverage
    dropped: Count = 0
    """Evidence left out of the journal so far, because of :data:`MAX_EVIDENCE`."""


class _Finding(_Record, tag="finding", kw_only=True):
    finding: Finding


class _End(_Record, tag="end", kw_only=True):
    report: Report


_Body: TypeAlias = "_Evidence | _Coverage | _Finding | _End"
_BODY: Any = _Evidence | _Coverage | _Finding | _End


class Journal:
    """The journal of the running sweep. Not thread-safe: one writer.

    A failing write raises OSError; the sweep may go on without its journal, and say so.
    """

    def __init__(self, path: Path, final: Path, descriptor: int) -> None:
        self.path = path
        self.final = final
        self._descriptor: int | None = descriptor
        self._torn = False
        self._minor = 0
        self._dropped = 0

    @classmethod
    def create(cls, final: Path, header: Header) -> Journal:
        """Start the journal of the report that will be ``final``; raises OSError, ReportError.

        A journal of that name that is still there (in use, or unreadable) is left alone; the new
        one is numbered.
        """
        line = to_json(structs.replace(header, final=final.name))
        for number in range(100):
            path = final.with_name(f"{final.name}{f'.{number}' if number else ''}{SUFFIX}")
            try:
                descriptor = os.open(path, _NEW_JOURNAL, 0o600)
            except FileExistsError:
                continue
            journal = cls(path, final, descriptor)
            try:
                with contextlib.suppress(OSError):  # no locks on this file system: see _is_held
                    _lock(descriptor, wait=True)
                journal._append(line, durable=True)
                sync_folder(path.parent)
            except BaseException:
                journal.close()
                path.unlink(missing_ok=True)
                raise
            return journal
        raise FileExistsError(f"100 journals of {final} are in the way")

    def evidence(
        self, evidence: Evidence, *, title: str, indicator: IndicatorRef | None = None
    ) -> None:
        """Record a match at once, as findings are made of matches only when the sweep ends."""
        if evidence.strength.rank < Strength.STRONG.rank:
            self._minor += 1
            if self._minor > MAX_EVIDENCE:
                self._dropped += 1
                return
        self._write(_Evidence(at=_now(), title=title, evidence=evidence, indicator=indicator))

    def coverage(self, coverage: Coverage) -> None:
        """Record that a source has ended."""
        self._write(_Coverage(at=_now(), coverage=coverage, dropped=self._dropped), durable=True)

    def finding(self, finding: Finding) -> None:
        """Record a finding as the report will have it."""
        self._write(_Finding(at=_now(), finding=finding))

    def finish(self, report: Report) -> Path:
        """Write the final report, remove the journal, and give the report's path.

        Raises OSError, ReportError; then the journal stays.
        """
        data = encode(report)
        try:
            self._write(_End(at=_now(), report=report), durable=True)
        except OSError:
            # Only insurance against a kill within the next few milliseconds. If the disk is full,
            # what counts is whether the report itself can be written, and that raises.
            self._torn = True
        write_atomically(self.final, data)
        self.close()
        self.path.unlink(missing_ok=True)
        return self.final

    def close(self) -> None:
        """Let go of the journal and leave it where it is, for the next run to find."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, record: _Body, *, durable: bool = False) -> None:
        self._append(to_json(record), durable=durable)

    def _append(self, line: bytes, *, durable: bool) -> None:
        if self._descriptor is None:
            raise OSError("the journal is closed")
        # After a write that failed half-way the new record must not continue the torn line.
        data = (b"\n" if self._torn else b"") + line + b"\n"
        self._torn = True
        write_all(self._descriptor, data)
        self._torn = False
        if durable:
            os.fsync(self._descriptor)


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


def recover(path: Path) -> Report:
    """The report of an interrupted sweep: ``hit`` if strong evidence was recorded, or
    ``incomplete``.

    Raises :class:`JournalError` if the header itself is torn or is not one, OSError if the file
    cannot be read. Nothing is changed or removed.
    """
    with path.open("rb") as file:
        header = _read_header(path, file)
        body = _Remains(header)
        for line in _lines(file):
            body.add(line)
    return body.report()


def is_journal(data: bytes) -> bool:
    """Whether these bytes are a journal and nothing else: a header, then records, each whole but
    the last, which the sweep's end may have torn."""
    header, *lines = data.split(b"\n")
    torn = lines.pop() if lines else header
    if torn and not torn.startswith(_RECORD_START):
        return False
    try:
        from_json(header, Header)
        for line in lines:
            from_json(line, _BODY)
    except ReportError:
        return False
    return True


def settle(path: Path, report: Report) -> Path:
    """Put a recovered report where its sweep would have put it, remove the journal, give the path.

    Where something else of that name exists, the recovered report gets its own id into its name.
    Raises OSError, ReportError, JournalError; then the journal stays.
    """
    with path.open("rb") as file:
        name = _read_header(path, file).final
    final = path.with_name(name) if _is_plain(name) else path.with_name(f"{report.report_id}.json")
    if _holds_another_report(final, report.report_id):
        final = final.with_name(f"{final.stem}.{report.report_id}{final.suffix}")
    write_atomically(final, encode(report))
    path.unlink(missing_ok=True)
    return final


def finding_id(host: str, indicator: str, place: str) -> str:
    """UUIDv5 of host, indicator and place: the same thing has the same id in every sweep."""
    key = to_json([host, indicator, place]).decode("ascii")
    return str(uuid.uuid5(_NAMESPACE, key))


class _Remains:
    """What the lines of a journal add up to."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._last = header.started
        self._coverage: dict[str, Coverage] = {}
        self._findings: list[Finding] = []
        self._evidence: dict[tuple[str, str], list[_Evidence]] = {}
        self._read = 0
        self._damaged = 0
        self._dropped = 0
        self._left_out = 0
        self._end: Report | None = None

    def add(self, line: bytes) -> None:
        try:
            record: _Body = from_json(line, _BODY)
        except ReportError:
            self._damaged += 1
            return
        self._read += 1
        self._keep(record)

    def _keep(self, record: _Body) -> None:
        if _utc(record.at) > _utc(self._last):
            self._last = record.at
        if isinstance(record, _Coverage):
            self._coverage[record.coverage.source] = record.coverage
            self._dropped = record.dropped
        elif isinstance(record, _Finding):
            if len(self._findings) < _MAX_THINGS:
                self._findings.append(record.finding)
            else:
                self._left_out += 1
        elif isinstance(record, _Evidence):
            self._keep_evidence(record)
        elif record.report.report_id == self._header.report_id:
            self._end = record.report

    def _keep_evidence(self, record: _Evidence) -> None:
        key = (record.evidence.indicator, record.evidence.place)
        if key not in self._evidence and len(self._evidence) >= _MAX_THINGS:
            self._left_out += 1
            return
        sightings = self._evidence.setdefault(key, [])
        if len(sightings) < _MAX_SIGHTINGS:
            sightings.append(record)
        else:
            self._dropped += 1

    def report(self) -> Report:
        if self._end is not None:
            return self._end
        header = self._header
        findings, truncated = self._all_findings()
        hit = any(finding.strength.rank >= Strength.STRONG.rank for finding in findings)
        return Report(
            report_id=header.report_id,
            sweep_id=header.sweep_id,
            agent=header.agent,
            host=header.host,
            target=header.target,
            packs=header.packs,
            exclusions=header.exclusions,
            started=header.started,
            finished=self._last,
            options=header.options,
            verdict=verdict_of(hit=hit, gaps=True),
            coverage=self._all_coverage(),
            indicators=[],
            findings=findings,
            truncated=truncated,
            resources=Resources(wall_s=(_utc(self._last) - _utc(header.started)).total_seconds()),
        )

    def _all_coverage(self) -> list[Coverage]:
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
        whole = Coverage(
            source="sweep", required=True, state=State.PARTIAL, reasons=[Reason(reason=INTERRUPTED)]
        )
        return [whole, *planned, *self._coverage.values()]

    def _all_findings(self) -> tuple[list[Finding], list[Truncation]]:
        told = {
            (evidence.indicator, evidence.place)
            for finding in self._findings
            for evidence in finding.evidence
        }
        made = [
            self._finding_of(records) for key, records in self._evidence.items() if key not in told
        ]
        findings = sorted(
            [*self._findings, *made], key=lambda finding: (-finding.strength.rank, -finding.score)
        )
        kept = findings[:MAX_FINDINGS]
        evidence = sum(len(records) for records in self._evidence.values())
        truncated = [
            Truncation(what=what, kept=kept_of, total=kept_of + lost)
            for what, kept_of, lost in (
                ("findings", len(kept), len(findings) - len(kept) + self._left_out),
                ("evidence", evidence, self._dropped),
                ("journal records", self._read, self._damaged),
            )
            if lost
        ]
        return kept, truncated

    def _finding_of(self, records: list[_Evidence]) -> Finding:
        strongest = max(records, key=lambda record: record.evidence.strength.rank)
        evidence = strongest.evidence
        # An excluded match is recorded before any rule's id is known to the finding.
        strength = max(evidence.strength, Strength.WEAK, key=lambda one: one.rank)
        times = [record.evidence.time for record in records if record.evidence.time is not None]
        return Finding(
            id=finding_id(self._header.host.id, evidence.indicator, evidence.place),
            time=strongest.at,
            first_seen=min(times, key=_utc, default=None),
            last_seen=max(times, key=_utc, default=None),
            strength=strength,
            score=_SCORES[strength],
            title=strongest.title,
            reasons=[f"{INTERRUPTED}: matches not put together, known-benign rules not applied"],
            indicator=strongest.indicator
            or IndicatorRef(id=evidence.indicator, type="", value="", pack=""),
            evidence=[record.evidence for record in records],
        )


_SCORES = {Strength.CONFIRMED: 90, Strength.STRONG: 70, Strength.WEAK: 20}


def _read_header(path: Path, file: IO[bytes]) -> Header:
    line = file.readline(_MAX_LINE)
    if not line.endswith(b"\n"):
        raise JournalError(
            f"{path}: the first record is torn; nothing can be read from this journal"
        )
    try:
        return from_json(line, Header)
    except ReportError as error:
        raise JournalError(f"{path}: does not begin with a journal's header: {error}") from error


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The whole lines that follow; a last one without a line end was torn while it was written."""
    while True:
        line = file.readline(_MAX_LINE)
        if line.endswith(b"\n"):
            if line != b"\n":
                yield line
        elif len(line) < _MAX_LINE:
            return


def _is_plain(name: str) -> bool:
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\:\0")


def _holds_another_report(final: Path, report_id: str) -> bool:
    try:
        with final.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return decode(data).report_id != report_id
    except FileNotFoundError:
        return False
    except (OSError, ReportError):
        return True  # somebody else's file: not ours to replace


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _utc(when: datetime) -> datetime:
    return when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)


_NEW_JOURNAL = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | os.O_APPEND
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)


def _is_held(path: Path) -> bool:
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return True  # finished and removed since the folder was listed
    except OSError:
        return False  # whoever recovers it meets the same error and can say so
    try:
        return not _lock(descriptor, wait=False)
    except OSError:
        # This file system has no locks, so age must tell.
        return time.time() - os.fstat(descriptor).st_mtime < _UNLOCKABLE_AGE_S
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, wait: bool) -> bool:
        """Whether the lock was had; raises OSError where there are none."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int, *, wait: bool) -> bool:
        """Whether the lock was had; raises OSError where there are none."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
