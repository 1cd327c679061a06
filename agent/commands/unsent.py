"""Reports that are to be delivered are known as such, whenever a sweep is killed.

A report waits in the spool, or has a note beside it that this host alone has it, before its journal
goes. So a kill leaves one of the three, or the report has arrived. The next sweep, and ``send``,
take up what has such a note.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..delivery.spool import Spool, SpoolError
from ..model.codec import ReportError, decode, encode
from ..model.report import Report
from ..output.atomic import write_atomically
from ..output.plain import plain
from ..output.say import say
from ..sweep.publish import report_at

UNSENT = ".unsent"
"""How the name of a note ends."""


_NO_ROOM = (SpoolError, ReportError, OSError, MemoryError)


def note_of(path: Path) -> Path:
    """The note on a report."""
    return path.with_name(path.name + UNSENT)


def is_for_somebody(report: Report) -> bool:
    """Whether it was to be delivered when it was made."""
    return not {"collector", "share"}.isdisjoint(report.options)


def waits(report: Report, spool: Spool | None) -> bool:
    """Whether it is in the spool."""
    return spool is not None and spool.path_of(report.report_id).is_file()


def keep(report: Report, spool: Spool | None, path: Path) -> bool:
    """Whether a report that lies at ``path`` can no longer be taken for one that has arrived: it is
    in the spool, or noted where there is no room for it. Nothing here may take from what a sweep
    found: it is told after this."""
    try:
        if spool is not None:
            with contextlib.suppress(*_NO_ROOM):  # whoever sends it says so
                spool.put(report.report_id, as_written(report, path))
                return True
        return write_note(path)
    except KeyboardInterrupt:
        say(f"{path}: spooling was stopped by the operator; the next run goes on with it")
        return False


def write_note(path: Path) -> bool:
    """Whether it is there now; if not, that is said."""
    note = note_of(path)
    try:
        write_atomically(note, b"")
    except OSError as error:
        say(f"{note}: cannot be written: {plain(error)}")
        return False
    return True


def remove_note(path: Path) -> None:
    """That of a report which has arrived, or waits; what keeps it there is said."""
    note = note_of(path)
    try:
        note.unlink(missing_ok=True)
    except OSError as error:
        say(f"{note}: cannot be removed, though the report is not here alone: {plain(error)}")


def take_up(folder: Path, spool: Spool) -> int:
    """Into the spool with reports of ``folder`` that have a note, but for those that a collector
    refused; gives how many have no room."""
    try:
        notes = sorted(path for path in folder.iterdir() if path.name.endswith(f".json{UNSENT}"))
    except OSError:
        return 0  # no reports; or whoever looks for killed sweeps there has said so
    left = 0
    for note in notes:
        path = note.with_name(note.name.removesuffix(UNSENT))
        report = report_at(path)
        if report is None:
            continue  # the note stays with what it is about
        try:
            if not spool.has(report.report_id):
                spool.put(report.report_id, as_written(report, path))
        except _NO_ROOM as error:
            say(f"{path}: was not sent, and could not be spooled: {plain(error)}")
            left += 1
        else:
            remove_note(path)
    return left


def as_written(report: Report, path: Path | None) -> bytes:
    """One that was signed, perhaps by another version, is sent as it lies there. Raises
    ReportError."""
    if report.attestation is not None and path is not None:
        with contextlib.suppress(OSError, ReportError):
            data = path.read_bytes()
            if decode(data) == report:
                return data
    return encode(report)


__all__ = [
    "UNSENT",
    "as_written",
    "is_for_somebody",
    "keep",
    "note_of",
    "remove_note",
    "take_up",
    "waits",
    "write_note",
]
