"""From what sources learned to what a clean verdict is worth: ``remembered`` of the report.

Since a memory would have a trace is the oldest record of the kind that would tell it, and never the
oldest of its log: process creation may be logged since yesterday in a log of three years. What is
not known for sure is ``unknown``; a limit of memory is no gap in the coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from ..model.host_facts import EventMemory, HostFacts, LogMemory
from ..model.observation import utc
from ..model.recorders import RECORDERS, SYSMON, Recorder
from ..model.remembered import MAX_GAPS, Behaviour, MemoryGap, Recorded, Remembered
from ..model.report import Coverage, State
from ..sources.registry.recording import (
    COMMAND_LINES,
    INSTALLED,
    PREFETCHER,
    PRODUCT,
    SOFTWARE_READ,
)

PROGRAMS = 1
"""The bit of EnablePrefetcher that stands for programs."""
SUCCESS = 1
"""The bit of the audit policy that stands for what succeeded."""
FEW = 100
"""Records of a log among which nothing of the kind need have happened yet."""
_WORKSTATION = "WinNT"
_STALE = timedelta(days=2)
"""A log whose newest record is so much older than those of others does not go on."""
_FRESH = timedelta(days=2)
_PARTS = 4
"""Volumes or users that are told one by one."""


def remembered_of(coverage: Sequence[Coverage], facts: HostFacts) -> list[Remembered]:
    """By behaviour, the best of each first."""
    by_source = {one.source: one for one in coverage}
    told = [
        one
        for recorder in RECORDERS
        for one in _of(recorder, by_source.get(recorder.source), facts)
    ]
    order = [*Behaviour]
    return sorted(told, key=lambda one: (order.index(one.behaviour), *_goodness(one)))


def _goodness(one: Remembered) -> tuple[int, float]:
    state = [Recorded.RECORDED, Recorded.UNKNOWN, Recorded.NOT_RECORDED].index(one.state)
    return state, utc(one.since).timestamp() if one.since is not None else 0.0


def _of(recorder: Recorder, source: Coverage | None, facts: HostFacts) -> Iterable[Remembered]:
    if recorder.log:
        return [_of_log(recorder, source, facts)]
    if recorder.by_prefetch:
        return [_of_prefetch(recorder, source, facts)]
    return _by_reach(recorder, source)


def _made(recorder: Recorder, state: Recorded, why: str = "") -> Remembered:
    return Remembered(
        behaviour=recorder.behaviour,
        state=state,
        source=recorder.source,
        part=recorder.name,
        why=why[:512],
    )


def _not_asked(recorder: Recorder, source: Coverage | None) -> Remembered:
    """Of a source that does not know."""
    why = "was not asked"
    if source is not None and source.reasons:
        why = source.reasons[0].reason
    return _made(recorder, Recorded.UNKNOWN, f"{recorder.source}: {why}")


def _was_seen(source: Coverage | None) -> bool:
    return source is not None and source.state in (State.COMPLETE, State.PARTIAL)


# ---- Event logs ---------------------------------------------------------------------------------


def _of_log(recorder: Recorder, source: Coverage | None, facts: HostFacts) -> Remembered:
    logs = [log for log in facts.logs if log.name == recorder.log]
    if not logs:
        if source is None or source.state is not State.COMPLETE:
            return _not_asked(recorder, source)
        return _made(recorder, Recorded.NOT_RECORDED, recorder.absent)
    made = _by_default(recorder, logs) if recorder.by_default else _by_events(recorder, logs, facts)
    made.gaps = _gaps(recorder, logs, facts)[:MAX_GAPS]
    installed = facts.settings.get(INSTALLED)
    if made.since is not None and installed is not None and made.since - installed < _FRESH:
        made.why = _joined(made.why, f"Windows was installed {installed:%Y-%m-%d}")
    return made


def _by_default(recorder: Recorder, logs: Sequence[LogMemory]) -> Remembered:
    made = _made(recorder, Recorded.RECORDED, recorder.limits)
    made.since = min((log.oldest for log in logs if log.oldest is not None), default=None)
    return made


def _by_events(recorder: Recorder, logs: Sequence[LogMemory], facts: HostFacts) -> Remembered:
    events = [log.events.get(recorder.name, EventMemory()) for log in logs]
    since = min((one.since for one in events if one.since is not None), default=None)
    if since is not None:
        made = _made(recorder, Recorded.RECORDED, recorder.limits)
        made.since = since
        if recorder.value and _no_command_lines(facts):
            made.why = _joined(made.why, "command lines are switched off now")
        if _is_not_audited(recorder, facts):
            made.why = _joined(made.why, f"{recorder.audited} is not audited now")
        return made
    problem = next((one.problem for one in events if one.problem), "")
    later = min((one.not_before for one in events if one.not_before is not None), default=None)
    if later is not None:
        problem = problem or f"not before {later:%Y-%m-%d}, not seen"
    if not all(log.is_whole for log in logs):
        problem = problem or "the log could not be read whole"
    if problem:
        return _made(recorder, Recorded.UNKNOWN, problem)
    if _is_not_audited(recorder, facts):
        return _made(recorder, Recorded.NOT_RECORDED, f"{recorder.audited} is not audited")
    if any(one.empty_since is not None for one in events):
        return _made(recorder, Recorded.NOT_RECORDED, "its events have no command lines")
    records = sum(log.records for log in logs)
    oldest = min((log.oldest for log in logs if log.oldest is not None), default=None)
    back = f" since {oldest:%Y-%m-%d}" if oldest is not None else ""
    told = "1 record" if records == 1 else f"{records:,} records"
    state = Recorded.UNKNOWN if records < FEW else Recorded.NOT_RECORDED
    return _made(recorder, state, f"none among {told}{back}")


def _is_not_audited(recorder: Recorder, facts: HostFacts) -> bool:
    mode = facts.settings.get(recorder.audited) if recorder.audited else None
    return mode is not None and not mode & SUCCESS


def _no_command_lines(facts: HostFacts) -> bool:
    settings = facts.settings
    return SOFTWARE_READ in settings and not settings.get(COMMAND_LINES)


def _gaps(recorder: Recorder, logs: Sequence[LogMemory], facts: HostFacts) -> list[MemoryGap]:
    found = [
        MemoryGap(end=time, why="the log was cleared")
        for channel, times in facts.cleared.items()
        if _file_of(channel) == recorder.log
        for time in sorted(set(times))
    ]
    for log in logs:
        found += [
            MemoryGap(start=start, end=end, why=f"{count:,} record{'s' * (count > 1)} missing")
            for count, start, end in log.missing
        ]
        found += [
            MemoryGap(start=start, end=end, why="the clock was set back")
            for start, end in log.setbacks
        ]
    newest = max((log.newest for log in logs if log.newest is not None), default=None)
    of_all = max((log.newest for log in facts.logs if log.newest is not None), default=None)
    goes_on = newest is None or of_all is None or of_all - newest <= _STALE
    if recorder.log == SYSMON and not goes_on:
        found.append(MemoryGap(start=newest, why="no record since"))
    return found


def _file_of(channel: str) -> str:
    """The name of a channel's log."""
    return channel.casefold().replace("/", "%4") + ".evtx"


