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
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from msgspec import structs

from ..model.codec import to_json
from ..model.journal_record import (
    SUFFIX,
    Body,
    CoverageRecord,
    EndRecord,
    EvidenceRecord,
    FindingRecord,
    Header,
)
from ..model.report import (
    Coverage,
    Evidence,
    Finding,
    IndicatorRef,
    Report,
    Strength,
)
from ..output.atomic import sync_folder, write_all
from ..signing.attesting import ChainOfLines
from ..signing.keys import PrivateKey
from .publish import publish

MAX_EVIDENCE = 20_000
"""Weak and excluded evidence records kept in one journal; stronger ones are always kept."""
MAX_FINDINGS = 10_000
"""Findings made of one journal."""
_SYNC_S = 1.0
_LOCKED_BYTE = 0x7FFF_FFF0
"""Far beyond the end of any journal, and within the 32 bits that Windows' C library locks by."""


class Journal:
    """The journal of the running sweep. Not thread-safe: one writer.

    A failing write raises OSError; the sweep may go on without its journal, and say so.
    """

    def __init__(
        self,
        path: Path,
        final: Path,
        descriptor: int,
        *,
        replaces: bool,
        keeps: Callable[[Report], bool] | None = None,
        chain: ChainOfLines | None = None,
    ) -> None:
        self.path = path
        self.final = final
        self._chain = chain
        self._replaces = replaces
        self._keeps = keeps
        self._descriptor: int | None = descriptor
        self._torn = False
        self._minor = 0
        self._dropped = 0
        self._found = False
        """Since the disk has all of it."""
        self._synced = time.monotonic()

    @classmethod
    def create(
        cls,
        final: Path,
        header: Header,
        *,
        replaces: bool = False,
        keeps: Callable[[Report], bool] | None = None,
        key: PrivateKey | None = None,
    ) -> Journal:
        """Start the journal of the report that will be ``final``; raises OSError, ReportError.

        ``replaces``: a report that is there then is replaced, unless ``keeps`` says that it is as
        good. ``key``: signs each line, as the next one of a chain.

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
            chain = None if key is None else ChainOfLines(key, header.report_id)
            journal = cls(path, final, descriptor, replaces=replaces, keeps=keeps, chain=chain)
            try:
                with contextlib.suppress(OSError):  # no locks on this file system: see _is_held
                    lock(descriptor, wait=True)
                journal._append(line, durable=True)
                sync_folder(path.parent)
            except BaseException:
                journal.close()
                path.unlink(missing_ok=True)
                raise
            return journal
        raise FileExistsError(f"100 journals of {final} are in the way")

    @property
    def last(self) -> str:
        """The fingerprint of its last line; empty if its lines are not signed."""
        return "" if self._chain is None else self._chain.last

    def evidence(
        self, evidence: Evidence, *, title: str, indicator: IndicatorRef | None = None
    ) -> None:
        """Record a match at once, as findings are made of matches only when the sweep ends."""
        self._found = True
        if evidence.strength.rank < Strength.STRONG.rank:
            self._minor += 1
            if self._minor > MAX_EVIDENCE:
                self._dropped += 1
                return
        self._write(EvidenceRecord(at=_now(), title=title, evidence=evidence, indicator=indicator))

    def coverage(self, coverage: Coverage) -> None:
        """Record that a source has ended. Safe from a power failure at once where it took a second,
        or where something was found since the last one: the rest is soon looked at again, and most
        of thirty sources end in milliseconds."""
        worth = self._found or time.monotonic() - self._synced >= _SYNC_S
        record = CoverageRecord(at=_now(), coverage=coverage, dropped=self._dropped)
        self._write(record, durable=worth)

    def finding(self, finding: Finding) -> None:
        """Record a finding as the report will have it."""
        self._write(FindingRecord(at=_now(), finding=finding))

    def finish(self, report: Report, kept: Callable[[Path], bool] | None = None) -> Path:
        """Write the final report, remove the journal, and give the report's path: another than
        ``final`` if there is a file by now that is not to be replaced. A report that is as good may
        be there, and then it is that one's.

        ``kept``: is told the path, and says whether the journal may go. Until then a kill leaves it
        to the next run.

        Raises OSError, ReportError; then the journal stays.
        """
        try:
            self._write(EndRecord(at=_now(), report=report), durable=True)
        except OSError:
            # Only insurance against a kill within the next few milliseconds. If the disk is full,
            # what counts is whether the report itself can be written, and that raises.
            self._torn = True
        final = publish(report, self.final, replaces=self._replaces, keeps=self._keeps)
        goes = kept is None or kept(final)
        self.close()
        if goes:
            self.path.unlink(missing_ok=True)
        return final

    def close(self) -> None:
        """Let go of the journal and leave it where it is, for the next run to find."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, record: Body, *, durable: bool = False) -> None:
        self._append(to_json(record), durable=durable)

    def _append(self, line: bytes, *, durable: bool) -> None:
        if self._descriptor is None:
            raise OSError("the journal is closed")
        before = self.last
        if self._chain is not None:
            line = self._chain.attested(line)
        # After a write that failed half-way the new record must not continue the torn line.
        data = (b"\n" if self._torn else b"") + line + b"\n"
        self._torn = True
        try:
            write_all(self._descriptor, data)
        except OSError:
            if self._chain is not None:
                self._chain.last = before  # the torn line is no link of the chain
            raise
        self._torn = False
        if durable:
            os.fsync(self._descriptor)
            self._found, self._synced = False, time.monotonic()


def _now() -> datetime:
    return datetime.now(timezone.utc)


_NEW_JOURNAL = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | os.O_APPEND
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)


if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int, *, wait: bool) -> bool:
        """Whether the lock was had; raises OSError where there are none."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def lock(descriptor: int, *, wait: bool) -> bool:
        """Whether the lock was had; raises OSError where there are none."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
