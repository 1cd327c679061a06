"""Times of which a memory has nothing, or nothing sure: cleared, missing, set back, ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ..formats.evtx import CHUNK
from ..model.host_facts import HostFacts, LogMemory
from ..model.recorders import BUSY, SYSTEM, Recorder
from ..model.remembered import MAX_GAPS, MemoryGap
from ..sources.registry.recording import DISABLED, EVENT_LOG

STALE = timedelta(days=2)
"""A log whose newest record is so much older than those of others does not go on."""
_SET_BACK = "the clock was set back"


def gaps_of_log(
    recorder: Recorder, logs: Sequence[LogMemory], facts: HostFacts, since: datetime | None
) -> list[MemoryGap]:
    """At most :data:`MAX_GAPS`; what was before all that is remembered is none, unless it says
    why."""
    found = [
        *_cleared(recorder.log, facts),
        *(gap for gap in _missing(logs) if not _is_before(gap, since)),
        *(gap for gap in _setbacks(recorder.log, facts) if not _is_before(gap, since)),
        *_ended(recorder.log, logs, facts),
    ]
    if len(found) <= MAX_GAPS:
        return found
    rest = found[MAX_GAPS - 1 :]
    ends = [gap.end for gap in rest if gap.end is not None]
    more = MemoryGap(
        start=min((gap.start for gap in rest if gap.start is not None), default=None),
        end=max(ends) if len(ends) == len(rest) else None,
        why=f"{len(rest)} more gaps",
    )
    return [*found[: MAX_GAPS - 1], more]


def why_off(log: str, facts: HostFacts) -> str:
    """Why nothing is written to it now; "" if that may be."""
    if facts.settings.get(EVENT_LOG) == DISABLED:
        return "the event log service is disabled"
    return "its log is switched off" if facts.settings_of(log).enabled is False else ""


def not_since(newest: datetime, facts: HostFacts) -> list[MemoryGap]:
    """Of a memory that is written to all the time, when it ended long before the logs did."""
    of_all = max((log.newest for log in facts.logs if log.newest is not None), default=None)
    ended = of_all is not None and of_all - newest > STALE
    return [MemoryGap(start=newest, why="no record since")] if ended else []


def _is_before(gap: MemoryGap, since: datetime | None) -> bool:
    return since is not None and gap.end is not None and gap.end < since


def _cleared(log: str, facts: HostFacts) -> Iterator[MemoryGap]:
    for channel, times in facts.cleared.items():
        if channel.casefold().replace("/", "%4") + ".evtx" == log:
            for time in sorted(set(times)):
                yield MemoryGap(end=time, why="the log was cleared")


def _missing(logs: Sequence[LogMemory]) -> Iterator[MemoryGap]:
    for log in logs:
        for count, start, end in log.missing:
            why = f"{count:,} record{'s are' if count > 1 else ' is'} missing"
            yield MemoryGap(start=start, end=end, why=why)


def _setbacks(name: str, facts: HostFacts) -> Iterator[MemoryGap]:
    """Those of the log itself, and those of System, which says when the clock was set: there is
    one."""
    spans = sorted(
        (start, end)
        for log in facts.logs
        if log.name in (name, SYSTEM)
        for start, end in log.setbacks
        if start is not None and end is not None
    )
    joined: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    for start, end in joined:
        yield MemoryGap(start=start, end=end, why=_SET_BACK)


def _ended(name: str, logs: Sequence[LogMemory], facts: HostFacts) -> Iterator[MemoryGap]:
    """Why nothing is written any more, if so."""
    newest = max((log.newest for log in logs if log.newest is not None), default=None)
    if newest is None:
        return
    if off := why_off(name, facts):
        yield MemoryGap(start=newest, why=off)
    elif _is_full(name, logs, facts):
        yield MemoryGap(start=newest, why="the log is full, and set to keep what is in it")
    elif name in BUSY:
        yield from not_since(newest, facts)


def _is_full(name: str, logs: Sequence[LogMemory], facts: HostFacts) -> bool:
    settings = facts.settings_of(name)
    if not settings.keeps_old or settings.archives:
        return False
    most = settings.max_bytes
    return any(
        log.is_full or (most is not None and log.used + CHUNK > most)
        for log in logs
        if not log.is_archived
    )
