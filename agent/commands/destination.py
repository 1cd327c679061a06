"""Where the report of a sweep goes, and the reports of killed sweeps that lie there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec import Struct, structs

from ..delivery.spool import Spool
from ..exit_codes import UsageError
from ..home import REPORTS, make_home
from ..model.codec import ReportError
from ..model.journal_record import Header, JournalError
from ..model.report import Report, Verdict
from ..options import Options
from ..output.plain import plain
from ..output.say import say
from ..signing.attesting import attested, is_as_attested
from ..signing.keys import PrivateKey, signing_key
from ..sweep.journal import Journal
from ..sweep.publish import report_at
from ..sweep.recovery import ALTERED, UNSIGNED, find_interrupted, recover, settle
from .unsent import is_for_somebody, keep, waits
from .written_once import Once, is_done_again, is_whole


class Destination(Struct, frozen=True):
    """Folders and file of a report."""

    home: Path
    folder: Path
    """Of the report and its journal."""
    file: Path | None = None
    """If the operator named one."""
    replaces: bool = False
    """A report that is there already."""
    once: Once | None = None
    """Of a report that is written once."""
    key: PrivateKey | None = None
    """That signs the report and its journal."""

    def signed(self, report: Report, after: str = "") -> Report:
        """The report as it is to be written. ``after``: the journal's last fingerprint."""
        return report if self.key is None else attested(report, self.key, after=after)

    def start_journal(self, header: Header) -> Journal | None:
        """None if none can be written; that is said."""
        host = re.sub(r"[^A-Za-z0-9._-]", "_", header.host.name)[:64] or "host"
        name = f"{host}-{header.report_id}.json" if self.once is None else self.once.name(host)
        final = self.file or self.folder / name
        replaces, keeps = self.replaces or self.once is not None, None
        if self.once is not None:
            keeps = is_whole
        try:
            return Journal.create(final, header, replaces=replaces, keeps=keeps, key=self.key)
        except (OSError, ReportError) as error:
            say(f"{final}: no report can be written there: {plain(error)}")
            return None


class Recovered(Struct, frozen=True):
    """The report of a killed sweep, and where it lies now, if it could be written."""

    report: Report
    path: Path | None
    spooled: bool = False


def destination_of(options: Options, home: Path) -> Destination:
    """Its folders are there then. Raises UsageError, also if ``--out`` names a file that would be
    lost, and KeyFileError."""
    key = signing_key(options.signing_key, os.environ)
    folder, file = home / REPORTS, None
    if options.out is not None:
        folder = options.out
        if not folder.is_dir() and (folder.suffix.lower() == ".json" or os.path.lexists(folder)):
            folder, file = options.out.parent, options.out
    _make_home(home, needed=options.out is None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {plain(error)}") from error
    if file is not None:
        _refuse_to_replace(file, force=options.force)
    return Destination(home=home, folder=folder, file=file, replaces=options.force, key=key)


def _make_home(home: Path, *, needed: bool) -> None:
    try:
        make_home(home)
    except OSError as error:
        why = f"{home}: cannot be written: {plain(error)}"
        if needed:
            raise UsageError(f"{why}; --out DIR puts the report elsewhere") from error
        say(f"{why}; the report goes to --out, and there is no spool")


def _refuse_to_replace(file: Path, *, force: bool) -> None:
    if not os.path.lexists(file):
        return
    if report_at(file) is None:
        raise UsageError(f"{file}: is there already and is no report; it is not replaced")
    if not force:
        raise UsageError(f"{file}: is a report already; --force replaces it")


def finish_interrupted(where: Destination, spool: Spool | None) -> list[Recovered]:
    """Reports of killed sweeps are finished and, with a collector, sent with this one's; hits
    first."""
    try:
        interrupted = find_interrupted(where.folder)
    except OSError as error:
        say(f"{where.folder}: cannot be searched for interrupted sweeps: {plain(error)}")
        return []
    found = [one for path in interrupted if (one := _finish(path, where, spool)) is not None]
    return sorted(found, key=lambda one: one.report.verdict is not Verdict.HIT)


def _signed(report: Report, where: Destination) -> Report:
    """What this sweep vouches for; one that is whole keeps the signature that it was made with."""
    if is_as_attested(report):
        return report
    return where.signed(structs.replace(report, attestation=None))


def _finish(path: Path, where: Destination, spool: Spool | None) -> Recovered | None:
    kept = f"{path}: report of an interrupted sweep, kept as it is"
    try:
        report = _signed(recover(path, where.key.public if where.key else None), where)
    except (JournalError, ReportError, OSError) as error:
        say(f"{kept}: {plain(error)}")
        return None
    final = None
    try:
        if is_done_again(path, report):
            path.unlink(missing_ok=True)
            return None
        final = settle(
            path,
            report,
            taken=where.file,
            keeps=lambda there: _is_as_good(there, report, where),
            kept=lambda there: _kept(report_at(there) or report, spool, there),
        )
        report = report_at(final) or report
        say(f"finished the report of an interrupted sweep, {report.verdict.value}: {final}")
    except (JournalError, ReportError, OSError) as error:
        say(f"{final or kept}: {plain(error)}")
    return Recovered(report, final, waits(report, spool))


def _is_as_good(there: Report, report: Report, where: Destination) -> bool:
    """Whether what a killed sweep had published itself is more than what is left in its journal,
    which may lack the end."""
    doubts = {reason.reason for one in report.coverage for reason in one.reasons}
    if not {ALTERED, UNSIGNED}.isdisjoint(doubts) or not is_whole(there):
        return False
    return where.key is None or is_as_attested(there)


def _kept(report: Report, spool: Spool | None, path: Path) -> bool:
    """Whether its journal may go. One that was to be delivered is noted also by a sweep that
    delivers nothing."""
    if spool is None and not is_for_somebody(report):
        return True
    safe = keep(report, spool, path)
    if spool is not None and not waits(report, spool):
        say(f"{path}: could not be spooled")
    return safe
