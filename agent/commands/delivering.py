"""A report's way home, once it is written: into the spool first, then to whom it may concern."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..delivery.courier import Fate
from ..delivery.parcel import Held, Parcel, Spooled
from ..delivery.route import Route
from ..delivery.spool import Spool, SpoolError, packed
from ..home import SPOOL
from ..model.codec import ReportError
from ..model.report import Report
from ..output.plain import plain
from ..output.say import say
from .destination import Recovered
from .unsent import as_written, remove_note, waits, write_note


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
    return waits(report, spool)


def note_unsent(
    report: Report, path: Path | None, delivered: Delivered, spool: Spool | None
) -> None:
    """Beside a report that was to be delivered, and is in no spool: that this host alone has it.
    One that has arrived, or waits, or was refused, has no such note any more."""
    if path is None or delivered.done is None:
        return
    if delivered.done or (spool is not None and spool.has(report.report_id)):
        remove_note(path)
    else:
        write_note(path)


def _send(report: Report, spool: Spool | None, route: Route, path: Path | None) -> Fate:
    if spool is not None and waits(report, spool):
        return route.deliver_with_backlog(spool, Spooled(spool, report.report_id))
    data = as_written(report, path)
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
