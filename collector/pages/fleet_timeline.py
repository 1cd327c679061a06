"""Who was first: the hosts of a sweep by the times that their traces tell of themselves.

The geometry alone. The template draws it as inline SVG whose places are in per cent, so that it
stretches and its lines do not; what is read stands beside it as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from msgspec import Struct

from ..store.first_traces import TraceRow, TraceSpan
from .describe import DAY, HOUR, MINUTE, counted, when
from .signed import told_of

BUCKETS = 100
"""Bars of the picture of all hosts."""
MAX_TICKS = 6
_LEAST = 0.4
"""Per cent: a moment is seen too."""
_STEPS = (
    MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
    14 * DAY, 30 * DAY, 91 * DAY, 182 * DAY, 365 * DAY, 1826 * DAY, 3652 * DAY,
)  # fmt: skip


class HostTrace(Struct, frozen=True, kw_only=True):
    """One host: its first trace, and until when it has some."""

    host_key: str
    name: str
    first_seen: datetime
    last_seen: datetime | None
    """UTC."""
    findings: int
    strength: str
    title: str
    """Of the first trace."""
    finding_id: str
    report_id: str
    is_earliest: bool
    signature_status: str
    """Of the report that the host's state is from: ``docs/signatures.md``."""
    signature_detail: str


class Bucket(Struct, frozen=True, kw_only=True):
    """Hosts whose first trace lies within one step of time of the days asked for."""

    start: datetime
    hosts: int


class FleetTimeline(Struct, frozen=True, kw_only=True):
    """``/sweeps/{sweep_id}/timeline.json``."""

    sweep_id: str
    hosts_with_traces: int
    without_time: int
    """Of those; they stand nowhere on the line."""
    earliest: datetime | None
    hosts: list[HostTrace]
    """A page, the earliest first."""
    buckets: list[Bucket]
    """Of all hosts; empty ones left out."""
    follow: str
    """The address of the next page; empty: there is none."""


class Tick(Struct, frozen=True, kw_only=True):
    """A line across the picture."""

    x: str
    label: str
    anchor: str
    """Which part of the label stands at the line: ``begin``, ``middle``, ``end``."""


class Bar(Struct, frozen=True, kw_only=True):
    """Something drawn: where it begins, how wide and how high it is, in per cent."""

    x: str
    width: str
    y: str = "0"
    height: str = "100"


class Picture(Struct, frozen=True, kw_only=True):
    """All hosts, and a bar for each that is listed."""

    ticks: list[Tick]
    bars: list[Bar]
    spans: list[Bar]
    """One for each host, in their order."""
    told: str


class Scale(Struct, frozen=True):
    """From time to per cent."""

    start: int
    end: int

    def at(self, time: int) -> float:
        """Never outside of the picture."""
        share = (time - self.start) / max(self.end - self.start, 1)
        return 100 * min(max(share, 0.0), 1.0)

    def bar(self, start: int, end: int) -> tuple[str, str]:
        """Where it begins and how wide it is; never too thin to be seen."""
        left = min(self.at(start), 100 - _LEAST)
        return f"{left:.2f}", f"{max(self.at(end) - left, _LEAST):.2f}"


class Window(Struct, frozen=True, kw_only=True):
    """The part of the line that is looked at: ``start <= first trace < end``."""

    start: int
    end: int

    @property
    def step(self) -> int:
        """Milliseconds of a bucket."""
        return max(-(-(self.end - self.start) // BUCKETS), 1)


def window_of(span: TraceSpan, since: int, until: int) -> Window:
    """From the first host to the last, or what was asked of that."""
    start = max(span.first or 0, since)
    return Window(start=start, end=max(min((span.last_first or 0) + 1, until), start))


def timeline_of(
    sweep_id: str,
    span: TraceSpan,
    rows: Sequence[TraceRow],
    buckets: Sequence[tuple[int, int]],
    window: Window,
    follow: str = "",
) -> FleetTimeline:
    """As data. ``buckets``: by number, of the window's steps."""
    start, width = window.start, window.step
    return FleetTimeline(
        sweep_id=sweep_id,
        hosts_with_traces=span.hosts,
        without_time=span.hosts - span.timed,
        earliest=None if span.first is None else _time(span.first),
        hosts=[_host(row, span) for row in rows],
        buckets=[Bucket(start=_time(start + at * width), hosts=count) for at, count in buckets],
        follow=follow,
    )


def picture_of(
    span: TraceSpan,
    rows: Sequence[TraceRow],
    buckets: Sequence[tuple[int, int]],
    window: Window,
) -> Picture | None:
    """As geometry; None: no host tells a time."""
    if span.first is None or span.last_first is None:
        return None
    last = max(span.last or 0, span.last_first)
    # of all of them to the last trace, of a part to its end
    end = last if window.end > span.last_first else window.end
    scale = Scale(window.start, max(end, window.start + MINUTE))
    width, most = window.step, max((count for _, count in buckets), default=1)
    bars = []
    for at, count in buckets:
        x, wide = scale.bar(window.start + at * width, window.start + (at + 1) * width)
        height = max(100 * count / most, 4.0)
        bars.append(Bar(x=x, width=wide, y=f"{100 - height:.1f}", height=f"{height:.1f}"))
    spans = [
        Bar(x=x, width=wide)
        for row in rows
        for x, wide in [scale.bar(row.first, max(row.last or 0, row.first))]
    ]
    told = (
        f"{counted(span.timed, 'host')} by the first trace:"
        f" the earliest {when(span.first)}, the latest {when(span.last_first)};"
        f" the last trace of all {when(last)}."
    )
    return Picture(ticks=ticks_of(scale), bars=bars, spans=spans, told=told)


def ticks_of(scale: Scale) -> list[Tick]:
    """At whole hours, days or more, at most MAX_TICKS."""
    length = scale.end - scale.start
    step = next((one for one in _STEPS if length <= one * MAX_TICKS), _STEPS[-1])
    first = -(-scale.start // step) * step
    times = range(first, scale.end + 1, step)
    every = len(times) // (MAX_TICKS + 1) + 1
    return [
        Tick(
            x=f"{scale.at(time):.2f}",
            label=when(time)[: 10 if step >= DAY else 16],
            anchor=_anchor(scale.at(time)),
        )
        for time in times[::every]
    ]


def _anchor(x: float) -> str:
    return "begin" if x < 7 else "end" if x > 93 else "middle"


def _host(row: TraceRow, span: TraceSpan) -> HostTrace:
    return HostTrace(
        host_key=row.host_key,
        name=row.name,
        first_seen=_time(row.first),
        last_seen=None if row.last is None else _time(row.last),
        findings=row.findings,
        strength=row.strength,
        title=row.title,
        finding_id=row.finding_id,
        report_id=row.report_id,
        is_earliest=row.first == span.first,
        **told_of(row.signature),
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


__all__ = ["FleetTimeline", "HostTrace", "Picture", "picture_of", "timeline_of"]
