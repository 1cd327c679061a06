"""How much of each source was looked at, part by part, and how far back its data goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from msgspec import Struct

from agent.model.report import Coverage, CoveragePart, Reach, Reason, Report, State
from agent.output.chain import cut
from agent.output.layout import size

from .describe import when

MAX_SOURCES = 200
MAX_REASONS = 20
_JUST_NOW = timedelta(hours=1)
"""A log whose newest record is no older goes on until the sweep."""

Reasons = list[tuple[str, int, list[str]]]
"""Why, how often, and examples."""


class PartView(Struct, frozen=True, kw_only=True):
    """One log, volume or user: ``Security.evtx``, ``2026-10-02 to the sweep, 21,344 examined``."""

    name: str
    state: str
    words: str


class SourceView(Struct, frozen=True, kw_only=True):
    """How much of one source was looked at."""

    source: str
    required: bool
    state: str
    examined: int
    unread: int
    own: int
    reasons: Reasons
    notes: Reasons
    reach: list[str]
    parts: list[PartView]
    cost: str


def sources_of(report: Report) -> list[SourceView]:
    """Those first that the verdict hangs on and that are not whole."""
    ordered = sorted(report.coverage, key=_worst_first)[:MAX_SOURCES]
    return [_source(one, report.started) for one in ordered]


def _worst_first(coverage: Coverage) -> tuple[int, str]:
    """Gaps that the verdict hangs on, then other partial ones, and last what is not here at all."""
    if coverage.state is State.COMPLETE:
        rank = 2
    elif coverage.required:
        rank = 0
    else:
        rank = 1 if coverage.state is State.PARTIAL else 3
    return rank, coverage.source


def _source(coverage: Coverage, started: datetime) -> SourceView:
    reach = coverage.reach
    ends = [when(end) for end in (reach.oldest, reach.newest) if end is not None] if reach else []
    read_bytes = f", {size(coverage.bytes)}" if coverage.bytes else ""
    return SourceView(
        source=coverage.source,
        required=coverage.required,
        state=coverage.state.value,
        examined=coverage.examined,
        unread=coverage.unread,
        own=coverage.own,
        reasons=_reasons(coverage.reasons),
        notes=_reasons(coverage.notes),
        reach=ends,
        parts=[_part(part, started) for part in coverage.parts],
        cost=f"{coverage.elapsed_ms / 1000:,.1f} s{read_bytes}",
    )


def _reasons(reasons: Sequence[Reason]) -> Reasons:
    return [
        (cut(one.reason), one.count, [cut(sample) for sample in one.samples])
        for one in reasons[:MAX_REASONS]
    ]


def _part(part: CoveragePart, started: datetime) -> PartView:
    far = reach_words(part.reach, started) if part.reach is not None else ""
    examined = f"{part.examined:,} examined"
    return PartView(
        name=cut(part.name),
        state=part.state.value,
        words=f"{far}, {examined}" if far else examined,
    )


def reach_words(reach: Reach, started: datetime) -> str:
    """``2026-10-02 to the sweep``, ``2026-10-02 to 2026-11-20``; empty where nothing is known."""
    oldest, newest = _day(reach.oldest), _day(reach.newest)
    if reach.newest is not None and _utc(reach.newest) >= _utc(started) - _JUST_NOW:
        newest = "the sweep"
    if oldest and newest:
        return f"{oldest} to {newest}"
    return f"since {oldest}" if oldest else f"up to {newest}" if newest else ""


def _day(time: datetime | None) -> str:
    return "" if time is None else when(time)[:10]


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
