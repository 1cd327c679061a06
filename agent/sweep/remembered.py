"""From what sources learned to what a clean verdict is worth: ``remembered`` of the report.

Since a memory would have a trace is the oldest record of the kind that would tell it, and never the
oldest of its log: process creation may be logged since yesterday in a log of three years. What is
not known for sure is ``unknown``; a limit of memory is no gap in the coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from ..model.host_facts import EventMemory, HostFacts, LogMemory, Span
from ..model.observation import utc
from ..model.recorders import BUSY, RECORDERS, Recorder
from ..model.remembered import Behaviour, MemoryGap, Recorded, Remembered
from ..model.report import Coverage, State
from ..sources.registry.recording import (
    COMMAND_LINES,
    INSTALLED,
    PREFETCHER,
    PRODUCT,
    SOFTWARE_READ,
)
from .memory_gaps import gaps_of_log, not_since, why_off

PROGRAMS = 1
"""The bit of EnablePrefetcher that stands for programs."""
SUCCESS = 1
"""The bit of the audit policy that stands for what succeeded."""
FEW = 100
"""Records of a log among which nothing of the kind need have happened yet."""
_WORKSTATION = "WinNT"
_FRESH = timedelta(days=2)
_FEW_HOURS = timedelta(days=2)
PARTS = 4
"""Volumes or users that are told one by one."""


def remembered_of(coverage: Sequence[Coverage], facts: HostFacts) -> list[Remembered]:
    """By behaviour, the best of each first."""
    by_source = {one.source: one for one in coverage}
    told = [
        one
        for recorder in RECORDERS
        for one in _of(recorder, by_source.get(recorder.source), facts)
    ]
    for one in told:
        _note_installation(one, facts)
    order = [*Behaviour]
    return sorted(told, key=lambda one: (order.index(one.behaviour), *_goodness(one)))


def _goodness(one: Remembered) -> tuple[int, bool, float]:
    state = [Recorded.RECORDED, Recorded.UNKNOWN, Recorded.NOT_RECORDED].index(one.state)
    since = utc(one.since).timestamp() if one.since is not None else 0.0
    return state, bool(one.only), since


def _note_installation(one: Remembered, facts: HostFacts) -> None:
    """An upgrade sets that date too, and keeps some of what was there."""
    installed = facts.settings.get(INSTALLED)
    if one.since is None or installed is None:
        return
    if abs(utc(one.since) - installed) < _FRESH:
        one.why = _joined(one.why, f"Windows was installed or upgraded on {installed:%Y-%m-%d}")


def _of(recorder: Recorder, source: Coverage | None, facts: HostFacts) -> Iterable[Remembered]:
    if recorder.log:
        return [_of_log(recorder, source, facts)]
    if recorder.by_prefetch:
        return [_of_prefetch(recorder, source, facts)]
    return _by_reach(recorder, source, facts)


def _made(recorder: Recorder, state: Recorded, why: str = "") -> Remembered:
    return Remembered(
        behaviour=recorder.behaviour,
        state=state,
        source=recorder.source,
        part=recorder.name,
        only=recorder.only,
        why=why[:512],
    )


def _not_asked(recorder: Recorder, source: Coverage | None) -> Remembered:
    """Of a source that does not know."""
    why = f"{recorder.source} was not asked"
    if source is not None and source.reasons:
        why = f"{recorder.source}: {source.reasons[0].reason}"
    return _made(recorder, Recorded.UNKNOWN, why)


def _was_seen(source: Coverage | None) -> bool:
    return source is not None and source.state in (State.COMPLETE, State.PARTIAL)


# ---- Event logs ---------------------------------------------------------------------------------


def _of_log(recorder: Recorder, source: Coverage | None, facts: HostFacts) -> Remembered:
    logs = [log for log in facts.logs if log.name == recorder.log]
    if not logs:
        if source is None or source.state is not State.COMPLETE:
            return _not_asked(recorder, source)
        why = why_off(recorder.log, facts) or recorder.absent
        return _made(recorder, Recorded.NOT_RECORDED, why)
    made = _by_default(recorder, logs) if recorder.by_default else _by_events(recorder, logs, facts)
    made.gaps = gaps_of_log(recorder, logs, facts, made.since)
    newest = max((log.newest for log in logs if log.newest is not None), default=None)
    if made.since is not None and newest is not None and recorder.log in BUSY:
        made.why = _joined(_few_hours(Span(made.since, newest)), made.why)
    return made


def _empty(recorder: Recorder, logs: Sequence[LogMemory]) -> Remembered | None:
    """Of logs that have no record at all."""
    if any(log.records for log in logs):
        return None
    if all(log.is_whole for log in logs):
        return _made(recorder, Recorded.NOT_RECORDED, "its log is empty")
    return _made(recorder, Recorded.UNKNOWN, "the log could not be read whole")


def _by_default(recorder: Recorder, logs: Sequence[LogMemory]) -> Remembered:
    if (empty := _empty(recorder, logs)) is not None:
        return empty
    made = _made(recorder, Recorded.RECORDED, recorder.limits)
    made.since = min((log.oldest for log in logs if log.oldest is not None), default=None)
    return made


def _by_events(recorder: Recorder, logs: Sequence[LogMemory], facts: HostFacts) -> Remembered:
    events = [log.events.get(recorder.name, EventMemory()) for log in logs]
    since = min((one.since for one in events if one.since is not None), default=None)
    if since is not None and recorder.needs and not facts.settings.get(recorder.needs):
        known = SOFTWARE_READ in facts.settings
        why = recorder.without if known else f"{recorder.needs} could not be asked"
        return _made(recorder, Recorded.UNKNOWN, why)
    if since is not None:
        made = _made(recorder, Recorded.RECORDED, recorder.limits)
        made.since = since
        if recorder.value and _no_command_lines(facts):
            made.why = _joined(made.why, "command lines are switched off now")
        if _is_not_audited(recorder, facts):
            made.why = _joined(made.why, f"{recorder.audited} is not audited now")
        return made
    return _without_events(recorder, logs, events, facts)


def _without_events(
    recorder: Recorder,
    logs: Sequence[LogMemory],
    events: Sequence[EventMemory],
    facts: HostFacts,
) -> Remembered:
    """Of logs in which none was seen."""
    if (empty := _empty(recorder, logs)) is not None:
        return empty
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
    if off := why_off(recorder.log, facts):
        return _made(recorder, Recorded.NOT_RECORDED, off)
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


def _few_hours(span: Span) -> str:
    """Of a memory that is written to all the time, if there is no more: a day would not tell."""
    long = span.newest - span.oldest
    if not timedelta() <= long < _FEW_HOURS:
        return ""
    hours = -(-long // timedelta(hours=1))
    return "one hour or less" if hours <= 1 else f"{hours} hours only"


def _joined(*words: str) -> str:
    return "; ".join(word for word in words if word)[:512]


# ---- Prefetch, journals, histories --------------------------------------------------------------


def _spans(recorder: Recorder, facts: HostFacts) -> dict[str, Span]:
    return facts.reaches.get(recorder.memory or recorder.source, {})


def _of_prefetch(recorder: Recorder, source: Coverage | None, facts: HostFacts) -> Remembered:
    if source is None or not _was_seen(source):
        return _not_asked(recorder, source)
    mode = facts.settings.get(PREFETCHER)
    off = f"Prefetch is switched off by EnablePrefetcher {mode}"
    is_off = mode is not None and not mode & PROGRAMS
    for span in _spans(recorder, facts).values():
        made = _made(recorder, Recorded.RECORDED, recorder.limits)
        made.since = span.oldest
        if is_off:
            made.gaps = [MemoryGap(start=span.newest, why=off)]
        return made
    if is_off:
        return _made(recorder, Recorded.NOT_RECORDED, off)
    if source.state is not State.COMPLETE or source.examined:
        return _made(recorder, Recorded.UNKNOWN, "prefetch files could not be read")
    product = facts.settings.get(PRODUCT, _WORKSTATION)
    if product != _WORKSTATION:
        why = "no prefetch on a server, unless it was switched on"
        return _made(recorder, Recorded.NOT_RECORDED, why)
    return _made(recorder, Recorded.NOT_RECORDED, recorder.absent)


def _by_reach(recorder: Recorder, source: Coverage | None, facts: HostFacts) -> list[Remembered]:
    """Of a source that tells how far back it goes, for each volume or user by itself."""
    if source is None or not _was_seen(source):
        return [_not_asked(recorder, source)]
    spans = sorted(_spans(recorder, facts).items(), key=lambda item: (item[1].oldest, item[0]))
    told = []
    for whose, span in spans[: PARTS if len(spans) > PARTS + 1 else PARTS + 1]:
        made = _made(recorder, Recorded.RECORDED, recorder.limits)
        made.part = f"{recorder.name} of {whose}" if whose else recorder.name
        made.since = span.oldest
        if recorder.goes_on:
            made.why = _joined(_few_hours(span), made.why)
            made.gaps = [] if whose else not_since(span.newest, facts)  # a volume may lie idle
        told.append(made)
    if rest := spans[len(told) :]:
        made = _made(recorder, Recorded.RECORDED, _joined(recorder.limits, "the youngest of them"))
        made.part = f"{recorder.name} of {len(rest):,} more"
        made.since = max(span.oldest for _, span in rest)
        told.append(made)
    if told:
        return told
    if source.examined or source.state is not State.COMPLETE:
        return [_made(recorder, Recorded.UNKNOWN, "how far back it goes is not known")]
    return [_made(recorder, Recorded.NOT_RECORDED, recorder.absent)]