def _joined(*words: str) -> str:
    return "; ".join(word for word in words if word)[:512]


# ---- Prefetch and journals ----------------------------------------------------------------------


def _of_prefetch(recorder: Recorder, source: Coverage | None, facts: HostFacts) -> Remembered:
    if source is None or not _was_seen(source):
        return _not_asked(recorder, source)
    mode = facts.settings.get(PREFETCHER)
    is_off = mode is not None and not mode & PROGRAMS
    reach = source.reach
    if reach is not None and reach.oldest is not None:
        made = _made(recorder, Recorded.RECORDED, recorder.limits)
        made.since = reach.oldest
        if is_off:
            made.gaps = [MemoryGap(start=reach.newest, why=_off(mode))]
        return made
    if is_off:
        return _made(recorder, Recorded.NOT_RECORDED, _off(mode))
    if source.state is not State.COMPLETE or source.examined:
        return _made(recorder, Recorded.UNKNOWN, "prefetch files could not be read")
    product = facts.settings.get(PRODUCT, _WORKSTATION)
    if product != _WORKSTATION:
        why = "a server, where Prefetch is off by default"
        return _made(recorder, Recorded.NOT_RECORDED, f"{why}; {recorder.absent}")
    return _made(recorder, Recorded.NOT_RECORDED, recorder.absent)


def _off(mode: int | None) -> str:
    return f"Prefetch is switched off (EnablePrefetcher {mode})"


def _by_reach(recorder: Recorder, source: Coverage | None) -> list[Remembered]:
    """Of a source whose parts, or it as a whole, tell how far back they go."""
    if source is None or not _was_seen(source):
        return [_not_asked(recorder, source)]
    reaches = [(part.name, part.reach) for part in source.parts] if recorder.each_part else []
    told = []
    for name, reach in reaches[:_PARTS] or [("", source.reach)]:
        if reach is not None and reach.oldest is not None:
            made = _made(recorder, Recorded.RECORDED, recorder.limits)
            made.part = f"{recorder.name} of {name}" if name else recorder.name
            made.since = reach.oldest
            told.append(made)
    if told:
        return told
    if source.examined or source.state is not State.COMPLETE:
        return [_made(recorder, Recorded.UNKNOWN, "how far back it goes is not known")]
    return [_made(recorder, Recorded.NOT_RECORDED, recorder.absent)]
