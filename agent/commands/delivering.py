"""A report's way home, once it is written: into the spool first, then to whom it may concern."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..delivery.courier import Fate
from ..delivery.parcel import Held, Parcel, Spooled
from ..delivery.route import Route
from ..delivery.spool import Spool, SpoolError, packed
from ..home import SPOOL
from ..model.codec import ReportError, decode, encode
from ..model.report import Report
from ..output.atomic import write_atomically
from ..output.plain import plain
from ..output.say import say
from .destination import Recovered

UNSENT = ".unsent"
"""How the name of a note ends, beside a report that this host alone has."""


class Delivered(NamedTuple):
    """Whether the report reached anybody, and how; None if nobody was named."""

    done: bool | None = None
    via: str | None = None


def open_spool(folder: Path) -> Spool | None:
    """In the home folder; None if there can be none, and that is said."""
    try:
        return Spool(folder / SPOOL)
    except (SpoolError, OSError) as error:
        say(f"no spool: {plain(error)}")
        return None


def deliver(
    report: Report, spool: Spool | None, route: Route | None, path: Path | None = None
) -> Delivered:
    """Spool first, then send. The sweep is over: nothing here may take from what it found.

    ``path``: where the report was written, if it was.
    """
    if route is None:
        return Delivered()
    try:
        fate = _send(report, spool, route, path)
    except KeyboardInterrupt:
        say("delivery stopped by the operator")
    except Exception as error:  # noqa: BLE001 - whatever fails here, the verdict stands and is told
        expected = isinstance(error, (SpoolError, ReportError, OSError))
        say(f"delivery ended early: {plain(error) if expected else traceback.format_exc()}")
    else:
        return Delivered(bool(fate.via), fate.via or None)
    return Delivered(done=False)


def is_safe(report: Report, path: Path | None, delivered: Delivered, spool: Spool | None) -> bool:
    """Whether a report outlasts this run: ``path``, where it was written, or in the spool, or with
    whoever it was for."""
    if path is not None or delivered.done:
        return True
    return _waits(report, spool)


def note_unsent(
    report: Report, path: Path | None, delivered: Delivered, spool: Spool | None
) -> None:
    """Beside a report that was to be delivered, and waits in no spool: that this host alone has
    it. Where that cannot be noted, it is said."""
    if path is None or delivered.done is not False or _waits(report, spool):
        return
    note = path.with_name(path.name + UNSENT)
    try:
        write_atomically(note, b"")
    except OSError as error:
        say(f"{note}: cannot be written: {plain(error)}")


def _waits(report: Report, spool: Spool | None) -> bool:
    return spool is not None and spool.path_of(report.report_id).is_file()


def _send(report: Report, spool: Spool | None, route: Route, path: Path | None) -> Fate:
    data = _as_written(report, path)
    parcel: Parcel = Held(report.report_id, packed(data), "the reports folder")
    if spool is None:
        return route.deliver([parcel])[report.report_id]
    try:
        spool.put(report.report_id, data)
    except (SpoolError, OSError) as error:
        say(f"the report could not be spooled, it is sent from memory: {plain(error)}")
    else:
        parcel = Spooled(spool, report.report_id)
    return route.deliver_with_backlog(spool, parcel)


def _as_written(report: Report, path: Path | None) -> bytes:
    """One that was signed, perhaps by another version, is sent as it lies there."""
    if report.attestation is not None and path is not None:
        with contextlib.suppress(OSError, ReportError):
            data = path.read_bytes()
            if decode(data) == report:
                return data
    return encode(report)


def deliver_recovered(recovered: Sequence[Recovered], spool: Spool | None, route: Route) -> bool:
    """Whether reports of killed sweeps are where they should be, once this has tried to send those
    that wait in the spool."""
    if spool is None or not all(one.spooled for one in recovered):
        return not recovered
    try:
        waiting = {report_id for report_id, _ in spool.pending()}
    except SpoolError as error:
        say(f"the spool cannot be read, reports of killed sweeps wait: {plain(error)}")
        return False
    ids = [one.report.report_id for one in recovered]
    parcels = [Spooled(spool, report_id) for report_id in ids if report_id in waiting]
    fates = route.deliver(parcels, spool) if parcels else {}
    return all(fate.via for fate in fates.values())
