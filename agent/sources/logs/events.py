"""What each kind of event says: which objects, what of them, when, and of whom.

Only values that are in the record; a value of ``-`` is none. What an event proves is not decided
here.
"""

from __future__ import annotations

from collections.abc import Callable

from ...formats.evtx import EventRecord
from ...model.objects import User
from . import service_events, sysmon_events, windows_events
from .told import Told, event_of

_READERS: dict[tuple[str, int], Callable[[EventRecord], Told]] = {
    **{(sysmon_events.PROVIDER, number): read for number, read in sysmon_events.READERS.items()},
    **windows_events.READERS,
    **service_events.READERS,
}


def told_by(record: EventRecord) -> Told | None:
    """What a record says, if it is of a kind that is known here."""
    reader = _READERS.get((record.provider, record.event))
    if reader is None:
        return None
    told = reader(record)
    told.event = event_of(record)
    if told.user is None and _is_who_did_it(told, record):
        told.user = User(id=record.sid)
    return told


def _is_who_did_it(told: Told, record: EventRecord) -> bool:
    """Whether the account that logged it may be that of what is told: Sysmon's is its service's,
    and a process tells whose it was."""
    is_told = told.process is not None and told.process.user is not None
    return bool(record.sid) and record.provider != sysmon_events.PROVIDER and not is_told
